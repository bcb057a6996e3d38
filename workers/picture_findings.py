"""Look for personal information in pictures: faces, licence plates, and what writing tells.

Faces by the networks of `models.faces`; writing by `models.ocr`, then the rules for texts;
plates by the writing of the whole picture and, closer, of areas in a plate's colour.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..datasets import personal_information
from ..datasets.media import pictures
from ..datasets.personal_information import KINDS, LEAST
from ..datasets.personal_information.pictures import PictureHit
from ..datasets.personal_information.plates import PROVINCE
from . import plate_regions
from .models import ocr
from .models.faces import Faces
from .models.interface import Item, Target, Words

# Grows when the same picture may give other hits.
DETECTOR = "picture-1"
PLATES = frozenset(("plate", "plate_nev", "plate_special"))
CLOSE_HEIGHT = 64  # pixels to which the area of a plate is enlarged before it is read
# An area that is less wide holds two lines, or one that is seen from the side.
SQUAREST = 2.2
_SQUARE = ((128, 1.0), (64, 2.0))  # pixels to which it is enlarged then, and how much wider
ROOM = 0.25  # around it, as a share of its sides
SAME, NEARLY = 0.3, 0.8  # overlap from which two plates are one; two regions of other kinds

Colours = NDArray[np.uint8]
Valued = tuple[PictureHit, str]

# Writing reads 0 for D, 8 for B: a plate in a picture may break the rule for letters. What
# stays is province, letter and five or six signs.
_LENIENT = re.compile(f"([{PROVINCE}])([A-Z0])([A-Z0-9]{{4,5}}[A-Z0-9挂学警港澳领])")
# In the colour of a plate the province, hard to read, may be missing, or the upper line.
_BARE = re.compile("([A-Z])?([A-Z0-9]{5,6}|[A-Z0-9]{4}[挂学警])")
_SEPARATORS = re.compile(r"[\s·•．.\-:：*'’]+")


def look(
    content: bytes, kinds: Collection[str] | None = None, least: float = LEAST
) -> list[PictureHit]:
    """Return the personal information in a picture file, in pixels of the upright first frame.

    Args:
        kinds: names of `personal_information.KINDS`; None looks for all.
        least: leaves out hits that are less sure than this (0 to 1).

    Raises:
        errors.Invalid: the picture cannot be read (TooLarge: it passes a limit).
        errors.Unavailable: the weights of a network are not installed.
    """
    return [hit for hit, _value in look_values(content, kinds, least)]


def look_values(
    content: bytes, kinds: Collection[str] | None = None, least: float = LEAST
) -> list[Valued]:
    """Return the hits of `look`, each with the value that was read ("" for a face)."""
    return seen_values(on_white(pictures.upright(io.BytesIO(content))), kinds, least)


def seen_values(
    picture: Colours, kinds: Collection[str] | None = None, least: float = LEAST
) -> list[Valued]:
    """Return what `look_values` does for an array (height, width, 3) in red, green, blue."""
    wanted = set(KINDS if kinds is None else kinds)
    found: list[Valued] = []
    if "face" in wanted:
        found += [
            (PictureHit("face", f.x, f.y, f.width, f.height, "", round(f.confidence, 4)), "")
            for f in _faces().find(picture)
        ]
    if wanted - {"face"}:
        lines = _read(picture)
        found += _in_writing(lines, wanted)
        if wanted & PLATES:
            found += _plates(lines)
            found += _close_plates(picture)
    sure = [each for each in found if each[0].confidence >= least and each[0].kind in wanted]
    return _apart(sure)


def on_white(picture: Image.Image) -> Colours:
    """Return a picture in RGB or RGBA as an array in RGB, what is transparent on white paper."""
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.asarray(picture.convert("RGB"), np.uint8)


@functools.lru_cache(maxsize=1)
def _faces() -> Faces:
    return Faces()


@functools.lru_cache(maxsize=1)
def _reader() -> ocr.Reader:
    return ocr.Reader(Target("picture", Words, ()))


def _read(picture: Colours) -> list[Words]:
    answer = _reader().predict([Item(pictures={"picture": picture})])[0]
    lines = [mark for mark in answer.marks if isinstance(mark, Words)]
    return ocr.in_reading_order(lines)


def _in_writing(lines: Sequence[Words], wanted: Collection[str]) -> list[Valued]:
    """Return what the rules for texts find in the lines, joined so that words before count."""
    text = "\n".join(line.text for line in lines)
    found: list[Valued] = []
    text_kinds = [name for name in wanted if name in personal_information.TEXT_KINDS]
    for hit, value in personal_information.find_values(text, text_kinds, 0.0):
        start = 0
        for line in lines:
            first, last = max(hit.start - start, 0), min(hit.end - start, len(line.text))
            if first < last:
                region = _stretch(line, first, last)
                sure = round(hit.confidence * line.score, 4)
                found.append((PictureHit(hit.kind, *region, hit.masked, sure), value))
            start += len(line.text) + 1
    return found


def _stretch(line: Words, first: int, last: int) -> tuple[float, float, float, float]:
    """Return the frame of some characters of a line: left, top, width, height.

    Characters are taken to be as wide as a Chinese one or half of it; one half is added at each
    end, since no line is set so evenly.
    """
    widths = [1.0 if character.isascii() else 2.0 for character in line.text]
    whole = sum(widths) or 1.0
    begin = max((sum(widths[:first]) - 1) / whole, 0.0)
    end = min((sum(widths[:last]) + 1) / whole, 1.0)
    left_top, right_top, right_bottom, left_bottom = np.array(line.corners, np.float64)
    across, below = right_top - left_top, right_bottom - left_bottom
    if np.linalg.norm(left_bottom - left_top) > 1.5 * np.linalg.norm(across):  # a column
        across, below = left_bottom - left_top, right_bottom - right_top
        left_bottom = right_top
    corners = [
        *(left_top + across * begin, left_top + across * end),
        *(left_bottom + below * begin, left_bottom + below * end),
    ]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _plates(lines: Iterable[Words], *, bare: bool = False) -> list[Valued]:
    """Return plates that are read with a letter for a digit, in one line or two."""
    found: list[Valued] = []
    placed = [(line, _frame(line)) for line in lines]
    tries = [(line.text, line.score, frame) for line, frame in placed]
    for line, (x, y, width, height) in placed:
        for lower, (left, top, across, down) in placed:
            beside = left < x + width and x < left + across
            if lower is not line and beside and y + height / 2 < top < y + 2 * height:
                right, bottom = max(x + width, left + across), top + down
                frame = (min(x, left), y, right - min(x, left), bottom - y)
                tries.append((line.text + lower.text, min(line.score, lower.score), frame))
    for text, score, frame in tries:
        value = _SEPARATORS.sub("", text).upper()
        whole = _LENIENT.search(value)
        sure = 0.9 if whole else 0.0
        if not whole and bare and (whole := _BARE.fullmatch(value)):
            sure = 0.7 if whole[1] else 0.6
        if whole and sum(map(str.isdigit, whole[0])) >= (2 if sure > 0.6 else 3):
            plate = whole[0]
            kind = "plate_nev" if len(plate) + plate[0].isascii() == 8 else "plate"
            hit = PictureHit(kind, *frame, _masked(plate), round(sure * score, 4))
            found.append((hit, plate))
    return found


def _frame(line: Words) -> tuple[float, float, float, float]:
    x, y, width, height = cv2.boundingRect(np.array(line.corners, np.float32))
    return float(x), float(y), float(width), float(height)


def _masked(plate: str) -> str:
    head = 1 if plate[0].isascii() else 2
    return plate[:head] + "*" * (len(plate) - head - 2) + plate[-2:]


def _close_plates(picture: Colours) -> list[Valued]:
    """Return the plates that are read in areas of a plate's colour."""
    found: list[Valued] = []
    height, width = picture.shape[:2]
    for left, top, across, down in plate_regions.regions(picture):
        beside, above = round(across * ROOM), round(down * ROOM)
        x, y = max(left - beside, 0), max(top - above, 0)
        crop = picture[y : min(top + down + above, height), x : min(left + across + beside, width)]
        for high, wide in ((CLOSE_HEIGHT, 1.0), *_SQUARE * (across < SQUAREST * down)):
            scale = max(1.0, high / down)
            size = round(crop.shape[1] * scale * wide), round(crop.shape[0] * scale)
            large = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            if plates := _plates(_read(large), bare=True):
                break
        for hit, value in plates[:1]:
            frame = float(left), float(top), float(across), float(down)
            found.append((PictureHit(hit.kind, *frame, hit.masked, hit.confidence), value))
    return found


def _apart(found: list[Valued]) -> list[Valued]:
    """Join what is one thing found twice: the stronger kind, then the surer, both regions.

    Regions only grow by this: nothing that was found stays uncovered.
    """
    found.sort(key=lambda each: (-KINDS[each[0].kind].strength, -each[0].confidence))
    kept: list[Valued] = []
    for hit, value in found:
        for place, (other, other_value) in enumerate(kept):
            if _is_same(hit, other):
                kept[place] = _joined(other, hit), other_value
                break
        else:
            kept.append((hit, value))
    return sorted(kept, key=lambda each: (each[0].y, each[0].x))


def _joined(one: PictureHit, other: PictureHit) -> PictureHit:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return replace(one, x=x, y=y, width=right - x, height=bottom - y)


def _is_same(one: PictureHit, other: PictureHit) -> bool:
    """Tell whether two regions show one thing: lines of writing may overlap and be two."""
    if (one.kind == "face") != (other.kind == "face"):
        return False
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0.0) * max(down, 0.0)
    smaller = min(one.width * one.height, other.width * other.height)
    both_plates = one.kind in PLATES and other.kind in PLATES
    return shared > (SAME if both_plates else NEARLY) * smaller
