"""Describe the routes that change labels after work has begun."""

from __future__ import annotations

from .operations import Operation, ok, query
from .schemas import FLAG, INTEGER, OBJECT, TEXT, form, listed, maybe, record, ref

_STEP = form(
    ("act", "control", "into"),
    act={"type": "string", "enum": ["rename", "merge", "split", "add"]},
    control=TEXT,
    labels=listed(TEXT),
    into=listed(TEXT),
    look_again=FLAG,
)
_MEMBERS = {
    "id": INTEGER,
    "project": INTEGER,
    "state": TEXT,
    "steps": listed(OBJECT),
    "note": TEXT,
    "touched": OBJECT,
    "job": maybe(TEXT),
    "created_by": INTEGER,
    "created_at": TEXT,
    "done_at": maybe(TEXT),
    "label_config": TEXT,
}
_CHANGE = record(**_MEMBERS)

OPERATIONS: dict[str, Operation] = {
    "config_changes.dry_run": Operation(
        ok(record(touches=OBJECT, label_config=TEXT)), body=form(("steps",), steps=listed(_STEP))
    ),
    "config_changes.create": Operation(
        {202: record(change=_CHANGE, job=ref("Job"))},
        body=form(("steps",), steps=listed(_STEP), note=TEXT),
    ),
    "config_changes.listing": Operation(ok(listed(_CHANGE)), query(before=INTEGER)),
    "config_changes.show": Operation(ok(record(**_MEMBERS, old_label_config=TEXT))),
}
