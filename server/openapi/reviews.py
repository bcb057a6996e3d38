"""Describe the routes of the stages of review."""

from __future__ import annotations

from .operations import Operation, made, ok
from .schemas import INTEGER, OBJECT, TEXT, form, listed, maybe, record

_DIFFERENCES = record(
    added=listed(OBJECT),
    removed=listed(OBJECT),
    changed=listed(record(before=OBJECT, after=OBJECT, what=listed(TEXT))),
    same=INTEGER,
)
_SIDE = record(
    ("verdict", "reason", "stage", "annotation"),
    kind=TEXT,
    result=listed(OBJECT),
    differences=_DIFFERENCES,
    verdict=TEXT,
    reason=TEXT,
    stage=INTEGER,
    annotation=INTEGER,
)
_REASON = record(code=TEXT, text=TEXT)
_EVENT = record(
    id=INTEGER,
    annotation=INTEGER,
    kind=TEXT,
    revision=INTEGER,
    to_revision=maybe(INTEGER),
    reason=TEXT,
    created_by=maybe(INTEGER),
    created_at=maybe(TEXT),
)

OPERATIONS: dict[str, Operation] = {
    "reviews.api_sheet": Operation(
        ok(
            record(
                annotation=INTEGER,
                revision=INTEGER,
                stage=INTEGER,
                maker=TEXT,
                objections=listed(TEXT),
                sides=listed(_SIDE),
                reasons=listed(_REASON),
            )
        )
    ),
    "review_stages.api_show": Operation(
        ok(
            record(
                project=INTEGER,
                settings=OBJECT,
                stages=listed(
                    record(stage=INTEGER, waiting=INTEGER, held=INTEGER, oldest=maybe(TEXT))
                ),
            )
        )
    ),
    "review_stages.api_history": Operation(
        ok(
            listed(
                record(
                    at=maybe(TEXT),
                    kind=TEXT,
                    annotation=INTEGER,
                    revision=INTEGER,
                    by=maybe(TEXT),
                    stage=maybe(INTEGER),
                    verdict=maybe(TEXT),
                    text=TEXT,
                    code=maybe(TEXT),
                    to_revision=maybe(INTEGER),
                    differences=_DIFFERENCES,
                )
            )
        )
    ),
    "review_stages.api_object": Operation(made(_EVENT), body=form(("reason",), reason=TEXT)),
    "review_stages.api_roll_back": Operation(
        made(_EVENT), body=form(("revision", "reason"), revision=INTEGER, reason=TEXT)
    ),
    "review_stages.api_reopen": Operation(made(_EVENT), body=form(("reason",), reason=TEXT)),
}
