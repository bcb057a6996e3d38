"""Look at a whole table once, and say what it holds and how good it is by GB/T 36344."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from ...errors import Invalid, _
from .columns import Column
from .indicators import judged
from .reading import Batch, batches
from .repeated import Repeated

MOST_TOLD = 200  # columns that are written down
MOST_KEYS = 3
_KEY = re.compile(r"(?i)^(?:id|uid|uuid|key|编号|序号|主键|代码|编码)$|(?:_id|编号|编码)$")
_SAYS_NOTHING = re.compile(r"(?i)^(?:unnamed.*|column ?\d*|col ?\d*|f\d+|列 ?\d*|\d+|[\W_]+)$")
_DATED = re.compile(r"^\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Asked:
    """What somebody knows of a table: all of it may be empty.

    `ranges` are limits of numbers by column; `keys` columns whose values may not come twice (by
    default those that are named so); `required` columns that may not be empty (by default all).
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    keys: Sequence[str] = ()
    required: Sequence[str] = ()


def profile(
    stream: BinaryIO,
    name: str,
    content_type: str = "",
    asked: Asked | None = None,
    today: dt.date | None = None,
) -> dict[str, Any]:
    """Return rows, columns, and indicators of a table; memory does not grow with it.

    Raises Invalid where it is no table, or a column is asked for that it has not.
    """
    looked = _Look(asked or Asked(), today or dt.datetime.now(dt.UTC).date())
    try:
        for batch in batches(stream, name, content_type):
            looked.add(batch)
        return looked.told()
    finally:
        looked.close()


class _Look:
    """What is known of the table so far."""

    def __init__(self, asked: Asked, today: dt.date) -> None:
        self.asked, self.today = asked, today
        self.names: list[str] = []
        self.columns: list[Column] = []
        self.keys: dict[int, Repeated] = {}
        self.required: list[int] = []
        self.rows = self.bad = self.whole_rows = 0
        self.faults: list[str] = []
        self.repeated = Repeated()
        self.time: int | None = None
        self.last_time = ""
        self.pairs = self.in_order = 0

    def _begin(self, batch: Batch) -> None:
        self.names = batch.names
        known = set(batch.names)
        for column in (*self.asked.ranges, *self.asked.keys, *self.asked.required):
            if column not in known:
                raise Invalid(_("the table has no column “%(name)s”"), name=column[:200])
        self.columns = [Column(name, self.asked.ranges.get(name)) for name in batch.names]
        keys = [*self.asked.keys] or [name for name in batch.names if _KEY.search(name.strip())]
        self.keys = {batch.names.index(name): Repeated() for name in keys[:MOST_KEYS]}
        required = self.asked.required or batch.names
        self.required = [batch.names.index(name) for name in required]

    def add(self, batch: Batch) -> None:
        """Learn from more rows."""
        self.bad += batch.bad
        self.faults = (self.faults + batch.first_faults)[:5]
        if not batch.names:
            return
        if not self.columns:
            self._begin(batch)
        if not batch.rows:
            return
        self.rows += batch.rows
        self.repeated.add(zip(*batch.columns, strict=True))
        filled = [
            column.add(cells, self.today)
            for column, cells in zip(self.columns, batch.columns, strict=True)
        ]
        self.whole_rows += int(np.logical_and.reduce([filled[i] for i in self.required]).sum())
        for place, repeated in self.keys.items():
            cells = batch.columns[place]
            repeated.add(cells[row] for row in np.flatnonzero(filled[place]).tolist())
        self._follow(batch)

    def _follow(self, batch: Batch) -> None:
        """Hold the rows of the first column of ISO dates against the row before."""
        if self.time is None:
            dated = (i for i, each in enumerate(self.columns) if each.type == "date")
            self.time = next(dated, -1)
        if self.time < 0:
            return
        for cell in batch.columns[self.time]:
            if cell and _DATED.match(cell):
                now = cell.replace("T", " ")
                if self.last_time:
                    self.pairs += 1
                    self.in_order += now >= self.last_time
                self.last_time = now

    def close(self) -> None:
        """Forget what lies on the disk."""
        for each in (self.repeated, *self.keys.values()):
            each.close()

    def told(self) -> dict[str, Any]:
        """Return all of it; what has to be counted at the end is."""
        if not self.columns:
            return {"rows": 0, "bad_rows": self.bad, "columns": [], **judged({})}
        different = self.repeated.different()
        keys = {place: each.different() for place, each in self.keys.items()}
        counted = self._counted(different, keys)
        told: dict[str, Any] = {
            "rows": self.rows,
            "bad_rows": self.bad,
            "duplicate_rows": self.rows - different,
            "keys": {
                self.names[place][:200]: self.keys[place].count - number
                for place, number in keys.items()
            },
            "columns": [column.told() for column in self.columns[:MOST_TOLD]],
            **judged(counted),
        }
        if self.faults:
            told["faults"] = self.faults
        if len(self.columns) > MOST_TOLD:
            told["columns_not_told"] = len(self.columns) - MOST_TOLD
        return told

    def _counted(self, different: int, keys: Mapping[int, int]) -> dict[str, tuple[int, int]]:
        """Return A and B of every indicator that can be computed."""
        columns, rows = self.columns, self.rows
        filled = sum(column.filled for column in columns)
        limited = [column for column in columns if column.limits]
        units = [column.units for column in columns if column.units]
        dates = sum(column.dates for column in columns)
        said = sum(not _SAYS_NOTHING.match(column.name) for column in columns)
        required = [columns[place] for place in self.required]
        return {
            "data_model": (rows, rows + self.bad),
            "metadata": (said, len(columns)),
            "data_element_completeness": (
                sum(column.filled for column in required),
                rows * len(required),
            ),
            "data_record_completeness": (self.whole_rows, rows),
            "content_correctness": (
                sum(column.within for column in limited),
                sum(column.numbers for column in limited),
            ),
            "format_compliance": (sum(column.conforming for column in columns), filled),
            "duplication_rate": (rows - different, rows),
            "uniqueness": (sum(keys.values()), sum(self.keys[p].count for p in keys)),
            "dirty_data_rate": (sum(column.dirty for column in columns), filled),
            "same_data_consistency": (
                sum(max(each.values()) for each in units),
                sum(sum(each.values()) for each in units),
            ),
            "period_correctness": (sum(column.good_dates for column in columns), dates),
            "chronology": (self.in_order, self.pairs),
            "accessible": (rows, rows + self.bad),
        }
