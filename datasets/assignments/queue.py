"""Take slots of the queue, one person's after the other, and give them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from ..db import Base
from ..people import User
from ..projects import Project
from ..tasks import QueuedTask, Task, TaskState
from .rows import Assignment, QueuePlace, Slot


class _Choice(NamedTuple):
    """One way to look for slots: passing by what others take, waiting for it, or only looking."""

    passing: sa.Select[int, int, int]
    waiting: sa.Select[int, int, int]
    looking: sa.Select[int]


# Past the ORM: these are asked with every task, and their rows are kept by nobody.
_QUEUE, _PLACES, _HOLDS = (
    Base.metadata.tables[table.__tablename__].c for table in (QueuedTask, QueuePlace, Assignment)
)


def _choice(*conditions: sa.ColumnElement[bool]) -> _Choice:
    # The offset keeps PostgreSQL from joining with all of somebody's work to find one row.
    own = (
        sa.select(_HOLDS.id)
        .where(_HOLDS.task_id == _QUEUE.task_id, _HOLDS.user_id == sa.bindparam("user"))
        .correlate(QueuedTask.__table__)
        .offset(0)
    )
    where = (_QUEUE.project_id == sa.bindparam("project"), *conditions, ~sa.exists(own))
    order = (_QUEUE.priority, _QUEUE.task_id)
    first = sa.select(*order, _QUEUE.open_slots).where(*where).order_by(*order).limit(1)
    ids = sa.select(_QUEUE.task_id).where(*where).order_by(*order)
    return _Choice(
        first.with_for_update(skip_locked=True),
        first.with_for_update(),
        ids.limit(sa.bindparam("limit", type_=sa.Integer)),
    )


def _ahead_of(
    priority: sa.ColumnElement[int], task: sa.ColumnElement[int], highest: sa.ColumnElement[int]
) -> _Choice:
    behind = sa.tuple_(_QUEUE.priority, _QUEUE.task_id) > sa.tuple_(priority, task)
    return _choice(behind, _QUEUE.priority <= highest)


def _of_place(told: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Ask what is known of somebody's place; where they have none, nothing is ahead of it."""
    own = _PLACES.project_id == sa.bindparam("project"), _PLACES.user_id == sa.bindparam("user")
    return sa.select(told).where(*own).scalar_subquery()


# Statements that are asked with every task are made once: that takes as long as running them.
_FROM_THE_FRONT = _choice()
_PLACE = sa.select(_PLACES.priority, _PLACES.task_id).where(
    _PLACES.project_id == sa.bindparam("project"), _PLACES.user_id == sa.bindparam("user")
)
_AHEAD = _ahead_of(
    sa.bindparam("priority", type_=sa.Integer),
    sa.bindparam("reached", type_=_PLACES.task_id.type),
    sa.bindparam("highest", type_=sa.Integer),
)
# Tasks that were skipped stand behind all others, also behind what came back meanwhile.
_BEFORE_SKIPPED, _LAST = 0, 2**31 - 1
_AHEAD_OF_PLACE = _ahead_of(
    _of_place(_PLACES.priority),
    _of_place(_PLACES.task_id),
    _of_place(
        sa.case(
            (_PLACES.priority <= _BEFORE_SKIPPED, sa.literal_column(str(_BEFORE_SKIPPED))),
            else_=sa.literal_column(str(_LAST)),
        )
    ),
)


def take_slot(session: Session, annotator: User, project: Project) -> Slot | None:
    """Lock the slot that is next for somebody; return it, None when none is left."""
    session.flush()
    connection = session.connection()
    choices, given = _choices(connection, annotator, project)
    # Pass by what others are taking; only when nothing else is left, wait for them.
    looks = [choice.passing for choice in choices] + [choice.waiting for choice in choices]
    for look in looks:
        found = connection.execute(look, given).first()
        if found is not None:
            return Slot(*found)
    return None


def ahead(session: Session, annotator: User, project: Project, number: int) -> list[int]:
    """Return the ids of the tasks that `take_slot` would give one after the other."""
    found: dict[int, None] = {}
    choices, given = _choices(session.connection(), annotator, project)
    for choice in choices:
        if len(found) < number:
            found |= dict.fromkeys(session.scalars(choice.looking, {**given, "limit": number}))
    return list(found)[:number]


