"""Take from people's marks which places of a picture show what: the rows that heads learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import colours
from ..click_to_mask import mask_from_box, mask_from_points
from ..colours import Colours
from ..interface import Box, Example, Mask, Picture
from . import looking
from .patches import Patch, patch

Floats = NDArray[np.float32]

MOST_MARKED, MOST_CLEAN = 60, 30  # pictures kept in memory, at most 1.2 megapixels each
INSIDE, BESIDE, BEYOND = 300, 150, 250  # places taken of a picture, for each label
RIM = 12.0  # places of the grid that count as beside
YES, NO = 0.5, 0.1  # share of a place that a mask covers from which, below which, it is sure
THIN = 8.0  # a mask so many times as long as it is wide may be a stroke, not an outline
LARGER = 2.5  # and is one where the thing around it has so many times its area
POINTS = 9  # of a stroke, from which that thing is guessed
SIZE = 30.0  # working pixels a side that a usual thing gets
SCALES = (0.1, 2.0)


@dataclass(frozen=True)
class Drawn:
    """A mark of a label: the pixels that surely are of it, those better left out of learning,
    and the whole that a region is compared with."""

    label: str
    sure: Patch
    unsure: Patch | None
    whole: Patch
    kind: str  # "outline", "stroke" or "box"

    @property
    def side(self) -> float:
        """Return about how many pixels the thing has a side."""
        return float(np.sqrt((self.sure if self.kind == "box" else self.whole).area))


@dataclass(frozen=True)
class Lesson:
    """A picture and what was drawn on it, no larger than anything looks at."""

    picture: Colours
    drawn: list[Drawn]


def lessons(examples: Iterable[Example], key: str, labels: Sequence[str]) -> list[Lesson]:
    """Return the pictures to learn from, in order; of very many a fair choice, always the same."""
    chance = np.random.default_rng(0)
    kept: dict[bool, list[tuple[int, Lesson]]] = {True: [], False: []}
    met = {True: 0, False: 0}
    for number, example in enumerate(examples):
        marks = [m for m in example.marks if isinstance(m, Mask | Box) and m.label in labels]
        held, most = kept[bool(marks)], MOST_MARKED if marks else MOST_CLEAN
        met[bool(marks)] += 1
        place = len(held) if len(held) < most else int(chance.integers(met[bool(marks)]))
        if place >= most:
            continue
        picture = colours.read(example.item, key)
        if min(picture.shape[:2]) < looking.SMALLEST:
            continue
        held[place : place + 1] = [(number, _lesson(picture, marks))]
    together = sorted(kept[True] + kept[False], key=lambda pair: pair[0])
    return _as_most([lesson for _number, lesson in together])


def _lesson(picture: Picture, marks: Sequence[Mask | Box]) -> Lesson:
    """Reduce picture and marks to what fits the bounds."""
    small = looking.working(colours.rgb(picture), 1.0)
    drawn = []
    for mark in marks:
        if isinstance(mark, Box):
            high, wide = small.shape[0] / picture.shape[0], small.shape[1] / picture.shape[1]
            drawn += _boxed(small, mark, wide, high)
        elif mark.pixels.shape == picture.shape[:2] and mark.pixels.any():
            sure = _resized(mark.pixels, (small.shape[1], small.shape[0]))
            drawn.append(_painted(small, mark.label, sure))
    return Lesson(small, drawn)


def _boxed(small: Colours, box: Box, wide: float, high: float) -> list[Drawn]:
    """Take the thing in a box for sure, and the rest of the box for neither."""
    within = Box(box.label, box.x * wide, box.y * high, box.width * wide, box.height * high)
    found = mask_from_box(small, within).pixels
    if not found.any():
        return []
    whole = np.zeros(small.shape[:2], np.bool_)
    top, left = max(int(within.y), 0), max(int(within.x), 0)
    bottom = int(np.ceil(within.y + within.height))
    whole[top:bottom, left : int(np.ceil(within.x + within.width))] = True
    found &= whole
    return [Drawn(box.label, patch(found), patch(whole & ~found), patch(whole), "box")]


def _painted(small: Colours, label: str, sure: NDArray[np.bool_]) -> Drawn:
    """Tell an outline from a stroke, which is long, thin and lies within a larger thing.

    Around a stroke it is not known what belongs to the thing; how large that is, is guessed.
    """
    inner = cv2.distanceTransform(np.pad(sure, 1).astype(np.uint8), cv2.DIST_L2, 3)
    width = 2 * float(inner.max())
    outline = Drawn(label, patch(sure), None, patch(sure), "outline")
    if sure.sum() < THIN * width * width:
        return outline
    rows, columns = np.nonzero(sure)
    some = np.linspace(0, len(rows) - 1, POINTS).astype(int)
    points = [(float(columns[place]), float(rows[place])) for place in some]
    whole = mask_from_points(small, points).pixels | sure
    if whole.sum() < LARGER * sure.sum():
        return outline
    outer = cv2.distanceTransform((~sure).astype(np.uint8), cv2.DIST_L2, 3)
    unsure = ~sure & (whole | (outer < 3 * width + 8))
    unknown = patch(np.asarray(unsure, np.bool_))
    return Drawn(label, patch(sure), unknown, patch(np.asarray(whole, np.bool_)), "stroke")


def _as_most(taught: Sequence[Lesson]) -> list[Lesson]:
    """Take strokes for thin outlines where most marks of their label are outlines."""
    kinds: dict[str, list[str]] = {}
    for lesson in taught:
        for each in lesson.drawn:
            kinds.setdefault(each.label, []).append(each.kind)
    outlined = {label for label, of in kinds.items() if 2 * of.count("stroke") < len(of)}
    return [
        Lesson(
            lesson.picture,
            [
                Drawn(each.label, each.sure, None, each.sure, "outline")
                if each.kind == "stroke" and each.label in outlined
                else each
                for each in lesson.drawn
            ],
        )
        for lesson in taught
    ]


def scale_for(taught: Sequence[Lesson]) -> float:
    """Return by how much to scale pictures so that a usual thing has about 30 pixels a side."""
    sides = [each.side for lesson in taught for each in lesson.drawn]
    if not sides:
        return 1.0
    return float(np.clip(SIZE / float(np.median(sides)), *SCALES))


def rescaled(lesson: Lesson, scale: float) -> Lesson:
    """Return the lesson at its working size."""
    picture = looking.working(lesson.picture, scale)
    size = (picture.shape[1], picture.shape[0])
    if picture.shape == lesson.picture.shape:
        return lesson
    drawn = [
        Drawn(
            each.label,
            patch(_resized(each.sure.whole(), size)),
            None if each.unsure is None else patch(_resized(each.unsure.whole(), size)),
            patch(_resized(each.whole.whole(), size)),
            each.kind,
        )
        for each in lesson.drawn
    ]
    return Lesson(picture, drawn)


def _resized(pixels: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask in another size; what is too small for it keeps its best pixels."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    way = cv2.INTER_AREA if pixels.shape[1] > size[0] else cv2.INTER_LINEAR
    share = cv2.resize(pixels.astype(np.float32), size, interpolation=way)
    return np.asarray((share > 0) & (share >= min(YES, float(share.max()))), np.bool_)


def answers(lesson: Lesson, grid: tuple[int, int], labels: Sequence[str]) -> Floats:
    """Return `(labels, rows, columns)`: 1 where the label is, 0 where it is not, NaN unknown."""
    known = np.zeros((len(labels), *grid), np.float32)
    unknown = np.zeros(known.shape, np.bool_)
    for each in lesson.drawn:
        place = labels.index(each.label)
        share = looking.grid_mask(each.sure.whole(), grid)
        yes = share >= min(YES, float(share.max()))
        unknown[place] |= (share > NO) & ~yes
        if each.unsure is not None:
            unknown[place] |= looking.grid_mask(each.unsure.whole(), grid) > NO
        known[place] = np.maximum(known[place], yes)
    known[unknown & (known == 0)] = np.nan
    return known


def marks_on_grid(lesson: Lesson, label: str) -> list[Patch]:
    """Return the places of the grid that each mark of a label covers, at least its best."""
    found = []
    for each in lesson.drawn:
        if each.label == label:
            share = looking.grid_mask(each.whole.whole(), looking.grid(lesson.picture))
            found.append(patch((share > 0) & (share >= min(YES, float(share.max())))))
    return found


def choose(known: Floats, chance: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the places to learn from: inside, beside and beyond marks."""
    clear = (known == 0).all(axis=0)
    groups = []
    marked = (known == 1).any(axis=0)
    for each in known:
        if (each == 1).any():
            away = cv2.distanceTransform((each != 1).astype(np.uint8), cv2.DIST_L2, 3)
            groups.append((each == 1, INSIDE))
            groups.append((clear & (away <= RIM), BESIDE))
            clear &= away > RIM
    groups.append((clear, BEYOND if marked.any() else BESIDE + BEYOND))
    taken = []
    for where, most in groups:
        places = np.flatnonzero(where)
        taken.append(chance.permutation(places)[:most])
    rows, columns = np.unravel_index(np.concatenate(taken), known.shape[1:])
    return rows, columns
