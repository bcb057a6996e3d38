"""Lay out a circuit board: parts, pads, a copper pour, and traces that never cross."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE = 640  # pixels a side
CELL = 16  # pixels of the routing grid
CELLS = SIDE // CELL

Point = tuple[float, float]
Place = tuple[int, int]
Grid = NDArray[np.int32]  # of cells: 0 free, -1 closed, else a net


@dataclass(frozen=True)
class Pad:
    """A solderable place; `hole` is the radius of a drill, 0 for none."""

    x: float
    y: float
    width: float
    height: float
    net: int
    round: bool = False
    hole: float = 0.0


@dataclass(frozen=True)
class Trace:
    """A copper line through the centres of grid cells."""

    points: tuple[Point, ...]
    width: int
    net: int


@dataclass
class Layout:
    """Everything on one design, in pixels; nets are numbered from 1, the pour is net 1."""

    pour: tuple[float, float, float, float] = (0, 0, 0, 0)
    pads: list[Pad] = field(default_factory=list)
    vias: list[Pad] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    outlines: list[tuple[float, float, float, float]] = field(default_factory=list)
    texts: list[tuple[float, float, str]] = field(default_factory=list)
    gold: bool = False


@lru_cache(maxsize=32)
def lay_out(seed: int, design: int) -> Layout:
    """Return the design with this number; the same numbers give the same board."""
    chance = np.random.default_rng([seed, design, 1])
    layout = Layout(gold=bool(chance.random() < 0.5))
    grid = np.zeros((CELLS, CELLS), np.int32)
    grid[[0, -1], :] = grid[:, [0, -1]] = -1
    _pour(layout, grid, chance)
    pins: list[Place] = []
    kinds = ["chip", "chip", "row"] + ["small"] * 9
    for number, kind in enumerate(kinds, 1):
        pins += _place_part(layout, grid, chance, kind, number)
    _connect(layout, grid, chance, pins)
    return layout


def _centre(place: Place) -> Point:
    """Return the pixel in the middle of the cell `(row, column)`, as x and y."""
    return ((place[1] + 0.5) * CELL, (place[0] + 0.5) * CELL)


def _pour(layout: Layout, grid: Grid, chance: np.random.Generator) -> None:
    """Fill one corner with copper and stitch it with vias."""
    rows, columns = (int(v) for v in chance.integers(8, 13, 2))
    top = 0 if chance.random() < 0.5 else CELLS - rows
    left = 0 if chance.random() < 0.5 else CELLS - columns
    grid[top : top + rows, left : left + columns] = 1
    margin = CELL * 0.3
    layout.pour = (
        left * CELL + margin,
        top * CELL + margin,
        (left + columns) * CELL - margin,
        (top + rows) * CELL - margin,
    )
    for row in range(top + 2, top + rows - 1, 4):
        for column in range(left + 2, left + columns - 1, 4):
            x, y = _centre((row, column))
            layout.vias.append(Pad(x, y, 15, 15, 1, True, 4.0))


def _place_part(
    layout: Layout, grid: Grid, chance: np.random.Generator, kind: str, number: int
) -> list[Place]:
    """Put a part where there is room and return its pins, or nothing where there is none."""
    count = {"chip": int(chance.integers(4, 8)), "row": int(chance.integers(3, 7)), "small": 2}
    long = 2 * count[kind] - 1 if kind != "small" else 3
    wide = {"chip": 6, "row": 1, "small": 1}[kind]
    upright = bool(chance.random() < 0.5)
    rows, columns = (long, wide) if upright else (wide, long)
    for _try in range(40):
        row = int(chance.integers(2, CELLS - rows - 2))
        column = int(chance.integers(2, CELLS - columns - 2))
        if not grid[row - 2 : row + rows + 2, column - 2 : column + columns + 2].any():
            return _fill_part(layout, grid, kind, number, (row, column, rows, columns), upright)
    return []


def _fill_part(
    layout: Layout,
    grid: Grid,
    kind: str,
    number: int,
    area: tuple[int, int, int, int],
    upright: bool,
) -> list[Place]:
    """Draw the pins, the outline and the name of a part; its body is closed to traces."""
    row, column, rows, columns = area
    grid[row : row + rows, column : column + columns] = -1
    along = range(0, rows if upright else columns, 2)
    across = (0, (columns if upright else rows) - 1) if kind == "chip" else (0,)
    pins = [
        (row + step, column + side) if upright else (row + side, column + step)
        for side in across
        for step in along
    ]
    flat = {"chip": (26.0, 14.0), "row": (22.0, 22.0), "small": (20.0, 22.0)}[kind]
    width, height = flat if upright == (kind == "chip") else flat[::-1]
    for pin in pins:
        x, y = _centre(pin)
        grid[pin] = 0
        hole = 6.0 if kind == "row" else 0.0
        layout.pads.append(Pad(x, y, width, height, 0, kind == "row", hole))
    inset = 1.5 * CELL if kind == "chip" else -0.35 * CELL
    left, top = column * CELL, row * CELL
    right, bottom = left + columns * CELL, top + rows * CELL
    x_inset, y_inset = (inset, -4.0) if upright else (-4.0, inset)
    layout.outlines.append((left + x_inset, top + y_inset, right - x_inset, bottom - y_inset))
    name = {"chip": "U", "row": "J", "small": "RC"[number % 2]}[kind] + str(number)
    spot = ((left + right) / 2 - 8, (top + bottom) / 2 - 7)
    layout.texts.append((*spot, name) if kind == "chip" else (left - 2, top - 21, name))
    return pins


def _connect(layout: Layout, grid: Grid, chance: np.random.Generator, pins: list[Place]) -> None:
    """Route each pin to another pin, or to a via where none can be reached."""
    order = [pins[int(i)] for i in chance.permutation(len(pins))]
    for pin in order:
        grid[pin] = -1
    net, open_pins = 2, list(order)
    while open_pins:
        start = open_pins.pop(0)
        grid[start] = net
        near = sorted(open_pins, key=lambda p: abs(p[0] - start[0]) + abs(p[1] - start[1]))
        goals = near[2:8] if len(near) > 8 else near
        path: list[Place] = []
        if goals and chance.random() < 0.75:
            goal = goals[int(chance.integers(len(goals)))]
            path = _route(grid, start, goal)
            if path:
                open_pins.remove(goal)
        if not path:
            path = _stub(layout, grid, chance, start, net)
        for place in path:
            grid[place] = net
        width = 12 if chance.random() < 0.2 else 8
        points = tuple(_centre(place) for place in path)
        if len(points) > 1:
            layout.traces.append(Trace(points, width, net))
        net += 1


def _stub(
    layout: Layout, grid: Grid, chance: np.random.Generator, start: Place, net: int
) -> list[Place]:
    """Route to a via in a free place nearby."""
    for _try in range(6):
        row, column = (int(v) for v in np.array(start) + chance.integers(-9, 10, 2))
        if not (1 < row < CELLS - 2 and 1 < column < CELLS - 2):
            continue
        if grid[row - 1 : row + 2, column - 1 : column + 2].any():
            continue
        path = _route(grid, start, (row, column))
        if path:
            x, y = _centre((row, column))
            layout.vias.append(Pad(x, y, 18, 18, net, True, 4.5))
            return path
    return []


def _route(grid: Grid, start: Place, goal: Place) -> list[Place]:
    """Return the cells of a shortest way in eight directions (A*), or nothing."""
    cells = grid.tolist()
    best: dict[Place, float] = {start: 0.0}
    came: dict[Place, Place] = {}
    heap: list[tuple[float, Place]] = [(0.0, start)]
    while heap:
        _reach, place = heapq.heappop(heap)
        if place == goal:
            path = [place]
            while path[-1] != start:
                path.append(came[path[-1]])
            return path[::-1]
        for down, across in _STEPS:
            after = (place[0] + down, place[1] + across)
            if after != goal and cells[after[0]][after[1]] != 0:
                continue
            diagonal = down != 0 and across != 0
            if diagonal and (cells[place[0]][after[1]] != 0 or cells[after[0]][place[1]] != 0):
                continue
            cost = best[place] + (1.42 if diagonal else 1.0)
            turned = place in came and (
                (place[0] - came[place][0], place[1] - came[place][1]) != (down, across)
            )
            cost += 0.4 if turned else 0.0
            if cost < best.get(after, 1e9):
                best[after], came[after] = cost, place
                rows, columns = abs(goal[0] - after[0]), abs(goal[1] - after[1])
                ahead = max(rows, columns) + 0.42 * min(rows, columns)
                heapq.heappush(heap, (cost + ahead, after))
    return []


_STEPS = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
