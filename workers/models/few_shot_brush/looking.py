"""Turn a picture into numbers a place: what a trained network sees, and classical filters.

All is given on a grid of every second pixel of the picture at its working size. The filters are
those of ilastik (Sommer and others, ISBI 2011): smoothed brightness and colour, gradient, and
eigenvalues of the Hessian and of the structure tensor, at several scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..backbone import Backbone
from ..colours import Colours

Floats = NDArray[np.float32]

STEP = 2  # working pixels a place of the grid
LARGEST = 1_200_000  # working pixels; more would take over half a gigabyte
SMALLEST = 16  # pixels a side below which there is nothing to learn from
SCALES = (1.0, 2.0, 4.0, 8.0)  # standard deviations in working pixels
AROUND = 24.0  # the same, of what counts as the surroundings
FILTERS = 3 * 2 + 2 + len(SCALES) * 6


@dataclass(frozen=True)
class Seen:
    """A picture at its working size, and the maps of the network, finest first."""

    picture: Colours
    maps: list[Floats]

    @property
    def grid(self) -> tuple[int, int]:
        """Return rows and columns of the grid."""
        return grid(self.picture)


def grid(picture: Colours) -> tuple[int, int]:
    """Return rows and columns of the grid on a picture of working size."""
    height, width = picture.shape[:2]
    return -(-height // STEP), -(-width // STEP)


def working(picture: Colours, scale: float) -> Colours:
    """Return the picture at its working size: scaled, within the bounds, never under 16 a side."""
    height, width = picture.shape[:2]
    scale = min(scale, (LARGEST / (height * width)) ** 0.5)
    size = (max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale)))
    if size == (width, height):
        return picture
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def look(picture: Colours, network: Backbone) -> Seen:
    """Return what there is to see in a picture of working size."""
    return Seen(picture, network.maps(picture))


def filters(seen: Seen) -> Iterator[Floats]:
    """Yield the classical filters on the grid, one by one, always `FILTERS` in one order."""
    lab = np.asarray(cv2.cvtColor(seen.picture, cv2.COLOR_RGB2LAB), np.float32)
    light = np.ascontiguousarray(lab[:, :, 0]) / np.float32(255)
    for channel in range(3):
        colour = np.ascontiguousarray(lab[:, :, channel]) / np.float32(255)
        for scale in (1.0, 4.0):
            yield _grid(_smooth(colour, scale), seen.grid)
    around = _smooth(light, AROUND)
    varies = np.maximum(_smooth(light * light, AROUND) - around * around, 0)
    spread = np.asarray(np.sqrt(varies) + 0.02, np.float32)
    for scale in (1.0, 4.0):
        yield _grid((_smooth(light, scale) - around) / spread, seen.grid)
    for scale in SCALES:
        soft = _smooth(light, scale)
        across, down = _slope(soft, 1, 0), _slope(soft, 0, 1)
        yield _grid(np.asarray(np.hypot(across, down) * scale, np.float32), seen.grid)
        for value in _eigenvalues(_slope(across, 1, 0), _slope(across, 0, 1), _slope(down, 0, 1)):
            yield _grid(value * scale * scale, seen.grid)
        products = (across * across, across * down, down * down)
        tensor = [_smooth(each, 2 * scale) for each in products]
        for value in _eigenvalues(*tensor):
            yield _grid(np.sqrt(np.maximum(value, 0)) * scale, seen.grid)
        yield _grid((soft - _smooth(light, 2 * scale)) / spread, seen.grid)


def _smooth(values: Floats, scale: float) -> Floats:
    """Smooth with a Gaussian; wide ones on a smaller copy, which hardly differs."""
    if scale < 6:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), scale), np.float32)
    height, width = values.shape
    size = (max(1, width // 4), max(1, height // 4))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), scale / 4)
    return np.asarray(cv2.resize(soft, (width, height)), np.float32)


def _slope(values: Floats, across: int, down: int) -> Floats:
    return np.asarray(cv2.Scharr(values, cv2.CV_32F, across, down, scale=1 / 32), np.float32)


def _eigenvalues(xx: Floats, xy: Floats, yy: Floats) -> tuple[Floats, Floats]:
    """Return the larger and the smaller eigenvalue of symmetric 2 × 2 matrices."""
    middle, apart = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    return middle + apart, middle - apart


def _grid(values: Floats, grid: tuple[int, int]) -> Floats:
    size = (grid[1], grid[0])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def at(seen: Seen, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
    """Return what is seen at places of the grid: `(places, filters + channels of the network)`."""
    parts = [np.stack([values[rows, columns] for values in filters(seen)], axis=1)]
    high, wide = seen.grid
    for each in seen.maps:
        height, width = each.shape[1:]
        y0, y1, y = _between(rows, height / high, height)
        x0, x1, x = _between(columns, width / wide, width)
        upper = each[:, y0, x0] * (1 - x) + each[:, y0, x1] * x
        lower = each[:, y1, x0] * (1 - x) + each[:, y1, x1] * x
        parts.append(np.asarray((upper * (1 - y) + lower * y).T, np.float32))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _between(
    places: NDArray[np.intp], ratio: float, length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return the neighbours of places on a coarser map, and how far off the first lies.

    Samples stand for the middle of their pixel, as when OpenCV enlarges a map.
    """
    held = np.clip((places + 0.5) * ratio - 0.5, 0, length - 1)
    before = np.floor(held).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), (held - before).astype(np.float32)


def grid_mask(pixels: NDArray[np.bool_], grid: tuple[int, int]) -> Floats:
    """Return the share of each place of the grid that a mask of the whole picture covers."""
    size = (grid[1], grid[0])
    way = cv2.INTER_AREA if pixels.shape[0] > grid[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels.astype(np.float32), size, interpolation=way), np.float32)
