"""Declare Croissant fields for the columns of a Parquet file, as its readers really read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CLASSES = 2000  # names that are listed; readers take seconds for more

_TYPES = {
    "string": "sc:Text",
    "int64": "sc:Integer",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
}
# What the columns that every release has mean; data keys speak for themselves.
_MEANINGS = {
    "key": ("记录编号，在数据集内唯一", "Key of the record, unique in the dataset"),
    "group": ("同组记录不拆到不同划分", "Records of one group stay in one split"),
    "annotator": ("标注员的假名", "Pseudonym of the annotator"),
    "record": ("完整记录（JSON），与版本清单逐字节一致", "The complete record as JSON"),
    "file_name": ("图片在发布文件中的路径", "Path of the picture in the release"),
    "objects": ("图片上的目标", "Objects on the picture"),
    "objects/bbox": (
        "外接矩形：左上角横纵坐标、宽、高（像素）",
        "Box around the object: x and y of its upper left corner, width, height, in pixels",
    ),
    "objects/area": ("面积（平方像素）", "Area in square pixels"),
    "objects/rotation": ("顺时针旋转角度（度）", "Turn in degrees, clockwise"),
    "objects/outline": ("轮廓点 x1 y1 x2 y2 …（像素）", "Outline x1 y1 x2 y2 … in pixels"),
    "spans": ("文本片段", "Spans of the text"),
    "spans/start": ("起点（Unicode 码点，从 0 起）", "Start, in code points from 0"),
    "spans/end": ("终点（不含）", "End, not included"),
}


@dataclass(frozen=True)
class Classes:
    """The names of a class column, in the order of their numbers."""

    id: str
    names: tuple[str, ...]


def slug(text: str) -> str:
    """Return a text as part of an `@id`: letters of any script, digits, `.`, `-` and `_`."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "column"


def unique(names: Iterable[str]) -> dict[str, str]:
    """Map each name to an identifier that no other one has."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = chosen = slug(name)
        number = 1
        while chosen in taken:
            number += 1
            chosen = f"{plain}-{number}"
        taken.add(chosen)
        found[name] = chosen
    return found


def classes(features: Mapping[str, Any]) -> dict[str, Classes]:
    """Map the path of each class column, such as `objects/category`, to its names."""
    identifiers = unique(features)
    found: dict[str, Classes] = {}
    for column, feature in features.items():
        parts = {column: feature}
        if is_group(feature):
            parts = {f"{column}/{name}": inner for name, inner in feature.items()}
        for path, each in parts.items():
            names = _class_names(each)
            if names and len(names) <= MOST_CLASSES:
                last = path[len(column) :]
                found[path] = Classes(f"classes/{identifiers[column]}{last}", tuple(names))
    return found


def of_columns(
    features: Mapping[str, Any], record_set: str, file: str, known: Mapping[str, Classes]
) -> list[dict[str, Any]]:
    """Declare the fields of one record set, which is read from one file."""
    identifiers = unique(features)
    return [
        _field(column, features, f"{record_set}/{identifiers[column]}", file, known)
        for column in features
    ]


def is_group(feature: Any) -> bool:
    """Tell whether a feature is a group of columns, such as `objects`."""
    return isinstance(feature, Mapping) and "_type" not in feature


def meaning(
    path: str, features: Mapping[str, Any], known: Mapping[str, Classes]
) -> dict[str, str] | None:
    """Describe a column in both languages; None where its name says all that is known."""
    if path in known:
        place = known[path].id
        return {
            "zh": f"类别编号，名称见记录集 {place}",
            "en": f"Number of the class; names in the record set {place}",
        }
    told = _MEANINGS.get(path) if _is_ours(path.partition("/")[0], features) else None
    return None if told is None else {"zh": told[0], "en": told[1]}


def _is_ours(column: str, features: Mapping[str, Any]) -> bool:
    """Tell whether a column is one that exporters add, and no data key of the same name."""
    if column in ("objects", "spans"):
        return is_group(features.get(column))
    if column == "file_name":
        return any(each.get("_type") == "Image" for each in features.values())
    return True


def _field(
    column: str,
    features: Mapping[str, Any],
    identifier: str,
    file: str,
    known: Mapping[str, Classes],
) -> dict[str, Any]:
    feature = features[column]

    def named(identifier: str, name: str, path: str) -> dict[str, Any]:
        told: dict[str, Any] = {"@type": "cr:Field", "@id": identifier, "name": name}
        described = meaning(path, features, known)
        return told if described is None else {**told, "description": described}

    described = named(identifier, column, column)
    if not is_group(feature):
        return {**described, **_read(feature, _from(file, column))}
    inner = [
        {
            **named(f"{identifier}/{name}", name, f"{column}/{name}"),
            # One list a column: each entry belongs to one object.
            **_read(each["feature"], _from(file, column, name)),
        }
        for name, each in feature.items()
    ]
    return {**described, "isArray": True, "arrayShape": "-1", "subField": inner}


def _from(file: str, column: str, part: str | None = None) -> dict[str, Any]:
    source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": {"column": column}}
    return source if part is None else {**source, "transform": {"jsonPath": part}}


def _read(feature: Mapping[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """Say of which type a column is; a list of lists is an array of two dimensions."""
    depth = 0
    while feature["_type"] == "Sequence":
        feature, depth = feature["feature"], depth + 1
    told: dict[str, Any] = {"dataType": _type(feature)}
    if depth:
        told |= {"isArray": True, "arrayShape": ",".join(["-1"] * depth)}
    if feature["_type"] == "Image":
        source = {**source, "transform": {"jsonPath": "bytes"}}
    return {**told, "source": source}


def _type(feature: Mapping[str, Any]) -> str:
    match feature["_type"]:
        case "Image":
            return "sc:ImageObject"
        case "ClassLabel":
            return "sc:Integer"
        case _:
            return _TYPES[feature["dtype"]]


def _class_names(feature: Any) -> list[str]:
    while isinstance(feature, Mapping) and feature.get("_type") == "Sequence":
        feature = feature["feature"]
    if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel":
        return list(feature["names"])
    return []
