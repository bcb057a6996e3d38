"""Compare marks of two people in bulk: spans of text, boxes, outlines and masks.

Marks are columns of equal length, over all tasks at once; `task` says which task a mark is
of. A mark is matched with at most one of the other person's in its task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..agreement.places import Box, Outline, Painted, Place, overlap

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
LEAST_OVERLAP = 0.5  # intersection over union from which on two marks are the same one


@dataclass(frozen=True)
class Marks:
    """Marks of one person: the task, the label number, and where each lies.

    `ends` has two columns for spans (start, end) and four for boxes (left, top, right, bottom).
    """

    task: Places
    label: Places
    ends: Numbers

    @classmethod
    def of(cls, task: ArrayLike, label: ArrayLike, ends: ArrayLike) -> Marks:
        """Return marks from anything like arrays."""
        places = np.asarray(ends, float)
        return cls(np.asarray(task, np.int64), np.asarray(label, np.int64), places)


@dataclass(frozen=True)
class Matches:
    """Which marks are the same ones: places in the first and the second, and their overlap."""

    first: Places
    second: Places
    overlap: Numbers

    @property
    def mean_overlap(self) -> float:
        """Return the mean intersection over union of what was matched; NaN of nothing."""
        return float(self.overlap.mean()) if len(self.overlap) else float("nan")


@dataclass(frozen=True)
class F1:
    """How many marks of each were matched: 2 · both / (first + second)."""

    both: int
    first: int
    second: int

    @property
    def value(self) -> float:
        """Return F1; NaN where nobody marked anything."""
        said = self.first + self.second
        return 2 * self.both / said if said else float("nan")


def overlapping(first: Marks, second: Marks, *, same_label: bool = True) -> Matches:
    """Return every pair of marks of one task (and one label) that overlap, with how much."""
    one, other = _pairs(first, second, same_label)
    measure = _boxes if first.ends.shape[1] == 4 else _spans
    shared = measure(first.ends[one], second.ends[other])
    some = shared > 0
    return Matches(one[some], other[some], shared[some])


def match(
    first: Marks, second: Marks, least: float = LEAST_OVERLAP, *, same_label: bool = True
) -> Matches:
    """Match marks one to one, those that overlap most first, at least by `least`."""
    return one_to_one(overlapping(first, second, same_label=same_label), least)


def one_to_one(found: Matches, least: float) -> Matches:
    """Keep of pairs those that are at least so alike, the best first, each mark once."""
    enough = found.overlap >= least
    one, other, shared = found.first[enough], found.second[enough], found.overlap[enough]
    # Most marks have one partner only; the others are chosen among in turn.
    alone = (np.bincount(one)[one] == 1) & (np.bincount(other)[other] == 1)
    kept = list(np.flatnonzero(alone))
    rest = np.flatnonzero(~alone)
    used: tuple[set[int], set[int]] = set(), set()
    for place in rest[np.lexsort((other[rest], one[rest], -shared[rest]))].tolist():
        mine, theirs = int(one[place]), int(other[place])
        if mine not in used[0] and theirs not in used[1]:
            used[0].add(mine)
            used[1].add(theirs)
            kept.append(place)
    order = np.sort(np.array(kept, np.int64))
    return Matches(one[order], other[order], shared[order])


def f1(first: Marks, second: Marks, least: float = LEAST_OVERLAP) -> F1:
    """Return the F1 of marks with the same label that overlap at least so much."""
    return F1(len(match(first, second, least).first), len(first.task), len(second.task))


def exact_f1(first: Marks, second: Marks) -> F1:
    """Return the F1 of marks with the same label and the very same ends."""
    rows = [
        np.column_stack([each.task, each.label, each.ends]).astype(float)
        for each in (first, second)
    ]
    names, place = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    place = place.reshape(-1)
    counts = [
        np.bincount(part, minlength=len(names)) for part in np.split(place, [len(first.task)])
    ]
    return F1(int(np.minimum(*counts).sum()), len(first.task), len(second.task))


def f1_by_label(first: Marks, second: Marks, labels: int, least: float = LEAST_OVERLAP) -> list[F1]:
    """Return the F1 of each label number from 0 to `labels`."""
    both = np.bincount(first.label[match(first, second, least).first], minlength=labels)
    mine, theirs = (np.bincount(each.label, minlength=labels) for each in (first, second))
    return [F1(int(both[n]), int(mine[n]), int(theirs[n])) for n in range(labels)]


def match_shapes(
    first: Sequence[Place], second: Sequence[Place], least: float = LEAST_OVERLAP
) -> Matches:
    """Match the shapes of one picture: turned boxes, polygons, painted masks, as above."""
    pairs = [
        (here, there, overlap(one, other))
        for here, one in enumerate(first)
        for there, other in enumerate(second)
    ]
    columns = list(zip(*pairs, strict=True)) or [(), (), ()]
    found = Matches(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], float)
    )
    return one_to_one(found, max(least, 1e-12))


def mask_overlap(first: ArrayLike, second: ArrayLike) -> float:
    """Return intersection over union of two masks of one size; 1 where both are empty."""
    one, other = np.asarray(first) != 0, np.asarray(second) != 0
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else 1.0


def _pairs(first: Marks, second: Marks, same_label: bool) -> tuple[Places, Places]:
    """Return all places (i, j) of the same task, and label: a join of sorted columns."""
    keys = [np.column_stack([each.task, each.label]) for each in (first, second)]
    if not same_label:
        keys = [np.column_stack([each.task, np.zeros_like(each.label)]) for each in (first, second)]
    _names, place = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    mine, theirs = np.split(place.reshape(-1), [len(first.task)])
    order = np.argsort(theirs, kind="stable")
    begins = np.searchsorted(theirs[order], mine, "left")
    lengths = np.searchsorted(theirs[order], mine, "right") - begins
    one = np.repeat(np.arange(len(mine)), lengths)
    steps = np.arange(len(one)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return one, order[np.repeat(begins, lengths) + steps]


def _boxes(first: Numbers, second: Numbers) -> Numbers:
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    both = np.prod(np.maximum(sides, 0), axis=1)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (first, second)]
    return _shared(both, areas[0] + areas[1] - both)


def _spans(first: Numbers, second: Numbers) -> Numbers:
    both = np.minimum(first[:, 1], second[:, 1]) - np.maximum(first[:, 0], second[:, 0])
    both = np.maximum(both, 0)
    lengths = [each[:, 1] - each[:, 0] for each in (first, second)]
    return _shared(both, lengths[0] + lengths[1] - both)


def _shared(both: Numbers, either: Numbers) -> Numbers:
    found: Numbers = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return found


__all__ = [
    "F1",
    "LEAST_OVERLAP",
    "Box",
    "Marks",
    "Matches",
    "Outline",
    "Painted",
    "exact_f1",
    "f1",
    "f1_by_label",
    "mask_overlap",
    "match",
    "match_shapes",
    "one_to_one",
    "overlapping",
]
