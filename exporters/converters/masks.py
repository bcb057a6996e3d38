"""Decode brush masks, and write them as arrays and pictures.

Label Studio packs the RGBA bytes of a mask: a head of 53 bits (how many values, the word
size less one, four run sizes less one), then blocks: one bit "repeated", two bits which run
size, the run less one, and one value (repeated) or that many values.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ..detections import UNLABELLED
from .archive import Archive
from .pictures import Picture, Pictures
from .reading import Lines

_HEAD, _WORD = 53, 8  # bits


@dataclass(frozen=True)
class Mask:
    """Which pixels are painted: rows × columns, 0 or 255."""

    pixels: np.ndarray[Any, np.dtype[np.uint8]]

    @property
    def area(self) -> int:
        """Return how many pixels are painted."""
        return int(np.count_nonzero(self.pixels))

    @property
    def box(self) -> list[float]:
        """Return x, y, width, height of the box around what is painted."""
        down, across = np.nonzero(self.pixels)
        if not len(down):
            return [0.0, 0.0, 0.0, 0.0]
        left, top = int(across.min()), int(down.min())
        return [
            float(left),
            float(top),
            float(int(across.max()) - left + 1),
            float(int(down.max()) - top + 1),
        ]


def write_numpy(lines: Lines, out: BinaryIO) -> None:
    """Write each mask as `.npy`."""
    _write(lines, out, "npy")


def write_png(lines: Lines, out: BinaryIO) -> None:
    """Write each mask as a grey `.png`."""
    _write(lines, out, "png")


def decoded(picture: Picture) -> Iterator[tuple[str, Mask]]:
    """Give (label, mask) of the painted regions of a picture."""
    for region in picture.result:
        value = region.get("value") or {}
        if value.get("rle"):
            wide = region.get("original_width") or picture.width
            high = region.get("original_height") or picture.height
            mask = Mask(unpacked(bytes(value["rle"]), wide, high))
            for label in value.get("brushlabels") or value.get("labels") or (UNLABELLED,):
                yield label, mask


def unpacked(data: bytes, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
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


def run_lengths(mask: Mask) -> list[int]:
    """Return COCO's counts: runs of 0 and 1 by turns, column after column, from 0 on."""
    flat = (mask.pixels > 0).astype(np.uint8).T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate(([0], changes, [len(flat)]))).tolist()
    return [0, *runs] if len(flat) and flat[0] else list(runs)


def _literal(data: bytes, at: int, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return `count` values that begin at a bit."""
    first = at >> 3
    raw = np.frombuffer(data[first : first + count + 1].ljust(count + 1, b"\0"), np.uint8)
    shift = at & 7
    if not shift:
        return raw[:count]
    pairs = (raw[:-1].astype(np.uint16) << 8) | raw[1:]
    return (pairs >> (8 - shift) & 255).astype(np.uint8)


def _write(lines: Lines, out: BinaryIO, extension: str) -> None:
    pictures, archive = Pictures(lines), Archive(out)
    for picture in pictures.read():
        numbers: dict[str, int] = {}
        for label, mask in decoded(picture):
            number = numbers.get(label, 0)
            numbers[label] = number + 1
            safe = "".join("_" if c in '\\/:*?"<>|' or not c.isprintable() else c for c in label)
            path = f"task-{picture.task_id}-{safe}-{number}.{extension}"
            archive.text(path, _bytes(mask, extension))
    archive.end(pictures.left_out)


def _bytes(mask: Mask, extension: str) -> bytes:
    buffer = io.BytesIO()
    painted = np.where(mask.pixels > 0, 255, 0).astype(np.uint8)
    if extension == "npy":
        np.save(buffer, painted)
    else:
        Image.fromarray(painted).save(buffer, "PNG")
    return buffer.getvalue()
