"""Look through a version once, to know what its Parquet columns and shards will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..datasets import labels
from ..datasets.versions import FrozenVersion, Record

SHARD_BYTES = 500 << 20
# Controls whose labels decide what the columns are.
_NOTED = ("Labels", "HyperTextLabels", "Choices", "Taxonomy")


@dataclass
class Survey:
    """What the records of a version have.

    `images` are media keys that always hold pictures, `other_media` the rest; `data` maps a
    key to the Python types of its values; `chosen` maps a control to its labels in use;
    `shards` maps a split to the number of records in each file.
    """

    images: dict[str, None] = field(default_factory=dict)
    other_media: dict[str, None] = field(default_factory=dict)
    data: dict[str, set[type]] = field(default_factory=dict)
    span_labels: set[str] = field(default_factory=set)
    chosen: dict[str, set[str]] = field(default_factory=dict)
    most_chosen: Counter[str] = field(default_factory=Counter)
    shards: dict[str, list[int]] = field(default_factory=dict)


def look_through(version: FrozenVersion, shard_bytes: int = SHARD_BYTES) -> Survey:
    """Survey a version; a shard ends before it would pass `shard_bytes` of content."""
    survey = Survey()
    decode = msgspec.json.Decoder(Record).decode
    config = version.config
    noted = any(control.tag in _NOTED for control in config.controls)
    for split in version.splits:
        shards, filled = [0], 0
        for lines in version.batches(split):
            for line, record in zip(lines, map(decode, lines), strict=True):
                size = characters(line) + _note_media(survey, record)
                _note_values(survey, record)
                if noted:
                    _note_labels(survey, config, record)
                if shards[-1] and filled + size > shard_bytes:
                    shards.append(0)
                    filled = 0
                shards[-1] += 1
                filled += size
        survey.shards[split] = shards
    for key in survey.other_media:
        survey.images.pop(key, None)
    return survey


def characters(line: bytes) -> int:
    """Return how many characters the UTF-8 of a line has."""
    return len(line) if line.isascii() else len(line.decode())


def row_bytes(record: Record, images: dict[str, None]) -> int:
    """Return how many bytes of pictures a record brings."""
    return sum(media.size for key, media in record.media.items() if key in images)


def _note_media(survey: Survey, record: Record) -> int:
    for key, media in record.media.items():
        picture = media.content_type.startswith("image/")
        (survey.images if picture else survey.other_media)[key] = None
    return row_bytes(record, survey.images)


def _note_values(survey: Survey, record: Record) -> None:
    for key, value in record.data.items():
        # Arrow's whole numbers have 64 bits; larger ones become JSON text.
        fits = type(value) is not int or -(2**63) <= value < 2**63
        survey.data.setdefault(key, set()).add(type(value) if fits else object)


def _note_labels(survey: Survey, config: labels.LabelConfig, record: Record) -> None:
    for span in labels.text_spans(config, record.result):
        survey.span_labels.update(span.labels)
    for choice in chosen(config, record):
        survey.chosen.setdefault(choice.control, set()).update(choice.labels)
        most = survey.most_chosen
        most[choice.control] = max(most[choice.control], len(choice.labels))


def chosen(config: labels.LabelConfig, record: Record) -> Iterator[labels.Choice]:
    """Give the choices that a record has, paths through trees among them."""
    yield from labels.choices(config, record.result)
    for region in record.result:
        if region.get("type") == "taxonomy":
            control = config.control(region["from_name"])
            owner = region["id"] if control is not None and control.per_region else None
            paths = tuple("/".join(path) for path in region["value"]["taxonomy"])
            yield labels.Choice(region["from_name"], paths, owner, region.get("score"))


def kind_of(types: set[type]) -> Any:
    """Return the one type that holds values of these types, or None when JSON text must."""
    kinds = types - {type(None)}
    if kinds == {int, float}:
        return float
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= {str, int, float, bool} else None
