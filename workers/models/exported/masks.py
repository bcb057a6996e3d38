"""Draw the shapes of found boxes from prototype masks, in pixels of the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .preparing import Placement


def draw(
    prototypes: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    box: NDArray[np.float32],
    placement: Placement,
    size: tuple[int, int],
) -> NDArray[np.bool_] | None:
    """Return the pixels of one shape inside its box, None where there are none.

    `prototypes` are (number, height, width) over the whole input of `size` (height, width);
    `box` is (left, top, right, bottom) in pixels of the picture. What is drawn is where the
    mixed prototypes are positive, which is where their sigmoid is above one half.
    """
    left, top = int(np.floor(box[0])), int(np.floor(box[1]))
    right = min(int(np.ceil(box[2])), placement.width)
    bottom = min(int(np.ceil(box[3])), placement.height)
    if right <= left or bottom <= top:
        return None
    _number, high, wide = prototypes.shape
    across, down = placement.across * wide / size[1], placement.down * high / size[0]
    # The middle of a pixel of the picture lies there in the prototypes.
    shift_x = (left + 0.5) * across + placement.left * wide / size[1] - 0.5
    shift_y = (top + 0.5) * down + placement.top * high / size[0] - 0.5
    # Only the part under the box is mixed.
    first_x, last_x = _part(shift_x, across * (right - left), wide)
    first_y, last_y = _part(shift_y, down * (bottom - top), high)
    part = prototypes[:, first_y:last_y, first_x:last_x]
    mixed = np.tensordot(coefficients, part, axes=1).astype(np.float32)
    mixed = np.nan_to_num(mixed, nan=-1.0, posinf=1e6, neginf=-1e6)
    way = np.array([[across, 0, shift_x - first_x], [0, down, shift_y - first_y]])
    drawn = cv2.warpAffine(
        mixed,
        way,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = np.asarray(drawn > 0, np.bool_).reshape(bottom - top, right - left)
    if not inside.any():
        return None
    # Pages that nobody writes take no memory: a small shape in a large picture stays small.
    pixels = np.zeros((placement.height, placement.width), np.bool_)
    pixels[top:bottom, left:right] = inside
    return pixels


def _part(start: float, length: float, most: int) -> tuple[int, int]:
    """Return the first and last place under a stretch, with one more on each side."""
    first = int(np.clip(np.floor(start) - 1, 0, most - 1))
    last = int(np.clip(np.ceil(start + length) + 2, first + 1, most))
    return first, last
