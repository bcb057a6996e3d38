"""Read Croissant documents with mlcroissant and compare the records with the Parquet files.

Run in the client's own environment: argv[1] is JSON with the documents' addresses by name and
the folder of the downloaded files; a line of JSON is told for each record set.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import urllib.request
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
from PIL import Image

logging.disable(logging.CRITICAL)


def plain(value: Any) -> Any:
    """Return a value of a record so that it can be compared."""
    if isinstance(value, Image.Image):
        return [value.mode, value.size, value.tobytes()]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def of_parquet(row: dict[str, Any], record_set: dict[str, Any]) -> dict[str, Any]:
    """Return a row as mlcroissant gives it: text as bytes, a group as a list of objects."""
    found = {}
    for field in record_set["field"]:
        column = row[field["name"]]
        if "subField" in field:
            inner = field["subField"]
            columns = [(each["@id"], [as_bytes(v) for v in column[each["name"]]]) for each in inner]
            found[field["@id"]] = [
                {identifier: values[place] for identifier, values in columns}
                for place in range(len(columns[0][1]))
            ]
        elif field["dataType"] == "sc:ImageObject":
            found[field["@id"]] = Image.open(io.BytesIO(column["bytes"])) if column else None
        else:
            found[field["@id"]] = as_bytes(column)
    return found


def as_bytes(value: Any) -> Any:
    """Return text as mlcroissant does."""
    if isinstance(value, list):
        return [as_bytes(each) for each in value]
    return value.encode() if isinstance(value, str) else value


def expected(document: dict[str, Any], record_set: dict[str, Any], folder: Path) -> Any:
    """Return what a record set should yield; None where there is no Parquet file to compare."""
    if "data" in record_set:
        return [{k: as_bytes(v) for k, v in row.items()} for row in record_set["data"]]
    first = record_set["field"][0]
    source = (first.get("subField") or [first])[0]["source"]["fileObject"]["@id"]
    path = next(file["name"] for file in document["distribution"] if file["@id"] == source)
    if not path.endswith(".parquet"):
        return None
    rows = pq.read_table(folder / path).to_pylist()
    return [of_parquet(row, record_set) for row in rows]


def compare(name: str, address: str, folder: Path) -> None:
    """Tell of each record set how many records it yields and whether they are the right ones."""
    document = json.loads(urllib.request.urlopen(address, timeout=30).read())
    dataset = mlcroissant.Dataset(address)
    for record_set in document["recordSet"]:
        told: dict[str, Any] = {"dataset": name, "record_set": record_set["@id"]}
        try:
            rows = [plain(dict(row)) for row in dataset.records(record_set["@id"])]
        except Exception as error:
            print(json.dumps({**told, "error": f"{type(error).__name__}: {error}"[:500]}))
            continue
        right = expected(document, record_set, folder / name)
        if "data" in record_set:
            rows = [{key: as_bytes(value) for key, value in row.items()} for row in rows]
        is_equal = None if right is None else rows == [plain(row) for row in right]
        told |= {"rows": len(rows), "is_equal": is_equal}
        if is_equal is False:
            told["first"] = [str(rows[:1])[:1500], str(plain(right[:1]))[:1500]]
        if right is None:
            told["first"] = str(rows[0])
        print(json.dumps(told))


def main() -> None:
    """Go through all documents."""
    facts = json.loads(sys.argv[1])
    for name, address in facts["documents"].items():
        compare(name, address, Path(facts["folder"]))


main()
