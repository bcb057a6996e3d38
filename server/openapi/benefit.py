"""Describe the routes of what pre-labels save, and of notices."""

from __future__ import annotations

from .operations import Operation, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    TIME,
    form,
    listed,
    mapping,
    maybe,
    one_of,
    record,
    ref,
)

_MAYBE = maybe(NUMBER)
_FIGURE = record(
    n=listed(INTEGER),
    method=TEXT,
    value=_MAYBE,
    low=_MAYBE,
    high=_MAYBE,
    missing=maybe(listed(INTEGER)),
)
_REPORT = record(
    at=TIME,
    shown=INTEGER,
    blank=INTEGER,
    annotators=INTEGER,
    idle=INTEGER,
    untimed=INTEGER,
    truths=INTEGER,
    reviewed=INTEGER,
    time_ratio=_FIGURE,
    minutes_saved=_FIGURE,
    seconds=mapping(NUMBER),
    edits=_FIGURE,
    characters=_FIGURE,
    unchanged=_FIGURE,
    accepted=_FIGURE,
    error=_FIGURE,
    of_labels=mapping(record(shown=INTEGER, accepted=INTEGER, error=_FIGURE, rises=FLAG)),
    of_models=listed(
        record(model_id=INTEGER, kind=TEXT, answers=INTEGER, marks=INTEGER, accepted=_FIGURE)
    ),
)
_MODEL = record(
    id=INTEGER,
    kind=TEXT,
    title=TEXT,
    gate=one_of("unmeasured", "open", "closed"),
    shown=FLAG,
    labels_off=listed(TEXT),
    gate_report=OBJECT,
)
_NOTICE = record(
    id=INTEGER, kind=TEXT, text=TEXT, address=TEXT, created_at=TIME, read_at=maybe(TIME)
)

OPERATIONS: dict[str, Operation] = {
    "benefit.api_show": Operation(
        ok(
            record(
                project=INTEGER,
                finding=one_of("nothing", "few", "save", "cost", "open"),
                report=maybe(_REPORT),
                settings=OBJECT,
                clean_share=maybe(record(value=NUMBER, low=NUMBER, high=NUMBER, n=INTEGER)),
                models=listed(_MODEL),
                costs=mapping(NUMBER),
            )
        )
    ),
    "benefit.api_ask": Operation({202: ref("Job")}, body=OBJECT),
    "notices.api_index": Operation(
        ok(record(unread=INTEGER, results=listed(_NOTICE))),
        query(before=INTEGER, page_size=POSITIVE),
    ),
    "notices.api_read": Operation(ok(record(read=INTEGER)), body=form(ids=listed(INTEGER))),
}
