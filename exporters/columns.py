"""Declare the Parquet columns of a version: Arrow type, Hugging Face feature, how to read.

Lists are declared `Sequence`, never `List`: readers from before `List` then understand
them too (huggingface/datasets#7676).
"""

from __future__ import annotations

import hashlib
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.versions import FrozenVersion, Record, RecordMedia
from .answer_columns import answer_columns
from .detections import Pictures
from .features import Column, Read, class_label, sequence, value
from .layout import SHAPE_TAGS, Layout, annotated_picture
from .survey import Survey, kind_of

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def columns(version: FrozenVersion, survey: Survey) -> list[Column]:
    """List the columns of a version: media, data, labels, then where they come from."""
    found = [
        *_media_columns(version, survey),
        *_data_columns(survey),
        *answer_columns(version.config, survey),
        *_object_columns(version),
        *_span_columns(version.config, survey),
    ]
    last = [
        _text("key", attrgetter("key")),
        _text("group", attrgetter("group")),
        _text("annotator", attrgetter("annotator")),
        Column("record", pa.string(), value(str), attrgetter("key"), _lines),
    ]
    taken = {column.name for column in last}
    for place, column in enumerate(found):
        name = column.name
        while name in taken:
            name += "_"
        taken.add(name)
        found[place] = Column(name, column.type, column.feature, column.read, column.fill)
    return found + last


def _text(name: str, read: Read) -> Column:
    return Column(name, pa.string(), value(str), read)


def _lines(_records: list[Record], lines: list[bytes]) -> pa.Array:
    return pa.array([line.decode() for line in lines], pa.string())


def _media_columns(version: FrozenVersion, survey: Survey) -> list[Column]:
    layout, config = Layout(version.config), version.config
    order = {key: place for place, key in enumerate(config.data_keys)}

    def path(key: str) -> Read:
        return lambda record: layout.path(record, key) if key in record.media else None

    def image(key: str) -> Read:
        def read(record: Record) -> dict[str, Any] | None:
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
        return lambda record: record.data.get(key)

    def as_float(key: str) -> Read:
        def read(record: Record) -> float | None:
            number = record.data.get(key)
            return None if number is None else float(number)

        return read

    def as_json(key: str) -> Read:
        def read(record: Record) -> str | None:
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


def _object_columns(version: FrozenVersion) -> list[Column]:
    """Give boxes and polygons a column `objects`, when they lie on one picture a record."""
    config = version.config
    drawing = [control for control in config.controls if control.tag in SHAPE_TAGS]
    if len({name for control in drawing for name in control.to_names}) != 1:
        return []
    pictures = Pictures(version)

    def read(record: Record) -> dict[str, list[Any]]:
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

    def read(record: Record) -> dict[str, list[Any]]:
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
