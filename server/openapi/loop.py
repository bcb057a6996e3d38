"""Describe the routes of the loop of people and models: order, suggestions."""

from __future__ import annotations

from .operations import Operation, ok
from .schemas import ANYTHING, INTEGER, OBJECT, TEXT, form, maybe, record

OPERATIONS: dict[str, Operation] = {
    "ordering.create": Operation({202: OBJECT}, body=form(seed=INTEGER)),
    "suggestions.create": Operation(ok(OBJECT), body=form(task=INTEGER, context=ANYTHING)),
    "suggestions.statistics": Operation(
        ok(
            record(
                number=INTEGER,
                median_milliseconds=maybe(INTEGER),
                p95_milliseconds=maybe(INTEGER),
                newest_at=maybe(TEXT),
            )
        )
    ),
}
