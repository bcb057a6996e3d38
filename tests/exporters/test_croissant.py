"""The Croissant document: what it says, what it leaves out, and how large it may be."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.catalogue import Dataset, Facts, Release
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.people import Organisation
from jinbiao.datasets.provenance import Answers, Guideline, Provenance
from jinbiao.datasets.quality import Figure
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters import croissant
from jinbiao.exporters.card import CardFacts, Making, how_made
from jinbiao.exporters.croissant import fields
from jinbiao.exporters.croissant.document import MOST_FILES
from jinbiao.tests.exporters.conftest import Export

FACTS = CardFacts("agency/boards", "电路板", "Boards", publisher="津市数据局")
KNOWN = Provenance(
    Answers(1, 3, 1.75, 12),
    Figure(0.8125, 0.75, 0.875, 12, "cluster_bootstrap"),
    (Guideline(2, "functional", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "a" * 64),),
)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Give each object of a document that is more than a reference."""
    if isinstance(value, dict):
        if set(value) != {"@id"}:
            yield value
        for each in value.values():
            yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def described(version: FrozenVersion, files: list[WrittenFile], **rai: Any) -> dict[str, Any]:
    return croissant.document(version, FACTS, files, rai)


def test_identifiers_are_unique_without_white_space_and_files_have_digests(
    boards: FrozenVersion, texts: FrozenVersion, export: Export
) -> None:
    for version in (boards, texts):
        written = export("parquet", version).output.written
        told = described(version, written)
        parts = nodes(told["distribution"] + told["recordSet"])
        found = [node["@id"] for node in parts if "@id" in node]
        assert len(found) == len(set(found))
        assert not [each for each in found if re.search(r"\s|:", each)]
        digests = {file.path: file.digest for file in written if file.path.startswith("data/")}
        assert {f["contentUrl"]: f["sha256"] for f in told["distribution"]} == digests
        assert {f["encodingFormat"] for f in told["distribution"]} == {"application/x-parquet"}
        told.pop("@context")
        assert not [node for node in nodes(told) if "isLiveDataset" in node]
        assert told["conformsTo"] == [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ]


def test_columns_have_their_types(boards: FrozenVersion, export: Export) -> None:
    told = described(boards, export("parquet", boards).output.written)
    train = next(each for each in told["recordSet"] if each["@id"] == "train")
    columns = {field["name"]: field for field in train["field"]}
    assert train["key"] == {"@id": "train/key"}
    image = columns["image"]
    assert image["dataType"] == "sc:ImageObject"
    assert image["source"]["transform"] == {"jsonPath": "bytes"}
    inner = {field["name"]: field for field in columns["objects"]["subField"]}
    assert (columns["objects"]["isArray"], inner["bbox"]["isArray"]) == (True, True)
    assert inner["category"]["dataType"] == "sc:Integer" and "isArray" not in inner["category"]
    assert "classes/objects/category" in inner["category"]["description"]["zh"]
    names = next(each for each in told["recordSet"] if each["@id"] == "classes/objects/category")
    first = names["data"][0]
    assert first == {
        "classes/objects/category/number": 0,
        "classes/objects/category/name": "open",
    }


def test_what_is_known_is_said_and_what_is_not_is_left_out(boards: FrozenVersion) -> None:
    told = croissant.statements(
        boards,
        how_made(boards),
        KNOWN,
        Facts(
            data_level="general",
            update_cycle="monthly",
            sheet={"biases": "只有白天", "biases_en": "Daylight only"},
        ),
    )
    assert told["rai:annotationsPerItem"].endswith("1 to 3 per item, 1.75 on average.")
    agreement, reviewed = told["rai:dataAnnotationAnalysis"]
    assert (
        "0.812" in agreement
        and "95% interval 0.750–0.875 (bootstrap over records), 12 records" in agreement
    )
    assert "8 of 12 records were accepted in review" in reviewed
    assert told["rai:machineAnnotationTools"] == ["diff-1"]
    assert told["rai:dataBiases"] == "只有白天\nDaylight only"
    assert "2026-01-02" in told["rai:dataAnnotationProtocol"][1]
    assert "monthly" in told["rai:dataReleaseMaintenancePlan"].lower()
    # mlcroissant reads another spelling.
    assert told["rai:dataDataManipulationProtocol"] == told["rai:dataManipulationProtocol"]
    assert "rai:annotatorDemographics" not in told and "rai:dataCollectionTimeframe" not in told

    nothing = croissant.statements(boards, Making(), Provenance(), Facts())
    assert set(nothing) == {
        "rai:dataAnnotationPlatform",
        "rai:dataAnnotationProtocol",
        "rai:dataDataManipulationProtocol",
        "rai:dataManipulationProtocol",
    }


