"""Write a changed picture in the manner of the file that it came from, and without metadata.

A JPEG is written with the tables and the sampling of its source, so that what was not changed
stays within rounding; PNG, BMP, TIFF, JPEG 2000 and lossless WebP lose nothing. Only the first
frame is written. The mark of generated content goes along (see `metadata`).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from PIL import Image

from . import metadata
from .facts import MediaLimits
from .pictures import Manner, upright_in_manner

_CLEAR = ("PNG", "WEBP", "TIFF")  # can hold transparency
_HEADER = 33  # bytes of a PNG up to the end of its first chunk
QUALITY = 92  # where the tables of the source cannot be used


def edited(
    stream: BinaryIO,
    change: Callable[[Image.Image], Image.Image],
    *,
    limits: MediaLimits | None = None,
) -> tuple[bytes, str]:
    """Return (bytes, content type) of the picture after `change`, upright, without metadata.

    `change` gets it in RGB or RGBA of 8 bits. GIF becomes PNG, and so does what has
    transparency in a format without it; 16 bits become 8, and printing colours RGB.
    Raises Invalid (TooLarge) where the picture cannot be read.
    """
    picture, manner = upright_in_manner(stream, limits=limits)
    stream.seek(0)
    mark = metadata.generated_mark(stream.read())
    return encoded(change(picture), manner, mark)


def encoded(picture: Image.Image, manner: Manner, mark: bytes = b"") -> tuple[bytes, str]:
    """Return (bytes, content type) of a picture in RGB or RGBA, written in that manner."""
    pillow, kind = manner.signature.pillow, manner.signature.content_type
    if pillow in ("GIF", "MPO") or (picture.mode == "RGBA" and pillow not in _CLEAR):
        pillow, kind = "PNG", "image/png"
    if picture.mode == "RGB" and manner.mode in ("1", "L"):
        picture = picture.convert("L")
    options = _options(pillow, picture, manner)
    if mark and pillow in ("JPEG", "WEBP"):
        options["xmp"] = metadata.mark_packet(mark)
    out = io.BytesIO()
    picture.save(out, pillow, **options)
    content = out.getvalue()
    if mark and pillow == "PNG":
        content = content[:_HEADER] + metadata.png_packet(mark) + content[_HEADER:]
    return content, kind


def _options(pillow: str, picture: Image.Image, manner: Manner) -> dict[str, Any]:
    if pillow == "JPEG":
        same = manner.tables and picture.mode == manner.mode
        if same:
            tables = manner.tables
            if manner.turn >= 5:  # rows have become columns
                tables = {
                    number: [table[8 * column + row] for row in range(8) for column in range(8)]
                    for number, table in tables.items()
                }
            kept: dict[str, Any] = {"qtables": tables}
            if manner.sampling >= 0:
                kept["subsampling"] = manner.sampling
            return kept
        return {"quality": QUALITY, "subsampling": 0}
    ways: dict[str, dict[str, Any]] = {
        "PNG": {"compress_level": 3},
        "WEBP": {"lossless": manner.lossless, "quality": QUALITY, "method": 2, "exact": False},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "JPEG2000": {"irreversible": False},
    }
    return ways.get(pillow, {})
