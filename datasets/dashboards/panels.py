"""Hold what a dashboard shows: a finding in words, the numbers behind it, and a plot of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from ..people import User
from ..quality.intervals import Figure
from ..spreadsheet_cells import guarded

LONGEST_DAYS = 366


@dataclass(frozen=True)
class Said:
    """A message of `_()` with the values that fill it, to be put into the reader's language."""

    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """A label of a config, and the words that annotators see for it, in Chinese as a rule."""

    name: str
    title: str


class Kind(StrEnum):
    """How a column's values are written; a FIGURE has its interval, number and method."""

    TEXT = "text"
    # A Said, a Label, a state's name, a role …: put into the reader's language.
    SAID = "said"
    STATE = "state"
    NUMBER = "number"
    PERCENT = "percent"
    FIGURE = "figure"
    # Seconds, bytes, a moment.
    DURATION = "duration"
    BYTES = "bytes"
    TIME = "time"
    # Six digits of GB/T 2260, a section of GB/T 4754.
    DISTRICT = "district"
    INDUSTRY = "industry"


@dataclass(frozen=True)
class Column:
    """One column of a panel's table; `less` leaves it out on narrow screens."""

    key: str
    title: str
    kind: Kind = Kind.TEXT
    less: bool = False


@dataclass(frozen=True)
class Panel:
    """One thing that a dashboard tells.

    `finding` says it in words. `rows` map the columns' keys to values; the key "address" of a
    row leads to a page of ours. `plot` is an option of ECharts (scripts/plots.js), `note` says
    what was left out or how it was counted.
    """

    key: str
    title: str
    finding: Said
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    plot: Mapping[str, Any] | None = None
    note: Said | None = None
    # "good", "watch" or "bad", where the panel says that something needs somebody.
    state: str = ""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see; None for all that they see."""

    project_id: int | None = None
    days: int = 30
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: whom it is for (who has both rights), and how its panels are made."""

    name: str
    title: str
    action: str
    panels: Callable[[Session, User, Asked], list[Panel]]
    # The names of the filters in `Asked.filters` that it understands.
    filters: tuple[str, ...] = ()
    besides: str = "account.use"


def to_csv(
    panel: Panel, translate: Callable[[str], str], tell: Callable[[Said | Label], str]
) -> str:
    """Write a panel's table as CSV; a figure takes five columns: value, low, high, n, method.

    `translate` puts a title into the reader's language, `tell` a value. What a spreadsheet
    would take for a formula is written as a text.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    head: list[str] = []
    for column in panel.columns:
        title = translate(column.title)
        figure = [title, f"{title} low", f"{title} high", f"{title} n", f"{title} method"]
        head += figure if column.kind is Kind.FIGURE else [title]
    writer.writerow(map(guarded, head))
    for row in panel.rows:
        cells: list[Any] = []
        for column in panel.columns:
            cells += _cells(row.get(column.key), column.kind, tell)
        writer.writerow(cells)
    return out.getvalue()


def _cells(value: Any, kind: Kind, tell: Callable[[Said | Label], str]) -> list[Any]:
    if kind is Kind.FIGURE:
        found = value if isinstance(value, Figure) else Figure(None, None, None, 0, "")
        return [found.value, found.low, found.high, found.number, found.method]
    if isinstance(value, Said | Label):
        return [guarded(tell(value))]
    if isinstance(value, dt.datetime):
        return [value.isoformat()]
    return [guarded(value)]
