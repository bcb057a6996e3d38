"""Gather places that a head is sure of into regions, and say how likely each is a real mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import linear
from ..interface import Box, Mark, MarkKind, Mask
from .patches import Patch, overlap

Floats = NDArray[np.float32]

SHOWN = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6)  # scores from which regions may be shown
LEVELS = (-1.0, 0.0, 1.0, 2.0)  # log-odds from which a place belongs to a region
MOST = 40  # regions of a label in a picture
COLUMNS = 5
MEETS = 0.3  # intersection over union from which a region is held for the mark it meets
RIDGE = 0.03
USUAL = 0.5  # the score of every region while too few were seen to tell good from bad


@dataclass(frozen=True)
class Region:
    """A connected part of the grid: where, and by what to judge it."""

    patch: Patch
    numbers: Floats  # (COLUMNS,)


@dataclass(frozen=True)
class Judge:
    """Where to cut the odds of a label, and how to score and choose its regions."""

    level: float
    least: float  # places of the grid
    usual: float  # places of the grid that a usual mark has
    middle: Floats
    spread: Floats
    factors: Floats
    offset: float
    shown: float  # score from which a region is shown

    def score(self, region: Region) -> float:
        """Return how likely the region is a mark that a person would make."""
        return float(self.scores(region.numbers[None])[0])

    def scores(self, numbers: Floats) -> Floats:
        """Return the scores of regions from their numbers, `(regions, COLUMNS)`."""
        odds = (numbers - self.middle) / self.spread @ self.factors + np.float32(self.offset)
        return linear.chance(np.asarray(odds, np.float32))


def regions(odds: Floats, level: float, least: float, usual: float) -> list[Region]:
    """Return the regions of one label's odds above a level, the surest places first.

    Holes are filled and cracks of a place closed; `least` is the smallest area.
    """
    soft = np.asarray(cv2.GaussianBlur(odds.astype(np.float32), (0, 0), 1.0), np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    solid = cv2.morphologyEx((soft > level).astype(np.uint8), cv2.MORPH_CLOSE, cross)
    outlines, _tree = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        left, top, width, height = cv2.boundingRect(outline)
        drawn = np.zeros((height, width), np.uint8)
        cv2.drawContours(drawn, [outline], -1, 1, -1, offset=(-left, -top))
        pixels = drawn > 0
        area = int(pixels.sum())
        if area < least:
            continue
        inside = soft[top : top + height, left : left + width][pixels]
        upper = float(np.quantile(inside, 0.9))
        numbers = np.array(
            [
                upper,
                float(inside.mean()),
                np.log(area / usual),
                np.log(area / usual) ** 2,
                area / (width * height),
            ],
            np.float32,
        )
        shape = (odds.shape[0], odds.shape[1])
        found.append(Region(Patch(top, left, pixels, shape), numbers))
    found.sort(key=lambda each: (-float(each.numbers[0]), each.patch.top, each.patch.left))
    return found[:MOST]


def tries(
    odds: Floats, true: Sequence[Patch], sizes: tuple[float, float], boxed: bool
) -> list[Floats]:
    """Return, for each level, the regions' numbers with the overlap of the mark that each meets
    behind them, 0 for none: `(regions, COLUMNS + 1)`.

    The odds are those of heads that had not seen the picture; `sizes` are the least and the usual
    area of a mark.
    """
    found: list[Floats] = []
    for level in LEVELS:
        free, rows = list(true), []
        for region in regions(odds, level, *sizes):
            overlaps = [overlap(region.patch, mark, boxed) for mark in free]
            share = max(overlaps, default=0.0)
            if share >= MEETS:
                free.pop(overlaps.index(share))
            rows.append([*region.numbers.tolist(), share if share >= MEETS else 0.0])
        found.append(np.array(rows, np.float32).reshape(-1, COLUMNS + 1))
    return found


def judge(tried: Sequence[list[Floats]], marks: int, sizes: tuple[float, float]) -> Judge:
    """Learn from what `tries` gave of many pictures with so many marks.

    Takes the level and the least score with the best panoptic quality (Kirillov and others, CVPR
    2019): the overlaps of regions that meet a mark, over the mean of marks and regions shown.
    """
    best: tuple[float, Judge] | None = None
    for place, level in enumerate(LEVELS):
        rows = np.concatenate([each[place] for each in tried])
        table, met = rows[:, :COLUMNS], rows[:, COLUMNS]
        taught = _teach(level, sizes, table, met > 0)
        scores = taught.scores(table)
        for least in SHOWN:
            shown = scores >= least
            quality = float(met[shown].sum()) / max((marks + int(shown.sum())) / 2, 1)
            if best is None or quality > best[0]:
                best = quality, replace(taught, shown=least)
    assert best is not None
    return best[1]


def _teach(
    level: float, sizes: tuple[float, float], table: Floats, met: NDArray[np.bool_]
) -> Judge:
    """Learn to score regions; with fewer than three good or bad ones all score alike."""
    if met.sum() < 3 or (~met).sum() < 3:
        zeros, ones = np.zeros(COLUMNS, np.float32), np.ones(COLUMNS, np.float32)
        good = (met.sum() + 1) / (len(met) + 2) if len(met) else USUAL
        return Judge(level, *sizes, zeros, ones, zeros, float(np.log(good / (1 - good))), 0.0)
    middle, spread = table.mean(axis=0), table.std(axis=0) + np.float32(1e-3)
    seen = (table - middle) / spread
    even = np.full((len(met), 1), 1.0, np.float32)
    factors, offsets = linear.heads(seen, met[:, None].astype(np.float32), even, RIDGE)
    return Judge(level, *sizes, middle, spread, factors[:, 0], float(offsets[0]), 0.0)


def drawn(
    region: Region, odds: Floats, found: Judge, label: str, makes: MarkKind, shape: tuple[int, int]
) -> Mark:
    """Return a region as a mark of the whole picture, its edge taken between the places."""
    high, wide = shape[0] / odds.shape[0], shape[1] / odds.shape[1]
    top, left, (height, width) = region.patch.top, region.patch.left, region.patch.pixels.shape
    score = found.score(region)
    if makes is Box:
        return Box(label, left * wide, top * high, width * wide, height * high, score)
    pixels = np.zeros(shape, np.bool_)
    first, last = max(top - 2, 0), min(top + height + 2, odds.shape[0])
    begin, end = max(left - 2, 0), min(left + width + 2, odds.shape[1])
    soft = cv2.GaussianBlur(odds, (0, 0), 1.0)[first:last, begin:end]
    solid = region.patch.whole()[first:last, begin:end]
    # What the region does not hold may not be drawn, what it does may not be lost.
    held = np.where(solid, np.maximum(soft, found.level + 0.01), np.minimum(soft, found.level))
    top, bottom = round(first * high), round(last * high)
    left, right = round(begin * wide), round(end * wide)
    bottom, right = max(bottom, top + 1), max(right, left + 1)
    enlarged = cv2.resize(held.astype(np.float32), (right - left, bottom - top))
    part = pixels[top:bottom, left:right]
    part |= (enlarged > found.level)[: part.shape[0], : part.shape[1]]
    return Mask(label, pixels, score)
