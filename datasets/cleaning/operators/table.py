"""Judge tables by GB/T 36344, leave out poor ones, and write tables anew in one manner."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import Invalid, _
from ..tables import FACT, Asked, profile
from ..tables.tidying import tidied
from .contract import SAME, Operator, Option, Outcome, Record

UNREADABLE = "unreadable"


def _asked(options: Mapping[str, Any]) -> Asked:
    ranges = {}
    for text in options["ranges"]:
        column, _equals, limits = text.rpartition("=")
        low, _dots, high = limits.partition("..")
        try:
            ranges[column.strip()] = float(low or "-inf"), float(high or "inf")
        except ValueError:
            raise Invalid(
                _("“%(text)s” is no range; write column=low..high"), text=text[:100]
            ) from None
    return Asked(ranges, tuple(options["keys"]), tuple(options["required"]))


def _quality(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    return [_judged(record, options) for record in records]


def _judged(record: Record, options: Mapping[str, Any]) -> Outcome:
    try:
        if record.open is None:
            raise Invalid(_("the file is no table"))
        with record.open() as stream:
            told = profile(stream, record.name, record.content_type, _asked(options))
    except Invalid as fault:
        return Outcome(reason=UNREADABLE, facts={"fault": str(fault)[:200]})
    score = told["score"]
    reason = ""
    if not told["rows"]:
        reason = "empty"
    elif score is not None and score < options["least_score"]:
        reason = "poor"
    return Outcome(reason=reason, facts={FACT: told})


def _tidy(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    return [_written_anew(record, options) for record in records]


def _written_anew(record: Record, options: Mapping[str, Any]) -> Outcome:
    try:
        if record.open is None:
            raise Invalid(_("the file is no table"))
        with record.open() as stream:
            if stream.seek(0, io.SEEK_END) > options["most_megabytes"] * 1024**2:
                return Outcome(reason="too_large")
            stream.seek(0)
            known = profile(stream, record.name, record.content_type)
        # The reader closes what it reads.
        with record.open() as stream:
            content, counted = tidied(stream, record.name, record.content_type, known, options)
    except Invalid as fault:
        return Outcome(reason=UNREADABLE, facts={"fault": str(fault)[:200]})
    if not known["rows"]:
        return Outcome(reason="empty")
    if content == record.read():
        return SAME
    return Outcome(content=content, content_type="text/csv", facts={"tidied": counted})


_READABLE = {
    UNREADABLE: _("it cannot be read as a table"),
    "empty": _("the table has no rows"),
}
TABLES = (
    Operator(
        "table.quality",
        1,
        "table",
        _("Tables: types, gaps, ranges, units and the score by GB/T 36344"),
        "drop",
        _quality,
        (
            Option("least_score", "number", 0.0, _("score at least, of 100"), 0, 100),
            Option("ranges", "words", [], _("limits of numbers: column=low..high")),
            Option("keys", "words", [], _("columns whose values may not come twice")),
            Option("required", "words", [], _("columns that may not be empty (none: all)")),
        ),
        {**_READABLE, "poor": _("the table scores too low")},
    ),
    Operator(
        "table.tidy",
        2,
        "table",
        _("Tables: one encoding, no repeated rows, ISO dates, one unit a column"),
        "change",
        _tidy,
        (
            Option("repeated", "flag", True, _("leave out rows that were there before")),
            Option("dates", "flag", True, _("write dates by ISO 8601")),
            Option("units", "flag", True, _("bring a column to its most frequent unit")),
            Option("formulas", "flag", True, _("put ' before texts that look like formulas")),
            Option("most_megabytes", "number", 64.0, _("megabytes at most"), 0.001, 256),
        ),
        {**_READABLE, "too_large": _("the table is too large to be written anew")},
    ),
)
