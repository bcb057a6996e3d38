"""Find where a region lies, and say how much two places overlap: 0 for apart, 1 for the same.

The measure is intersection over union (Jaccard's index) of areas, of characters or of time.
Boxes that are not turned and stretches are exact; other outlines are drawn onto a grid of
`GRID` points over both, painted masks are compared pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import msgspec
import numpy as np

from .. import labels
from ..labels import LabelConfig

GRID = 512  # points along the longer side
ELLIPSE_POINTS = 90
MOST_PIXELS = 16_000_000  # of a painted mask that is compared

Region = Mapping[str, Any]
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """An upright box, in percent of the picture."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Outline:
    """A closed polygon, in percent of the picture."""

    points: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class Painted:
    """Pixels of a picture of a size: one bit a pixel, row after row."""

    size: tuple[int, int]
    bits: np.ndarray[Any, np.dtype[np.uint8]] = field(repr=False)


@dataclass(frozen=True)
class Stretches:
    """Stretches of text or of time that do not overlap, in order; `within` is what they lie in."""

    parts: tuple[tuple[float, float], ...]
    within: str = ""


@dataclass(frozen=True)
class Exactly:
    """A place that is the same or is not: nothing tells how near two of them are."""

    words: str


Place = Box | Outline | Painted | Stretches | Exactly


def place_of(config: LabelConfig, region: Region) -> Place | None:
    """Return where a region lies; None where its kind has no measure (points, paths, tracks)."""
    target = config.object_by_name.get(str(region.get("to_name")).split(",")[0])
    value: Mapping[str, Any] = region.get("value") or {}
    if target is None or not isinstance(value, dict):
        return None
    if "ranges" in value:
        return _stretches((each["start"], each["end"] + 1) for each in value["ranges"])
    if target.tag == "Image":
        return _in_picture(region, value)
    if target.tag == "Paragraphs":
        return _in_talk(value)
    whole = value.get("globalOffsets")
    start, end = ((whole or value).get(name) for name in ("start", "end"))
    if target.tag in _STRETCHED and _is_number(start) and _is_number(end):
        return _stretches([(start, end)])
    if target.tag in _STRETCHED and isinstance(start, str) and isinstance(end, str):
        return _exactly(start, end, value.get("startOffset"), value.get("endOffset"))
    return None


def overlap(first: Place, second: Place) -> float:
    """Return intersection over union of two places."""
    if isinstance(first, Box) and isinstance(second, Box):
        return _of_boxes(first, second)
    if isinstance(first, Stretches) and isinstance(second, Stretches):
        return _of_stretches(first, second)
    if isinstance(first, Painted) and isinstance(second, Painted):
        return _of_painted(first, second)
    if isinstance(first, Box | Outline) and isinstance(second, Box | Outline):
        return _of_outlines(_points(first), _points(second))
    return float(isinstance(first, Exactly) and first == second)


_STRETCHED = frozenset("Audio AudioPlus HyperText Text TimeSeries Video".split())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exactly(*words: Any) -> Exactly:
    return Exactly(msgspec.json.encode(words).decode())


def _in_picture(region: Region, value: Mapping[str, Any]) -> Place | None:
    wide, high = region.get("original_width"), region.get("original_height")
    aspect = wide / high if wide and high else 1.0
    if value.get("rle"):
        if not wide or not high or wide * high > MOST_PIXELS:
            return None
        painted = labels.unpacked_mask(bytes(value["rle"]), wide, high) > 0
        return Painted((wide, high), np.packbits(painted)) if painted.any() else None
    if "points" in value:
        return Outline(tuple((float(x), float(y)) for x, y in value["points"]))
    if "radiusX" in value:
        return Outline(_ellipse(value, aspect))
    if "width" in value and "height" in value and not region["type"].startswith("keypoint"):
        if value.get("rotation"):
            return Outline(tuple(labels.box_corners(value, aspect)))
        left, top = value["x"], value["y"]
        return Box(left, top, left + value["width"], top + value["height"])
    return None


def _ellipse(value: Mapping[str, Any], aspect: float) -> tuple[Point, ...]:
    turn = math.radians(value.get("rotation") or 0)
    points = []
    for number in range(ELLIPSE_POINTS):
        angle = 2 * math.pi * number / ELLIPSE_POINTS
        # An angle means pixels: heights are brought to the unit of widths, and back.
        across = value["radiusX"] * math.cos(angle)
        down = value["radiusY"] * math.sin(angle) / aspect
        points.append(
            (
                value["x"] + across * math.cos(turn) - down * math.sin(turn),
                value["y"] + (across * math.sin(turn) + down * math.cos(turn)) * aspect,
            )
        )
    return tuple(points)


def _in_talk(value: Mapping[str, Any]) -> Place:
    start, end = str(value.get("start")), str(value.get("end"))
    offsets = value.get("startOffset"), value.get("endOffset")
    if start == end and _is_number(offsets[0]) and _is_number(offsets[1]):
        return _stretches([offsets], start)
    return _exactly(start, end, *offsets)


def _stretches(parts: Iterable[Any], within: str = "") -> Stretches:
    """Return stretches in order, those that overlap joined."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted((float(start), float(end)) for start, end in parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return Stretches(tuple(joined), within)


def _of_boxes(first: Box, second: Box) -> float:
    across = min(first.right, second.right) - max(first.left, second.left)
    down = min(first.bottom, second.bottom) - max(first.top, second.top)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    areas = [(each.right - each.left) * (each.bottom - each.top) for each in (first, second)]
    return min(1.0, both / (sum(areas) - both))


def _of_stretches(first: Stretches, second: Stretches) -> float:
    if first == second:
        return 1.0
    if first.within != second.within:
        return 0.0
    both, here, there = 0.0, 0, 0
    while here < len(first.parts) and there < len(second.parts):
        (start, end), (other_start, other_end) = first.parts[here], second.parts[there]
        both += max(0.0, min(end, other_end) - max(start, other_start))
        here, there = (here + 1, there) if end < other_end else (here, there + 1)
    lengths = sum(end - start for start, end in (*first.parts, *second.parts))
    return both / (lengths - both) if lengths > both else 0.0


def _of_painted(first: Painted, second: Painted) -> float:
    if first.size != second.size:
        return 0.0
    either = int(np.bitwise_count(first.bits | second.bits).sum())
    return int(np.bitwise_count(first.bits & second.bits).sum()) / either


def _points(place: Box | Outline) -> tuple[Point, ...]:
    if isinstance(place, Outline):
        return place.points
    left, top, right, bottom = place.left, place.top, place.right, place.bottom
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _of_outlines(first: tuple[Point, ...], second: tuple[Point, ...]) -> float:
    if first == second:
        return 1.0
    drawn = [np.array(points, dtype=np.float64) for points in (first, second)]
    lows = [points.min(axis=0) for points in drawn]
    highs = [points.max(axis=0) for points in drawn]
    if (np.maximum(*lows) >= np.minimum(*highs)).any():
        return 0.0
    low, high = np.minimum(*lows), np.maximum(*highs)
    # Both sides are stretched onto the grid alike: that changes no ratio of areas.
    scaled = [(points - low) / (high - low) * (GRID - 1) for points in drawn]
    grids = []
    for points in scaled:
        grid = np.zeros((GRID, GRID), np.uint8)
        cv2.fillPoly(grid, [np.rint(points).astype(np.int32)], 1)
        grids.append(grid)
    both = int(np.count_nonzero(grids[0] & grids[1]))
    return both / int(np.count_nonzero(grids[0] | grids[1]))
