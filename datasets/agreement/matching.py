"""Match the regions of two people one to one, so that they overlap as much as they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .places import Place, overlap

# Beyond it two results are not compared: a request must not take minutes.
MOST_PAIRS = 40_000

Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Mark:
    """A region: its id, what it is called, what it lies on, and where."""

    region: str
    names: frozenset[str]
    on: str
    place: Place


@dataclass(frozen=True)
class Match:
    """How well the regions of two people fit, and which region of one is which of the other."""

    score: float
    partners: dict[str, str]


def matched(first: Sequence[Mark], second: Sequence[Mark]) -> Match | None:
    """Match regions; the score is the sum of their overlaps by the larger number of regions.

    Regions are matched where they are on one thing and have the same labels; a region
    without a partner counts 0. None where there are too many to compare.
    """
    groups: dict[tuple[frozenset[str], str], tuple[list[Mark], list[Mark]]] = {}
    for side, marks in enumerate((first, second)):
        for mark in marks:
            groups.setdefault((mark.names, mark.on), ([], []))[side].append(mark)
    if sum(len(mine) * len(theirs) for mine, theirs in groups.values()) > MOST_PAIRS:
        return None
    total, partners = 0.0, {}
    for mine, theirs in groups.values():
        rows = [[overlap(here.place, there.place) for there in theirs] for here in mine]
        for row, column in _chosen(rows):
            total += rows[row][column]
            partners[mine[row].region] = theirs[column].region
    return Match(min(1.0, total / max(len(first), len(second))), partners)


def _chosen(rows: list[list[float]]) -> list[tuple[int, int]]:
    """Return the (row, column) of those that overlap and are taken."""
    if _has_choice(rows):
        return [place for place in best_pairs(np.array(rows)) if rows[place[0]][place[1]]]
    return [(row, line.index(at)) for row, line in enumerate(rows) for at in line if at]


def _has_choice(rows: list[list[float]]) -> bool:
    """Tell whether a region overlaps two others, so that one must be chosen."""
    return any(
        sum(1 for weight in line if weight) > 1 for line in (*rows, *zip(*rows, strict=True))
    )


def best_pairs(weights: Weights) -> list[tuple[int, int]]:
    """Return (row, column) of the largest sum of weights, one at most in each row and column.

    The Hungarian method with potentials, a row at a time (Kuhn 1955, Munkres 1957).
    """
    if weights.shape[0] > weights.shape[1]:
        return [(row, column) for column, row in best_pairs(weights.T)]
    rows, columns = weights.shape
    of_row, of_column = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.int64)  # column → its row, 0 for none
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least = np.full(columns + 1, np.inf)
        before = np.zeros(columns + 1, np.int64)
        seen = np.zeros(columns + 1, bool)
        while owner[column] != 0:
            seen[column] = True
            here = owner[column]
            cost = -weights[here - 1] - of_row[here] - of_column[1:]
            better = ~seen[1:] & (cost < least[1:])
            least[1:][better], before[1:][better] = cost[better], column
            nearest = int(np.where(seen, np.inf, least)[1:].argmin()) + 1
            step = least[nearest]
            of_row[owner[seen]] += step
            of_column[seen] -= step
            least[~seen] -= step
            column = nearest
        while column:
            owner[column] = owner[before[column]]
            column = int(before[column])
    return [(int(row) - 1, column) for column, row in enumerate(owner[1:]) if row]
