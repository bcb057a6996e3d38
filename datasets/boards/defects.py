"""Damage the copper of a layout in the six ways that etching goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .layout import SIDE, Layout, Point, Trace

LABELS = ("open", "short", "mousebite", "spur", "copper", "pin_hole")
APART = 44  # pixels between the centres of two defects
EDGE = 34  # pixels a defect keeps from the picture's edge

Polygon = list[Point]


@dataclass(frozen=True)
class Defect:
    """A patch where copper was added or removed."""

    label: str
    outline: Polygon
    adds: bool


@dataclass(frozen=True)
class Copper:
    """Which net lies on each pixel (0: none), the traces, and what must stay untouched."""

    nets: NDArray[np.uint8]
    keep: NDArray[np.bool_]
    traces: list[Trace]


def damage(layout: Layout, nets: Image.Image, keep: Image.Image, seed: list[int]) -> list[Defect]:
    """Return three to eight defects that lie apart; `keep` marks holes and printing."""
    chance = np.random.default_rng(seed)
    copper = Copper(np.asarray(nets), np.asarray(keep) > 0, layout.traces)
    wanted = int(chance.integers(3, 9))
    found: list[Defect] = []
    centres: list[Point] = []
    order = [LABELS[int(i)] for i in chance.permutation(len(LABELS))] * 2
    for label in order:
        for _try in range(60):
            if len(found) == wanted:
                return found
            outline = _MAKERS[label](copper, chance)
            if outline is None or not _fits(copper, outline, centres):
                continue
            found.append(Defect(label, outline, label in ("short", "spur", "copper")))
            centres.append(_middle(outline))
            break
    return found


def _middle(outline: Polygon) -> Point:
    return (
        sum(x for x, _y in outline) / len(outline),
        sum(y for _x, y in outline) / len(outline),
    )


def _fits(copper: Copper, outline: Polygon, centres: list[Point]) -> bool:
    """Say whether a patch keeps its distance from edge, printing, holes and other patches."""
    x, y = _middle(outline)
    if not (EDGE <= x < SIDE - EDGE and EDGE <= y < SIDE - EDGE):
        return False
    if any(np.hypot(x - a, y - b) < APART for a, b in centres):
        return False
    return not _window(copper.keep, x, y, 10).any()


def _window(array: NDArray[np.generic], x: float, y: float, reach: float) -> NDArray[np.generic]:
    left, right = max(0, int(x - reach)), int(x + reach) + 1
    return array[max(0, int(y - reach)) : int(y + reach) + 1, left:right]


def _net(copper: Copper, x: float, y: float) -> int:
    inside = 0 <= x < SIDE and 0 <= y < SIDE
    return int(copper.nets[int(y), int(x)]) if inside else 255


def _blob(chance: np.random.Generator, x: float, y: float, radius: float) -> Polygon:
    """Return a rough, slightly drawn-out disc."""
    turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radii = radius * chance.uniform(0.75, 1.2, len(turns))
    stretch, lean = chance.uniform(1.0, 1.5), chance.uniform(0, np.pi)
    along, across = radii * np.cos(turns) * stretch, radii * np.sin(turns)
    xs = x + along * np.cos(lean) - across * np.sin(lean)
    ys = y + along * np.sin(lean) + across * np.cos(lean)
    return [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]


def _band(chance: np.random.Generator, start: Point, end: Point, width: float) -> Polygon:
    """Return a band of uneven width from one point to another."""
    (x, y), (u, v) = start, end
    length = max(1e-6, float(np.hypot(u - x, v - y)))
    side_x, side_y = -(v - y) / length, (u - x) / length
    left, right = [], []
    for part in np.linspace(0, 1, 5):
        at_x, at_y = x + (u - x) * part, y + (v - y) * part
        halves = width / 2 * chance.uniform(0.75, 1.3, 2)
        left.append((float(at_x + side_x * halves[0]), float(at_y + side_y * halves[0])))
        right.append((float(at_x - side_x * halves[1]), float(at_y - side_y * halves[1])))
    return left + right[::-1]


def _spot(copper: Copper, chance: np.random.Generator) -> tuple[Trace, Point, Point] | None:
    """Return a trace, a point on its middle line and the unit direction there."""
    long = [trace for trace in copper.traces if len(trace.points) >= 4]
    if not long:
        return None
    trace = long[int(chance.integers(len(long)))]
    step = int(chance.integers(1, len(trace.points) - 2))
    (x, y), (u, v) = trace.points[step], trace.points[step + 1]
    length = float(np.hypot(u - x, v - y))
    part = float(chance.uniform(0.2, 0.8))
    spot = (x + (u - x) * part, y + (v - y) * part)
    return trace, spot, ((u - x) / length, (v - y) / length)


def _side(copper: Copper, chance: np.random.Generator) -> tuple[Trace, Point, Point, Point] | None:
    """Return a trace, a point on its edge, the direction outward, and the one along it."""
    found = _spot(copper, chance)
    if found is None:
        return None
    trace, (x, y), (across, down) = found
    sign = 1 if chance.random() < 0.5 else -1
    out = (-down * sign, across * sign)
    edge = (x + out[0] * trace.width / 2, y + out[1] * trace.width / 2)
    return trace, edge, out, (across, down)


def _open(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    found = _spot(copper, chance)
    if found is None:
        return None
    trace, (x, y), (across, down) = found
    reach = trace.width / 2 + 2.5
    start = (x - down * reach, y + across * reach)
    end = (x + down * reach, y - across * reach)
    if _net(copper, *start) or _net(copper, *end):
        return None
    return _band(chance, start, end, float(chance.uniform(6, 11)))


def _mousebite(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    found = _side(copper, chance)
    if found is None:
        return None
    trace, (x, y), out, _along = found
    if _net(copper, x + out[0] * 4, y + out[1] * 4):
        return None
    return _blob(chance, x, y, trace.width * float(chance.uniform(0.4, 0.52)))


def _reach_out(copper: Copper, start: Point, out: Point, net: int, farthest: int) -> int:
    """Return the pixels from a trace's edge to other copper, or `farthest` if none is met."""
    for step in range(2, farthest):
        here = _net(copper, start[0] + out[0] * step, start[1] + out[1] * step)
        if here not in (0, net) or (here == net and step > 3):
            return step if here != net else -step
    return farthest


