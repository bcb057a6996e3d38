"""A datasheet says what its queries say, what people said, and what is unknown; nothing else."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import catalogue, datasheets
from jinbiao.datasets.catalogue import Dataset, ReleaseFile
from jinbiao.datasets.datasheets import QUERIES, QUESTIONS, TOPICS
from jinbiao.datasets.quality import wilson
from jinbiao.exporters import datasheet as files
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.server.command import Command
from jinbiao.tests.server.world import FACTS, World

PAGE = "/datasets/alpha/told"
SAID = "<b>夜间照片很少</b>\n# 不宜用于夜间检测"


def publish(world: World, name: str, records: int, **values: Any) -> None:
    """Publish so many records."""
    _project, version = world.frozen(records)
    asked = {**FACTS, "name": name, "title": "说明书", "title_en": "Told", **values}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))


@pytest.fixture(scope="module")
def told(shared_world: World) -> World:
    """Publish seven records with a few words of people."""
    publish(shared_world, "told", 7, sheet={"limitations": SAID, "limitations_en": "Few at night."})
    return shared_world


def read(world: World, path: str, name: str = "told") -> bytes:
    """Read a file of the newest release."""
    answer = world.get(None, f"/datasets/alpha/{name}/resolve/main/{path}")
    assert answer.status_code == 200, path
    return answer.data


def sheet_of(world: World, name: str = "told") -> dict[str, Any]:
    """Read the datasheet."""
    found: dict[str, Any] = json.loads(read(world, "datasheet.json", name))
    return found


def item(sheet: dict[str, Any], topic: str, name: str) -> dict[str, Any]:
    """Return one item of a topic by its query or name."""
    (found,) = [
        each
        for row in sheet["topics"]
        if row["name"] == topic
        for each in row["items"]
        if name in (each.get("query"), each.get("name"))
    ]
    return dict(found)


def test_the_topics_are_those_of_tc609() -> None:
    table = CHECKOUT.parent / "shared" / "standards" / "tc609_quality_indicators.csv"
    if not table.is_file():
        pytest.skip("the shared standards are not beside this checkout")
    with table.open(encoding="utf-8") as stream:
        rows = {row["code"]: row["measure"] for row in csv.DictReader(stream)}
    for code in ("0101", "0102", "0103", "0104"):
        stated = rows[code].partition(": ")[2].split(", ")
        assert [topic.zh for topic in TOPICS if topic.code == code] == stated
    assert {question.topic for question in QUESTIONS} <= {topic.name for topic in TOPICS}


def test_every_number_is_what_a_second_count_gives(told: World) -> None:
    sheet = sheet_of(told)
    records = [json.loads(line) for line in read(told, "manifest.jsonl").splitlines()[1:]]
    assert item(sheet, "scale", "records.count")["value"] == len(records) == 7
    splits = Counter(record["split"] for record in records)
    assert dict(item(sheet, "scale", "records.by_split")["rows"]) == splits
    regions = sum(len(record["result"]) for record in records)
    assert item(sheet, "scale", "regions.count")["value"] == regions
    labels = Counter(
        label
        for record in records
        for each in record["result"]
        for label in each["value"]["labels"]
    )
    rows = item(sheet, "labels", "labels.by_name")["rows"]
    assert {row[0]: row[2] for row in rows if row[2]} == labels
    assert item(sheet, "annotation", "people.annotators")["value"] == len(
        {record["annotator"] for record in records}
    )
    without = item(sheet, "modality", "records.without_media")
    assert (without["count"], without["number"], without["value"]) == (7, 7, 1.0)
    yields = item(sheet, "annotation", "process.first_pass")
    expected = wilson(7, 7)
    assert (yields["value"], yields["number"], yields["method"]) == (1.0, 7, "wilson")
    assert yields["low"] == pytest.approx(expected.low, abs=1e-6)
    listed = {
        line.split("  ")[1]: line.split("  ")[0]
        for line in read(told, "checksums.sha256").decode().splitlines()
    }
    counts = {row[0]: row[1] for row in item(sheet, "structure", "files.by_folder")["rows"]}
    assert counts == {
        folder: sum(path.startswith(f"{folder}/") for path in listed) for folder in counts
    }
    assert {"data", "label_studio", "records"} <= set(counts)
    assert not {"evidence", "receipts"} & set(counts)


def test_what_is_unknown_says_so_and_what_is_said_is_marked(told: World) -> None:
    sheet = sheet_of(told)
    agreement = item(sheet, "annotation", "process.agreement")
    assert (agreement["value"], agreement["low"], agreement["number"]) == (None, None, 0)
    assert item(sheet, "source", "source") == {"kind": "unknown", "name": "source"}
    said = item(sheet, "limitations", "limitations")
    assert said == {
        "kind": "said", "name": "limitations", "zh": SAID, "en": "Few at night.",
        "by": FACTS["provider"],
    }  # fmt: skip
    covered = datasheets.covered(sheet)
    assert "limitations" in covered["0102"] and "labels" in covered["0102"]
    assert covered["0103"] == ["annotation", "versions"] and covered["0104"] == ["licence"]
    chinese = read(told, "datasheet.zh.md").decode()
    assert "未知：没有人说明" in chinese and "提供方说明" in chinese
    assert "<b>" not in chinese and "\n# 不宜" not in chinese
    english = read(told, "datasheet.en.md").decode()
    assert "Few at night." in english and "Unknown: nobody has said" in english
    assert all(f"### {topic.en}\n" in english for topic in TOPICS)


def test_every_query_is_registered_with_its_text(told: World) -> None:
    sheet = sheet_of(told)
    named = {(row["name"], row["version"]): row["sql"] for row in sheet["queries"]}
    assert named == {key: query.sql for key, query in QUERIES.items()}
    for topic in sheet["topics"]:
        for each in topic["items"]:
            if each["kind"] == "figure":
                assert (each["query"], each["version"]) in named


def test_the_page_shows_numbers_words_and_queries(told: World) -> None:
    for language, words in (("zh", "标注一致性"), ("en", "Agreement of annotators")):
        page = told.get(None, f"{PAGE}/datasheet?language={language}")
        assert page.status_code == 200 and words in page.text
        assert "records.by_split v1" in page.text and "SELECT" in page.text
        assert "<b>夜间" not in page.text
    assert told.get(None, f"{PAGE}/datasheet?revision=v9.9.9").status_code == 404
    assert told.get(None, "/datasets/alpha/none/datasheet").status_code == 404


def test_the_owner_fills_in_what_is_unknown(told: World) -> None:
    sent = {
        "source": "市交通局路口相机",
        "source_en": "Traffic cameras",
        "collected_from": "2026-01-02",
    }
    for who, status in (("other_requester", 404), ("annotator", 403), ("requester", 303)):
        answer = told.ask("POST", f"{PAGE}/sheet", who, data=sent)
        assert answer.status_code == status
    page = told.get(None, f"{PAGE}/datasheet?language=zh").text
    assert "市交通局路口相机" in page and "发布之后" in page or "after this release" in page
    form = told.get("requester", f"{PAGE}/sheet").text
    assert "市交通局路口相机" in form and "2026-01-02" in form and "夜间照片很少" in form
    # What was published stays as it was.
    assert item(sheet_of(told), "source", "source")["kind"] == "unknown"


@pytest.mark.parametrize(
    ("name", "value"),
    [("source", "x" * 4001), ("collected_from", "2026-02-30"), ("collected_to", "gestern"),
     ("biases", "a\x07b")],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_named(told: World, name: str, value: str) -> None:
    answer = told.ask("POST", f"{PAGE}/sheet", "requester", data={name: value, "cases": "好例"})
    assert answer.status_code == 400
    assert f'id="{name}"' in answer.text and "fault" in answer.text
    with told.installation.database.read() as session:
        dataset = catalogue.find(session, "alpha/told")
        assert dataset is not None and "cases" not in dataset.sheet_values


@pytest.fixture
def checking(world: World) -> Iterator[World]:
    """Publish a release that may be spoilt."""
    publish(world, "told", 4)
    yield world


def found(world: World) -> list[str]:
    """Check the newest release again."""
    with world.installation.database.read() as session:
        dataset = catalogue.find(session, "alpha/told")
        assert dataset is not None
        release = catalogue.resolve(session, dataset, "main")
        assert release is not None
        return files.differences(session, world.installation.store, release)


def replace(world: World, path: str, content: bytes) -> None:
    """Put other bytes in the place of a release's file."""
    stored = world.installation.store.put_bytes(content)
    with world.installation.database.write() as session:
        dataset = session.query(Dataset).one()
        row = session.get_one(ReleaseFile, (dataset.newest_id, path))
        row.digest, row.size = stored.digest, stored.size


