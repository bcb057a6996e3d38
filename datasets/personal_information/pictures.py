"""Say where a picture shows personal information, and cover it: arrays in, arrays out.

Blurring and mosaic leave at most 6 × 6 values of a region; a filled region leaves nothing.
(S. Hill et al., "On the (In)effectiveness of Mosaicing and Blurring as Tools for Document
Redaction", PETS 2016: coarse cells can still betray writing whose typeface is known.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Action = Literal["blur", "mosaic", "fill"]
ACTIONS: tuple[Action, ...] = ("blur", "mosaic", "fill")
CELLS = 6  # values that stay of a region, each way

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureHit:
    """Personal information in a picture, in pixels of the upright picture.

    `masked` is all that may be shown of what was read; "" for a face. `confidence` is between
    0 and 1.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    masked: str
    confidence: float


def covered(
    pixels: Pixels, hits: Iterable[PictureHit], action: Action, margin: float = 0.1
) -> Pixels:
    """Return a picture (height, width[, channels]) in which each region is made unreadable.

    `margin` widens a region on each side by so much of its width and height.
    """
    made = pixels.copy()
    for hit in hits:
        top, bottom, left, right = _widened(hit, margin, pixels.shape)
        if top < bottom and left < right:
            made[top:bottom, left:right] = _hidden(made[top:bottom, left:right], action)
    return made


def _widened(hit: PictureHit, margin: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    across, down = hit.width * margin, hit.height * margin
    height, width = shape[:2]
    top, bottom = int(np.floor(hit.y - down)), int(np.ceil(hit.y + hit.height + down))
    left, right = int(np.floor(hit.x - across)), int(np.ceil(hit.x + hit.width + across))
    return max(top, 0), min(bottom, height), max(left, 0), min(right, width)


def _hidden(region: Pixels, action: Action) -> Any:
    """Return what stands in place of a region; opacity is lost with everything else of it."""
    if action == "fill":
        black = np.zeros_like(region)
        if region.ndim == 3 and region.shape[2] == 4:
            black[:, :, 3] = 255
        return black
    height, width = region.shape[:2]
    cells = min(CELLS, width), min(CELLS, height)
    coarse = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
    way = cv2.INTER_CUBIC if action == "blur" else cv2.INTER_NEAREST
    return cv2.resize(coarse, (width, height), interpolation=way).reshape(region.shape)
