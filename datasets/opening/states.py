"""Name the states of an application for a dataset under conditions, and what may follow what."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from zoneinfo import ZoneInfo

# Working days are those of the provider's clock.
ZONE = ZoneInfo("Asia/Shanghai")
WORKING_DAYS = 2
SATURDAY = 5


class State(StrEnum):
    """What became of an application: 草稿, 已提交, 已退回, 已同意, 已驳回, 已签协议, 已开放, …."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    AGREEMENT_SIGNED = "agreement_signed"
    RELEASED = "released"
    USAGE_REPORTED = "usage_reported"
    EXPIRED = "expired"
    REVOKED = "revoked"


# What may come next; who may do it is another question.
NEXT: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.SUBMITTED}),
    State.SUBMITTED: frozenset({State.DRAFT, State.RETURNED, State.APPROVED, State.REJECTED}),
    State.RETURNED: frozenset({State.SUBMITTED}),
    State.APPROVED: frozenset({State.AGREEMENT_SIGNED, State.REVOKED}),
    State.REJECTED: frozenset(),
    State.AGREEMENT_SIGNED: frozenset({State.RELEASED, State.REVOKED}),
    State.RELEASED: frozenset({State.USAGE_REPORTED, State.EXPIRED, State.REVOKED}),
    State.USAGE_REPORTED: frozenset({State.EXPIRED, State.REVOKED}),
    State.EXPIRED: frozenset(),
    State.REVOKED: frozenset(),
}
# Something still has to happen before there are files; one person has one such at a time.
UNDECIDED = frozenset(
    {State.DRAFT, State.SUBMITTED, State.RETURNED, State.APPROVED, State.AGREEMENT_SIGNED}
)
# The provider's turn: these have a due date.
WAITING = frozenset({State.SUBMITTED, State.AGREEMENT_SIGNED})
# The files are open until the term is over.
RUNNING = frozenset({State.RELEASED, State.USAGE_REPORTED})
ENDED = frozenset({State.REJECTED, State.EXPIRED, State.REVOKED})

# What the three lists of the Hugging Face Hub's access requests hold. Somebody who was
# approved and has not signed has no files yet, and so still waits.
HUB_STATES: dict[str, frozenset[str]] = {
    "pending": frozenset({State.SUBMITTED, State.APPROVED, State.AGREEMENT_SIGNED}),
    "accepted": RUNNING,
    "rejected": frozenset({State.REJECTED, State.REVOKED, State.EXPIRED}),
}


def state_at(state: str, expires_at: dt.datetime | None, moment: dt.datetime) -> State:
    """Return what a stored state is worth at a moment: a term that is over is over unasked."""
    if state in RUNNING and (expires_at is None or expires_at <= moment):
        return State.EXPIRED
    return State(state)


def due_at(start: dt.datetime, working_days: int = WORKING_DAYS) -> dt.datetime:
    """Return the end of the nth working day after the day of `start`, in UTC.

    The day of the start does not count. Saturdays and Sundays are no working days; public
    holidays and the weekends that are worked for them are not known here.
    """
    day = start.astimezone(ZONE).date()
    left = working_days
    while left > 0:
        day += dt.timedelta(days=1)
        left -= day.weekday() < SATURDAY
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZONE)
    return end.astimezone(dt.UTC)