def test_a_time_of_collecting_is_told_in_both_spellings_when_it_is_dates(
    texts: FrozenVersion,
) -> None:
    facts = Facts(sheet={"collected_from": "2025-01-01", "collected_to": "2025-02-01"})
    told = croissant.statements(texts, Making(), Provenance(), facts)
    assert told["rai:dataCollectionTimeframe"] == ["2025-01-01", "2025-02-01"]
    assert told["rai:dataCollectionTimeFrame"] == ["2025-01-01", "2025-02-01"]
    facts = Facts(sheet={"collected_from": "last year"})
    assert "rai:dataCollectionTimeframe" not in croissant.statements(
        texts, Making(), Provenance(), facts
    )


def test_very_many_shards_are_bounded_and_no_split_is_left_out(
    texts: FrozenVersion, export: Export
) -> None:
    (real,) = [
        file
        for file in export("parquet", texts).output.written
        if file.path.startswith("data/test")
    ]
    count = 5000
    files = [
        replace(real, path=f"data/{split}-{number:05d}-of-{length:05d}.parquet")
        for split, length in (("test", 2), ("train", count), ("validation", 1))
        for number in range(length)
    ]
    told = described(texts, files)
    sets = [each["@id"] for each in told["recordSet"] if "data" not in each]
    assert (len(sets), len(told["distribution"])) == (croissant.MOST_RECORD_SETS, MOST_FILES)
    assert {"test_00000", "test_00001", "train_00000", "validation"} <= set(sets)
    known = {file["@id"] for file in told["distribution"]}
    used = {node["fileObject"]["@id"] for node in nodes(told["recordSet"]) if "fileObject" in node}
    assert used <= known
    assert len(json.dumps(told)) < 2_000_000


def test_without_parquet_the_lines_are_described(texts: FrozenVersion, export: Export) -> None:
    told = described(texts, export("jsonl", texts).output.written)
    assert {f["encodingFormat"] for f in told["distribution"]} == {"application/jsonlines"}
    assert sorted(each["@id"] for each in told["recordSet"]) == ["test", "train", "validation"]
    assert described(texts, [])["recordSet"] == []


def test_addresses_are_pinned_and_what_is_withheld_is_gone(
    texts: FrozenVersion, export: Export
) -> None:
    told = described(texts, export("parquet", texts).output.written)
    home = Organisation(slug="agency", name="津市数据局")
    dataset = Dataset(organisation=home, name="texts", title="文本", uid="u")
    release = Release(
        tag="v1.2.0", uid="r", published_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC), card="{}"
    )
    gone = "data/train-00000-of-00001.parquet"
    sent = croissant.addressed(
        told,
        dataset,
        release,
        page="https://a.example/datasets/agency/texts",
        citation="@misc{a}",
        address=lambda path: f"https://a.example/{path}",
        withheld=[gone],
    )
    assert [f["contentUrl"] for f in sent["distribution"]] == [
        "https://a.example/data/test-00000-of-00001.parquet",
        "https://a.example/data/validation-00000-of-00001.parquet",
    ]
    splits = [each["@id"] for each in sent["recordSet"] if "data" not in each]
    assert sorted(splits) == ["test", "validation"]
    assert (sent["datePublished"], sent["version"]) == ("2026-03-04", "1.0.0")
    assert sent["citeAs"] == "@misc{a}"


@given(names=st.lists(st.text(max_size=12), max_size=8, unique=True))
def test_any_names_become_identifiers(names: list[str]) -> None:
    found = fields.unique(names)
    assert list(found) == names and len(set(found.values())) == len(names)
    for each in found.values():
        assert re.fullmatch(r"[\w.-]+", each) and not each.startswith(".")


@pytest.mark.parametrize(
    ("spdx", "address"),
    [("CC0-1.0", "https://spdx.org/licenses/CC0-1.0.html"), ("other", "other")],
)
def test_licences_are_addresses_where_they_have_one(
    spdx: str, address: str, texts: FrozenVersion
) -> None:
    facts = replace(FACTS, licence=spdx)
    assert croissant.document(texts, facts, [])["license"] == address


def test_a_data_key_of_a_name_of_ours_is_not_described_as_ours() -> None:
    text = {"dtype": "string", "_type": "Value"}
    for name in ("objects", "spans", "file_name"):
        (field,) = fields.of_columns({name: text}, "train", "file", {})
        assert "description" not in field
    (field,) = fields.of_columns({"key": text}, "train", "file", {})
    assert field["description"]["en"].startswith("Key of the record")
