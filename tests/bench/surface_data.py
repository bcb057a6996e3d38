"""Read surfaces of the samples as examples: spindles with pits, solar cells with defects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from jinbiao.workers.models.interface import Box, Choice, Example, Item, Mark, Mask, Picture

PIT = "Pitting"


@dataclass(frozen=True)
class Surface:
    """A picture of a spindle with its pits, and the place on the spindle that it shows.

    Pictures of one place were taken on several days: they show the same pit as it grows.
    """

    example: Example
    place: str


def spindles(folder: Path) -> list[Surface]:
    """Return the 84 pictures of BSData with damage, by file name."""
    found = []
    for file in sorted((folder / "label").glob("*.json")):
        picture = _read(next((folder / "data").glob(f"{file.stem}.*")))
        marks = []
        for shape in json.loads(file.read_text(encoding="utf-8"))["shapes"]:
            drawn = np.zeros(picture.shape[:2], np.uint8)
            cv2.fillPoly(drawn, [np.round(np.array(shape["points"])).astype(np.int32)], 1)
            marks.append(Mask(PIT, drawn > 0))
        place = "_".join(file.stem.split("_")[2:4])
        found.append(Surface(Example(Item(pictures={"image": picture}), marks), place))
    return found


def undamaged(folder: Path) -> list[Surface]:
    """Return the 10 pictures of BSData without damage."""
    return [
        Surface(
            Example(Item(pictures={"image": _read(file)}), []), "_".join(file.stem.split("_")[2:4])
        )
        for file in sorted((folder / "data_no_damage").glob("*.jpg"))
    ]


def cells(folder: Path) -> list[Example]:
    """Return the solar cells of elpv; "defect" where experts saw one with at least even odds."""
    return [
        Example(Item(pictures={"image": picture}), [Choice("defect" if chance >= 0.5 else "none")])
        for picture, chance, _kind in _cells(folder)
    ]


def kinds_of_cells(folder: Path) -> list[Example]:
    """Return the solar cells of elpv, "mono" or "poly" crystalline."""
    return [
        Example(Item(pictures={"image": picture}), [Choice(kind)])
        for picture, _chance, kind in _cells(folder)
    ]


def _cells(folder: Path) -> Iterator[tuple[Picture, float, str]]:
    for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines():
        path, chance, kind = line.split()
        yield _read(folder / path, cv2.IMREAD_UNCHANGED), float(chance), kind


def _read(file: Path, how: int = cv2.IMREAD_COLOR_RGB) -> Picture:
    picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), how)
    assert picture is not None
    return picture


def boxes(marks: Sequence[Mark]) -> list[Box]:
    """Return the box around each mask."""
    found = []
    for mask in [mark for mark in marks if isinstance(mark, Mask)]:
        left, top, width, height = cv2.boundingRect(mask.pixels.astype(np.uint8))
        found.append(Box(mask.label, left, top, width, height, mask.score))
    return found
