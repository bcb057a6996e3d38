"""Bring any picture to 8 bits a channel in RGB or RGBA, as a browser would have to show it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_ROWS = 256
_SAMPLES = 1_000_000
_PROFILE_BYTES = 4 * 1024**2
WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def to_eight_bits(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB or RGBA and without any metadata."""
    if picture.mode in WIDE_MODES:
        result = _windowed(picture).convert("RGB")
    elif picture.mode in ("RGB", "RGBA", "L", "CMYK") and picture.info.get("icc_profile"):
        result = _profiled(picture)
    else:
        target = _target(picture)
        picture.load()
        # Large pictures are not copied without need: only what they say about themselves goes.
        result = picture if picture.mode == target else picture.convert(target)
    result.info = {}
    return result


def _target(picture: Image.Image) -> str:
    clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return "RGBA" if clear else "RGB"


def _profiled(picture: Image.Image) -> Image.Image:
    """Convert colours through the embedded profile; without it when it is unusable."""
    profile = picture.info["icc_profile"]
    plain = _target(picture)
    if len(profile) <= _PROFILE_BYTES and "transparency" not in picture.info:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode=plain
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return picture.convert(plain)


def _windowed(picture: Image.Image) -> Image.Image:
    """Stretch the 0.1–99.9 percentile of integer or float samples to 0–255."""
    low, high = _window(np.asarray(picture))
    values = np.asarray(picture)
    target = np.empty(values.shape, np.uint8)
    scale = 255.0 / (high - low) if high > low else 0.0
    base = 0.0 if high > low else 127.0
    for rows, out in _row_blocks(values, target):
        block = np.nan_to_num(rows.astype(np.float64), nan=low, posinf=high, neginf=low)
        out[:] = np.clip((block - low) * scale + base, 0, 255).round().astype(np.uint8)
    return Image.fromarray(target)


def _window(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    flat = values.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLES)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 0.0
    low, high = np.percentile(sample, [0.1, 99.9])
    if not np.isfinite(high - low):
        return 0.0, 0.0
    if low == high:
        low, high = sample.min(), sample.max()
    return float(low), float(high)


def _row_blocks(
    values: np.ndarray[Any, Any], target: np.ndarray[Any, Any]
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    for start in range(0, values.shape[0], _ROWS):
        yield values[start : start + _ROWS], target[start : start + _ROWS]
