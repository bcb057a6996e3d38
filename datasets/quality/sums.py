"""Add up what was kept of pairs of people, task by task, into figures with intervals.

A task is a cluster: what was said of it is drawn together when intervals are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import intervals, kappa
from .intervals import Figure
from .pairs import NOTHING, Count, Said

Numbers = NDArray[np.float64]
MOST_CATEGORIES = 40  # of one control whose table is resampled
NONE = Figure(None, None, None, 0, "cluster_bootstrap")


@dataclass
class Ratio:
    """Tops and bottoms of a ratio, each with the number of its task."""

    tasks: list[int] = field(default_factory=list)
    tops: list[float] = field(default_factory=list)
    bottoms: list[float] = field(default_factory=list)

    def add(self, task: int, top: float, bottom: float = 1.0) -> None:
        """Add what one pair of people said of one task."""
        self.tasks.append(task)
        self.tops.append(top)
        self.bottoms.append(bottom)

    def figure(self) -> Figure:
        """Return the ratio with its interval; `number` counts tasks."""
        if not self.tasks:
            return NONE
        _names, place = np.unique(self.tasks, return_inverse=True)
        return intervals.cluster_ratio(
            np.bincount(place, self.tops), np.bincount(place, self.bottoms)
        )


@dataclass
class Table:
    """How often people chose which categories together, each with the number of its task."""

    names: dict[str, int] = field(default_factory=dict)
    tasks: list[int] = field(default_factory=list)
    ones: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)

    def add(self, task: int, counts: Iterable[Count], weight: float = 1.0) -> None:
        """Add the counts of one pair of people."""
        for one, other, number, *_rest in counts:
            self.tasks.append(task)
            self.ones.append(self.names.setdefault(one, len(self.names)))
            self.others.append(self.names.setdefault(other, len(self.names)))
            self.counts.append(number * weight)

    def total(self) -> Numbers:
        """Return the table of all tasks: the first's category × the other's."""
        size = len(self.names)
        flat = np.array(self.ones, np.int64) * size + np.array(self.others, np.int64)
        counted = np.bincount(flat, self.counts, minlength=size * size).astype(float)
        return counted.reshape(size, size)

    def figure(self, measure: Callable[[Numbers], Numbers], *, symmetric: bool) -> Figure:
        """Return a measure of the table with its interval; no interval of very wide tables."""
        size = len(self.names)
        if not self.tasks:
            return NONE

        def told(rows: Numbers) -> Numbers:
            tables = rows.reshape(-1, size, size)
            return measure(tables + tables.transpose(0, 2, 1) if symmetric else tables)

        _names, place = np.unique(self.tasks, return_inverse=True)
        number = int(place.max()) + 1
        if size > MOST_CATEGORIES:
            value = float(told(self.total()[None])[0])
            return Figure(value if np.isfinite(value) else None, None, None, number, "none")
        group = intervals.grouped(number)[place]
        flat = np.array(self.ones, np.int64) * size + np.array(self.others, np.int64)
        rows = np.bincount(
            group * size * size + flat,
            self.counts,
            minlength=min(number, intervals.MOST_CLUSTERS) * size * size,
        ).astype(float)
        rows = rows.reshape(-1, size * size)
        return intervals.cluster_statistic(rows, told, number=number)


@dataclass
class Spread:
    """Pairs of numbers that people gave, for α at the interval level."""

    tasks: list[int] = field(default_factory=list)
    sums: list[tuple[float, float, float, float]] = field(default_factory=list)

    def add(self, task: int, one: float, other: float, weight: float) -> None:
        """Add what one pair of people said: n, Σx, Σx² and Σ(x − y)² are enough for α."""
        self.tasks.append(task)
        both, squares = one + other, one * one + other * other
        self.sums.append(
            (2 * weight, both * weight, squares * weight, 2 * weight * (one - other) ** 2)
        )

    def figure(self) -> Figure:
        """Return Krippendorff's α at the interval level with its interval."""
        if not self.tasks:
            return NONE
        _names, place = np.unique(self.tasks, return_inverse=True)
        columns = np.array(self.sums, float).T
        rows = np.stack([np.bincount(place, column) for column in columns], axis=1)
        return intervals.cluster_statistic(rows.astype(float), _interval_alpha)


