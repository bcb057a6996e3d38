"""Hold what two servers took for the same work, and print it side by side."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinbiao.tests.bench.served import share
from jinbiao.tests.bench.table import print_rows, shown

# Of everything else, such as rates, more is better.
LESS_IS_BETTER = ("ms", "s", "MB")


@dataclass
class Sample:
    """Values in the line's unit; processor seconds of the server for so many operations."""

    values: list[float]
    operations: int = 0
    cpu_seconds: float | None = None

    @property
    def median(self) -> float:
        """Return the middle of the values."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float | None:
        """Return what 19 of 20 values do not pass; None of too few values."""
        return share(sorted(self.values), 0.95) if len(self.values) >= 20 else None

    @property
    def cpu_ms(self) -> float | None:
        """Return the server's processor time an operation."""
        if self.cpu_seconds is None or not self.operations:
            return None
        return self.cpu_seconds * 1000 / self.operations


@dataclass
class Compared:
    """One line: a kind of work, and what each side took for it in all rounds."""

    title: str
    unit: str
    found: dict[str, Sample]

    def add(self, side: str, sample: Sample) -> None:
        """Put one more round's values to a side's."""
        kept = self.found.setdefault(side, Sample([], 0, 0.0))
        kept.values += sample.values
        kept.operations += sample.operations
        if kept.cpu_seconds is not None:
            more = sample.cpu_seconds
            kept.cpu_seconds = None if more is None else kept.cpu_seconds + more

    def ratio(self, ours: str, theirs: str) -> float | None:
        """Return how many times better our median is than theirs, None when one is missing."""
        if ours not in self.found or theirs not in self.found:
            return None
        here, there = self.found[ours].median, self.found[theirs].median
        return there / here if self.unit in LESS_IS_BETTER else here / there

    def told(self) -> dict[str, Any]:
        """Return the line as JSON holds it."""
        sides = {
            name: {"median": sample.median, "p95": sample.p95, "cpu_ms": sample.cpu_ms}
            for name, sample in self.found.items()
        }
        return {"work": self.title, "unit": self.unit, **sides}

    def cells(self, ours: str, theirs: str) -> list[str]:
        """Return the line's cells as texts."""
        here, there = self.found.get(ours), self.found.get(theirs)
        cpu_here = None if here is None else here.cpu_ms
        cpu_there = None if there is None else there.cpu_ms
        spared = cpu_there / cpu_here if cpu_here and cpu_there else None
        return [
            self.title,
            *self._values(here),
            *self._values(there),
            _times(self.ratio(ours, theirs)),
            "" if cpu_here is None else f"{shown(cpu_here)} ms",
            "" if cpu_there is None else f"{shown(cpu_there)} ms",
            _times(spared),
        ]

    def _values(self, sample: Sample | None) -> list[str]:
        if sample is None:
            return ["", ""]
        p95 = sample.p95
        return [f"{shown(sample.median)} {self.unit}", "" if p95 is None else shown(p95)]


def print_compared(lines: Sequence[Compared], sides: Sequence[str], notes: Sequence[str]) -> None:
    """Print a line each with medians, p95, processor time and ratios of two sides."""
    ours, theirs = sides
    headings = ["项目 Work", ours, "p95", theirs, "p95", "倍数 Ratio"]
    headings += [f"CPU/次 {ours}", f"CPU/次 {theirs}", "倍数 Ratio"]
    print_rows([headings, *(line.cells(ours, theirs) for line in lines)], notes)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{shown(ratio)} ×"
