"""Give tasks back: what lapsed, what a leader takes back, what somebody who left held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import access, audit, people, permissions
from ..db import now
from ..people import User
from ..projects import LONGEST_RESERVATION, Project
from ..tasks import Task
from . import groups, queue
from .rows import IS_HELD, Assignment, AssignmentState

# No reservation ends later than this; one that does was made while the clock was wrong.
FARTHEST = dt.timedelta(minutes=2 * LONGEST_RESERVATION)


def give_back(session: Session, assignment: Assignment) -> None:
    """Delete a reservation and give its slot back to where it came from."""
    session.delete(assignment)
    session.flush()
    if assignment.purpose is not None:
        return
    if assignment.group_task_id and groups.give_back(session, assignment.group_task_id):
        return
    queue.reopen(session, assignment.project_id, assignment.task_id)


def take_back(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    user_ids: Collection[int] | None = None,
) -> int:
    """Take a task back from those who hold it and have not answered; return how many.

    Their drafts stay theirs.
    """
    permissions.require(actor, "assignment.manage", project)
    chosen = sa.and_(Assignment.task_id == task.id, _led_by(actor, project))
    if user_ids is not None:
        chosen = sa.and_(chosen, Assignment.user_id.in_(list(user_ids)))
    number = _release(session, chosen)
    audit.record(session, actor, "task.unassign", f"task/{task.id}", number=number)
    return number


def lock_holds(
    session: Session, actor: User, project: Project, ids: Sequence[int]
) -> list[Assignment]:
    """Lock these holds of the project that are not answered, those of the actor's own people."""
    chosen = sa.and_(Assignment.project_id == project.id, Assignment.id.in_(list(ids)))
    return _locked(session, sa.and_(chosen, _led_by(actor, project)))


def end_hold(session: Session, row: Assignment) -> bool:
    """Give a hold back, unless it was answered while this waited for it."""
    if row.state != AssignmentState.RESERVED:
        return False
    give_back(session, row)
    return True


def release(session: Session, person: User, project: Project | None = None) -> int:
    """Give back what somebody holds who may not work any more, here or anywhere.

    Drafts stay: the person finds them when they are let in again. Return how many were held.
    """
    chosen = Assignment.user_id == person.id
    if project is not None:
        chosen = sa.and_(chosen, Assignment.project_id == project.id)
    return _release(session, chosen)


def release_strangers(session: Session, project: Project) -> int:
    """Give back what people hold of a project that is not open to them any more."""
    held = sa.select(Assignment.user_id).where(
        Assignment.project_id == project.id, IS_HELD, Assignment.purpose.is_(None)
    )
    holders = people.by_ids(session, set(session.scalars(held)))
    let_in = access.admitted(session, holders.values(), project)
    return sum(
        release(session, person, project)
        for number, person in sorted(holders.items())
        if number not in let_in
    )


def leads_all(actor: User, project: Project) -> bool:
    """Tell whether somebody leads everybody who sees the project: as its owner's."""
    return permissions.is_everywhere(actor) or actor.organisation_id == project.organisation_id


def _led_by(actor: User, project: Project) -> sa.ColumnElement[bool]:
    if leads_all(actor, project):
        return sa.true()
    own = sa.select(User.id).where(User.organisation_id == actor.organisation_id)
    return Assignment.user_id.in_(own)


def _release(session: Session, chosen: sa.ColumnElement[bool]) -> int:
    return sum(end_hold(session, row) for row in _locked(session, chosen))


def _locked(session: Session, chosen: sa.ColumnElement[bool]) -> list[Assignment]:
    """Lock what is held as work, by task."""
    query = sa.select(Assignment).where(
        chosen, Assignment.state == AssignmentState.RESERVED, Assignment.purpose.is_(None)
    )
    query = query.order_by(Assignment.task_id).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def any_lapsed(session: Session) -> bool:
    """Tell whether `expire` would find a reservation to give back."""
    return any(session.scalar(query.limit(1)) is not None for query in _lapsed())


def expire(session: Session, limit: int = 1000) -> int:
    """Give back the slots of reservations that have lapsed; return how many.

    So does one that ends in a future that no reservation reaches: it was made by a clock that
    was wrong, and its slot would be lost until then. And what people hold who were shut out.
    """
    lapsed: list[Assignment] = []
    for query in _lapsed():
        lapsed += session.scalars(
            query.order_by(Assignment.task_id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=Assignment)
            .execution_options(populate_existing=True)
        )
    # One may have lapsed in two ways. By task, so that nobody waits in a circle at the queue.
    once = {assignment.id: assignment for assignment in lapsed}
    for assignment in sorted(once.values(), key=lambda each: each.task_id):
        give_back(session, assignment)
    return len(once)


def _lapsed() -> tuple[sa.Select[Assignment], ...]:
    """Return the ways in which a reservation lapses; each has an index that finds it."""
    reserved = sa.select(Assignment).where(Assignment.state == AssignmentState.RESERVED)
    at = now()
    return (
        reserved.where(Assignment.reserved_until < at),
        reserved.where(Assignment.reserved_until > at + FARTHEST),
        reserved.join(User, User.id == Assignment.user_id).where(~User.is_active),
    )
