"""Give somebody their next task, or hold a certain one for them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import admission, errors, permissions
from ..db import Base, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..settings import Settings
from ..tasks import Task, TaskState
from . import caps, groups, queue, taking
from .rows import Assignment, AssignmentState, GroupTask

# Statements that are asked with every task are made once: that takes as long as running them.
# As a rule nothing is held, so it is looked for past the ORM.
_USERS, _HOLDS = (Base.metadata.tables[table.__tablename__].c for table in (User, Assignment))
_TURN = (
    sa.select(_USERS.id).where(_USERS.id == sa.bindparam("user")).with_for_update(key_share=True)
)
# "reserved" stands before "returned", as it should: the index has this order.
_MINE = sa.and_(
    _HOLDS.project_id == sa.bindparam("project"),
    _HOLDS.user_id == sa.bindparam("user"),
    _HOLDS.state.in_((AssignmentState.RESERVED, AssignmentState.RETURNED)),
)
_IN_TURN = (_HOLDS.state, _HOLDS.id)
_OPEN = sa.select(_HOLDS.id).where(_MINE).order_by(*_IN_TURN).limit(1).with_for_update()
_OPEN_TASKS = (
    sa.select(_HOLDS.task_id)
    .where(_MINE)
    .order_by(*_IN_TURN)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_HELD = sa.select(Assignment).where(
    Assignment.task_id == sa.bindparam("task"), Assignment.user_id == sa.bindparam("user")
)
_LOCKED_HELD = _HELD.with_for_update().execution_options(populate_existing=True)


def claim(
    session: Session, settings: Settings, annotator: User, project: Project
) -> Assignment | None:
    """Give the annotator their next task: what they hold, what was returned, or a new one.

    None when nothing is left. What they hold already comes first, so that a killed tab
    finds its task again; two calls of one person give the same task. New ones are first those
    that are meant for a team or company of theirs, then the queue's.

    Raises:
        errors.Forbidden, errors.Refused: as `admission.check`.
        errors.Refused: they have taken as many as the project's caps allow.
    """
    permissions.require(annotator, "task.claim", project)
    admission.check(session, annotator, project)
    take_turn(session, annotator)
    session.flush()
    given = {"project": project.id, "user": annotator.id}
    open_id = session.connection().execute(_OPEN, given).scalar()
    if open_id is not None:
        mine = session.get_one(Assignment, open_id, populate_existing=True)
        if mine.state == AssignmentState.RESERVED and mine.reserved_until is not None:
            mine.reserved_until = _until(settings, project)
        return mine
    caps.check(session, annotator, project)
    meant = groups.take(session, annotator, project)
    if meant is not None:
        return _reserved(session, settings, annotator, project, meant.task_id, meant=meant)
    slot = queue.take_slot(session, annotator, project)
    if slot is None:
        return None
    return taking.take(session, annotator, project, slot, _until(settings, project))


def peek(session: Session, annotator: User, project: Project, number: int) -> list[int]:
    """Return the ids of the tasks that `claim` would give one after the other, each answered.

    At most `number`, what they hold already first. Nothing is taken: whoever shows a task holds
    it with `hold`, and another may have been quicker.

    Raises:
        errors.Forbidden, errors.Refused: as `admission.check`.
    """
    permissions.require(annotator, "task.claim", project)
    admission.check(session, annotator, project)
    given = {"project": project.id, "user": annotator.id, "limit": number}
    found = list(session.scalars(_OPEN_TASKS, given))
    wanted = number - len(found)
    bound = caps.left(session, annotator, project) if wanted > 0 else 0
    if bound is not None:
        wanted = min(wanted, bound)
    if wanted > 0:
        meant = groups.ahead(session, annotator, project, wanted)
        found += [task_id for task_id in meant if task_id not in found]
        wanted -= len(meant)
    if wanted > 0:
        others = queue.ahead(session, annotator, project, wanted + len(found))
        found += [task_id for task_id in others if task_id not in found][:wanted]
    return found


def take_turn(session: Session, annotator: User) -> None:
    """Let one person's acts follow one another, also from two tabs, until the commit."""
    if session.get_bind().dialect.name == "sqlite" or session.info.get("turn") == annotator.id:
        # One writer at a time there, whoever it is; and a turn lasts until the commit.
        return
    session.info["turn"] = annotator.id
    session.flush()
    session.connection().execute(_TURN, {"user": annotator.id})


