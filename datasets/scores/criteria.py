"""Say what a score is made of: points, why they were given, and what would raise them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Criterion:
    """One part of a score; `title`, `reason` and `advice` are messages of `errors._`.

    `points` is None where nothing can be told; it counts as none.
    """

    name: str
    title: str
    points: float | None
    of: float
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""

    @property
    def is_full(self) -> bool:
        """Tell whether there is nothing to raise."""
        return self.points is not None and self.points >= self.of


@dataclass(frozen=True)
class Score:
    """A score with its parts; `rating` is a message of `errors._`."""

    name: str
    edition: str
    criteria: tuple[Criterion, ...]
    rating: str = ""

    @property
    def points(self) -> float:
        """Return the points of all parts."""
        return sum(each.points or 0.0 for each in self.criteria)

    @property
    def of(self) -> float:
        """Return the points that there are."""
        return sum(each.of for each in self.criteria)

    @property
    def share(self) -> float:
        """Return the points as a share of those that there are, 0 to 1."""
        return self.points / self.of

    @property
    def raising(self) -> list[Criterion]:
        """List what is not full, what would raise the score most first."""
        open_parts = [each for each in self.criteria if not each.is_full and each.advice]
        return sorted(open_parts, key=lambda each: (each.points or 0.0) - each.of)
