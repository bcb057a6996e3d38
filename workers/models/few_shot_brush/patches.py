"""Keep the small part of a picture that a mark covers, not a mask of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.bool_]


@dataclass(frozen=True)
class Patch:
    """A mask of a picture of `shape` (height, width): its pixels and where they begin."""

    top: int
    left: int
    pixels: Pixels
    shape: tuple[int, int]

    @property
    def area(self) -> int:
        """Return how many pixels are set."""
        return int(self.pixels.sum())

    def whole(self) -> Pixels:
        """Return the mask of the whole picture."""
        mask = np.zeros(self.shape, np.bool_)
        height, width = self.pixels.shape
        mask[self.top : self.top + height, self.left : self.left + width] = self.pixels
        return mask


def patch(mask: Pixels) -> Patch:
    """Cut a mask out; one without pixels becomes a patch without any."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    pixels = mask[top : top + height, left : left + width].copy()
    return Patch(top, left, pixels, (mask.shape[0], mask.shape[1]))


def overlap(one: Patch, other: Patch, boxed: bool = False) -> float:
    """Return intersection over union of two masks of one picture, or of the boxes around them."""
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom = min(one.top + one.pixels.shape[0], other.top + other.pixels.shape[0])
    right = min(one.left + one.pixels.shape[1], other.left + other.pixels.shape[1])
    if bottom <= top or right <= left:
        return 0.0
    if boxed:
        shared = (bottom - top) * (right - left)
        return shared / (one.pixels.size + other.pixels.size - shared)
    edges = (top, left, bottom, right)
    shared = int((_window(one, edges) & _window(other, edges)).sum())
    return shared / max(one.area + other.area - shared, 1)


def _window(within: Patch, edges: tuple[int, int, int, int]) -> Pixels:
    top, left = edges[0] - within.top, edges[1] - within.left
    return within.pixels[top : edges[2] - within.top, left : edges[3] - within.left]
