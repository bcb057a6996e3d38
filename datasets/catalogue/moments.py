"""Read points in time as Solr's date ranges write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from .. import errors
from ..db import now
from ..errors import _

_NOW = re.compile(r"NOW((?:/[A-Z]+|[+-][0-9]{1,6}[A-Z]+)*)")
_STEP = re.compile(r"/([A-Z]+)|([+-][0-9]+)([A-Z]+)")
_UNITS = {"SECOND": "seconds", "MINUTE": "minutes", "HOUR": "hours", "DAY": "days"}
_ROUNDED = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")


def moment(text: str, place: str) -> dt.datetime:
    """Return a time: `2026-01-01T00:00:00Z`, `2026-01-01`, `NOW`, `NOW-7DAYS`, `NOW/DAY-1MONTH`.

    A time without a zone is UTC.

    Raises:
        errors.Invalid: it is none of these, or lies beyond the calendar.
    """
    relative = _NOW.fullmatch(text)
    try:
        found = dt.datetime.fromisoformat(text) if relative is None else _after(relative[1])
        # What no zone moves out of the calendar.
        if not 2 <= found.year <= 9998:
            raise OverflowError
        return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
    except (ValueError, OverflowError, KeyError) as problem:
        raise errors.Invalid(
            _("“%(text)s” is not a time like 2026-01-01T00:00:00Z or NOW-7DAYS"),
            place=place,
            text=text[:40],
        ) from problem


def _after(steps: str) -> dt.datetime:
    at = now()
    for rounded, number, unit in _STEP.findall(steps):
        if rounded:
            at = _rounded(at, rounded.removesuffix("S"))
        elif unit.removesuffix("S") in ("MONTH", "YEAR"):
            months = int(number) * (12 if unit.startswith("YEAR") else 1)
            year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
            at = at.replace(year=year, month=month + 1, day=min(at.day, 28))
        else:
            at += dt.timedelta(**{_UNITS[unit.removesuffix("S")]: int(number)})
    return at


def _rounded(at: dt.datetime, unit: str) -> dt.datetime:
    kept = _ROUNDED[: _ROUNDED.index(unit) + 1]
    lowest = {"MONTH": 1, "DAY": 1}
    values: dict[str, Any] = {
        name.lower(): lowest.get(name, 0) for name in _ROUNDED if name not in kept
    }
    return at.replace(microsecond=0, **values)
