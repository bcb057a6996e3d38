"""Turn a locked slot of the queue into somebody's hold: asked with every task, so made cheap."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..db import Base, now
from ..people import User
from ..projects import Project
from ..tasks import QueuedTask
from .rows import Assignment, AssignmentState, QueuePlace, Slot

_QUEUE, _PLACES, _HOLDS = (
    Base.metadata.tables[table.__tablename__] for table in (QueuedTask, QueuePlace, Assignment)
)
_SLOT = sa.and_(
    _QUEUE.c.project_id == sa.bindparam("of_project"),
    _QUEUE.c.priority == sa.bindparam("of_priority"),
    _QUEUE.c.task_id == sa.bindparam("of_task"),
)
_GONE = _QUEUE.delete().where(_SLOT)
_FEWER = _QUEUE.update().where(_SLOT).values(open_slots=sa.bindparam("slots_left"))
_HELD = _HOLDS.insert().values(
    project_id=sa.bindparam("of_project"),
    task_id=sa.bindparam("of_task"),
    user_id=sa.bindparam("of_user"),
    state=AssignmentState.RESERVED,
    reserved_until=sa.bindparam("held_until"),
    created_at=sa.bindparam("held_from"),
)


def take(
    session: Session, annotator: User, project: Project, slot: Slot, until: dt.datetime
) -> Assignment:
    """Take a slot that this transaction has locked away from the queue; return the hold."""
    session.flush()
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    given = {
        "of_project": project.id,
        "of_priority": slot.priority,
        "of_task": slot.task_id,
        "of_user": annotator.id,
        "held_from": now(),
        "held_until": until,
    }
    more = {"slots_left": slot.open_slots - 1} if slot.open_slots > 1 else {}
    parts = _parts(on_sqlite, slot.open_slots > 1, project.maximum_annotations > 1)
    connection = session.connection()
    if on_sqlite:
        for part in parts:
            connection.execute(part, given | more)
    made: Assignment = session.scalars(_hold(() if on_sqlite else parts), given | more).one()
    return made


def reach(session: Session, annotator: User, project: Project, slot: QueuedTask) -> None:
    """Remember how far somebody has come, where what they do stays in the queue for others."""
    if project.maximum_annotations == 1:
        return
    given = {
        "of_project": project.id,
        "of_priority": slot.priority,
        "of_task": slot.task_id,
        "of_user": annotator.id,
    }
    session.execute(_reached(session.get_bind().dialect.name == "sqlite"), given)


@cache
def _parts(on_sqlite: bool, some_left: bool, remembers: bool) -> tuple[Any, ...]:
    """Return what is done to the queue: one slot less, and where there are others, the place."""
    used = _FEWER if some_left else _GONE
    return (used, _reached(on_sqlite)) if remembers else (used,)


@cache
def _hold(parts: tuple[Any, ...]) -> Any:
    """Return the statement that writes the hold; on PostgreSQL one that does the parts as well.

    There each statement is a round trip. All of them touch other rows, so that none needs to
    see what another does; the slot was locked by a statement before.
    """
    insert = _HELD
    for number, part in enumerate(parts):
        insert = insert.add_cte(part.cte(f"part_{number}"))
    made = insert.returning(Assignment)
    return sa.select(Assignment).from_statement(made).execution_options(populate_existing=True)


@cache
def _reached(on_sqlite: bool) -> Any:
    """Return the statement that moves somebody's place, or notes it the first time."""
    insert = (sqlite.insert if on_sqlite else postgresql.insert)(_PLACES).values(
        project_id=sa.bindparam("of_project"),
        user_id=sa.bindparam("of_user"),
        priority=sa.bindparam("of_priority"),
        task_id=sa.bindparam("of_task"),
    )
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["project_id", "user_id"],
        set_={"priority": new.priority, "task_id": new.task_id},
    )
