"""Keep tasks for a team or a company, and give them to whoever of it comes first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import people
from ..db import insert_new, now
from ..people import User
from ..projects import Project
from . import queue
from .rows import Assignment, GroupTask

_MEANT = (
    sa.select(GroupTask)
    .where(
        GroupTask.project_id == sa.bindparam("project"),
        sa.literal_column("group_tasks.open_slots > 0"),
        sa.or_(
            GroupTask.organisation_id == sa.bindparam("home"),
            GroupTask.team_id == sa.bindparam("team"),
        ),
        ~sa.exists().where(
            Assignment.task_id == GroupTask.task_id, Assignment.user_id == sa.bindparam("user")
        ),
    )
    .order_by(GroupTask.id)
)
_FIRST = _MEANT.limit(1).execution_options(populate_existing=True)
_TASKS = _MEANT.with_only_columns(GroupTask.task_id).limit(sa.bindparam("limit", type_=sa.Integer))


def take(
    session: Session, annotator: User, project: Project, task_id: int | None = None
) -> GroupTask | None:
    """Take a slot that is meant for a group of somebody's: the first, or that of one task."""
    if not project.gives_to_groups:
        return None
    given = _given(session, annotator, project)
    query = _FIRST if task_id is None else _FIRST.where(GroupTask.task_id == task_id)
    # Pass by what others are taking; only when nothing else is left, wait for them.
    for skips in (True, False):
        found = session.scalar(query.with_for_update(skip_locked=skips), given)
        if found is not None:
            found.open_slots -= 1
            session.flush()
            return found
    return None


def ahead(session: Session, annotator: User, project: Project, number: int) -> list[int]:
    """Return the ids of the tasks that `take` would give somebody one after the other."""
    if not project.gives_to_groups:
        return []
    given = _given(session, annotator, project)
    return list(dict.fromkeys(session.scalars(_TASKS, {**given, "limit": number})))


def give(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    *,
    team_id: int = 0,
    organisation_id: int = 0,
    due_at: dt.datetime | None = None,
) -> list[int]:
    """Keep all open slots of tasks for a team or a company; return the tasks it got slots of.

    What it has of a task already stays, with the new time.
    """
    made = []
    project.gives_to_groups = True
    for task_id in sorted(task_ids):
        # Its own row before the queue's, as whoever gives back locks them.
        row = _of_group(session, project, actor, task_id, team_id, organisation_id)
        slot = queue.slot_of(session, project, task_id)
        if slot is None:
            continue
        row.given_by, row.due_at = actor.id, due_at
        row.open_slots += slot.open_slots
        session.delete(slot)
        session.flush()
        made.append(task_id)
    return made


def _of_group(
    session: Session,
    project: Project,
    actor: User,
    task_id: int,
    team_id: int,
    organisation_id: int,
) -> GroupTask:
    """Return the row of a task and a group, locked; a new one has no slots yet."""
    whom = {"task_id": task_id, "team_id": team_id, "organisation_id": organisation_id}
    new = {"project_id": project.id, "open_slots": 0, "given_by": actor.id, "created_at": now()}
    query = sa.select(GroupTask).filter_by(**whom).with_for_update()
    while True:
        insert_new(session, GroupTask, [{**whom, **new}])
        # A row that was there may be gone when its turn comes: taken back, or withdrawn.
        row = session.scalar(query.execution_options(populate_existing=True))
        if row is not None:
            return row


def give_back(session: Session, group_task_id: int) -> bool:
    """Give a slot back to the group it is meant for; False where the task was taken back."""
    row = session.scalar(
        sa.select(GroupTask)
        .where(GroupTask.id == group_task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return False
    row.open_slots += 1
    session.flush()
    return True


def chosen(
    session: Session, project: Project, ids: Iterable[int], *, home: int | None = None
) -> dict[int, list[int]]:
    """Return task id → ids of the rows of what waits for groups.

    With `home`, only those of that organisation and of its teams.
    """
    wanted = sa.and_(GroupTask.project_id == project.id, GroupTask.id.in_(list(ids)))
    if home is not None:
        teams = [team.id for team in people.teams(session, [home])]
        own = sa.or_(GroupTask.organisation_id == home, GroupTask.team_id.in_(teams))
        wanted = sa.and_(wanted, own)
    query = sa.select(GroupTask.task_id, GroupTask.id).where(wanted)
    found: dict[int, list[int]] = {}
    for task_id, row_id in session.execute(query.order_by(GroupTask.task_id, GroupTask.id)):
        found.setdefault(task_id, []).append(row_id)
    return found


def take_back(session: Session, project: Project, task_id: int, ids: Sequence[int]) -> int:
    """Give the slots of a task that groups have not used back to the queue; say of how many.

    Whoever takes several tasks goes one by one, as all do: nobody waits in a circle. What
    somebody of a group holds already stays theirs, and goes to the queue if it lapses.
    """
    query = sa.select(GroupTask).where(GroupTask.id.in_(ids)).order_by(GroupTask.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    rows = session.scalars(query).all()
    slots = sum(row.open_slots for row in rows)
    for row in rows:
        session.delete(row)
    session.flush()
    queue.reopen_many(session, project.id, {task_id: slots} if slots else {})
    return len(rows)


def waiting(
    session: Session, project: Project, *, after: int = 0, limit: int = 100
) -> list[GroupTask]:
    """List what waits for groups, the oldest first, from after an id; keyset paging."""
    query = sa.select(GroupTask).where(
        GroupTask.project_id == project.id,
        sa.literal_column("group_tasks.open_slots > 0"),
        GroupTask.id > after,
    )
    return list(session.scalars(query.order_by(GroupTask.id).limit(limit)))


def _given(session: Session, annotator: User, project: Project) -> dict[str, Any]:
    return {
        "project": project.id,
        "user": annotator.id,
        "home": annotator.organisation_id,
        # No row has the team -1: 0 is that of rows that are meant for a company.
        "team": people.teams_of(session, [annotator.id]).get(annotator.id, -1),
    }
