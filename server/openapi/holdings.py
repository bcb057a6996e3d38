"""Describe the routes of what organisations store, and of what was deleted."""

from __future__ import annotations

from .operations import Operation, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    POSITIVE,
    TEXT,
    Schema,
    form,
    listed,
    mapping,
    maybe,
    record,
    ref,
)

_STANDING: dict[str, Schema] = {
    "organisation": INTEGER,
    "name": TEXT,
    "used": INTEGER,
    "limit": maybe(INTEGER),
    "own_quota": maybe(INTEGER),
    "counted_at": maybe(TEXT),
}
SCHEMAS: dict[str, Schema] = {
    "StorageStanding": record(**_STANDING),
    "DeletionReport": record(
        id=INTEGER,
        job=TEXT,
        dry=FLAG,
        objects=INTEGER,
        assets=INTEGER,
        size=INTEGER,
        began_at=TEXT,
        ended_at=maybe(TEXT),
    ),
}
_LARGEST = record(subject=TEXT, title=TEXT, size=INTEGER, objects=INTEGER)
OPERATIONS: dict[str, Operation] = {
    "holdings.api_show": Operation(
        ok(record(**_STANDING, kinds=mapping(INTEGER), largest=listed(_LARGEST)))
    ),
    "holdings.api_index": Operation(
        ok(listed(ref("StorageStanding"))), query(after=INTEGER, page_size=POSITIVE)
    ),
    "holdings.api_change": Operation(
        ok(ref("StorageStanding")), body=form(("quota",), quota=maybe(INTEGER))
    ),
    "holdings.api_reports": Operation(
        ok(listed(ref("DeletionReport"))), query(before=INTEGER, page_size=POSITIVE)
    ),
    "holdings.api_look": Operation({202: record(job=TEXT)}, body=form(dry=FLAG)),
}