def test_checking_again_names_each_difference(checking: World) -> None:
    assert found(checking) == []
    sheet = sheet_of(checking)
    for topic in sheet["topics"]:
        for each in topic["items"]:
            if each.get("query") == "records.count":
                each["value"] = 5
            if each.get("query") == "process.first_pass":
                each["low"] = 0.9
        topic["items"] = [each for each in topic["items"] if each.get("query") != "labels.rare"]
    replace(checking, "datasheet.json", json.dumps(sheet).encode())
    lines = found(checking)
    assert "scale: records.count: value is stated as 5, found 4" in lines
    assert any(line.startswith("annotation: process.first_pass: low") for line in lines)
    assert "limitations: labels.rare is not stated" in lines
    assert [line for line in lines if line.startswith("datasheet.")] == [
        "datasheet.zh.md: does not say what datasheet.json says",
        "datasheet.en.md: does not say what datasheet.json says",
    ]
    assert len(lines) == 5


def test_a_changed_record_changes_the_numbers(checking: World) -> None:
    manifest = read(checking, "manifest.jsonl").splitlines(keepends=True)
    replace(checking, "manifest.jsonl", b"".join(manifest[:-1]))
    assert "scale: records.count: value is stated as 4, found 3" in found(checking)


def test_the_command_checks_a_release(checking: World) -> None:
    home = checking.installation.settings.home
    settings = {"JINBIAO_LANGUAGE": "en", "JINBIAO_DATABASE_URL": _url(checking)}
    command = Command(Path(home), settings)
    good = command.fork("datasheet", "check", "alpha/told")
    assert (good.code, good.out) == (0, "alpha/told v1.0.0: 0 differences\n"), good
    replace(checking, "datasheet.zh.md", b"# anything\n")
    bad = command.fork("datasheet", "check", "alpha/told", "v1.0.0")
    assert bad.code == 1 and bad.out.startswith("datasheet.zh.md: ")
    assert command.fork("datasheet", "check", "alpha/none").code == 1


def _url(world: World) -> str:
    return world.installation.database.url.render_as_string(False)
