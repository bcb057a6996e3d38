"""Read what is drawn on the picture of each task, and give every picture one name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ...datasets import labels
from ...datasets.snapshots import StoredMedium
from ..detections import UNLABELLED, Point, shoelace, turned_corners
from .reading import Line, Lines

_CORNERS = 48  # of the polygon that stands for an ellipse
_NAMING = ("RectangleLabels", "PolygonLabels", "EllipseLabels", "BrushLabels", "Labels")


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn region in pixels: the upright box inside the picture, and its outline."""

    label: str
    x: float
    y: float
    width: float
    height: float
    area: float
    outline: tuple[Point, ...]
    rotation: float = 0.0
    is_box: bool = False


@dataclass(frozen=True)
class Picture:
    """The picture of a task; `shapes` are those of the annotation that counts."""

    task_id: int
    name: str
    address: str
    medium: StoredMedium | None
    width: int
    height: int
    shapes: list[Shape]
    # Regions of that annotation that are no shapes, such as masks.
    result: list[dict[str, Any]]
    annotator: int


@dataclass
class Pictures:
    """All pictures of a snapshot; what cannot be exported stands in `left_out`."""

    lines: Lines
    left_out: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the picture's data key, and the classes in the order of the config."""
        config = self.lines.config
        drawing = {name for c in config.controls if c.tag in _DRAWING for name in c.to_names}
        found = [item for item in config.objects if item.tag == "Image" and item.name in drawing]
        self.key = found[0].key
        self.target = found[0].name
        named = [c for c in config.controls if c.tag in _NAMING and self.target in c.to_names]
        self.classes = list(dict.fromkeys(label for c in named for label in c.labels))
        self._taken: set[str] = set()

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
        if label not in self.classes:
            self.classes.append(label)
        return self.classes.index(label)

    def _picture(self, line: Line) -> Picture | None:
        answer, medium = line.answer, line.media.get(self.key)
        regions = [] if answer is None else answer.result
        mine = [each for each in regions if each.get("to_name") == self.target]
        size = _size(medium, mine)
        if size is None:
            reason = "neither the picture nor a region says how large the picture is"
            if answer is not None or not line.task.answers:
                self.left_out.append({"task": line.task.id, "reason": reason})
            return None
        address = line.task.data.get(self.key)
        text = address if isinstance(address, str) else ""
        return Picture(
            line.task.id,
            self._name(line, medium, text),
            text,
            medium,
            *size,
            list(self._shapes(mine, size)),
            mine,
            0 if answer is None else answer.completed_by,
        )

    def _name(self, line: Line, medium: StoredMedium | None, address: str) -> str:
        name = medium.name if medium else unquote(PurePosixPath(urlsplit(address).path).name)
        safe = "".join("_" if c in '\\/:*?"<>|' or not c.isprintable() else c for c in name)
        plain = safe.strip(" .")[-150:] or f"task-{line.task.id}"
        if plain.lower() in self._taken:
            path = PurePosixPath(plain)
            plain = f"{path.stem}-{line.task.id}{path.suffix}"
        self._taken.add(plain.lower())
        return plain

    def _shapes(self, regions: Sequence[dict[str, Any]], size: tuple[int, int]) -> Iterator[Shape]:
        config = self.lines.config
        for box in labels.boxes(config, regions, size):
            corners = tuple(turned_corners(box))
            for label in box.labels or (UNLABELLED,):
                yield shape(label, corners, size, box.rotation % 360, is_box=True)
        for polygon in labels.polygons(config, regions, size):
            for label in polygon.labels or (UNLABELLED,):
                yield shape(label, polygon.points, size)
        for region in regions:
            if region.get("type") in ("ellipse", "ellipselabels"):
                outline = _ellipse(region["value"], size)
                for label in region["value"].get("ellipselabels") or (UNLABELLED,):
                    yield shape(label, outline, size)


_DRAWING = frozenset(
    f"{shape}{ending}"
    for shape in ("Rectangle", "Polygon", "Ellipse", "Brush")
    for ending in ("", "Labels")
) | {"MagicWand"}


def shape(
    label: str,
    outline: Sequence[Point],
    size: tuple[int, int],
    rotation: float = 0.0,
    *,
    is_box: bool = False,
) -> Shape:
    """Return a shape of an outline; its box is cut at the picture's edges."""
    across = [min(max(x, 0.0), float(size[0])) for x, _y in outline]
    down = [min(max(y, 0.0), float(size[1])) for _x, y in outline]
    left, top = round(min(across), 3), round(min(down), 3)
    width, height = round(max(across) - left, 3), round(max(down) - top, 3)
    is_upright = is_box and rotation == 0
    area = width * height if is_upright else shoelace(outline)
    rounded = tuple((round(x, 3), round(y, 3)) for x, y in outline)
    return Shape(label, left, top, width, height, round(area, 3), rounded, rotation, is_box)


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
