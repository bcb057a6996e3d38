"""Give tasks to people by hand, and see who has what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import access, audit, errors, permissions
from ..db import now
from ..errors import _
from ..people import Organisation, Team, User
from ..projects import Project
from ..settings import Settings
from ..tasks import Task
from . import groups, returning
from .claiming import reserve, take_turn
from .returning import leads_all
from .rows import IS_HELD, Assignment


def assign(
    session: Session,
    settings: Settings,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    annotators: Sequence[User],
    due_at: dt.datetime | None = None,
) -> list[Assignment]:
    """Reserve tasks for people, each task for each of them, until they are done or taken back.

    `due_at` lapses nothing: the leader sees what is overdue.

    Raises:
        errors.Invalid: somebody does not annotate, is shut out, or the project is not open to
            them.
        errors.Refused: a task has no open slot left for one of them.
    """
    permissions.require(actor, "assignment.manage", project)
    made = []
    annotators = sorted(annotators, key=lambda each: each.id)
    for annotator in annotators:
        # Before any task: whoever takes one has their turn first, too.
        take_turn(session, annotator)
    for annotator in annotators:
        if not annotator.is_active or not permissions.allows(annotator, "task.claim"):
            raise errors.Invalid(
                _("%(name)s does not annotate"), place="users", name=annotator.username
            )
        check_reach(actor, project, annotator.organisation_id)
        if not access.admits(session, annotator, project):
            raise errors.Invalid(
                _("this project is not open to %(name)s"), place="users", name=annotator.username
            )
        for task_id in sorted(task_ids):
            task = session.get_one(Task, task_id)
            held_now = reserve(
                session, settings, annotator, project, task, given_by=actor, due_at=due_at
            )
            if held_now is None:
                raise errors.Refused(
                    _("task %(id)s has no place left for %(name)s"),
                    id=task_id,
                    name=annotator.username,
                )
            made.append(held_now)
    audit.record(session, actor, "task.assign", f"project/{project.id}", number=len(made))
    return made


def assign_to_team(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    team: Team,
    due_at: dt.datetime | None = None,
) -> int:
    """Keep tasks for a team: whoever of it comes first; return how many had open slots.

    Raises:
        errors.Invalid: the team is of an organisation that does not work on the project.
    """
    permissions.require(actor, "assignment.manage", project)
    check_reach(actor, project, team.organisation_id)
    made = groups.give(session, actor, project, task_ids, team_id=team.id, due_at=due_at)
    return _told(session, actor, project, made, team=team.id)


def assign_to_company(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    company: Organisation,
    due_at: dt.datetime | None = None,
) -> int:
    """Keep tasks for the people of an organisation; return how many had open slots.

    Raises:
        errors.Invalid: the organisation is neither the project's owner nor its company.
    """
    permissions.require(actor, "assignment.manage", project)
    check_reach(actor, project, company.id)
    made = groups.give(session, actor, project, task_ids, organisation_id=company.id, due_at=due_at)
    return _told(session, actor, project, made, company=company.slug)


def take_back_all(
    session: Session,
    actor: User,
    project: Project,
    holds: Sequence[int] = (),
    group_tasks: Sequence[int] = (),
) -> int:
    """Take back holds that are not answered, and what waits for teams and companies; say how many.

    A company's leaders take back what their own people hold and what waits for their own.
    """
    permissions.require(actor, "assignment.manage", project)
    rows = returning.lock_holds(session, actor, project, holds) if holds else []
    home = None if leads_all(actor, project) else actor.organisation_id
    meant = groups.chosen(session, project, group_tasks, home=home) if group_tasks else {}
    # Task by task, what waits for groups before the queue, as whoever else takes and gives
    # back: nobody waits in a circle.
    deeds: list[tuple[int, int, Callable[[], int]]] = [
        (task_id, 0, partial(groups.take_back, session, project, task_id, ids))
        for task_id, ids in meant.items()
    ]
    deeds += [(row.task_id, 1, partial(returning.end_hold, session, row)) for row in rows]
    number = sum(deed() for _task, _kind, deed in sorted(deeds, key=lambda deed: deed[:2]))
    audit.record(session, actor, "task.unassign", f"project/{project.id}", number=number)
    return number


def check_reach(actor: User, project: Project, organisation_id: int) -> None:
    """Raise where somebody may not decide what people of that organisation do here.

    A company's leaders decide for their own people, the project's owner for all who see it.

    Raises:
        errors.Invalid: they do not work on this project, or are not the actor's to lead.
    """
    if organisation_id not in (project.organisation_id, project.vendor_id):
        raise errors.Invalid(_("they do not work on this project"), place="users")
    if not leads_all(actor, project) and organisation_id != actor.organisation_id:
        raise errors.Invalid(_("they are not of your organisation"), place="users")


def _told(
    session: Session, actor: User, project: Project, made: Sequence[int], **whom: object
) -> int:
    about = f"project/{project.id}"
    audit.record(session, actor, "task.assign", about, number=len(made), **whom)
    return len(made)


def of_task(session: Session, task: Task) -> list[Assignment]:
    """List who holds or has done a task as work."""
    query = sa.select(Assignment).where(Assignment.task_id == task.id, Assignment.purpose.is_(None))
    return list(session.scalars(query.order_by(Assignment.id)))


def holds(
    session: Session,
    project: Project,
    *,
    user_id: int | None = None,
    overdue: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Assignment]:
    """List what people hold of a project as work and have not answered, the oldest first.

    `overdue` leaves only what somebody was given and is late with; `after` an id pages.
    """
    query = sa.select(Assignment).where(
        Assignment.project_id == project.id,
        IS_HELD,
        Assignment.purpose.is_(None),
        Assignment.id > after,
    )
    if user_id is not None:
        query = query.where(Assignment.user_id == user_id)
    if overdue:
        query = query.where(Assignment.due_at < now())
    return list(session.scalars(query.order_by(Assignment.id).limit(limit)))


def held_counts(session: Session, project: Project) -> dict[int, tuple[int, int]]:
    """Return user id → (tasks held, of them overdue)."""
    late = sa.func.sum(sa.case((Assignment.due_at < now(), 1), else_=0))
    query = (
        sa.select(Assignment.user_id, sa.func.count(), late)
        .where(Assignment.project_id == project.id, IS_HELD, Assignment.purpose.is_(None))
        .group_by(Assignment.user_id)
    )
    return {user_id: (number, int(late or 0)) for user_id, number, late in session.execute(query)}
