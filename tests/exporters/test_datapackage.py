"""The Frictionless package: what it lists, how, and how large it may be."""

from __future__ import annotations

import re
from dataclasses import replace

from jinbiao.datasets.catalogue import Facts
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.card import CardFacts
from jinbiao.exporters.datapackage import MOST_FILES, MOST_IN_FOLDER, package
from jinbiao.tests.exporters.conftest import Export

FACTS = CardFacts(
    "agency/Texts", "文本", "Texts", "说明", publisher="甲", facts=Facts(provider="乙")
)


def test_every_file_has_its_size_and_digest_by_a_relative_path(
    texts: FrozenVersion, export: Export
) -> None:
    files = [*export("parquet", texts).output.written, *export("jsonl", texts).output.written]
    told = package(texts, FACTS, files)
    assert told["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert (told["name"], told["title"]) == ("agency-texts", "文本 · Texts")
    assert [each["title"] for each in told["contributors"]] == ["甲", "乙"]
    assert told["sources"] == [{"title": "乙"}]
    assert "created" not in told
    assert {r["path"]: (r["bytes"], r["hash"]) for r in told["resources"]} == {
        file.path: (file.size, f"sha256:{file.digest}") for file in files
    }
    names = [each["name"] for each in told["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9._-]+", name) for name in names)


def test_tables_have_schemas(texts: FrozenVersion, export: Export) -> None:
    files = [*export("parquet", texts).output.written, *export("jsonl", texts).output.written]
    by_path = {each["path"]: each for each in package(texts, FACTS, files)["resources"]}
    lines = by_path["records/train.jsonl"]
    assert (lines["type"], lines["format"]) == ("table", "jsonl")
    shard = by_path["data/train-00000-of-00001.parquet"]
    # Frictionless would open it as a table, and cannot.
    assert "type" not in shard and shard["format"] != "parquet"
    columns = {each["name"]: each for each in shard["schema"]["fields"]}
    assert columns["number"]["type"] == "integer"
    assert (columns["spans"]["type"], columns["topics"]["type"]) == ("object", "array")
    assert columns["tone"]["categories"] == [
        {"value": 0, "label": "good"},
        {"value": 1, "label": "bad"},
    ]


def test_crowded_folders_are_left_to_the_checksums(texts: FrozenVersion, export: Export) -> None:
    (shard,) = [f for f in export("parquet", texts).output.written if "/test-" in f.path]
    pictures = [
        WrittenFile(f"images/train/{number}.jpg", "0" * 64, 1)
        for number in range(MOST_IN_FOLDER + 1)
    ]
    few = [replace(each, path=each.path.replace("train", "test")) for each in pictures[:3]]
    told = package(texts, FACTS, [shard, *pictures, *few])
    assert [each["path"] for each in told["resources"]] == [
        shard.path,
        *(each.path for each in few),
    ]
    assert f"4 of {len(pictures) + 4} files are listed" in told["description"]
    shards = [
        replace(shard, path=f"data/test-{number:05d}-of-09999.parquet") for number in range(9999)
    ]
    assert len(package(texts, FACTS, shards)["resources"]) == MOST_FILES


def test_nothing_unknown_is_said(texts: FrozenVersion) -> None:
    told = package(texts, CardFacts("a/b", "题", licence="other"), [])
    assert set(told) == {"$schema", "id", "licenses", "name", "title", "version"}
    assert told["licenses"] == [{"name": "other"}]
