"""Bring every picture that a model may meet to eight bits in red, green and blue."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from .interface import Item, Picture

Colours = NDArray[np.uint8]

# What stands for white in pictures of more than eight bits: the depths that cameras have.
TOPS = (255, 1023, 4095, 16383, 65535)


def read(item: Item, key: str) -> Picture:
    """Return the item's picture; raise errors.Invalid where it is missing or is none."""
    picture = item.pictures.get(key)
    if picture is None:
        raise errors.Invalid(_("the model needs the picture %(key)s"), key=key)
    check(picture, key)
    return picture


def check(picture: Picture, key: str) -> None:
    """Raise errors.Invalid unless the array is `(height, width)` or has 1 to 4 channels."""
    shaped = picture.ndim == 2 or (picture.ndim == 3 and 1 <= picture.shape[2] <= 4)
    if not shaped or picture.size == 0 or picture.dtype not in (np.uint8, np.uint16, np.bool_):
        raise errors.Invalid(
            _("%(key)s is not a picture: shape %(shape)s, type %(type)s"),
            key=key,
            shape=str(picture.shape),
            type=str(picture.dtype),
        )


def white(picture: Picture) -> int:
    """Return the value that stands for white: by type, or by the depth that is really used."""
    if picture.dtype == np.bool_:
        return 1
    if picture.dtype == np.uint8:
        return 255
    brightest = int(picture.max())
    return next(top for top in TOPS if brightest <= top)


def rgb(picture: Picture, top: int | None = None) -> Colours:
    """Return `(height, width, 3)` in eight bits; what is transparent lies on black.

    `top` is the value of white where `picture` is only a part of the picture.
    """
    top = white(picture) if top is None else top
    scaled = np.asarray(picture, np.uint8) if picture.dtype == np.uint8 else None
    if scaled is None:
        scaled = np.asarray(np.asarray(picture, np.float32) * (255 / top) + 0.5, np.uint8)
    if scaled.ndim == 2:
        scaled = scaled[:, :, None]
    if scaled.shape[2] in (2, 4):
        alpha = scaled[:, :, -1:].astype(np.uint16)
        scaled = np.asarray((scaled[:, :, :-1] * alpha + 127) // 255, np.uint8)
    if scaled.shape[2] == 1:
        scaled = np.repeat(scaled, 3, axis=2)
    return np.ascontiguousarray(scaled, np.uint8)


def reduced(picture: Colours, longest: int) -> Colours:
    """Return the picture with its longer side at most `longest` pixels, never enlarged."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
