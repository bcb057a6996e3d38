"""Read pictures with their boxes and polygons out of records, for formats of detection.

Coordinates are pixels of the upright picture, rounded to a thousandth: what percent of
float arithmetic leaves behind is no measurement. A turned box and a polygon also have the
upright box around them, clipped to the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.versions import FrozenVersion, Record, RecordMedia
from .layout import SHAPE_TAGS, annotated_picture

UNLABELLED = "unlabelled"
_NAMING_TAGS = frozenset({"RectangleLabels", "PolygonLabels", "Labels"})
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """One labelled shape: its upright box, and its outline where that says more.

    `outline` is x, y, x, y, …, empty for an upright box; `rotation` is in degrees.
    """

    region_id: str
    label: str
    class_index: int
    x: float
    y: float
    width: float
    height: float
    area: float
    rotation: float = 0.0
    outline: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """An annotated picture of a record; a shape with two labels is two detections."""

    media: RecordMedia
    width: int
    height: int
    detections: list[Detection]


def drawn_picture(
    config: labels.LabelConfig,
) -> tuple[labels.DataObject, list[labels.Control]]:
    """Return the picture that is drawn on, and the controls that draw.

    Raises:
        errors.Refused: nothing is drawn, or shapes lie on several pictures of a record.
    """
    drawing = [control for control in config.controls if control.tag in SHAPE_TAGS]
    targets = list(dict.fromkeys(name for c in drawing for name in c.to_names))
    picture = annotated_picture(config)
    if not drawing or picture is None:
        raise errors.Refused(_("this format holds boxes on pictures, and this project draws none"))
    if len(targets) > 1:
        raise errors.Refused(
            _("this format holds boxes on one picture a record, not on %(names)s"),
            names=", ".join(targets),
        )
    return picture, drawing


class Pictures:
    """Read the annotated picture of each record of a version."""

    def __init__(self, version: FrozenVersion) -> None:
        """Look for what is drawn on which picture.

        Raises:
            errors.Refused: nothing is, or shapes lie on several pictures of a record.
        """
        config = version.config
        picture, drawing = drawn_picture(config)
        self.key = picture.key
        self.names = _class_names(version, drawing, picture.name)
        self.titles = {
            label: title for control in config.controls for label, title in control.titles.items()
        }
        self._config = config
        self._index = {name: number for number, name in enumerate(self.names)}
        self._polygons = any(control.tag.startswith("Polygon") for control in drawing)

    def read(self, record: Record) -> Picture:
        """Return a record's picture and what is drawn on it.

        Raises:
            errors.Refused: its picture is not stored with the platform.
            errors.Damaged: the size of the picture is not known.
        """
        media = record.media.get(self.key)
        if media is None:
            raise errors.Refused(
                _("the picture of record %(name)s is not stored here"), name=record.name
            )
        if not media.width or not media.height:
            raise errors.Damaged(
                _("the size of the picture of record %(name)s is not known"), name=record.name
            )
        return Picture(media, media.width, media.height, self.detections(record))

    def detections(self, record: Record) -> list[Detection]:
        """Return what is drawn on a record's picture, wherever the picture is.

        Raises:
            errors.Invalid: neither the picture nor a region says how large the picture is.
        """
        media = record.media.get(self.key)
        size = None
        if media is not None and media.width and media.height:
            size = media.width, media.height
        found: list[Detection] = []
        for box in labels.boxes(self._config, record.result, size):
            found.extend(self._box(box))
        if self._polygons:
            for polygon in labels.polygons(self._config, record.result, size):
                found.extend(self._outlined(polygon, polygon.points, 0.0))
        return found

    def _box(self, box: labels.RegionBox) -> Iterator[Detection]:
        if box.rotation % 360:
            yield from self._outlined(box, turned_corners(box), box.rotation)
            return
        left, top = _clip(box.x, box.picture_width), _clip(box.y, box.picture_height)
        width = round(_clip(box.x + box.width, box.picture_width) - left, 3)
        height = round(_clip(box.y + box.height, box.picture_height) - top, 3)
        area = round(width * height, 3)
        for label in box.labels or (UNLABELLED,):
            yield Detection(
                box.region_id, label, self._class(label), left, top, width, height, area
            )

    def _outlined(
        self,
        region: labels.RegionBox | labels.PolygonRegion,
        points: Sequence[Point],
        rotation: float,
    ) -> Iterator[Detection]:
        across = [_clip(x, region.picture_width) for x, _y in points]
        down = [_clip(y, region.picture_height) for _x, y in points]
        left, top = min(across), min(down)
        for label in region.labels or (UNLABELLED,):
            yield Detection(
                region.region_id,
                label,
                self._class(label),
                left,
                top,
                round(max(across) - left, 3),
                round(max(down) - top, 3),
                round(shoelace(points), 3),
                round(float(rotation), 3),
                tuple(round(value, 3) + 0.0 for point in points for value in point),
            )

    def _class(self, label: str) -> int:
        index = self._index.get(label)
        if index is None:
            raise errors.Damaged(
                _("the label %(label)s is not in the version's configuration"), label=label
            )
        return index


def turned_corners(box: labels.RegionBox) -> list[Point]:
    """Turn a box clockwise about its top-left corner; pixels in and out."""
    angle = math.radians(box.rotation)
    cosine, sine = math.cos(angle), math.sin(angle)
    sides = ((0.0, 0.0), (box.width, 0.0), (box.width, box.height), (0.0, box.height))
    return [(box.x + u * cosine - v * sine, box.y + u * sine + v * cosine) for u, v in sides]


def shoelace(points: Sequence[Point]) -> float:
    """Return the area of a polygon (the shoelace formula)."""
    ends = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in ends)) / 2


def _class_names(
    version: FrozenVersion, drawing: list[labels.Control], picture: str
) -> tuple[str, ...]:
    """List the classes in the order of the config; the place in it is the class index."""
    naming = [
        control
        for control in version.config.controls
        if control.tag in _NAMING_TAGS and picture in control.to_names
    ]
    names = dict.fromkeys(label for control in naming for label in control.labels)
    if any(control.dynamic for control in naming):
        names.update(dict.fromkeys(sorted(version.statistics["labels"])))
    bare = any(not control.tag.endswith("Labels") for control in drawing)
    if bare or any(control.options.get("allowempty") == "true" for control in naming):
        names[UNLABELLED] = None
    return tuple(names)


def _clip(value: float, limit: int) -> float:
    return round(min(max(value, 0.0), float(limit)), 3)
