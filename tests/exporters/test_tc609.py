"""TC609-5-2025-02: eleven fields, as the standard's tables name them."""

from __future__ import annotations

import csv
import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from jinbiao.datasets.catalogue import DatasetClass, Facts, Openness, RightsBasis
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters import tc609
from jinbiao.exporters.output import Output
from jinbiao.tests import factories
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.exporters.conftest import Export

TABLE = CHECKOUT.parent / "shared" / "standards" / "tc609_metadata_fields.csv"
FACTS = factories.facts(
    openness=Openness.CONDITIONAL,
    open_condition="仅限研究",
    rights_basis=RightsBasis.SELF_PRODUCED,
    dataset_class=DatasetClass.INDUSTRY_SPECIALISED,
)


def lines(version: FrozenVersion, facts: Facts = FACTS) -> list[dict[str, Any]]:
    output = Output(version.store)
    tc609.write(version, facts, "CC-BY-4.0", output)
    assert output.records == version.record_count
    found = []
    for file in output.written:
        found += [json.loads(line) for line in version.store.read(file.digest).splitlines()]
    return found


def test_every_record_has_the_fields(boards: FrozenVersion) -> None:
    found = lines(boards)
    records = {record.key: record for record in boards.records()}
    assert {line["id"] for line in found} == set(records)
    for line in found:
        record = records[line["id"]]
        assert list(line) == [name for name in tc609.FIELDS if name in line]
        assert set(tc609.FIELDS) - set(line) <= {"rid", "annotation"}
        assert ("annotation" in line) == bool(record.result)
        assert line["version"] == "1.0.0"
        assert (line["license"], line["source"]) == ("公共授权", "自采")
        if record.result:
            said = line["annotation"]
            assert said["label"] == record.result
            by_hand = record.prediction is None
            assert said["annotation_method"] == ("人工标注" if by_hand else "半自动标注")
            # Whatever class the dataset is of: nobody's trade is known here.
            assert said["annotator"] == "其他"
        assert line["generated_data_indicator"] == 0
        first = dt.date.fromisoformat(line["original_time"])
        assert first <= dt.date.fromisoformat(line["last_modified_time"])


def test_media_are_named_by_their_path_in_the_release(
    boards: FrozenVersion, export: Export
) -> None:
    there = {file.path for file in export("jsonl", boards).output.written}
    for line in lines(boards):
        kinds = [each["media_type"] for each in line["data_content"]]
        assert kinds == ["image", "image"]
        assert {each["content"] for each in line["data_content"]} <= there


def test_texts_stand_in_the_line(texts: FrozenVersion) -> None:
    records = {record.key: record for record in texts.records()}
    for line in lines(texts):
        told = {"media_type": "text", "content": records[line["id"]].data["text"]}
        assert told in line["data_content"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["scene-7", "scene-8"], ["scene-7", "scene-8"]),
        ("scene-7", ["scene-7"]),
        (["scene-7", 8, "", None], ["scene-7"]),
        (8, None),
        ([], None),
        (None, None),
    ],
)
def test_related_records_are_those_that_a_record_names(
    texts: FrozenVersion, monkeypatch: pytest.MonkeyPatch, said: object, told: list[str] | None
) -> None:
    records = [
        msgspec.structs.replace(each, data={**each.data, "rid": said}) for each in texts.records()
    ]
    monkeypatch.setattr(
        FrozenVersion,
        "records",
        lambda _version, split=None: (r for r in records if split in (None, r.split)),
    )
    for line in lines(texts):
        assert line.get("rid") == told and line["id"] not in (told or ())
        contents = [each["content"] for each in line["data_content"]]
        assert "scene-7" not in contents


def test_synthetic_data_say_so(boards: FrozenVersion) -> None:
    facts = factories.facts(sheet={"synthetic": True})
    assert {line["generated_data_indicator"] for line in lines(boards, facts)} == {1}


@pytest.mark.skipif(not TABLE.exists(), reason="the standard's table lies in ../shared")
def test_the_words_are_those_of_the_standard(boards: FrozenVersion) -> None:
    with TABLE.open(encoding="utf-8") as file:
        rows = {row["field"]: row for row in csv.DictReader(file)}
    assert set(tc609.FIELDS) == {name for name in rows if "." not in name and "[" not in name}
    for line in lines(boards):
        needed = {n for n, row in rows.items() if row["required"] == "M" and n in tc609.FIELDS}
        assert needed <= set(line)
        assert line["source"] in rows["source"]["allowed_values"].split("|")
        for name, value in line.get("annotation", {}).items():
            allowed = rows[f"annotation.{name}"]["allowed_values"]
            assert not allowed or value in allowed.split("|")
