"""Read what is drawn on the picture of each task, and give every picture one name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ...datasets import labels
from ...datasets.snapshots import Line, StoredMedium
from ..detections import UNLABELLED, Point, shoelace, turned_corners
from .reading import Lines

_CORNERS = 48  # of the polygon that stands for an ellipse
_NAMING = ("RectangleLabels", "PolygonLabels", "EllipseLabels", "BrushLabels", "Labels")
_BOXES = frozenset({"rectangle", "rectanglelabels", "labels"})
_POLYGONS = frozenset({"polygon", "polygonlabels", "labels"})
_ELLIPSES = frozenset({"ellipse", "ellipselabels"})
# Most addresses end in a name that can be taken as it is; the others are looked at closely.
_PLAIN = re.compile(
    r"https?://[A-Za-z0-9.:-]+/(?:[A-Za-z0-9_./-]*/)?([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,148}[A-Za-z0-9_])?)"
)
_UNSAFE = re.compile(r'[\\/:*?"<>|]')


class Shape(msgspec.Struct, frozen=True):
    """One drawn region in pixels: the upright box inside the picture, and its corners."""

    label: str
    x: float
    y: float
    width: float
    height: float
    area: float
    points: Sequence[Point]
    rotation: float = 0.0
    is_box: bool = False

    @property
    def outline(self) -> tuple[Point, ...]:
        """Return the corners, to a thousandth of a pixel."""
        return tuple((round(x, 3), round(y, 3)) for x, y in self.points)


class Picture(msgspec.Struct, frozen=True):
    """The picture of a task; `shapes` are those of the annotation that counts."""

    line: Line
    key: str
    name: str
    width: int
    height: int
    shapes: list[Shape]
    # All regions of that annotation, also those that are no shapes, such as masks.
    result: list[dict[str, Any]]
    annotator: int

    @property
    def stem(self) -> str:
        """Return the name without its ending."""
        return _stem(self.name)

    @property
    def task_id(self) -> int:
        """Return the task's number."""
        return self.line.id

    @property
    def medium(self) -> StoredMedium | None:
        """Return the stored picture, None where it lies elsewhere."""
        return self.line.media.get(self.key)

    @property
    def address(self) -> str:
        """Return the picture's address."""
        return _address(self.line, self.key)


@dataclass
class Pictures:
    """All pictures of a project; what cannot be exported stands in `left_out`.

    No two have one name; with `by_stem` not even without their endings.
    """

    lines: Lines
    by_stem: bool = False
    left_out: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the picture's data key, and the classes in the order of the config."""
        config = self.lines.config
        drawing = {name for c in config.controls if c.tag in _DRAWING for name in c.to_names}
        found = [item for item in config.objects if item.tag == "Image" and item.name in drawing]
        self.key = found[0].key
        self.target = found[0].name
        named = [c for c in config.controls if c.tag in _NAMING and self.target in c.to_names]
        names = dict.fromkeys(label for c in named for label in c.labels)
        self._numbers = {label: number for number, label in enumerate(names)}
        self._taken: set[str] = set()

    @property
    def classes(self) -> list[str]:
        """List the classes by their number."""
        return list(self._numbers)

    def read(self) -> Iterator[Picture]:
        """Give the pictures in order; a second reading gives the same names."""
        self._taken.clear()
        self.left_out.clear()
        for line in self.lines.tasks():
            picture = self._picture(line)
            if picture is not None:
                yield picture

    def class_index(self, label: str) -> int:
        """Return the number of a class; one that the config does not list is added."""
        return self._numbers.setdefault(label, len(self._numbers))

    def _picture(self, line: Line) -> Picture | None:
        answer, medium = line.answer, line.media.get(self.key)
        regions = [] if answer is None else answer.result
        mine = [each for each in regions if each.get("to_name") == self.target]
        size = _size(medium, mine)
        if size is None:
            reason = "neither the picture nor a region says how large the picture is"
            if answer is not None or not line.answers:
                self.left_out.append({"task": line.id, "reason": reason})
            return None
        name = self._name(line, medium)
        annotator = 0 if answer is None else answer.completed_by
        return Picture(line, self.key, name, *size, self._shapes(mine, size), mine, annotator)

    def _name(self, line: Line, medium: StoredMedium | None) -> str:
        plain = _plain_name(medium.name if medium else _address(line, self.key), medium is None)
        plain = plain or f"task-{line.id}"
        while (key := (_stem(plain) if self.by_stem else plain).lower()) in self._taken:
            path = PurePosixPath(plain)
            plain = f"{path.stem}-{line.id}{path.suffix}"
        self._taken.add(key)
        return plain

    def _shapes(self, regions: Sequence[dict[str, Any]], size: tuple[int, int]) -> list[Shape]:
        config, found = self.lines.config, []
        kinds = {region.get("type") for region in regions}
        if not kinds.isdisjoint(_BOXES):
            for box in labels.boxes(config, regions, size):
                for label in box.labels or (UNLABELLED,):
                    found.append(_box(label, box, size))
        if not kinds.isdisjoint(_POLYGONS):
            for polygon in labels.polygons(config, regions, size):
                for label in polygon.labels or (UNLABELLED,):
                    found.append(shape(label, polygon.points, size))
        if not kinds.isdisjoint(_ELLIPSES):
            for region in regions:
                if region.get("type") in _ELLIPSES:
                    outline = _ellipse(region["value"], size)
                    for label in region["value"].get("ellipselabels") or (UNLABELLED,):
                        found.append(shape(label, outline, size))
        return found


