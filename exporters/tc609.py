"""Write records in the national format: TC609-5-2025-02, eleven fields, one record a line.

What a field needs beyond the records (licence, source, class) is said of the dataset, so this
is written when a version is published. Where a record does not say when its content came
into being (`original_time` among its data), the last day of the period that the dataset
covers stands, and without one the day on which the version was frozen: not later than that.
`rid`, the ids of related records, stands where a record brought it among its data.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..datasets.catalogue import Facts, Openness, RightsBasis
from ..datasets.versions import FrozenVersion, Record
from .layout import Layout
from .output import Output

FIELDS = (
    "id",
    "rid",
    "data_content",
    "annotation",
    "original_time",
    "last_modified_time",
    "version",
    "license",
    "source",
    "source_details",
    "generated_data_indicator",
)
# The words of the standard's tables.
BY_HAND, WITH_MODEL = "人工标注", "半自动标注"
# A type of person is wanted. The platform knows pseudonyms, and nobody's trade: it says no more.
ANNOTATOR = "其他"
_LICENCES: dict[str, str] = {
    Openness.OPEN: "开源",
    Openness.CONDITIONAL: "公共授权",
    Openness.CLOSED: "仅内部",
}
_SOURCES: dict[str, str] = {
    RightsBasis.SELF_PRODUCED: "自采",
    RightsBasis.COLLECTED: "组织机构",
    RightsBasis.AGREEMENT: "组织机构",
    RightsBasis.AUTHORISED: "组织机构",
}
# What a record says of itself, and is none of its contents.
_OF_ITSELF = frozenset({"rid", "original_time"})
_MEDIA = frozenset({"image", "audio", "video", "text"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class _Said:
    """What is the same for every record of a release."""

    version: str
    frozen: str
    original: str
    licence: str
    source: str
    source_details: str
    generated: int


def write(version: FrozenVersion, facts: Facts, licence: str, output: Output) -> None:
    """Write `tc609/<split>.jsonl`; media are named by their path in the release tree."""
    said, layout = _said(version, facts, licence), Layout(version.config)
    texts = {item.key for item in version.config.objects if item.tag in ("Text", "HyperText")}
    encode = msgspec.json.Encoder().encode
    for split in version.splits:
        with output.file(f"tc609/{split}.jsonl") as file:
            for record in version.records(split):
                told = _record(record, list(_contents(layout, record, texts)), said)
                file.write(encode(told) + b"\n")
                output.count(1, len(record.result))


def _said(version: FrozenVersion, facts: Facts, licence: str) -> _Said:
    frozen = version.created_at.date()
    original = min(facts.covers_to or frozen, frozen)
    provider = " ".join(filter(None, (facts.provider, facts.provider_code)))
    return _Said(
        version=version.tag.removeprefix("v"),
        frozen=frozen.isoformat(),
        original=original.isoformat(),
        licence=_LICENCES[facts.openness] if licence != "other" else "其他",
        source=_SOURCES.get(facts.rights_basis or "", "其他"),
        source_details=provider,
        generated=int(facts.sheet.get("synthetic") is True),
    )


def _record(record: Record, contents: list[dict[str, str]], said: _Said) -> dict[str, Any]:
    original = _day(record.data) or said.original
    told: dict[str, Any] = {"id": record.key, "data_content": contents}
    if related := _related(record.data.get("rid")):
        told["rid"] = related
    if record.result:
        told["annotation"] = {
            "label": record.result,
            "annotation_method": BY_HAND if record.prediction is None else WITH_MODEL,
            "annotator": ANNOTATOR,
        }
    generated = record.data.get("generated_data_indicator")
    told |= {
        "original_time": min(original, said.frozen),
        "last_modified_time": said.frozen,
        "version": said.version,
        "license": said.licence,
        "source": said.source,
        "source_details": said.source_details,
        "generated_data_indicator": generated if generated in (0, 1) else said.generated,
    }
    return {name: told[name] for name in FIELDS if name in told}


def _contents(layout: Layout, record: Record, texts: set[str]) -> Iterator[dict[str, str]]:
    for key in sorted(record.media, key=lambda each: (each != layout.picture_key, each)):
        kind = record.media[key].content_type.partition("/")[0]
        media_type = kind if kind in _MEDIA else "file"
        yield {"media_type": media_type, "content": layout.path(record, key)}
    for key in sorted(record.data):
        value = record.data[key]
        is_content = not record.media and key not in _OF_ITSELF
        if isinstance(value, str) and (key in texts or is_content):
            yield {"media_type": "text", "content": value}


def _related(given: object) -> list[str]:
    listed = given if isinstance(given, list) else [given]
    return [each for each in listed if isinstance(each, str) and each]


def _day(data: Mapping[str, Any]) -> str | None:
    given = data.get("original_time")
    found = _DAY.match(given) if isinstance(given, str) else None
    if found is None:
        return None
    try:
        return dt.date.fromisoformat(found[0]).isoformat()
    except ValueError:
        return None