def held(session: Session, user: User, task_id: int, *, lock: bool = False) -> Assignment | None:
    """Return the user's hold on a task, in whatever state."""
    return session.scalar(_LOCKED_HELD if lock else _HELD, {"task": task_id, "user": user.id})


def hold(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment | None:
    """Reserve one given task for the annotator; None when it has no open slot for them.

    What they hold already, they get without a question; a reservation begins anew. Next is then
    what stands behind it.

    Raises:
        errors.Forbidden, errors.Refused: as `claim`.
    """
    permissions.require(annotator, "task.claim", project)
    take_turn(session, annotator)
    existing = held(session, annotator, task.id, lock=True)
    if existing is not None:
        if existing.state == AssignmentState.RESERVED and existing.reserved_until is not None:
            existing.reserved_until = _until(settings, project)
        return existing
    return _admitted(session, settings, annotator, project, task, moves=True)


def enter(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment | None:
    """Return the annotator's hold on a task that they answer, in whatever state, or a new one.

    What they hold they may answer, whatever has become of the project meanwhile.

    Raises:
        errors.Forbidden, errors.Refused: they hold nothing, and may take nothing: as `claim`.
    """
    take_turn(session, annotator)
    existing = held(session, annotator, task.id, lock=True)
    if existing is not None:
        return existing
    return _admitted(session, settings, annotator, project, task, moves=False)


def _admitted(
    session: Session,
    settings: Settings,
    annotator: User,
    project: Project,
    task: Task,
    *,
    moves: bool,
) -> Assignment | None:
    if task.state == TaskState.WITHDRAWN:
        raise errors.Refused(_("this task was withdrawn; what you drew is kept as a draft"))
    admission.check(session, annotator, project)
    caps.check(session, annotator, project)
    return reserve(session, settings, annotator, project, task, moves=moves)


def reserve(
    session: Session,
    settings: Settings,
    annotator: User,
    project: Project,
    task: Task,
    *,
    given_by: User | None = None,
    due_at: dt.datetime | None = None,
    moves: bool = False,
) -> Assignment | None:
    """Do what `hold` does for somebody whose right to it was asked elsewhere.

    What `given_by` gives does not lapse. With `moves` this is where they are in the queue.
    """
    take_turn(session, annotator)
    existing = held(session, annotator, task.id, lock=True)
    if existing is not None:
        return existing
    meant = None if given_by else groups.take(session, annotator, project, task.id)
    if meant is not None:
        return _reserved(session, settings, annotator, project, task.id, meant=meant)
    slot = queue.slot_of(session, project, task.id)
    if slot is None:
        return None
    if moves:
        taking.reach(session, annotator, project, slot)
    queue.use_slot(session, slot)
    made = _reserved(session, settings, annotator, project, task.id)
    if given_by is not None:
        made.assigned_by, made.due_at, made.reserved_until = given_by.id, due_at, None
        session.flush()
    return made


def minutes(settings: Settings, project: Project) -> int:
    """Return how long a reservation of this project lasts."""
    return int(project.option("reservation_minutes") or settings.reservation_minutes)


def _until(settings: Settings, project: Project) -> dt.datetime:
    return now() + dt.timedelta(minutes=minutes(settings, project))


def _reserved(
    session: Session,
    settings: Settings,
    annotator: User,
    project: Project,
    task_id: int,
    meant: GroupTask | None = None,
) -> Assignment:
    made = Assignment(
        project_id=project.id,
        task_id=task_id,
        user_id=annotator.id,
        reserved_until=_until(settings, project),
    )
    if meant is not None:
        made.assigned_by, made.due_at, made.group_task_id = meant.given_by, meant.due_at, meant.id
    session.add(made)
    session.flush()
    return made