def _interval_alpha(rows: Numbers) -> Numbers:
    number, total, squares, apart = rows.T
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of all pairs of values: Σ (x − y)² = 2 n Σ x² − 2 (Σ x)².
        expected = (2 * number * squares - 2 * total**2) / (number - 1)
        found: Numbers = np.where(expected > 0, 1 - apart / expected, np.nan)
    return found


class Control:
    """Everything that was said with one control of the labelling config."""

    def __init__(self, kind: str) -> None:
        """Begin with nothing; `kind` is a field of `pairs.Said`."""
        self.kind = kind
        self.table, self.weighted, self.spread = Table(), Table(), Spread()
        self.exact, self.overlap, self.matched = Ratio(), Ratio(), Ratio()
        self.characters, self.words = Ratio(), Ratio()

    def values(self) -> dict[str, Any]:
        """Return the measures of this control as plain values: name → figure."""
        found: dict[str, Figure] = {}
        if self.kind == "categories":
            found["observed"] = self.table.figure(_observed, symmetric=True)
            found["alpha"] = self.weighted.figure(kappa.alphas, symmetric=True)
        elif self.kind == "taken":
            found["f1"] = self.matched.figure()
        elif self.kind == "marks":
            found["f1"] = self.matched.figure()
            found["exact_f1"] = self.exact.figure()
            found["mean_overlap"] = self.overlap.figure()
        elif self.kind == "numbers":
            found["interval_alpha"] = self.spread.figure()
        else:
            found["character_errors"] = self.characters.figure()
            found["word_errors"] = self.words.figure()
        return {name: figure.as_values() for name, figure in found.items()}

    def confusion(self, most: int = 30) -> dict[str, Any] | None:
        """Return the labels used most and how often which met which, either way round."""
        size = len(self.table.names)
        if not size:
            return None
        square = self.table.total()
        square = square + square.T
        square[np.diag_indices(size)] /= 2
        names = np.array(list(self.table.names), object)
        used = [number for number in np.argsort(-square.sum(axis=1)) if names[number] != NOTHING]
        chosen = used[:most] + [n for n in range(size) if names[n] == NOTHING]
        return {
            "labels": [str(names[number]) for number in chosen],
            "counts": square[np.ix_(chosen, chosen)].astype(int).tolist(),
        }


def _observed(tables: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2))
    return found


def add(controls: dict[str, Control], task: int, said: Said, people: int) -> None:
    """Add what one pair of people said of a task that so many people answered."""
    weight = 1 / (people - 1)
    for name, counts in said.categories.items():
        control = controls.setdefault(name, Control("categories"))
        control.table.add(task, counts)
        # Who chose nothing is missing here, no category of its own.
        both = [each for each in counts if NOTHING not in each[:2]]
        control.weighted.add(task, both, weight)
    for name, counts in said.taken.items():
        _add_marks(controls.setdefault(name, Control("taken")), task, counts)
    for name, counts in said.marks.items():
        _add_marks(controls.setdefault(name, Control("marks")), task, counts)
    for name, (one, other) in said.numbers.items():
        controls.setdefault(name, Control("numbers")).spread.add(task, one, other, weight)
    for name, (letters, length, tokens, number) in said.texts.items():
        control = controls.setdefault(name, Control("texts"))
        control.characters.add(task, letters, length)
        control.words.add(task, tokens, number)


def _add_marks(control: Control, task: int, counts: Iterable[Count]) -> None:
    control.table.add(task, counts)
    both = exact = marks = met = 0
    shared = 0.0
    for one, other, number, overlap, same in counts:
        is_pair = one != NOTHING and other != NOTHING
        marks += 2 * number if is_pair else number
        met += number if is_pair else 0
        shared += overlap
        if one == other:
            both, exact = both + number, exact + same
    control.matched.add(task, 2 * both, marks)
    control.exact.add(task, 2 * exact, marks)
    control.overlap.add(task, shared, met)


def of_labels(said: Said) -> Mapping[str, tuple[int, int]]:
    """Return label → (twice how often both said it, how often either did), for its F1."""
    found: dict[str, tuple[int, int]] = {}
    for counts in (*said.categories.values(), *said.taken.values(), *said.marks.values()):
        for one, other, number, *_rest in counts:
            for label, also in ((one, other), (other, one)):
                if label != NOTHING:
                    both, either = found.get(label, (0, 0))
                    found[label] = both + number * (label == also), either + number
    return found
