"""Hand out the next task: atomically, to one person, for a while."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, permissions
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import SAMPLINGS, Project
from .settings import Settings
from .tasks import BEGUN, QueuedTask, Task


class AssignmentState(StrEnum):
    """Where somebody's hold on a task is."""

    RESERVED = "reserved"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    RETURNED = "returned"


class Assignment(Base):
    """A task in somebody's hands. A lapsed one is deleted and its slot given back."""

    __tablename__ = "assignments"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "user_id"),
        sa.Index("ix_assignments_open", "project_id", "user_id", "state", "id"),
        sa.Index("ix_assignments_lapse", "state", "reserved_until"),
        sa.Index("ix_assignments_person", "project_id", "user_id", "task_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(sa.String(20), default=AssignmentState.RESERVED)
    reserved_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


# Statements that are asked with every task are made once: that takes as long as running them.
_OPEN = (
    sa.select(Assignment)
    .where(
        Assignment.project_id == sa.bindparam("project"),
        Assignment.user_id == sa.bindparam("user"),
        Assignment.state.in_((AssignmentState.RESERVED, AssignmentState.RETURNED)),
    )
    # "reserved" stands before "returned", as it should: the index has this order.
    .order_by(Assignment.state, Assignment.id)
    .limit(1)
    .with_for_update()
    .execution_options(populate_existing=True)
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
    finds its task again; two calls of one person give the same task.
    """
    permissions.require(annotator, "task.claim", project)
    until = now() + dt.timedelta(minutes=settings.reservation_minutes)
    take_turn(session, annotator)
    held = session.scalar(_OPEN, {"project": project.id, "user": annotator.id})
    if held is not None:
        if held.state == AssignmentState.RESERVED:
            held.reserved_until = until
        return held
    taken = _take_slot(session, annotator, project)
    if taken is None:
        return None
    assignment = Assignment(
        project_id=project.id, task_id=taken, user_id=annotator.id, reserved_until=until
    )
    session.add(assignment)
    session.flush()
    return assignment


def take_turn(session: Session, annotator: User) -> None:
    """Let one person's acts follow one another, also from two tabs, until the commit."""
    if session.get_bind().dialect.name == "sqlite" or session.info.get("turn") == annotator.id:
        # One writer at a time there, whoever it is; and a turn lasts until the commit.
        return
    session.info["turn"] = annotator.id
    session.execute(
        sa.select(User.id).where(User.id == annotator.id).with_for_update(key_share=True)
    )


def held(session: Session, user: User, task_id: int, *, lock: bool = False) -> Assignment | None:
    """Return the user's hold on a task, in whatever state."""
    return session.scalar(_LOCKED_HELD if lock else _HELD, {"task": task_id, "user": user.id})


def hold(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment | None:
    """Reserve one given task for the annotator; None when it has no open slot left."""
    permissions.require(annotator, "task.claim", project)
    return reserve(session, settings, annotator, project, task)


def reserve(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment | None:
    """Do what `hold` does for somebody whose right to it was asked elsewhere."""
    take_turn(session, annotator)
    existing = held(session, annotator, task.id, lock=True)
    if existing is not None:
        return existing
    slot = session.scalar(
        sa.select(QueuedTask)
        .where(QueuedTask.project_id == project.id, QueuedTask.task_id == task.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if slot is None:
        return None
    _use_slot(session, slot)
    assignment = Assignment(
        project_id=project.id,
        task_id=task.id,
        user_id=annotator.id,
        reserved_until=now() + dt.timedelta(minutes=settings.reservation_minutes),
    )
    session.add(assignment)
    session.flush()
    return assignment


def give_back(session: Session, assignment: Assignment) -> None:
    """Delete a reservation and give its slot back to the queue."""
    session.delete(assignment)
    session.flush()
    reopen(session, assignment.project_id, assignment.task_id)


def assign(
    session: Session,
    settings: Settings,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    annotators: Sequence[User],
) -> list[Assignment]:
    """Reserve tasks for people, each task for each of them.

    Raises:
        errors.Invalid: somebody does not annotate.
        errors.Refused: a task has no open slot left for one of them.
    """
    permissions.require(actor, "task.change", project)
    made = []
    for annotator in sorted(annotators, key=lambda each: each.id):
        if not permissions.allows(annotator, "task.claim"):
            raise errors.Invalid(
                _("%(name)s does not annotate"), place="users", name=annotator.username
            )
        for task_id in task_ids:
            held_now = reserve(
                session, settings, annotator, project, session.get_one(Task, task_id)
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


def take_back(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    user_ids: Collection[int] | None = None,
) -> int:
    """Take a task back from those who hold it and have not answered; return how many."""
    permissions.require(actor, "task.change", project)
    held_now = [
        row
        for row in of_task(session, task)
        if row.state == AssignmentState.RESERVED and (user_ids is None or row.user_id in user_ids)
    ]
    for row in held_now:
        give_back(session, row)
    audit.record(session, actor, "task.unassign", f"task/{task.id}", number=len(held_now))
    return len(held_now)


def of_task(session: Session, task: Task) -> list[Assignment]:
    """List who holds or has done a task."""
    query = sa.select(Assignment).where(Assignment.task_id == task.id)
    return list(session.scalars(query.order_by(Assignment.id)))


def reopen(session: Session, project_id: int, task_id: int, priority: int = 0) -> None:
    """Give one slot of a task to the queue; a task that is queued keeps its priority."""
    rows = [
        {"project_id": project_id, "priority": priority, "task_id": task_id, "open_slots": 1},
    ]
    _add_slots(session, rows)


def reopen_many(session: Session, project_id: int, slots: Mapping[int, int]) -> None:
    """Give slots of many tasks back to the queue: task id → how many."""
    rows = [
        {"project_id": project_id, "priority": 0, "task_id": task_id, "open_slots": number}
        for task_id, number in sorted(slots.items())
    ]
    if rows:
        _add_slots(session, rows)


def _add_slots(session: Session, rows: list[dict[str, int]]) -> None:
    # One statement that adds to what is there, since another may queue the same task meanwhile.
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(QueuedTask) if on_sqlite else postgresql.insert(QueuedTask)
    added = QueuedTask.open_slots + insert.excluded.open_slots
    session.flush()
    session.execute(
        insert.on_conflict_do_update(index_elements=["task_id"], set_={"open_slots": added}), rows
    )


def any_lapsed(session: Session) -> bool:
    """Tell whether `expire` would find a reservation to give back."""
    query = sa.select(Assignment.id).where(
        Assignment.state == AssignmentState.RESERVED, Assignment.reserved_until < now()
    )
    return session.scalar(query.limit(1)) is not None


def expire(session: Session, limit: int = 1000) -> int:
    """Give back the slots of reservations that have lapsed; return how many."""
    lapsed = list(
        session.scalars(
            sa.select(Assignment)
            .where(Assignment.state == AssignmentState.RESERVED, Assignment.reserved_until < now())
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    for assignment in lapsed:
        give_back(session, assignment)
    return len(lapsed)


_Choice = tuple[sa.Select[QueuedTask], sa.Select[QueuedTask]]


def _both(query: sa.Select[QueuedTask]) -> _Choice:
    """Return the query for the first slot, passing by what others take, and waiting for them."""
    first = query.order_by(QueuedTask.priority, QueuedTask.task_id).limit(1)
    first = first.execution_options(populate_existing=True)
    return first.with_for_update(skip_locked=True), first.with_for_update()


_QUEUED = sa.select(QueuedTask).where(QueuedTask.project_id == sa.bindparam("project"))
_OWN = (
    Assignment.project_id == sa.bindparam("project"),
    Assignment.user_id == sa.bindparam("user"),
)
# Only what they skipped comes back to the queue, and then behind everything else.
_ANY_BUT_OWN = _both(
    _QUEUED.where(
        ~sa.exists().where(
            Assignment.task_id == QueuedTask.task_id, Assignment.user_id == sa.bindparam("user")
        )
    )
)
# With several annotators a task, what they have done stays queued for others: begin behind it,
# look before it last.
_FURTHEST = sa.select(sa.func.max(Assignment.task_id)).where(*_OWN)
_BEYOND = _both(_QUEUED.where(QueuedTask.task_id > sa.bindparam("furthest")))
_NOT_YET = _both(
    _QUEUED.where(QueuedTask.task_id.not_in(sa.select(Assignment.task_id).where(*_OWN)))
)
# In an order that was worked out, ids tell nothing: what they did last is where they are, as far
# as others are still to do it too. What was begun before the order was written stands in front.
_LATEST = (
    sa.select(Assignment.task_id)
    .where(*_OWN, Assignment.state == AssignmentState.SUBMITTED)
    .order_by(Assignment.id.desc())
    .limit(20)
)
# By the tasks alone: SQLite would go through the project's whole queue for more.
_PLACES = sa.select(QueuedTask.priority, QueuedTask.task_id).where(
    QueuedTask.task_id.in_(sa.bindparam("tasks", expanding=True))
)
# The offset keeps PostgreSQL from joining with all of somebody's work to find one row.
_UNTOUCHED = _QUEUED.where(
    ~sa.exists(
        sa.select(Assignment.id)
        .where(Assignment.task_id == QueuedTask.task_id, Assignment.user_id == sa.bindparam("user"))
        .correlate(QueuedTask)
        .offset(0)
    )
)
_AHEAD = _both(
    _UNTOUCHED.where(
        sa.tuple_(QueuedTask.priority, QueuedTask.task_id)
        > sa.tuple_(sa.bindparam("priority"), sa.bindparam("reached"))
    )
)
_FROM_THE_FRONT = _both(_UNTOUCHED)


def _take_slot(session: Session, annotator: User, project: Project) -> int | None:
    # Pass by what others are taking; only when nothing else is left, wait for them.
    given = {"project": project.id, "user": annotator.id}
    choices: tuple[_Choice, ...] = (_ANY_BUT_OWN,)
    if project.maximum_annotations > 1 and project.option("sampling") == SAMPLINGS[0]:
        given["furthest"] = session.scalar(_FURTHEST, given) or 0
        choices = (_BEYOND, _NOT_YET)
    elif project.maximum_annotations > 1:
        choices = (_FROM_THE_FRONT,)
        reached = _reached(session, given)
        if reached is not None:
            given["priority"], given["reached"] = reached
            choices = (_AHEAD, _FROM_THE_FRONT)
    for place in (0, 1):
        for choice in choices:
            slot = session.scalar(choice[place], given)
            if slot is not None:
                _use_slot(session, slot)
                return slot.task_id
    return None


def _reached(session: Session, given: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the priority and task in an order behind which somebody goes on, if that is known."""
    latest = list(session.scalars(_LATEST, given))
    if not latest:
        return None
    places = [
        (priority, task_id) for priority, task_id in session.execute(_PLACES, {"tasks": latest})
    ]
    return max((place for place in places if BEGUN < place[0] < 0), default=None)


def _use_slot(session: Session, slot: QueuedTask) -> None:
    if slot.open_slots > 1:
        slot.open_slots -= 1
    else:
        session.delete(slot)
    session.flush()
