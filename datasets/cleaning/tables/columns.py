"""Learn what a column holds, portion by portion: type, gaps, range, dates, units, dirt."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .units import NUMBER, UNITS, WITH_UNIT, named

MISSING: tuple[str, ...] = (
    *("", "na", "n/a", "null", "none", "nan", "-", "--", "—", "——", "/", "#n/a"),
    *("无", "空", "缺失", "不详", "未知"),
)
MOST_DISTINCT = 1000
FITTING = 0.8  # share of filled cells from which a column has a type
FIRST_YEAR = 1900
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
OTHER_DATE = rf"^(\d{{4}})(?:-|/|\.|年)(\d{{1,2}})(?:-|/|\.|月)(\d{{1,2}})日?{_TIME}$"
_PATTERNS = {
    "integer": r"^[+-]?(?:0|[1-9]\d{0,14})$",
    "decimal": rf"^{NUMBER}$",
    "code": r"^(?:0\d+|\d{16,})$",
    "iso_date": _ISO,
    "other_date": OTHER_DATE,
    "flag": r"(?i)^(?:true|false|yes|no|是|否)$",
    "quantity": WITH_UNIT,
}
# A pattern is asked only where these did not fit: each cell is of one kind.
_AFTER = {"decimal": ("integer", "code"), "other_date": ("iso_date",)}
_DIRTY = (
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\ufffd\ufeff]|锟斤拷|烫烫烫|Ã.|"
    r"^#(?:DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!)$"
)
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


class Column:
    """What is known of a column so far."""

    def __init__(self, name: str, limits: tuple[float, float] | None = None) -> None:
        self.name, self.limits = name, limits
        self.cells = self.filled = self.dirty = 0
        self.kinds: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self.dates = self.good_dates = 0
        self.numbers = self.within = 0
        self.least, self.most = math.inf, -math.inf
        self._mean = self._squares = 0.0
        self.distinct: set[str] | None = set()

    def add(self, cells: Sequence[str | None], today: dt.date) -> NDArray[np.bool_]:
        """Learn from more cells; return which of them are filled."""
        import pyarrow
        import pyarrow.compute as compute

        raw = pyarrow.array(cells, pyarrow.string())
        trimmed = compute.utf8_trim_whitespace(raw)
        lower = compute.utf8_lower(trimmed)
        gap = compute.is_in(lower, value_set=pyarrow.array([*MISSING, None], pyarrow.string()))
        filled = ~np.asarray(gap.to_numpy(zero_copy_only=False), np.bool_)
        values = trimmed.filter(compute.invert(gap))
        self.cells += len(raw)
        self.filled += len(values)
        if not len(values):
            return filled
        dirty = compute.match_substring_regex(raw.filter(compute.invert(gap)), _DIRTY)
        self.dirty += int(compute.sum(dirty).as_py() or 0)
        if self.distinct is not None:
            self.distinct.update(compute.unique(values).slice(0, MOST_DISTINCT + 1).to_pylist())
            if len(self.distinct) > MOST_DISTINCT:
                self.distinct = None
        self._sort(values, today)
        return filled

    def _sort(self, values: Any, today: dt.date) -> None:
        """Count each value under its kind; the kind that most have is tried first."""
        import pyarrow.compute as compute

        order = sorted(_PATTERNS, key=lambda kind: -self.kinds[kind])
        tried: set[str] = set()
        waiting = list(order)
        while waiting and len(values):
            kind = next(k for k in waiting if tried.issuperset(_AFTER.get(k, ())))
            waiting.remove(kind)
            tried.add(kind)
            fits = compute.match_substring_regex(values, _PATTERNS[kind])
            found = values.filter(fits)
            if not len(found):
                continue
            self.kinds[kind] += len(found)
            values = values.filter(compute.invert(fits))
            if kind in ("integer", "decimal"):
                self._measure(np.asarray(found.cast("float64").to_numpy(zero_copy_only=False)))
            elif kind == "quantity":
                parts = compute.extract_regex(found, WITH_UNIT)
                for each in compute.value_counts(parts.field("unit")).to_pylist():
                    self.units[UNITS[each["values"]].sign] += each["counts"]
            elif kind in ("iso_date", "other_date"):
                self._date(found, today)
        self.kinds["text"] += len(values)

    def _measure(self, values: NDArray[np.float64]) -> None:
        """Go on with range, mean and spread (T. F. Chan et al., 1979)."""
        values = values[np.isfinite(values)]
        count = len(values)
        if not count:
            return
        before, self.numbers = self.numbers, self.numbers + count
        mean = float(values.mean())
        change = mean - self._mean
        self._mean += change * count / self.numbers
        self._squares += float(((values - mean) ** 2).sum())
        self._squares += change * change * before * count / self.numbers
        self.least = min(self.least, float(values.min()))
        self.most = max(self.most, float(values.max()))
        if self.limits:
            low, high = self.limits
            self.within += int(((values >= low) & (values <= high)).sum())

    def _date(self, values: Any, today: dt.date) -> None:
        import pyarrow.compute as compute

        named_parts = OTHER_DATE
        for name in ("year", "month", "day"):
            named_parts = named_parts.replace("(\\d", f"(?P<{name}>\\d", 1)
        parts = compute.extract_regex(values, named_parts)
        year, month, day = (
            np.asarray(parts.field(name).cast("int32").to_numpy(zero_copy_only=False))
            for name in ("year", "month", "day")
        )
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        known = (month >= 1) & (month <= 12)
        days = _DAYS[np.where(known, month, 0)] + (leap & (month == 2))
        exists = known & (day >= 1) & (day <= days) & (year >= FIRST_YEAR)
        past = (year * 10_000 + month * 100 + day) <= int(f"{today:%Y%m%d}")
        self.dates += len(year)
        self.good_dates += int((exists & past).sum())

    @property
    def type(self) -> str:
        """Return integer, decimal, code, date, quantity, flag or text; "" of an empty column."""
        kinds = self.kinds
        if not self.filled:
            return ""
        together = {
            "decimal": kinds["integer"] + kinds["decimal"],
            "code": kinds["integer"] + kinds["code"] if kinds["code"] else 0,
            "date": kinds["iso_date"] + kinds["other_date"],
            "quantity": kinds["quantity"]
            and kinds["quantity"] + kinds["integer"] + kinds["decimal"],
            "flag": kinds["flag"],
        }
        best = max(together, key=lambda kind: together[kind])
        if together[best] < FITTING * self.filled:
            return "text"
        return "integer" if best == "decimal" and not kinds["decimal"] else best

    @property
    def conforming(self) -> int:
        """Return how many filled cells are of the type; dates by ISO 8601 alone."""
        kinds = self.kinds
        return {
            "": 0,
            "text": self.filled,
            "integer": kinds["integer"],
            "decimal": kinds["integer"] + kinds["decimal"],
            "code": kinds["integer"] + kinds["code"],
            "date": kinds["iso_date"],
            "quantity": kinds["quantity"],
            "flag": kinds["flag"],
        }[self.type]

    def told(self) -> dict[str, Any]:
        """Return what is known for people: never a cell itself, but for the range of numbers."""
        known: dict[str, Any] = {
            "name": self.name[:200],
            "type": self.type,
            "missing": self.cells - self.filled,
            "unfitting": self.filled - self.conforming,
            "distinct": None if self.distinct is None else len(self.distinct),
        }
        if self.numbers and self.type in ("integer", "decimal", "quantity"):
            spread = math.sqrt(self._squares / self.numbers)
            known |= {"least": self.least, "most": self.most}
            known |= {"mean": round(self._mean, 6), "spread": round(spread, 6)}
        if self.limits:
            known["outside"] = self.numbers - self.within
        if self.units:
            known["units"] = dict(self.units.most_common(8))
        if unit := named(self.name):
            known["named_unit"] = unit.sign
        if self.dates:
            known["other_dates"] = self.kinds["other_date"]
            known["bad_dates"] = self.dates - self.good_dates
        if self.dirty:
            known["dirty"] = self.dirty
        return known
