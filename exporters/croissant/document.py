"""Put the Croissant document of a release together, without addresses or dates.

The same version then gives the same bytes, whenever and wherever it is published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ...datasets.exports import WrittenFile
from ...datasets.versions import FrozenVersion
from ..card import CardFacts
from . import fields, records

PATH = "croissant.json"
# mlcroissant looks at all of them before it gives the first record: 0.03 s for each record
# set, 1 ms for each file that has none (measured with 1.1.1, ten columns).
MOST_RECORD_SETS, MOST_FILES = 200, 1000
# Of this way to describe, not of the data.
DESCRIPTION_VERSION = "1.0.0"
CONFORMS_TO = (
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/RAI/1.0",
)
# The context of Croissant 1.1, to the letter; texts without a language are Chinese.
CONTEXT: dict[str, Any] = {
    "@language": "zh",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "sdVersion": "cr:sdVersion",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_SHARD = re.compile(r"data/(.+)-(\d{5,})-of-\d{5,}\.parquet")
_RECORDS = re.compile(r"records/([^/]+)\.jsonl")


def document(
    version: FrozenVersion,
    facts: CardFacts,
    files: Sequence[WrittenFile],
    rai: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe the records in a release's files: Parquet, or JSONL where there is none.

    `contentUrl` is the path in the tree. Pictures and other media are no files of the
    document: they are inside the Parquet files, or a million of them.
    """
    shards = [(file, found) for file in files if (found := _SHARD.fullmatch(file.path))]
    if shards:
        told = _of_parquet(version, [(file, found[1]) for file, found in shards])
    else:
        lines = [(file, found) for file in files if (found := _RECORDS.fullmatch(file.path))]
        told = _of_jsonl(version, [(file, found[1]) for file, found in lines])
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        **_about(version, facts),
        **(rai or {}),
        **told,
    }


def _about(version: FrozenVersion, facts: CardFacts) -> dict[str, Any]:
    more = facts.facts
    publisher = {"@type": "sc:Organization", "name": facts.publisher}
    told = {
        "name": {"zh": facts.title, "en": facts.title_en} if facts.title_en else facts.title,
        "alternateName": facts.full_name,
        "description": facts.description.strip() or _counted(version),
        "version": version.tag.removeprefix("v"),
        "sdVersion": DESCRIPTION_VERSION,
        "license": licence_address(facts.licence),
        "keywords": list(facts.keywords),
        "publisher": publisher if facts.publisher else None,
        "creator": (
            {"@type": "sc:Organization", "name": more.provider or facts.publisher}
            if more.provider or facts.publisher
            else None
        ),
        "temporalCoverage": _covered(facts),
        "spatialCoverage": more.region,
        "conditionsOfAccess": more.open_condition,
        "identifier": version.commit_id,
    }
    return {key: value for key, value in told.items() if value}


def licence_address(spdx: str) -> str:
    """Return the address of a licence by its SPDX identifier; a name where it has none."""
    return spdx if spdx == "other" else f"https://spdx.org/licenses/{spdx}.html"


def _counted(version: FrozenVersion) -> dict[str, str]:
    count = version.record_count
    return {"zh": f"共 {count} 条记录。", "en": f"{count} records."}


def _covered(facts: CardFacts) -> str | None:
    begin, end = facts.facts.covers_from, facts.facts.covers_to
    if begin is None and end is None:
        return None
    return f"{begin or '..'}/{end or '..'}"


def _of_parquet(
    version: FrozenVersion, shards: Sequence[tuple[WrittenFile, str]]
) -> dict[str, Any]:
    features = stored_features(version, shards[0][0])
    known = fields.classes(features)
    number_of = {split: sum(each == split for _file, each in shards) for _file, split in shards}
    chosen = _chosen(shards)
    identifiers = fields.unique(file.path for file, _split, _number in chosen)
    sets = []
    for file, split, number in chosen[:MOST_RECORD_SETS]:
        several = number_of[split] > 1
        name = fields.slug(f"{split}_{number:05d}" if several else split)
        declared = fields.of_columns(features, name, identifiers[file.path], known)
        sets.append(records.record_set(name, split, declared, (number, number_of[split])))
    return {
        "distribution": [
            records.file_object(file, identifiers[file.path], "application/x-parquet")
            for file, _split, _number in chosen
        ],
        "recordSet": [*sets, *map(records.names, known.values())],
    }


def _chosen(shards: Sequence[tuple[WrittenFile, str]]) -> list[tuple[WrittenFile, str, int]]:
    """Number the shards of each split, and return the first ones of all splits first.

    Where there are too many to describe, no split is left out.
    """
    place: dict[str, int] = {}
    numbered = []
    for file, split in shards:
        numbered.append((file, split, place.setdefault(split, 0)))
        place[split] += 1
    return sorted(numbered, key=lambda each: (each[2], each[1]))[:MOST_FILES]


def _of_jsonl(version: FrozenVersion, files: Sequence[tuple[WrittenFile, str]]) -> dict[str, Any]:
    identifiers = fields.unique(file.path for file, _split in files)
    return {
        "distribution": [
            records.file_object(file, identifiers[file.path], "application/jsonlines")
            for file, _split in files
        ],
        "recordSet": [
            records.record_set(
                fields.slug(split),
                split,
                records.of_lines(fields.slug(split), identifiers[file.path]),
                (0, 1),
            )
            for file, split in files
        ],
    }


def stored_features(version: FrozenVersion, shard: WrittenFile) -> dict[str, Any]:
    """Read the features that a Parquet file declares for `datasets`, by column."""
    import pyarrow.parquet as pq

    with version.store.open(shard.digest) as stream:
        metadata = pq.read_schema(stream).metadata
    features: dict[str, Any] = msgspec.json.decode(metadata[b"huggingface"])["info"]["features"]
    return features