def _short(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    found = _side(copper, chance)
    if found is None:
        return None
    trace, (x, y), out, _along = found
    gap = _reach_out(copper, (x, y), out, trace.net, 30)
    if not 4 <= gap < 30 or _net(copper, x + out[0] * gap, y + out[1] * gap) == 255:
        return None
    start = (x - out[0] * 2, y - out[1] * 2)
    end = (x + out[0] * (gap + 2), y + out[1] * (gap + 2))
    return _band(chance, start, end, float(chance.uniform(4.5, 8)))


def _spur(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    found = _side(copper, chance)
    if found is None:
        return None
    trace, (x, y), out, along = found
    length = float(chance.uniform(5.5, 11))
    room = _reach_out(copper, (x, y), out, trace.net, int(length) + 6)
    if room < length + 4:
        return None
    half = float(chance.uniform(2.5, 4.5))
    tip = (x + out[0] * length, y + out[1] * length)
    root = (x - out[0] * 2, y - out[1] * 2)
    return [
        (root[0] - along[0] * half, root[1] - along[1] * half),
        (tip[0] - along[0] * half * 0.5, tip[1] - along[1] * half * 0.5),
        (tip[0] + along[0] * half * 0.4, tip[1] + along[1] * half * 0.4),
        (root[0] + along[0] * half, root[1] + along[1] * half),
    ]


def _copper(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    x, y = (float(v) for v in chance.uniform(EDGE, SIDE - EDGE, 2))
    radius = float(chance.uniform(3.5, 7.5))
    if _window(copper.nets, x, y, radius * 1.8 + 3).any():
        return None
    return _blob(chance, x, y, radius)


def _pin_hole(copper: Copper, chance: np.random.Generator) -> Polygon | None:
    wide = np.argwhere(copper.nets[EDGE:-EDGE, EDGE:-EDGE] > 0)
    if not len(wide):
        return None
    y, x = (int(v) + EDGE for v in wide[int(chance.integers(len(wide)))])
    radius = float(chance.uniform(2.6, 4.5))
    around = _window(copper.nets, x, y, radius * 1.8 + 2)
    if around.min() == 0:
        return None
    return _blob(chance, float(x), float(y), radius)


_MAKERS: dict[str, Callable[[Copper, np.random.Generator], Polygon | None]] = {
    "open": _open,
    "short": _short,
    "mousebite": _mousebite,
    "spur": _spur,
    "copper": _copper,
    "pin_hole": _pin_hole,
}


def paint(mask: Image.Image, defects: list[Defect], scale: int) -> Image.Image:
    """Return the copper mask, `scale` times as large as the picture, with the defects on it."""
    damaged = mask.copy()
    draw = ImageDraw.Draw(damaged)
    for defect in defects:
        outline = [(x * scale, y * scale) for x, y in defect.outline]
        draw.polygon(outline, fill=255 if defect.adds else 0)
    return damaged