def _choices(
    connection: Connection, annotator: User, project: Project
) -> tuple[tuple[_Choice, ...], dict[str, int]]:
    """Return where to look: behind somebody's place where others answer the same, then anywhere."""
    given = {"project": project.id, "user": annotator.id}
    if project.maximum_annotations == 1:
        return (_FROM_THE_FRONT,), given
    if connection.dialect.name != "sqlite":
        # A round trip less. SQLite has none, and would not look into a subquery to use an index.
        return (_AHEAD_OF_PLACE, _FROM_THE_FRONT), given
    place = connection.execute(_PLACE, given).first()
    if place is None:
        return (_FROM_THE_FRONT,), given
    highest = _BEFORE_SKIPPED if place.priority <= _BEFORE_SKIPPED else _LAST
    given |= {"priority": place.priority, "reached": place.task_id, "highest": highest}
    return (_AHEAD, _FROM_THE_FRONT), given


def forget_places(session: Session, project: Project) -> None:
    """Let everybody begin at the front again, after the queue was put into another order.

    Last in its transaction: people's places are locked after the tasks they take.
    """
    session.execute(
        sa.delete(QueuePlace)
        .where(QueuePlace.project_id == project.id)
        .execution_options(synchronize_session=False)
    )


def next_waiting(session: Session, project: Project, number: int) -> list[int]:
    """Return the ids of the tasks at the front of the queue, at most `number`."""
    query = sa.select(QueuedTask.task_id).where(QueuedTask.project_id == project.id)
    query = query.order_by(QueuedTask.priority, QueuedTask.task_id).limit(number)
    return list(session.scalars(query))


def slot_of(session: Session, project: Project, task_id: int) -> QueuedTask | None:
    """Return the open slots of one task, locked; None where there are none."""
    return session.scalar(
        sa.select(QueuedTask)
        .where(QueuedTask.project_id == project.id, QueuedTask.task_id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def use_slot(session: Session, slot: QueuedTask) -> None:
    """Take one slot away; the row goes with the last one."""
    if slot.open_slots > 1:
        slot.open_slots -= 1
    else:
        session.delete(slot)
    session.flush()


def reopen(session: Session, project_id: int, task_id: int, priority: int = 0) -> None:
    """Give one slot of a task to the queue; a task that is queued keeps its priority."""
    _add_slots(session, project_id, {task_id: 1}, priority)


def reopen_many(session: Session, project_id: int, slots: Mapping[int, int]) -> None:
    """Give slots of many tasks back to the queue: task id → how many."""
    if slots:
        _add_slots(session, project_id, slots, 0)


def _add_slots(session: Session, project_id: int, slots: Mapping[int, int], priority: int) -> None:
    # One statement that adds to what is there, since another may queue the same task meanwhile.
    # A withdrawn task stays out, whoever lets go of it.
    session.flush()
    insert = _insert(session, QueuedTask)
    fresh = sa.select(
        sa.bindparam("of_project", type_=Task.project_id.type),
        sa.bindparam("of_priority", type_=sa.Integer),
        Task.id,
        sa.bindparam("slots", type_=sa.Integer),
    ).where(Task.id == sa.bindparam("of_task"), Task.state != TaskState.WITHDRAWN)
    insert = insert.from_select(["project_id", "priority", "task_id", "open_slots"], fresh)
    added = QueuedTask.open_slots + insert.excluded.open_slots
    rows = [
        {"of_project": project_id, "of_priority": priority, "of_task": number, "slots": count}
        for number, count in sorted(slots.items())
    ]
    session.connection().execute(
        insert.on_conflict_do_update(index_elements=["task_id"], set_={"open_slots": added}), rows
    )


def _insert(session: Session, table: type[Base]) -> Any:
    """Begin an insertion that knows what to do where the row is there."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into = Base.metadata.tables[table.__tablename__]
    return sqlite.insert(into) if on_sqlite else postgresql.insert(into)
