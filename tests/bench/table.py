"""Print what was measured, one line each, beside the figure to compare with."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_HEADINGS = (
    "项目 Work",
    "结果 Measured",
    "p95",
    "CPU/次 CPU per op",
    "峰值内存 Peak",
    "Label Studio",
    "倍数 Ratio",
)


@dataclass(frozen=True)
class Line:
    """One measured line.

    `value` is a rate (more is better) or, where `unit` is "ms", a time (less is better);
    `cpu_ms` is of the process that did the work, an operation; `peak_mb` its peak memory.
    """

    title: str
    value: float
    unit: str
    p95: float | None = None
    cpu_ms: float | None = None
    peak_mb: float | None = None
    reference: float | None = None
    reference_p95: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return how many times better this is than the reference."""
        if self.reference is None or not self.value:
            return None
        return self.reference / self.value if self.unit == "ms" else self.value / self.reference

    def cells(self) -> list[str]:
        """Return the line's cells as texts."""
        reference = "" if self.reference is None else f"{shown(self.reference)} {self.unit}"
        if self.reference_p95 is not None:
            reference += f" (p95 {shown(self.reference_p95)})"
        return [
            self.title,
            f"{shown(self.value)} {self.unit}",
            "" if self.p95 is None else f"{shown(self.p95)} {self.unit}",
            "" if self.cpu_ms is None else f"{self.cpu_ms:.3f} ms",
            "" if self.peak_mb is None else f"{self.peak_mb:.0f} MB",
            reference,
            "" if self.ratio is None else f"{shown(self.ratio)} ×",
        ]


def print_table(lines: Sequence[Line], notes: Sequence[str]) -> None:
    """Print the headings, the lines and what has to be known of them."""
    print_rows([list(_HEADINGS), *(line.cells() for line in lines)], notes)


def print_rows(rows: list[list[str]], notes: Sequence[str]) -> None:
    """Print rows of texts in columns, a rule below the first, and notes below all."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in (rows[0], ["─" * width for width in widths], *rows[1:]):
        cells = [
            _padded(cell, width, left=place == 0)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    for note in notes:
        print(note)


def shown(value: float) -> str:
    """Write a number with as many digits as count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _padded(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _width(text: str) -> int:
    # A Chinese character takes two columns of a terminal.
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
