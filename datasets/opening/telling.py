"""Take the steps of applications: each is written down, audited, and told to whom it concerns."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, notices, permissions
from ..db import now
from ..errors import _
from ..people import Role, User
from .rows import Application, ApplicationStep
from .states import NEXT, RUNNING, WAITING, ZONE, State

ENDING_DAYS = 7  # before the end of a term people are told
MOST_TOLD = 50  # people of an owner
BATCH = 200  # applications a round
_DECIDERS = tuple(
    role
    for role in Role
    if role == Role.PLATFORM_ADMIN or "dataset.open" in permissions.ALLOWED.get(role, ())
)

# What the other side is told when an application reaches a state.
_TO_APPLICANT = {
    State.RETURNED: _("Your application for %(dataset)s was sent back to be completed: %(reason)s"),
    State.APPROVED: _("Your application for %(dataset)s was approved: please sign the agreement"),
    State.REJECTED: _("Your application for %(dataset)s was refused: %(reason)s"),
    State.RELEASED: _("The files of %(dataset)s are open to you until %(until)s"),
    State.REVOKED: _("Your access to %(dataset)s was ended: %(reason)s"),
    State.EXPIRED: _("Your term for %(dataset)s is over: please say what came of it"),
}
_TO_OWNER = {
    State.SUBMITTED: _("An application for %(dataset)s waits for your answer until %(due)s"),
    State.DRAFT: _("An application for %(dataset)s was taken back by its applicant"),
    State.AGREEMENT_SIGNED: _("The agreement on %(dataset)s was signed: please open the files"),
    State.RELEASED: _("The files of %(dataset)s are open to an applicant until %(until)s"),
    State.USAGE_REPORTED: _("A report on the use of %(dataset)s came in"),
    State.EXPIRED: _("A term for %(dataset)s is over"),
}
_ENDING = _("Your term for %(dataset)s ends on %(until)s: please say what came of it")
_ENDING_OWNER = _("A term for %(dataset)s ends on %(until)s: then its files are shut")
_OVERDUE = _("An application for %(dataset)s should have been answered by %(due)s")

_ACTS = {
    State.DRAFT: "application.take_back",
    State.SUBMITTED: "application.submit",
    State.RETURNED: "application.return",
    State.APPROVED: "application.approve",
    State.REJECTED: "application.reject",
    State.AGREEMENT_SIGNED: "application.sign",
    State.RELEASED: "application.release",
    State.USAGE_REPORTED: "application.report",
    State.EXPIRED: "application.expire",
    State.REVOKED: "application.revoke",
}
TIME = "jinbiao"  # who does what time itself does


def step(
    session: Session,
    application: Application,
    state: State,
    actor: User | None,
    reason: str | None = None,
    *,
    quiet: bool = False,
) -> None:
    """Move an application to a state, write it down, and tell the other side unless `quiet`.

    Raises:
        errors.Refused: the state cannot follow the one that it is in.
    """
    before = application.current if state != State.EXPIRED else State(application.state)
    if state not in NEXT[before]:
        raise errors.Refused(
            _("this is not possible in the state that the application is in now"),
            state=before.value,
        )
    application.state = state
    write(session, application, actor, reason)
    audit.record(
        session,
        actor or TIME,
        _ACTS[state],
        f"dataset/{application.dataset.full_name}",
        application=application.id,
    )
    if not quiet:
        _tell(session, application, state, reason)


def write(
    session: Session, application: Application, actor: User | None, reason: str | None = None
) -> None:
    """Write down the state that an application is in as a step."""
    session.flush()
    session.add(
        ApplicationStep(
            application_id=application.id,
            state=application.state,
            actor_id=None if actor is None else actor.id,
            reason=reason,
        )
    )


def note(session: Session, application: Application, actor: User, act: str, **detail: Any) -> None:
    """Write into the audit trail what changes no state."""
    subject = f"dataset/{application.dataset.full_name}"
    audit.record(session, actor, act, subject, application=application.id, **detail)


def tell_report(session: Session, application: Application, actor: User) -> None:
    """Write down and tell a report on the use that changes no state."""
    note(session, application, actor, _ACTS[State.USAGE_REPORTED])
    _tell_owner(session, application, _TO_OWNER[State.USAGE_REPORTED])


def remind(session: Session) -> int:
    """Tell people what is overdue, ends soon and has ended; return how many were told of.

    Nothing depends on it: a term that is over is over without it. Told once each.
    """
    moment = now()
    number = 0
    for application in session.scalars(_found(_overdue(moment))):
        application.overdue_told_at = moment
        _tell_owner(session, application, _OVERDUE)
        number += 1
    for application in session.scalars(_found(_ending(moment))):
        application.ending_told_at = moment
        _tell_applicant(session, application, _ENDING)
        _tell_owner(session, application, _ENDING_OWNER)
        number += 1
    for application in session.scalars(_found(_over(moment))):
        step(session, application, State.EXPIRED, None)
        number += 1
    session.flush()
    return number


def any_to_remind(session: Session) -> bool:
    """Look without writing whether `remind` would find something."""
    moment = now()
    what = sa.or_(_overdue(moment), _ending(moment), _over(moment))
    return session.scalar(sa.select(Application.id).where(what).limit(1)) is not None


def _found(what: sa.ColumnElement[bool]) -> sa.Select[Application]:
    query = sa.select(Application).where(what).order_by(Application.id).limit(BATCH)
    return query.with_for_update(of=Application, skip_locked=True)


def _overdue(moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Application.state.in_(WAITING),
        Application.due_at <= moment,
        Application.overdue_told_at.is_(None),
    )


def _ending(moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Application.state == State.RELEASED,
        Application.expires_at > moment,
        Application.expires_at <= moment + dt.timedelta(days=ENDING_DAYS),
        Application.ending_told_at.is_(None),
    )


def _over(moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Application.state.in_(RUNNING), Application.expires_at <= moment)


def _tell(session: Session, application: Application, state: State, reason: str | None) -> None:
    if state in _TO_APPLICANT:
        _tell_applicant(session, application, _TO_APPLICANT[state], reason)
    if state in _TO_OWNER:
        _tell_owner(session, application, _TO_OWNER[state])


def _tell_applicant(
    session: Session, application: Application, message: str, reason: str | None = None
) -> None:
    notices.add(
        session,
        application.applicant_id,
        "application",
        message,
        _values(application, reason),
        f"/applications/{application.id}",
    )


def _tell_owner(session: Session, application: Application, message: str) -> None:
    people = sa.select(User.id).where(
        User.organisation_id == application.owner_id,
        User.is_active,
        User.role.in_(_DECIDERS),
        User.id != application.applicant_id,
    )
    for user_id in session.scalars(people.order_by(User.id).limit(MOST_TOLD)):
        notices.add(
            session,
            user_id,
            "application",
            message,
            _values(application, None),
            f"/applications/{application.id}",
        )


def _values(application: Application, reason: str | None) -> dict[str, Any]:
    """Return what fills a message: no personal data of the applicant."""
    return {
        "dataset": application.dataset.full_name,
        "reason": (reason or "")[:300],
        "due": _day(application.due_at, end=True),
        "until": _day(application.expires_at),
    }


def _day(moment: dt.datetime | None, *, end: bool = False) -> str:
    """Return a day of the provider's clock; the end of a day is that day, not the next."""
    if moment is None:
        return "—"
    return (moment - dt.timedelta(seconds=int(end))).astimezone(ZONE).date().isoformat()
