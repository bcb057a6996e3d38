"""Describe a release as a Frictionless Data Package 2.0, so that its tools check and read it.

What frictionless 5.21 makes of it: JSON lines are read as tables under their schema; Parquet
has a schema for people and for other readers, but is checked as a file, because frictionless
cannot read lists in Parquet. Every file is checked by size and SHA-256.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..datasets.exports import WrittenFile
from ..datasets.versions import FrozenVersion
from .card import CardFacts
from .croissant.document import licence_address, stored_features
from .croissant.fields import classes, is_group, meaning

PATH = "datapackage.json"
SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"
# A folder with more files is not listed: pictures, labels of one picture each. The lists of
# checksums have all of them.
MOST_IN_FOLDER, MOST_FILES = 200, 2000

_MEDIA_TYPES = {
    "json": "application/json",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "md": "text/markdown",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "tar": "application/x-tar",
    "txt": "text/plain",
    "xml": "application/xml",
    "yaml": "application/yaml",
}
# Endings that frictionless takes for tables, archives or programs, and would open as such.
_OPENED = {"csv", "db", "gz", "html", "jsonl", "ndjson", "parquet", "py", "tsv", "xlsx", "zip"}
_TYPES = {"string": "string", "int64": "integer", "float64": "number", "bool": "boolean"}
# The columns of the JSON lines of a release in their order there, which frictionless compares.
_RECORD = {
    "annotator": "string",
    "data": "object",
    "group": "string",
    "key": "string",
    "media": "object",
    "name": "string",
    "prediction": "object",
    "result": "array",
    "review": "object",
    "split": "string",
}


def package(
    version: FrozenVersion, facts: CardFacts, files: Sequence[WrittenFile]
) -> dict[str, Any]:
    """Describe a release's files by relative paths, with sizes, SHA-256 and schemas."""
    listed = _listed(files)
    shard = next((file for file in files if _is_shard(file)), None)
    parquet = None if shard is None else _schema(stored_features(version, shard))
    names = _names(listed)
    more = facts.facts
    title = f"{facts.title} · {facts.title_en}" if facts.title_en else facts.title
    told = {
        "$schema": SCHEMA,
        "name": facts.full_name.lower().replace("/", "-"),
        "id": version.commit_id,
        "title": title,
        "description": _described(facts, len(files), len(listed)),
        "version": version.tag.removeprefix("v"),
        "licenses": [_licence(facts.licence)],
        "contributors": _contributors(facts),
        "sources": [{"title": more.provider}] if more.provider else [],
        "keywords": list(facts.keywords),
        "resources": [_resource(file, names[file.path], parquet) for file in listed],
    }
    return {key: value for key, value in told.items() if value}


def _listed(files: Sequence[WrittenFile]) -> list[WrittenFile]:
    crowd = Counter(file.path.rpartition("/")[0] for file in files)
    found = (
        file
        for file in files
        if _is_shard(file) or crowd[file.path.rpartition("/")[0]] <= MOST_IN_FOLDER
    )
    return list(itertools.islice(found, MOST_FILES))


def _described(facts: CardFacts, all_files: int, listed: int) -> str:
    text = facts.description.strip()
    if listed < all_files:
        text += (
            f"\n\n共 {all_files} 个文件，此处列出 {listed} 个，全部文件见 checksums.sha256。"
            f"{listed} of {all_files} files are listed; checksums.sha256 has them all."
        )
    return text.strip()


def _licence(spdx: str) -> dict[str, str]:
    return {"name": spdx} if spdx == "other" else {"name": spdx, "path": licence_address(spdx)}


def _contributors(facts: CardFacts) -> list[dict[str, Any]]:
    found = []
    if facts.publisher:
        found.append({"title": facts.publisher, "roles": ["publisher"]})
    if facts.facts.provider and facts.facts.provider != facts.publisher:
        found.append({"title": facts.facts.provider, "roles": ["creator"]})
    return found


def _resource(file: WrittenFile, name: str, parquet: dict[str, Any] | None) -> dict[str, Any]:
    ending = file.path.rpartition("/")[2].rpartition(".")[2].lower()
    told: dict[str, Any] = {
        "name": name,
        "path": file.path,
        "mediatype": _MEDIA_TYPES.get(ending, "application/octet-stream"),
        "bytes": file.size,
        "hash": f"sha256:{file.digest}",
    }
    if re.fullmatch(r"records/[^/]+\.jsonl", file.path):
        schema = {"fields": [{"name": n, "type": t} for n, t in _RECORD.items()]}
        told |= {"type": "table", "format": "jsonl", "mediatype": "application/jsonl"}
        return {**told, "encoding": "utf-8", "schema": {**schema, "primaryKey": ["key"]}}
    # Without a format of this kind frictionless guesses one by the ending.
    told["format"] = _as_file(ending)
    if parquet is not None and _is_shard(file):
        told["schema"] = parquet
    return told


def _as_file(ending: str) -> str:
    if ending == "parquet":
        return "vnd.apache.parquet"
    return f"x-{ending}" if ending in _OPENED else ending


def _is_shard(file: WrittenFile) -> bool:
    return re.fullmatch(r"data/.+\.parquet", file.path) is not None


def _names(files: Iterable[WrittenFile]) -> dict[str, str]:
    """Give each file a name of a–z, 0–9, `.`, `-` and `_` that no other one has."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for file in files:
        plain = chosen = re.sub(r"[^a-z0-9._-]+", "-", file.path.lower()).strip("-.") or "file"
        number = 1
        while chosen in taken:
            number += 1
            chosen = f"{plain}-{number}"
        taken.add(chosen)
        found[file.path] = chosen
    return found


def _schema(features: Mapping[str, Any]) -> dict[str, Any]:
    known = classes(features)
    declared = []
    for column, feature in features.items():
        told: dict[str, Any] = {"name": column, "type": _type(feature)}
        if column in known and told["type"] == "integer":
            names = enumerate(known[column].names)
            told["categories"] = [{"value": place, "label": name} for place, name in names]
        described = None if column in known else meaning(column, features, known)
        if described is not None:
            told["description"] = f"{described['zh']}。{described['en']}."
        declared.append(told)
    return {"fields": declared, "primaryKey": ["key"]}


def _type(feature: Mapping[str, Any]) -> str:
    if is_group(feature) or feature["_type"] == "Image":
        return "object"
    if feature["_type"] == "Sequence":
        return "array"
    return "integer" if feature["_type"] == "ClassLabel" else _TYPES[feature["dtype"]]
