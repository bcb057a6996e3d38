"""Read boxes, polygons, choices and spans out of a result, and write boxes into one.

Pixels are those of the upright picture: results hold percent of it, and turning the view
in the editor changes only `image_rotation`. `size` (width, height) serves regions that do
not say their `original_width` and `original_height`, as a model's may not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..errors import Invalid, _
from .config import Control, LabelConfig

Region = Mapping[str, Any]
Size = tuple[int, int]


class RegionBox(msgspec.Struct, frozen=True):
    """A box in pixels, turned by `rotation` degrees clockwise about its top-left corner."""

    region_id: str
    labels: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float
    rotation: float
    picture_width: int
    picture_height: int
    score: float | None = None
    origin: str | None = None
    object: str = ""
    item_index: int | None = None


class PolygonRegion(msgspec.Struct, frozen=True):
    """A closed polygon in pixels."""

    region_id: str
    labels: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    picture_width: int
    picture_height: int
    score: float | None = None
    origin: str | None = None
    object: str = ""
    item_index: int | None = None


class TextSpan(msgspec.Struct, frozen=True):
    """A span of plain text: code points `start` to `end`, the end not included."""

    region_id: str
    labels: tuple[str, ...]
    start: int
    end: int
    score: float | None = None
    origin: str | None = None
    object: str = ""


class Choice(msgspec.Struct, frozen=True):
    """The answer of one `Choices` control; `region_id` is set when it belongs to a region."""

    control: str
    labels: tuple[str, ...]
    region_id: str | None = None
    score: float | None = None


def boxes(
    config: LabelConfig, result: Sequence[Region], size: Size | None = None
) -> list[RegionBox]:
    """List the boxes of a result, also those whose labels stand in a region beside them."""
    found = []
    for region, labels in _shapes(result, "rectangle", ("x", "y", "width", "height")):
        width, height = _size(region, size)
        value = region["value"]
        found.append(
            RegionBox(
                region["id"],
                labels,
                value["x"] * width / 100,
                value["y"] * height / 100,
                value["width"] * width / 100,
                value["height"] * height / 100,
                value.get("rotation") or 0,
                width,
                height,
                region.get("score"),
                region.get("origin"),
                region["to_name"],
                region.get("item_index"),
            )
        )
    return found


def polygons(
    config: LabelConfig, result: Sequence[Region], size: Size | None = None
) -> list[PolygonRegion]:
    """List the polygons of a result."""
    found = []
    for region, labels in _shapes(result, "polygon", ("points",)):
        width, height = _size(region, size)
        points = tuple((x * width / 100, y * height / 100) for x, y in region["value"]["points"])
        found.append(
            PolygonRegion(
                points=points,
                picture_width=width,
                picture_height=height,
                item_index=region.get("item_index"),
                **_common(region, labels),
            )
        )
    return found


def text_spans(config: LabelConfig, result: Sequence[Region]) -> list[TextSpan]:
    """List the spans of plain text, those of HTML only where offsets into its text are known."""
    found = []
    for region in result:
        kind = region.get("type")
        if kind != "labels" and kind != "hypertextlabels":
            continue
        target = config.object_by_name.get(region["to_name"])
        if target is None or target.tag not in ("Text", "HyperText"):
            continue
        value = region["value"]
        offsets = value.get("globalOffsets") or value
        start, end = offsets.get("start"), offsets.get("end")
        if isinstance(start, int) and isinstance(end, int):
            found.append(
                TextSpan(
                    region["id"],
                    _own_labels(region),
                    start,
                    end,
                    region.get("score"),
                    region.get("origin"),
                    region["to_name"],
                )
            )
    return found


def choices(config: LabelConfig, result: Sequence[Region]) -> list[Choice]:
    """List the choices made; of a nested choice, its path joined by `/`."""
    found = []
    for region in result:
        if region.get("type") != "choices":
            continue
        control = config.control(region["from_name"])
        labels = tuple(
            "/".join(item) if isinstance(item, list) else item
            for item in region["value"]["choices"]
        )
        owner = region["id"] if control is not None and control.per_region else None
        found.append(Choice(region["from_name"], labels, owner, region.get("score")))
    return found


def label_counts(config: LabelConfig, result: Sequence[Region]) -> dict[str, int]:
    """Count how often each label of the configuration is used; unused ones count 0."""
    counts: Counter[str] = Counter(dict.fromkeys(config.all_labels, 0))
    for region in result:
        kind = region.get("type")
        if kind == "choices":
            chosen = region["value"]["choices"]
            counts.update(item[-1] if isinstance(item, list) else item for item in chosen)
        elif kind == "taxonomy":
            counts.update(path[-1] for path in region["value"]["taxonomy"])
        elif kind != "relation":
            counts.update(_own_labels(region))
    return dict(counts)


def make_box_region(
    control: Control,
    object: str,
    label: str,
    x: float,
    y: float,
    width: float,
    height: float,
    picture_width: int,
    picture_height: int,
    score: float | None = None,
    region_id: str = "",
) -> dict[str, Any]:
    """Build the region of a model's box, given in pixels; raise Invalid if it cannot be one.

    The label "" is a box whose class the model does not know.
    """
    if control.tag != "RectangleLabels" or object not in control.to_names:
        message = _("%(control)s does not draw boxes on %(object)s")
        raise Invalid(message, control=control.name, object=object)
    if label and label not in control.label_set and not control.dynamic:
        message = _("the label %(label)s is not one of %(control)s")
        raise Invalid(message, label=label, control=control.name)
    region: dict[str, Any] = {
        "id": region_id,
        "from_name": control.name,
        "to_name": object,
        "type": "rectanglelabels",
        "origin": "prediction",
        "original_width": picture_width,
        "original_height": picture_height,
        "image_rotation": 0,
        "value": {
            "x": x * 100 / picture_width,
            "y": y * 100 / picture_height,
            "width": width * 100 / picture_width,
            "height": height * 100 / picture_height,
            "rotation": 0,
            "rectanglelabels": [label] if label else [],
        },
    }
    if score is not None:
        region["score"] = score
    return region


def _own_labels(region: Region) -> tuple[str, ...]:
    value = region.get("value") or {}
    labels = value.get(region.get("type")) or value.get("labels") or ()
    return tuple(labels) if isinstance(labels, list) else ()


def _shapes(
    result: Sequence[Region], shape: str, members: tuple[str, ...]
) -> Iterator[tuple[Region, tuple[str, ...]]]:
    """Yield each region of a shape once with its labels.

    `<Rectangle>` beside `<Labels>` gives two regions of one id, both with the shape.
    """
    kinds = (shape, f"{shape}labels", "labels")
    found: dict[Any, tuple[Region, tuple[str, ...]]] = {}
    for region in result:
        if region.get("type") not in kinds:
            continue
        value = region.get("value") or {}
        if not all(map(value.__contains__, members)):
            continue
        region_id, own = region["id"], _own_labels(region)
        if region_id in found:
            first, before = found[region_id]
            found[region_id] = first, before + own
        else:
            found[region_id] = region, own
    for region, labels in found.values():
        yield region, labels if len(labels) < 2 else tuple(dict.fromkeys(labels))


def _size(region: Region, size: Size | None) -> Size:
    width, height = region.get("original_width"), region.get("original_height")
    if isinstance(width, int) and isinstance(height, int):
        return width, height
    if size is None:
        message = _("the region %(id)s does not say the size of its picture")
        raise Invalid(message, id=region.get("id"))
    return size


def _common(region: Region, labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "region_id": region["id"],
        "labels": labels,
        "score": region.get("score"),
        "origin": region.get("origin"),
        "object": region["to_name"],
    }
