"""Bring a picture into the form that a network takes, and remember the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import colours
from ..interface import Picture
from .options import Reading

GREY = 114  # what YOLO's tools fill the edges with
# A crop from the middle is this part of the shorter side, as in the tools of PyTorch: 224 of 256.
CROPPED = 0.875


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in the input: input = picture · (across, down) + (left, top)."""

    across: float
    down: float
    left: float
    top: float
    height: int
    width: int

    def back(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes (left, top, right, bottom) of the input in pixels of the picture, cut at
        its edges."""
        moved = boxes - np.array([self.left, self.top] * 2, np.float32)
        moved /= np.array([self.across, self.down] * 2, np.float32)
        edges = np.array([self.width, self.height] * 2, np.float32)
        cut: NDArray[np.float32] = np.clip(moved, 0, edges)
        return cut


@dataclass(frozen=True)
class Input:
    """What a network takes: axes in the order of `layout` (NCHW or NHWC), and its numbers' type."""

    layout: str = "NCHW"
    kind: str = "float32"
    channels: int = 3


def prepare(
    picture: Picture, reading: Reading, wanted: Input
) -> tuple[NDArray[np.generic], Placement]:
    """Return a batch of one for the network, and where the picture lies in it."""
    seen = colours.rgb(picture)
    if reading.resize == "letterbox":
        canvas, placement = _letterboxed(seen, reading.size)
    elif reading.resize == "crop":
        canvas, placement = _cropped(seen, reading.size)
    else:
        canvas, placement = _stretched(seen, reading.size)
    if wanted.channels == 1:
        canvas = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY), np.uint8)[:, :, None]
    elif reading.channels == "BGR":
        canvas = canvas[:, :, ::-1]
    if wanted.kind == "uint8":
        # Such a network scales by itself.
        values: NDArray[np.generic] = canvas
    else:
        means = np.array(reading.mean[: wanted.channels], np.float32)
        spreads = np.array(reading.std[: wanted.channels], np.float32)
        scaled = (canvas.astype(np.float32) * np.float32(reading.scale) - means) / spreads
        values = scaled.astype(np.dtype(wanted.kind))
    if wanted.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None]), placement


def _letterboxed(
    seen: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Placement]:
    """Fit the whole picture into the middle, edges filled with grey."""
    height, width = seen.shape[:2]
    ratio = min(size[0] / height, size[1] / width)
    down, across = max(round(height * ratio), 1), max(round(width * ratio), 1)
    # The same rounding as YOLO's own letterbox: half a pixel goes to the right and below.
    top = round((size[0] - down) / 2 - 0.1)
    left = round((size[1] - across) / 2 - 0.1)
    canvas = np.full((*size, 3), GREY, np.uint8)
    canvas[top : top + down, left : left + across] = _resized(seen, down, across)
    return canvas, Placement(across / width, down / height, left, top, height, width)


def _cropped(seen: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], Placement]:
    """Fill the input with the middle of the picture."""
    height, width = seen.shape[:2]
    ratio = max(size[0] / height, size[1] / width) / CROPPED
    down, across = max(round(height * ratio), size[0]), max(round(width * ratio), size[1])
    # Only the middle is resized: a thin strip would otherwise become enormous.
    top, left = (down - size[0]) / 2, (across - size[1]) / 2
    first_row, rows = int(top * height / down), _whole(size[0] * height / down)
    first_column, columns = int(left * width / across), _whole(size[1] * width / across)
    middle = seen[first_row : first_row + rows, first_column : first_column + columns]
    placement = Placement(across / width, down / height, -left, -top, height, width)
    return _resized(middle, *size, smoothly=True), placement


def _stretched(
    seen: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Placement]:
    height, width = seen.shape[:2]
    placement = Placement(size[1] / width, size[0] / height, 0, 0, height, width)
    return _resized(seen, *size, smoothly=True), placement


def _whole(value: float) -> int:
    """Return the next whole number, at least one."""
    return max(int(np.ceil(value - 1e-6)), 1)


def _resized(
    seen: NDArray[np.uint8], height: int, width: int, smoothly: bool = False
) -> NDArray[np.uint8]:
    """Resize as the tools do that the networks were trained with: YOLO's do not smooth."""
    if seen.shape[:2] == (height, width):
        return seen
    shrinks = height <= seen.shape[0] and width <= seen.shape[1]
    way = cv2.INTER_AREA if smoothly and shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(seen), (width, height), interpolation=way)
    return np.asarray(resized, np.uint8)
