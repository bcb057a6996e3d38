"""Find where a picture may show licence plates: small upright areas of a plate's colour.

Colours by GA 36-2018: blue and green with white or black writing, yellow with black. What is
found is only a place to read closely; most of it is no plate.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LONGEST = 1600  # pixels of the longer side at which areas are looked for
MOST = 12  # areas that are read closely
# Hue (0 to 180), saturation and value of each plate colour.
_COLOURS = (
    ((95, 90, 45), (130, 255, 255)),  # blue
    ((45, 50, 50), (92, 255, 255)),  # green
    ((14, 90, 80), (34, 255, 255)),  # yellow
)
_SHAPES = (1.3, 6.0)  # width by height, two lines to one line seen from the side
_LEAST = (18, 9)  # pixels wide and high
_BUSY = 0.12  # share of pixels of an area at an upright edge: writing has many

Region = tuple[int, int, int, int]  # left, top, width, height


def regions(picture: NDArray[np.uint8]) -> list[Region]:
    """Return at most MOST areas of a picture (height, width, 3) in red, green, blue."""
    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    seen = picture
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    tones = cv2.cvtColor(seen, cv2.COLOR_RGB2HSV)
    slope = np.abs(cv2.Sobel(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), cv2.CV_16S, 1, 0))
    edges = np.asarray(slope > 100, np.uint8)
    found: list[tuple[float, Region]] = []
    for low, high in _COLOURS:
        area = cv2.inRange(tones, np.array(low), np.array(high))
        # Writing tears holes into a plate; closing them joins it.
        joined = cv2.morphologyEx(area, cv2.MORPH_CLOSE, np.ones((5, 11), np.uint8))
        _count, _labels, stats, _middles = cv2.connectedComponentsWithStats(joined)
        for left, top, across, down, size in stats[1:].tolist():
            if across < _LEAST[0] or down < _LEAST[1] or size < 0.45 * across * down:
                continue
            if not _SHAPES[0] <= across / down <= _SHAPES[1]:
                continue
            busy = float(edges[top : top + down, left : left + across].mean())
            if busy >= _BUSY:
                found.append((busy, (left, top, across, down)))
    found.sort(reverse=True)
    return [_enlarged(region, 1 / scale) for _busy, region in found[:MOST]]


def _enlarged(region: Region, scale: float) -> Region:
    left, top, across, down = (round(value * scale) for value in region)
    return left, top, across, down
