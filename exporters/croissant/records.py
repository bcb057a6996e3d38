"""Make the file objects and record sets of a Croissant document."""

from __future__ import annotations

from typing import Any

from ...datasets.exports import WrittenFile
from .fields import Classes

_SPLITS = {"train": "训练集", "validation": "验证集", "test": "测试集"}


def file_object(file: WrittenFile, identifier: str, encoding: str) -> dict[str, Any]:
    """Describe a file by its path."""
    return {
        "@type": "cr:FileObject",
        "@id": identifier,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.size} B",
        "encodingFormat": encoding,
        "sha256": file.digest,
    }


def record_set(
    identifier: str, split: str, declared: list[dict[str, Any]], part: tuple[int, int]
) -> dict[str, Any]:
    """Describe the records of a split, or of one shard of it: `part` is (number, of how many)."""
    chinese, english = _SPLITS.get(split, split), split
    number, parts = part
    if parts > 1:
        chinese += f"，第 {number + 1} 部分，共 {parts} 部分"
        english += f", part {number + 1} of {parts}"
    told = {
        "@type": "cr:RecordSet",
        "@id": identifier,
        "name": identifier,
        "description": {"zh": chinese, "en": english},
        "field": declared,
    }
    key = next((field["@id"] for field in declared if field["name"] == "key"), None)
    return told if key is None else {**told, "key": {"@id": key}}


def names(classes: Classes) -> dict[str, Any]:
    """List the names of a class column, so that its numbers can be understood."""
    number, name = f"{classes.id}/number", f"{classes.id}/name"
    told = {"@type": "cr:Field"}
    return {
        "@type": "cr:RecordSet",
        "@id": classes.id,
        "name": classes.id,
        "description": {"zh": "类别编号与名称", "en": "Numbers and names of classes"},
        "dataType": "sc:Enumeration",
        "key": {"@id": number},
        "field": [
            {**told, "@id": number, "name": "number", "dataType": "sc:Integer"},
            {**told, "@id": name, "name": "name", "dataType": "sc:Text"},
        ],
        "data": [{number: place, name: each} for place, each in enumerate(classes.names)],
    }


def of_lines(record_set: str, file: str) -> list[dict[str, Any]]:
    """Declare what readers get right of JSONL records: names, and each region's kind.

    What a region holds differs from kind to kind; readers have no type for any JSON.
    """

    def read(name: str, column: str, path: str | None = None) -> dict[str, Any]:
        source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": {"column": column}}
        if path is not None:
            source["transform"] = {"jsonPath": path}
        return {
            "@type": "cr:Field",
            "@id": f"{record_set}/{name}",
            "name": name.rpartition("/")[2],
            "dataType": "sc:Text",
            "source": source,
        }

    plain = [read(name, name) for name in ("key", "name", "group", "split", "annotator")]
    regions = {
        "@type": "cr:Field",
        "@id": f"{record_set}/result",
        "name": "result",
        "isArray": True,
        "arrayShape": "-1",
        "subField": [
            read(f"result/{name}", "result", name) for name in ("id", "type", "from_name")
        ],
    }
    return [*plain, regions]
