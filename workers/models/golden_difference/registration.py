"""Lay the template on the image, only where the pair needs it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .pictures import Bytes, Pair, grey

ENOUGH = 0.002  # share of pixels outside the template's neighbourhood that real defects reach
FARTHEST = 16.0  # pixels (at 640 a side) beyond which a found shift is taken for a mistake
TURN = 0.035  # radians, or share of stretch: twice the 1° promised


def register(pair: Pair) -> tuple[Bytes, Bytes | None]:
    """Return the template in the image's pixels and a mask of where it is known (None: all).

    Pairs whose difference is already small pass untouched. For others a phase correlation
    gives the shift and ECC (Evangelidis & Psarakis 2008, `cv2.findTransformECC`) first the
    turn, then the stretch; kept only when it explains more of the image than doing nothing.
    """
    image, template = grey(pair.image), grey(pair.template)
    before = disagreement(image, template)
    if before <= ENOUGH:
        return pair.template, None
    motion = _motion(image, template)
    if motion is None:
        return pair.template, None
    moved = _warp(pair.template, motion)
    known = _warp(np.full(template.shape, 255, np.uint8), motion, cv2.BORDER_CONSTANT)
    if disagreement(image, grey(moved)) >= before:
        return pair.template, None
    return moved, np.asarray(cv2.erode(known, np.ones((5, 5), np.uint8)), np.uint8)


def disagreement(image: Bytes, template: Bytes) -> float:
    """Return the share of pixels that no template pixel within 1 explains.

    At full size: at half of it a turn of half a degree passes for none, and the edges of
    every pad then come out as differences.
    """
    seen = cv2.convertScaleAbs(image, alpha=1.0, beta=float(template.mean() - image.mean()))
    cross = np.ones((3, 3), np.uint8)
    over = cv2.subtract(seen, cv2.dilate(template, cross))
    under = cv2.subtract(cv2.erode(template, cross), seen)
    sample = np.asarray(template[::8, ::8], np.uint8)
    limit = 0.25 * float(np.percentile(sample, 99) - template.min())
    return float(np.count_nonzero(cv2.max(over, under) > limit)) / seen.size


def _motion(image: Bytes, template: Bytes) -> NDArray[np.float32] | None:
    """Return the 2 × 3 matrix from image to template pixels, coarse to fine."""
    longest = max(image.shape)
    motion = np.eye(2, 3, dtype=np.float32)
    found = False
    for side, rounds, kind in ((160, 60, cv2.MOTION_EUCLIDEAN), (320, 40, cv2.MOTION_AFFINE)):
        scale = min(1.0, side / longest)
        seen, wanted = (_shrunk(p, scale) for p in (image, template))
        step = motion.copy()
        step[:, 2] *= scale
        if not found:
            shift, _response = cv2.phaseCorrelate(
                seen, wanted, cv2.createHanningWindow(seen.shape[::-1], cv2.CV_32F)
            )
            if max(abs(shift[0]), abs(shift[1])) <= FARTHEST * side / 640:
                step[:, 2] = shift
        refined = _ecc(seen, wanted, step, rounds, kind)
        if refined is None:
            continue
        refined[:, 2] /= scale
        if _plausible(refined, longest):
            motion, found = refined, True
    return motion if found else None


def _shrunk(picture: Bytes, scale: float) -> NDArray[np.float32]:
    size = (max(16, round(picture.shape[1] * scale)), max(16, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), np.float32)


def _ecc(seen: Any, wanted: Any, start: Any, rounds: int, kind: int) -> NDArray[np.float32] | None:
    """Return ECC's refinement of `start`, or None where it does not converge."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, rounds, 1e-4)
    everywhere = np.full(wanted.shape, 255, np.uint8)
    try:
        _score, motion = cv2.findTransformECC(seen, wanted, start, kind, stop, everywhere, 1)
    except cv2.error:
        return None
    return np.asarray(motion, np.float32)


def _plausible(motion: NDArray[np.float32], longest: int) -> bool:
    """Say whether turn and stretch are small and the centre stays where a fixture holds it."""
    if not np.isfinite(motion).all() or float(np.abs(motion[:, :2] - np.eye(2)).max()) > TURN:
        return False
    centre = np.array([longest / 2, longest / 2, 1], np.float32)
    moved = motion @ centre - centre[:2]
    return float(np.abs(moved).max()) <= FARTHEST * max(1.0, longest / 640)


def _warp(
    picture: Bytes, motion: NDArray[np.float32], border: int = cv2.BORDER_REPLICATE
) -> NDArray[np.uint8]:
    size = (picture.shape[1], picture.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(picture, motion, size, flags=flags, borderMode=border)
    return np.asarray(moved, np.uint8).reshape(picture.shape)
