"""Describe the route of the dashboards."""

from __future__ import annotations

from .operations import Operation, ok, query
from .schemas import INTEGER, OBJECT, TEXT, listed, record

OPERATIONS: dict[str, Operation] = {
    "dashboards.api": Operation(
        ok(record(name=TEXT, title=TEXT, panels=listed(OBJECT))),
        query(days=INTEGER, project=INTEGER),
    ),
}