_DRAWING = frozenset(
    f"{shape}{ending}"
    for shape in ("Rectangle", "Polygon", "Ellipse", "Brush")
    for ending in ("", "Labels")
) | {"MagicWand"}


def shape(label: str, outline: Sequence[Point], size: tuple[int, int]) -> Shape:
    """Return a shape of an outline; its box is cut at the picture's edges."""
    left, top, width, height = _bounds(outline, size)
    return Shape(label, left, top, width, height, round(shoelace(outline), 3), outline)


def _box(label: str, box: labels.RegionBox, size: tuple[int, int]) -> Shape:
    rotation = box.rotation % 360
    if box.rotation:
        corners = turned_corners(box)
        left, top, width, height = _bounds(corners, size)
    else:
        # Most boxes are upright, and two of their corners say everything.
        right, bottom = box.x + box.width, box.y + box.height
        corners = [(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)]
        left, top, width, height = _bounds((corners[0], corners[2]), size)
    area = shoelace(corners) if rotation else width * height
    return Shape(label, left, top, width, height, round(area, 3), corners, rotation, is_box=True)


def _bounds(outline: Sequence[Point], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return x, y, width, height of the upright box around an outline, inside the picture."""
    wide, high = float(size[0]), float(size[1])
    across = [0.0 if x < 0.0 else wide if x > wide else x for x, _y in outline]
    down = [0.0 if y < 0.0 else high if y > high else y for _x, y in outline]
    left, top = round(min(across), 3), round(min(down), 3)
    return left, top, round(max(across) - left, 3), round(max(down) - top, 3)


def _address(line: Line, key: str) -> str:
    value = line.data.get(key)
    return value if isinstance(value, str) else ""


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _plain_name(name: str, is_address: bool) -> str:
    """Return what a file may be called: the end of an address, or a name as it was brought."""
    if is_address:
        if usual := _PLAIN.fullmatch(name):
            return usual[1]
        name = unquote(PurePosixPath(urlsplit(name).path).name)
    safe = _UNSAFE.sub("_", name)
    if not safe.isprintable():
        safe = "".join(c if c.isprintable() else "_" for c in safe)
    return safe.strip(" .")[-150:]


def _size(medium: StoredMedium | None, regions: Sequence[dict[str, Any]]) -> tuple[int, int] | None:
    if medium is not None and medium.width and medium.height:
        return medium.width, medium.height
    for region in regions:
        width, height = region.get("original_width"), region.get("original_height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return width, height
    return None


def _ellipse(value: dict[str, Any], size: tuple[int, int]) -> list[Point]:
    """Return points on an ellipse, turned about its centre, in pixels."""
    middle = value["x"] * size[0] / 100, value["y"] * size[1] / 100
    wide, high = value["radiusX"] * size[0] / 100, value["radiusY"] * size[1] / 100
    turn = math.radians(value.get("rotation") or 0)
    found = []
    for number in range(_CORNERS):
        angle = 2 * math.pi * number / _CORNERS
        u, v = wide * math.cos(angle), high * math.sin(angle)
        found.append(
            (
                middle[0] + u * math.cos(turn) - v * math.sin(turn),
                middle[1] + u * math.sin(turn) + v * math.cos(turn),
            )
        )
    return found
