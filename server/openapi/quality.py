"""Describe the routes of quality and of curation."""

from __future__ import annotations

from .members import RESULT
from .operations import Operation, ok
from .schemas import (
    INTEGER,
    NUMBER,
    OBJECT,
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

_ENDS = {
    "value": maybe(NUMBER),
    "low": maybe(NUMBER),
    "high": maybe(NUMBER),
    "number": INTEGER,
    "method": TEXT,
}
_FIGURE = record(**_ENDS)
_REPORT = record(
    at=TIME,
    waiting=INTEGER,
    tasks=INTEGER,
    pairs=INTEGER,
    agreement=_FIGURE,
    first_pass=_FIGURE,
    labels=listed(record(label=TEXT, marks=INTEGER, **_ENDS)),
    people=listed(record(person=INTEGER, agreement=_FIGURE, first_pass=_FIGURE)),
    matrix=listed(
        record(one=INTEGER, other=INTEGER, tasks=INTEGER, agreement=_FIGURE, kappa=mapping(_FIGURE))
    ),
    controls=mapping(
        record(
            kind=one_of("categories", "taken", "marks", "numbers", "texts"),
            measures=mapping(_FIGURE),
            confusion=maybe(record(labels=listed(TEXT), counts=listed(listed(INTEGER)))),
        )
    ),
)

OPERATIONS: dict[str, Operation] = {
    "quality.api_show": Operation(
        ok(
            record(
                project=INTEGER,
                report=maybe(_REPORT),
                gates=listed(
                    record(
                        name=one_of("agreement", "first_pass"),
                        threshold=NUMBER,
                        outcome=one_of("passed", "not_yet", "failed"),
                        figure=_FIGURE,
                    )
                ),
                settings=mapping(maybe(INTEGER)),
            )
        )
    ),
    "quality.api_ask": Operation({202: ref("Job")}, body=OBJECT),
    "curation.api_decide": Operation(
        {201: listed(ref("Review"))}, body=form(("result",), result=RESULT, reason=TEXT)
    ),
}
