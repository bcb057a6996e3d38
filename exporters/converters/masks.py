"""Decode brush masks, and write them as arrays and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ...datasets import labels
from ..detections import UNLABELLED
from .archive import Archive
from .pictures import Picture, Pictures
from .reading import Lines


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
            mask = Mask(labels.unpacked_mask(bytes(value["rle"]), wide, high))
            for label in value.get("brushlabels") or value.get("labels") or (UNLABELLED,):
                yield label, mask


def run_lengths(mask: Mask) -> list[int]:
    """Return COCO's counts: runs of 0 and 1 by turns, column after column, from 0 on."""
    flat = (mask.pixels > 0).astype(np.uint8).T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate(([0], changes, [len(flat)]))).tolist()
    return [0, *runs] if len(flat) and flat[0] else list(runs)


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
