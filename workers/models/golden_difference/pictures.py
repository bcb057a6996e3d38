"""Bring an image and its template to one size, one depth and one illumination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from ..interface import Picture

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

CELL = 16  # pixels a side of a cell in which the illumination is taken as constant
SMALLEST = 16  # pixels a side below which there is nothing to compare


@dataclass(frozen=True)
class Pair:
    """Two 8-bit pictures of shape `(height, width, channels)`, channels 1 or 3, equal in shape."""

    image: Bytes
    template: Bytes


def read_pair(images: Mapping[str, Picture]) -> Pair | None:
    """Return both pictures in the image's size, or None where there is nothing to compare.

    Raises `errors.Invalid` for a missing key or an array that is not a picture.
    """
    image, template = (_real(images, key) for key in ("image", "template"))
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST or min(template.shape[:2]) < SMALLEST:
        return None
    if any(bool(picture.min() == picture.max()) for picture in (image, template)):
        return None
    tops = [_top(image), _top(template)]
    if image.dtype == template.dtype:
        tops = [max(tops)] * 2
    seen, wanted = _eight_bits(image, tops[0]), _eight_bits(template, tops[1])
    if wanted.shape[:2] != (height, width):
        way = cv2.INTER_AREA if wanted.shape[0] > height else cv2.INTER_CUBIC
        wanted = np.asarray(cv2.resize(wanted, (width, height), interpolation=way), np.uint8)
    seen, wanted = _channels(seen), _channels(wanted)
    if seen.shape[2] != wanted.shape[2]:
        seen, wanted = _grey(seen), _grey(wanted)
    return Pair(seen, wanted)


def _real(images: Mapping[str, Picture], key: str) -> Picture:
    picture = images.get(key)
    if not isinstance(picture, np.ndarray):
        raise errors.Invalid(_("the model needs the picture %(key)s"), key=key)
    shaped = picture.ndim == 2 or (picture.ndim == 3 and 1 <= picture.shape[2] <= 4)
    if not shaped or picture.size == 0 or picture.dtype.kind not in "buif":
        raise errors.Invalid(
            _("%(key)s is not a picture: shape %(shape)s, type %(type)s"),
            key=key,
            shape=str(picture.shape),
            type=str(picture.dtype),
        )
    if picture.dtype.kind == "f" and not np.isfinite(picture).all():
        raise errors.Invalid(_("%(key)s holds values that are not numbers"), key=key)
    return picture


def _top(picture: Picture) -> float:
    """Return the value that stands for white: 255 in 8-bit pictures, else what is really used."""
    if picture.dtype == np.uint8:
        return 0.0
    return float(picture.max())


def _eight_bits(picture: Picture, top: float) -> Bytes:
    """Scale to 0–255 and lay a transparent picture on black."""
    if picture.dtype == np.uint8:
        scaled: Bytes = picture  # type: ignore[assignment]
    else:
        factor = 255.0 / top if top > 0 else 0.0
        scaled = np.clip(picture.astype(np.float32) * factor, 0, 255).astype(np.uint8)
    if scaled.ndim == 3 and scaled.shape[2] in (2, 4):
        alpha = scaled[:, :, -1:].astype(np.uint16)
        scaled = ((scaled[:, :, :-1] * alpha + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(scaled)


def _channels(picture: Bytes) -> Bytes:
    """Return one channel where all are equal, else three."""
    if picture.ndim == 2:
        return picture[:, :, None]
    if picture.shape[2] == 3:
        first, second, third = cv2.split(picture)
        if np.array_equal(first, second) and np.array_equal(first, third):
            return np.asarray(first, np.uint8)[:, :, None]
    return picture


def _grey(picture: Bytes) -> Bytes:
    if picture.shape[2] == 1:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)[:, :, None]


def grey(picture: Bytes) -> Bytes:
    """Return the `(height, width)` brightness."""
    return _grey(picture)[:, :, 0]


def match_light(image: Bytes, template: Bytes) -> Bytes:
    """Return the image in the template's light: gain a channel, offset a cell of 16 pixels.

    The offset is the median over 5 × 5 cells, so a defect smaller than about 50 pixels stays.
    """
    height, width, channels = image.shape
    if min(height, width) < 5 * CELL:
        return image
    size = (width // CELL, height // CELL)
    matched = []
    for channel in range(channels):
        seen, wanted = image[:, :, channel], template[:, :, channel]
        gain = _gain(seen, wanted)
        cells = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (seen, wanted)]
        offset = cells[1].astype(np.float32) - gain * cells[0].astype(np.float32)
        offset = cv2.GaussianBlur(cv2.medianBlur(offset, 5), (5, 5), 0)
        if abs(gain - 1) < 0.02 and float(np.abs(offset).max()) < 2:
            matched.append(np.asarray(seen, np.uint8))
            continue
        field = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
        lit = cv2.scaleAdd(seen.astype(np.float32), gain, field)
        matched.append(np.asarray(cv2.convertScaleAbs(np.maximum(lit, 0)), np.uint8))
    return np.asarray(cv2.merge(matched), np.uint8).reshape(height, width, channels)


def _gain(seen: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """Return the ratio of the spreads, held within what light can do to one camera."""
    spread = float(seen[::4, ::4].std())
    return float(np.clip(float(wanted[::4, ::4].std()) / max(spread, 1e-3), 0.5, 2.0))
