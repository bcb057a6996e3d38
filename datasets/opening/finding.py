"""Find applications: one's own, a dataset's, the queue of those who decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from .. import errors, people, permissions
from ..catalogue import Dataset
from ..db import now
from ..errors import _
from ..people import User
from .rows import Application, ApplicationStep
from .states import RUNNING, UNDECIDED, WAITING, State


@dataclass(frozen=True)
class _OwnersOnly:
    """What belongs to one organisation and is worked on by no other."""

    organisation_id: int
    vendor_id: None = None


def require_owner(actor: User | None, organisation_id: int) -> User:
    """Return the actor if they decide for that organisation.

    Raises:
        errors.NotFound: they are of another organisation.
        errors.Forbidden: their role does not decide.
    """
    return permissions.require(actor, "dataset.open", _OwnersOnly(organisation_id))


def may_decide(actor: User | None, organisation_id: int) -> bool:
    """Tell whether somebody decides on applications for an organisation's datasets."""
    return (
        actor is not None
        and permissions.allows(actor, "dataset.open")
        and (permissions.is_everywhere(actor) or actor.organisation_id == organisation_id)
    )


def get(session: Session, actor: User, application_id: int) -> Application:
    """Return an application that the actor made or may decide on.

    Raises:
        errors.NotFound: there is none, or it is somebody else's business.
    """
    found = session.get(Application, application_id)
    if found is not None:
        decides = may_decide(actor, found.owner_id) and found.state != State.DRAFT
        if found.applicant_id == actor.id or decides:
            return found
    raise errors.NotFound(_("there is no application %(id)s"), id=application_id)


def lock(session: Session, application: Application) -> None:
    """Read an application again, and let nobody else change it in this transaction.

    Raises:
        errors.NotFound: it was deleted meanwhile.
    """
    session.flush()
    found = session.get(
        Application, application.id, with_for_update={"of": Application}, populate_existing=True
    )
    if found is None:
        raise errors.NotFound(_("there is no application %(id)s"), id=application.id)


def lock_applicant(session: Session, user: User) -> None:
    """Let what makes an application of somebody's follow one another until the commit."""
    session.execute(sa.select(User.id).where(User.id == user.id).with_for_update(key_share=True))


def find(session: Session, dataset: Dataset, user: User) -> Application | None:
    """Return the application of a person that counts: the undecided, the running, the last."""
    kind = sa.case((Application.state.in_(UNDECIDED), 0), (runs_at(now()), 1), else_=2)
    return session.scalar(
        sa.select(Application)
        .where(Application.dataset_id == dataset.id, Application.applicant_id == user.id)
        .order_by(kind, Application.id.desc())
        .limit(1)
    )


def running(session: Session, dataset: Dataset, user: User) -> Application | None:
    """Return the application by which a person has the files now, the longest one."""
    return session.scalar(
        sa.select(Application)
        .where(
            Application.dataset_id == dataset.id,
            Application.applicant_id == user.id,
            runs_at(now()),
        )
        .order_by(Application.expires_at.desc(), Application.id.desc())
        .limit(1)
    )


def mine(
    session: Session, user: User, *, before: int | None = None, limit: int = 50
) -> list[Application]:
    """List somebody's applications, newest first; `before` an id gives the next page."""
    query = sa.select(Application).where(Application.applicant_id == user.id)
    if before is not None:
        query = query.where(Application.id < before)
    return list(session.scalars(query.order_by(Application.id.desc()).limit(limit)))


def of_dataset(
    session: Session,
    actor: User,
    dataset: Dataset,
    state: str | Collection[str] | None = None,
    after: int = 0,
    limit: int = 50,
    *,
    newest_only: bool = False,
) -> list[Application]:
    """List a dataset's applications in one or several states, from after an id; never drafts.

    `newest_only` gives at most one a person, the last one: as the hub's lists do, where a
    state is one of HUB_STATES.

    Raises:
        errors.NotFound, errors.Forbidden: as `require_owner`.
    """
    require_owner(actor, dataset.organisation_id)
    query = (
        sa.select(Application)
        .where(Application.dataset_id == dataset.id, Application.id > after)
        .where(in_states(state))
    )
    if newest_only:
        later = aliased(Application)
        query = query.where(
            ~sa.exists().where(
                later.dataset_id == Application.dataset_id,
                later.applicant_id == Application.applicant_id,
                later.id > Application.id,
                later.state != State.DRAFT,
            )
        )
    return list(session.scalars(query.order_by(Application.id).limit(limit)))


def waiting(
    session: Session,
    actor: User,
    *,
    after: tuple[dt.datetime, int] | None = None,
    limit: int = 50,
) -> list[Application]:
    """List what waits for the actor's organisation, the most urgent first; keyset paging.

    `after` is the (due_at, id) of the last one seen. A platform administrator sees all.
    """
    query = _of_owner(actor).where(Application.state.in_(WAITING))
    if after is not None:
        due, number = after
        query = query.where(
            sa.or_(
                Application.due_at > due,
                sa.and_(Application.due_at == due, Application.id > number),
            )
        )
    query = query.order_by(Application.due_at, Application.id)
    return list(session.scalars(query.limit(limit)))


def decided(
    session: Session,
    actor: User,
    state: str | Collection[str],
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Application]:
    """List the applications of the actor's organisation in some states, newest first."""
    query = _of_owner(actor).where(in_states(state))
    if before is not None:
        query = query.where(Application.id < before)
    return list(session.scalars(query.order_by(Application.id.desc()).limit(limit)))


def counts(session: Session, actor: User) -> dict[str, int]:
    """Count what waits, is overdue, and runs, for the actor's organisation."""
    moment = now()
    waits = Application.state.in_(WAITING)
    overdue = sa.and_(waits, Application.due_at <= moment)
    row = session.execute(
        _of_owner(actor)
        .where(Application.state.in_(WAITING | RUNNING))
        .with_only_columns(
            *(
                sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
                for condition in (waits, overdue, runs_at(moment))
            )
        )
    ).one()
    return {"waiting": int(row[0]), "overdue": int(row[1]), "running": int(row[2])}


def steps(session: Session, application: Application) -> list[tuple[ApplicationStep, User | None]]:
    """List the steps of an application with who took them, the first one first."""
    rows = session.scalars(
        sa.select(ApplicationStep)
        .where(ApplicationStep.application_id == application.id)
        .order_by(ApplicationStep.id)
    ).all()
    who = people.by_ids(session, {step.actor_id for step in rows if step.actor_id is not None})
    return [(step, who.get(step.actor_id or 0)) for step in rows]


def runs_at(moment: dt.datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an application gives the files at a moment."""
    return sa.and_(Application.state.in_(RUNNING), Application.expires_at > moment)


def in_states(state: str | Collection[str] | None) -> sa.ColumnElement[bool]:
    """Return the condition that an application is now in one of some states; never a draft."""
    if state is None:
        return Application.state != State.DRAFT
    asked = {state} if isinstance(state, str) else set(state)
    moment = now()
    still = asked & RUNNING
    parts: list[sa.ColumnElement[bool]] = [
        Application.state.in_(asked - RUNNING - {State.DRAFT}),
        sa.and_(Application.state.in_(still), Application.expires_at > moment),
    ]
    if State.EXPIRED in asked:
        parts.append(sa.and_(Application.state.in_(RUNNING), Application.expires_at <= moment))
    return sa.or_(*parts)


def _of_owner(actor: User) -> sa.Select[Application]:
    permissions.require(actor, "dataset.open")
    query = sa.select(Application)
    if not permissions.is_everywhere(actor):
        query = query.where(Application.owner_id == actor.organisation_id)
    return query
