"""Describe the routes of who works on what, and of flags."""

from __future__ import annotations

from .operations import GONE, Operation, made, ok, query
from .schemas import FLAG, INTEGER, OBJECT, TEXT, form, listed, maybe, record

_IDS = listed(INTEGER)
_NUMBER = maybe(INTEGER)
_LIMITS = {
    "is_paused": FLAG,
    "pause_reason": TEXT,
    "most_tasks_each": _NUMBER,
    "most_tasks_a_day": _NUMBER,
    "most_tasks_held": _NUMBER,
    "reservation_minutes": _NUMBER,
}
_ACCESS = record(access=TEXT, **_LIMITS, entries=listed(OBJECT))
_HOLD = record(
    id=INTEGER,
    task=INTEGER,
    user=INTEGER,
    reserved_until=maybe(TEXT),
    assigned_by=_NUMBER,
    due_at=maybe(TEXT),
    is_overdue=FLAG,
    created_at=TEXT,
)
_MEANT = record(
    id=INTEGER,
    task=INTEGER,
    team=_NUMBER,
    organisation=_NUMBER,
    open_slots=INTEGER,
    given_by=INTEGER,
    due_at=maybe(TEXT),
    is_overdue=FLAG,
)
_MEMBERS = {
    "id": INTEGER,
    "task": INTEGER,
    "project": INTEGER,
    "user": INTEGER,
    "kind": TEXT,
    "text": TEXT,
    "state": TEXT,
    "answer": TEXT,
    "discussion": maybe(INTEGER),
    "settled_by": _NUMBER,
    "settled_at": maybe(TEXT),
    "created_at": TEXT,
}
_FLAG = record(**_MEMBERS)

OPERATIONS: dict[str, Operation] = {
    "access.show": Operation(ok(_ACCESS)),
    "access.add": Operation(made(_ACCESS), body=form(users=_IDS, teams=_IDS, organisations=_IDS)),
    "access.change": Operation(ok(_ACCESS), body=form(access=TEXT, **_LIMITS)),
    "access.remove": Operation(GONE),
    "access.holds": Operation(
        ok(record(holds=listed(_HOLD), group_tasks=listed(_MEANT))),
        query(user=INTEGER, overdue=FLAG, after=INTEGER),
    ),
    "access.give_back": Operation(
        ok(record(returned=INTEGER)), body=form(holds=_IDS, group_tasks=_IDS)
    ),
    "access.give": Operation(
        made(record(given=INTEGER)),
        body=form(
            tasks=_IDS,
            number=INTEGER,
            users=_IDS,
            team=INTEGER,
            organisation=INTEGER,
            due_at=TEXT,
        ),
    ),
    "flags.of_task": Operation(ok(listed(_FLAG))),
    "flags.create": Operation(
        made(record(**_MEMBERS, skipped=FLAG)),
        body=form(("kind",), kind=TEXT, text=TEXT, skip=FLAG),
    ),
    "flags.of_project": Operation(
        ok(record(open=OBJECT, results=listed(_FLAG))),
        query(state=TEXT, kind=TEXT, after=INTEGER),
    ),
    "flags.settle": Operation(ok(_FLAG), body=form(("outcome",), outcome=TEXT, answer=TEXT)),
}
