"""Find faces: a coarse look at every size, then two closer ones at what is left.

The cascade of MTCNN (see `networks`). A picture is first brought to a longer side of at most
LONGEST, in which faces of LEAST pixels and more are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..colours import Colours
from . import networks

LONGEST = 1280  # pixels of the longer side
LEAST = 24  # pixels of the smallest face in it
SHRINK = 0.709  # from one size of the pyramid to the next
THRESHOLDS = (0.6, 0.7, 0.9)  # chance that suffices at each look
CELL, STRIDE = 12, 2  # pixels that the first network sees at once, and how far apart
TOGETHER = 256  # candidates in one call

Frames = NDArray[np.float32]  # (n, 5): left, top, right, bottom, chance
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Face:
    """A face in pixels of the picture, and the chance that it is one."""

    x: float
    y: float
    width: float
    height: float
    confidence: float


class Faces:
    """The three networks in memory; raises errors.Unavailable where the weights are missing."""

    def __init__(self, threads: int = 1) -> None:
        self._networks = {name: networks.session(name, threads) for name in "pro"}

    def find(self, picture: Colours) -> list[Face]:
        """Return the faces in a picture (height, width, 3) in red, green, blue, surest first."""
        height, width = picture.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        seen = picture
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            seen = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        frames = self._coarse(seen)
        frames = self._closer(seen, frames, "r", 24, THRESHOLDS[1])
        frames = self._closer(seen, frames, "o", 48, THRESHOLDS[2])
        found = []
        for left, top, right, bottom, chance in (frames / [*([scale] * 4), 1]).tolist():
            left, right = max(left, 0.0), min(right, float(width))
            top, bottom = max(top, 0.0), min(bottom, float(height))
            if right - left >= 1 and bottom - top >= 1:
                found.append(Face(left, top, right - left, bottom - top, min(chance, 1.0)))
        return sorted(found, key=lambda face: -face.confidence)

    def _coarse(self, picture: Colours) -> Frames:
        """Return squares that may hold a face, of every size."""
        height, width = picture.shape[:2]
        found: list[Frames] = [np.zeros((0, 5), np.float32)]
        scale = CELL / LEAST
        while min(height, width) * scale >= CELL:
            size = int(width * scale) + 1, int(height * scale) + 1
            small = _prepared(cv2.resize(picture, size, interpolation=_way(scale)))
            chances, moves = self._networks["p"].run(None, {"seen": small[None]})
            found.append(_near(_placed(chances[0, 1], moves[0], scale), 0.5))
            scale *= SHRINK
        return _square(_near(np.concatenate(found), 0.7))

    def _closer(
        self, picture: Colours, frames: Frames, network: str, side: int, threshold: float
    ) -> Frames:
        """Return those that a network still takes for faces, moved to fit."""
        crops = [_cropped(picture, frame, side) for frame in frames.tolist()]
        some = [place for place, crop in enumerate(crops) if crop is not None]
        if not some:
            return np.zeros((0, 5), np.float32)
        chances, moves = [], []
        for start in range(0, len(some), TOGETHER):
            part = np.stack([_prepared(crops[place]) for place in some[start : start + TOGETHER]])
            chance, move = self._networks[network].run(None, {"seen": part})
            chances.append(chance[:, 1])
            moves.append(move)
        chance, move = np.concatenate(chances), np.concatenate(moves)
        sure = chance > threshold
        kept = np.column_stack([frames[some][sure, :4], chance[sure]]).astype(np.float32)
        if network == "r":
            chosen = _chosen(kept, 0.7)
            return _square(_moved(kept[chosen], move[sure][chosen]))
        return _near(_moved(kept, move[sure]), 0.7, inside=True)


def _way(scale: float) -> int:
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def _prepared(picture: Any) -> Floats:
    """Return (3, height, width) from about -1 to 1, as the networks were trained."""
    values = (picture.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 128)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _placed(chances: Floats, moves: Floats, scale: float) -> Frames:
    """Return the frames of the cells whose chance suffices, moved to fit."""
    rows, columns = np.nonzero(chances >= THRESHOLDS[0])
    corners = np.column_stack([columns, rows]).astype(np.float32) * STRIDE
    frames = np.hstack(
        [
            np.floor((corners + 1) / scale),
            np.floor((corners + CELL) / scale),
            chances[rows, columns][:, None],
        ]
    ).astype(np.float32)
    sides = frames[:, [2, 3]] - frames[:, [0, 1]]
    frames[:, :4] += moves[:, rows, columns].T * np.hstack([sides, sides])
    return frames


def _moved(frames: Frames, moves: Floats) -> Frames:
    sides = frames[:, [2, 3]] - frames[:, [0, 1]] + 1
    moved = frames.copy()
    moved[:, :4] += moves * np.hstack([sides, sides])
    return moved


def _square(frames: Frames) -> Frames:
    """Return squares around the same middles, as long as the longer side."""
    middle = (frames[:, :2] + frames[:, 2:4]) / 2
    half = (frames[:, 2:4] - frames[:, :2]).max(axis=1, initial=0, keepdims=True) / 2
    return np.hstack([middle - half, middle + half, frames[:, 4:]]).astype(np.float32)


def _near(frames: Frames, overlap: float, inside: bool = False) -> Frames:
    return frames[_chosen(frames, overlap, inside)]


def _chosen(frames: Frames, overlap: float, inside: bool = False) -> list[int]:
    """Return of frames that overlap more than this the surest, in the order of their chance.

    Overlap is intersection by union; with `inside`, by the smaller of the two.
    """
    left, top, right, bottom = frames[:, :4].T
    areas = (right - left + 1) * (bottom - top + 1)
    waiting = np.argsort(-frames[:, 4], kind="stable")
    kept: list[int] = []
    while len(waiting):
        first, rest = waiting[0], waiting[1:]
        kept.append(int(first))
        across = np.minimum(right[first], right[rest]) - np.maximum(left[first], left[rest]) + 1
        down = np.minimum(bottom[first], bottom[rest]) - np.maximum(top[first], top[rest]) + 1
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        both = (
            np.minimum(areas[first], areas[rest]) if inside else areas[first] + areas[rest] - shared
        )
        waiting = rest[shared <= overlap * both]
    return kept


def _cropped(picture: Colours, frame: list[float], side: int) -> Any:
    """Return what a frame holds, as far as it lies inside, as a square; None outside."""
    height, width = picture.shape[:2]
    left, top = max(int(frame[0]) - 1, 0), max(int(frame[1]) - 1, 0)
    right, bottom = min(int(frame[2]), width), min(int(frame[3]), height)
    if right <= left or bottom <= top:
        return None
    crop = picture[top:bottom, left:right]
    way = _way(side / max(crop.shape[:2]))
    return cv2.resize(crop, (side, side), interpolation=way)
