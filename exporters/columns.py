"""Declare the Parquet columns of a version: Arrow type, Hugging Face feature, how to read.

Lists are declared `Sequence`, never `List`: readers from before `List` then understand
them too (huggingface/datasets#7676).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.versions import FrozenVersion, Record, RecordMedia
from .detections import Pictures
from .layout import SHAPE_TAGS, Layout, annotated_picture
from .survey import Survey, kind_of

Feature = dict[str, Any]
# The record, and its line in the manifest.
Read = Callable[[Record, str], Any]

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


@dataclass(frozen=True)
class Column:
    """One column: how readers see it, and how a record fills it."""

    name: str
    type: pa.DataType
    feature: Feature
    read: Read


def columns(version: FrozenVersion, survey: Survey) -> list[Column]:
    """List the columns of a version: media, data, labels, then where they come from."""
    found = [
        *_media_columns(version, survey),
        *_data_columns(survey),
        *_choice_columns(version.config, survey),
        *_object_columns(version),
        *_span_columns(version.config, survey),
    ]
    last = [
        _text("key", lambda record, _line: record.key),
        _text("group", lambda record, _line: record.group),
        _text("annotator", lambda record, _line: record.annotator),
        _text("record", lambda _record, line: line),
    ]
    taken = {column.name for column in last}
    for place, column in enumerate(found):
        name = column.name
        while name in taken:
            name += "_"
        taken.add(name)
        found[place] = Column(name, column.type, column.feature, column.read)
    return found + last


def value(kind: type) -> Feature:
    """Declare a plain value."""
    return {"dtype": _DTYPES[kind], "_type": "Value"}


def class_label(names: Iterable[str]) -> Feature:
    """Declare a class; its number is its place among the names."""
    return {"names": list(names), "_type": "ClassLabel"}


def sequence(feature: Feature) -> Feature:
    """Declare a list."""
    return {"feature": feature, "_type": "Sequence"}


def _text(name: str, read: Read) -> Column:
    return Column(name, pa.string(), value(str), read)


def _media_columns(version: FrozenVersion, survey: Survey) -> list[Column]:
    layout, config = Layout(version.config), version.config
    order = {key: place for place, key in enumerate(config.data_keys)}

    def path(key: str) -> Read:
        return lambda record, _line: layout.path(record, key) if key in record.media else None

    def image(key: str) -> Read:
        def read(record: Record, _line: str) -> dict[str, Any] | None:
            media = record.media.get(key)
            if media is None:
                return None
            return {"bytes": read_media(version, media), "path": media.file}

        return read

    found = []
    for key in sorted({*survey.images, *survey.other_media}, key=lambda k: (order.get(k, 99), k)):
        if key in survey.images:
            found.append(Column(key, IMAGE, {"_type": "Image"}, image(key)))
        else:
            found.append(_text(key, path(key)))
    picture = annotated_picture(config)
    if picture is not None and picture.key in survey.images:
        found.append(_text("file_name", path(picture.key)))
    return found


def read_media(version: FrozenVersion, media: RecordMedia) -> bytes:
    """Read the bytes of a medium as they are.

    Raises:
        errors.Damaged: they are no longer those of the version.
    """
    with version.open_media(media) as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != media.sha256:
        raise errors.Damaged(_("the stored bytes of %(digest)s have changed"), digest=media.sha256)
    return data


def _data_columns(survey: Survey) -> list[Column]:
    def as_is(key: str) -> Read:
        return lambda record, _line: record.data.get(key)

    def as_float(key: str) -> Read:
        def read(record: Record, _line: str) -> float | None:
            number = record.data.get(key)
            return None if number is None else float(number)

        return read

    def as_json(key: str) -> Read:
        def read(record: Record, _line: str) -> str | None:
            if key not in record.data:
                return None
            return msgspec.json.encode(record.data[key], order="sorted").decode()

        return read

    found = []
    for key in sorted(survey.data):
        kind = kind_of(survey.data[key])
        if kind is None:
            found.append(_text(key, as_json(key)))
        else:
            read = as_float(key) if kind is float else as_is(key)
            found.append(Column(key, _ARROW[kind], value(kind), read))
    return found


def _choice_columns(config: labels.LabelConfig, survey: Survey) -> list[Column]:
    """Give each question about the whole record a column: one class, or a list of them."""

    def read_choice(control: str, index: dict[str, int], one: bool) -> Read:
        def read(record: Record, _line: str) -> Any:
            made = [
                index[label]
                for choice in labels.choices(config, record.result)
                if choice.control == control and choice.region_id is None
                for label in choice.labels
            ]
            return (made[0] if made else None) if one else made

        return read

    found = []
    for control in config.controls:
        if control.tag != "Choices" or control.per_region or "{{" in control.name:
            continue
        seen = survey.chosen.get(control.name, set())
        names = [*control.labels, *sorted(seen - control.label_set)]
        one = control.single and survey.most_chosen[control.name] <= 1
        index = {name: number for number, name in enumerate(names)}
        feature, kind = class_label(names), pa.int64()
        if not one:
            feature, kind = sequence(feature), pa.list_(kind)
        found.append(Column(control.name, kind, feature, read_choice(control.name, index, one)))
    return found


def _object_columns(version: FrozenVersion) -> list[Column]:
    """Give boxes and polygons a column `objects`, when they lie on one picture a record."""
    config = version.config
    drawing = [control for control in config.controls if control.tag in SHAPE_TAGS]
    if len({name for control in drawing for name in control.to_names}) != 1:
        return []
    pictures = Pictures(version)

    def read(record: Record, _line: str) -> dict[str, list[Any]]:
        found = pictures.detections(record)
        return {
            "id": [d.region_id for d in found],
            "bbox": [(d.x, d.y, d.width, d.height) for d in found],
            "category": [d.class_index for d in found],
            "area": [d.area for d in found],
            "rotation": [d.rotation for d in found],
            "outline": [d.outline for d in found],
        }

    numbers = pa.list_(pa.float64())
    kind = pa.struct(
        [
            ("id", pa.list_(pa.string())),
            ("bbox", pa.list_(numbers)),
            ("category", pa.list_(pa.int64())),
            ("area", numbers),
            ("rotation", numbers),
            ("outline", pa.list_(numbers)),
        ]
    )
    feature = {
        "id": sequence(value(str)),
        "bbox": sequence(sequence(value(float))),
        "category": sequence(class_label(pictures.names)),
        "area": sequence(value(float)),
        "rotation": sequence(value(float)),
        "outline": sequence(sequence(value(float))),
    }
    return [Column("objects", kind, feature, read)]


def _span_columns(config: labels.LabelConfig, survey: Survey) -> list[Column]:
    """Give spans of text a column `spans`: code points from start to end, end not included."""
    texts = {item.name for item in config.objects if item.tag in ("Text", "HyperText")}
    marking = [
        control
        for control in config.controls
        if control.tag in ("Labels", "HyperTextLabels") and texts & set(control.to_names)
    ]
    if not marking:
        return []
    known = dict.fromkeys(label for control in marking for label in control.labels)
    names = [*known, *sorted(survey.span_labels - set(known))]
    index = {name: number for number, name in enumerate(names)}

    def read(record: Record, _line: str) -> dict[str, list[Any]]:
        spans = [
            (span, label)
            for span in labels.text_spans(config, record.result)
            for label in span.labels
        ]
        return {
            "start": [span.start for span, _label in spans],
            "end": [span.end for span, _label in spans],
            "label": [index[label] for _span, label in spans],
        }

    whole = pa.list_(pa.int64())
    feature = {
        "start": sequence(value(int)),
        "end": sequence(value(int)),
        "label": sequence(class_label(names)),
    }
    kind = pa.struct([("start", whole), ("end", whole), ("label", whole)])
    return [Column("spans", kind, feature, read)]
