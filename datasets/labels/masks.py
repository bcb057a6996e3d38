"""Check and unpack masks: run-length bytes of a brush, and pictures of a bitmask.

Run-length form (rle-pack, as the editor and the SDK write it): 32 bits count of values,
5 bits value size - 1, four times 4 bits run size - 1; then blocks of 1 bit kind, 2 bits which
run size, the run - 1, and one value (kind 1) or as many as the run (kind 0). Values are the
bytes of RGBA pixels, so the count is 4 x width x height.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import Problem, _
from .geometry import Value

# A mask of a 4,000 x 3,000 picture drawn by hand has some ten thousand bytes.
MAX_RLE_BYTES = 2_000_000
MAX_VALUES = 4 * 400_000_000
_WORD = 8  # bits of a value
_HEAD = 53  # bits before the first block
_RUN_BITS = (4, 8, 12, 16)  # of the lengths that we write
# How the base64 of every PNG begins.
_PNG = re.compile(r"data:image/png;base64,iVBORw0KGgo[A-Za-z0-9+/]*={0,2}")


def brush(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a mask: bytes that decode to the picture's size; strokes alone are left alone."""
    rle = value.get("rle")
    if rle is None and (value.get("touches") or value.get("maskDataURL")):
        return
    place = f"{place}.rle"
    if isinstance(rle, list) and len(rle) > MAX_RLE_BYTES:
        message = _("has %(count)s numbers; at most %(limit)s are allowed")
        yield Problem(place, message, {"count": len(rle), "limit": MAX_RLE_BYTES})
        return
    data = _bytes(rle)
    if len(data) < 5:
        yield Problem(place, _("must be a list of numbers from 0 to 255"))
        return
    values = int.from_bytes(data[:4], "big")
    wide, high = region.get("original_width"), region.get("original_height")
    if type(wide) is int and type(high) is int and values != 4 * wide * high:
        message = _("the mask is not of the picture's size, %(width)s x %(height)s")
        yield Problem(place, message, {"width": wide, "height": high})
    elif values > MAX_VALUES or values % 4:
        message = _("the mask must have 4 values a pixel, at most %(limit)s")
        yield Problem(place, message, {"limit": MAX_VALUES})
    elif not decodes(data):
        yield Problem(place, _("the mask cannot be decoded"))


def _bytes(rle: Any) -> bytes:
    try:
        return bytes(rle) if isinstance(rle, list) else b""
    except (TypeError, ValueError):
        return b""


def decodes(data: bytes) -> bool:
    """Walk the blocks without unpacking them; say whether they hold just what the head says."""
    head = int.from_bytes(data[:7].ljust(7, b"\0"), "big")  # 56 bits, the head and 3 more
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    if len(data) * 8 < _HEAD or (head >> 19 & 31) + 1 != _WORD:
        return False
    left, at, end = head >> 24, _HEAD, len(data) * 8
    padded = data + bytes(4)
    while left > 0:
        # The 19 bits of the longest block head lie in four bytes, wherever they begin.
        byte = at >> 3
        window = int.from_bytes(padded[byte : byte + 4], "big") << (at & 7) & 0xFFFFFFFF
        size = sizes[window >> 29 & 3]
        run = (window >> (29 - size) & ((1 << size) - 1)) + 1
        at += 3 + size + (_WORD if window >> 31 else _WORD * run)
        left -= run
        if at > end:
            return False
    return left == 0


def bitmask(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a mask that is a PNG in a data URL."""
    url = value.get("imageDataURL")
    if not isinstance(url, str) or not _PNG.fullmatch(url):
        yield Problem(f"{place}.imageDataURL", _("must be a PNG as a data URL"))


def unpacked_mask(data: bytes, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the opacity of each pixel: rows × columns of 0 … 255."""
    head = int.from_bytes(data[:7].ljust(7, b"\0"), "big")
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    values = np.zeros(width * height * 4, np.uint8)
    padded = data + bytes(8)
    at, place, count = _HEAD, 0, len(values)
    while place < count and at < len(data) * 8:
        window = int.from_bytes(padded[at >> 3 : (at >> 3) + 5], "big") << (at & 7)
        window &= 0xFFFFFFFFFF
        size = sizes[window >> 37 & 3]
        run = (window >> (37 - size) & ((1 << size) - 1)) + 1
        at += 3 + size
        if window >> 39:
            byte = int.from_bytes(padded[at >> 3 : (at >> 3) + 2], "big")
            values[place : place + run] = byte >> (8 - (at & 7)) & 255
            at += _WORD
        else:
            values[place : place + run] = _literal(padded, at, run)[: count - place]
            at += _WORD * run
        place += run
    return values.reshape(height, width, 4)[:, :, 3]


def packed_mask(pixels: np.ndarray[Any, Any]) -> list[int]:
    """Return the run-length bytes of a mask (rows × columns, painted where not 0).

    All four values of a pixel are 255 or 0, as Label Studio's own converter writes them.
    """
    flat = (np.asarray(pixels) != 0).reshape(-1)
    edges = np.flatnonzero(np.diff(flat.view(np.int8))) + 1
    starts = np.concatenate(([0], edges))
    runs = np.diff(np.concatenate((starts, [flat.size]))) * 4
    parts = [f"{flat.size * 4:032b}", f"{_WORD - 1:05b}", *(f"{n - 1:04b}" for n in _RUN_BITS)]
    for start, run in zip(starts.tolist(), runs.tolist(), strict=True):
        value = "11111111" if flat[start] else "00000000"
        while run > 0:
            step = min(run, 1 << _RUN_BITS[-1])
            place = next(n for n, bits in enumerate(_RUN_BITS) if step <= 1 << bits)
            parts.append(f"1{place:02b}{step - 1:0{_RUN_BITS[place]}b}{value}")
            run -= step
    bits = "".join(parts)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _literal(data: bytes, at: int, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return `count` values that begin at a bit."""
    first = at >> 3
    raw = np.frombuffer(data[first : first + count + 1].ljust(count + 1, b"\0"), np.uint8)
    shift = at & 7
    if not shift:
        return raw[:count]
    pairs = (raw[:-1].astype(np.uint16) << 8) | raw[1:]
    return (pairs >> (8 - shift) & 255).astype(np.uint8)
