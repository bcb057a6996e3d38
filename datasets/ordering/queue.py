"""Write an order into the queue while people take tasks from it.

Priorities tell the classes of the queue apart, and the places within them:

    BEGUN            tasks that somebody has already, and others are still to answer
    -n … -1          tasks in an order that was worked out
    0                all others, by id
    1 and more       skipped tasks, behind everything

Only the priority of a row is written, never its slots: whoever takes a slot meanwhile takes the
row as it is then, so that no slot is lost and none is handed out twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import assignments
from ..db import Base
from ..projects import Project
from ..tasks import BEGUN, QueuedTask
from .orders import LOTS, by_lot

MOST_ORDERED = 50_000  # tasks whose order is worked out; the others follow by id
SLICE = 1000  # rows written in one go

_QUEUE = Base.metadata.tables[QueuedTask.__tablename__]
_MOVE = (
    sa.update(_QUEUE)
    .where(
        _QUEUE.c.project_id == sa.bindparam("of_project"),
        _QUEUE.c.priority == sa.bindparam("from"),
        _QUEUE.c.task_id == sa.bindparam("of_task"),
    )
    .values(priority=sa.bindparam("to"))
)


def waiting(session: Session, project: Project, limit: int | None = MOST_ORDERED) -> list[int]:
    """List the ids of the tasks that an order is about, by id: queued and not skipped."""
    query = sa.select(QueuedTask.task_id).where(
        QueuedTask.project_id == project.id, QueuedTask.priority <= 0
    )
    return list(session.scalars(query.order_by(QueuedTask.task_id).limit(limit)))


def reprioritise(session: Session, project: Project, order: Sequence[int]) -> int:
    """Let the tasks of `order` be handed out first, in that order; return how many it moved.

    What was in an order before and is not in this one stands by its id again. Tasks that
    somebody has begun stand in front of all, so that their other answers come in; skipped ones
    stay behind. All in one transaction: a job writes the `slices` of a `plan` one by one.
    """
    moves = plan(session, project, before_everything(order))
    moved = sum(set_priorities(session, project, part) for part in slices(moves))
    assignments.forget_places(session, project)
    return moved


def plan(session: Session, project: Project, places: Mapping[int, int]) -> dict[int, int]:
    """Return task id → priority of all that must move for these places to be the order."""
    query = sa.select(QueuedTask.task_id, QueuedTask.open_slots).where(
        QueuedTask.project_id == project.id, QueuedTask.priority <= 0
    )
    placed = query.where(QueuedTask.priority < 0)
    moves = {task_id: 0 for task_id, _slots in session.execute(placed)} | dict(places)
    if places and project.maximum_annotations > 1:
        begun = query.where(QueuedTask.open_slots < project.maximum_annotations)
        moves |= {task_id: BEGUN for task_id, _slots in session.execute(begun)}
    return moves


def before_everything(order: Sequence[int]) -> dict[int, int]:
    """Return task id → priority for tasks in the order in which they are to be handed out."""
    return {task_id: place - len(order) for place, task_id in enumerate(order)}


def shuffle(task_ids: Sequence[int], seed: int) -> dict[int, int]:
    """Return task id → priority by lot: the same lot for the same seed, whichever others wait."""
    return {task_id: by_lot(task_id, seed) - LOTS for task_id in task_ids}


def slices(places: Mapping[int, int]) -> Iterator[dict[int, int]]:
    """Cut priorities into parts that are written in one go, each in the order of ids."""
    rows = sorted(places.items())
    for start in range(0, len(rows), SLICE):
        yield dict(rows[start : start + SLICE])


def set_priorities(session: Session, project: Project, places: Mapping[int, int]) -> int:
    """Move tasks that wait in the queue: task id → priority; return how many were moved.

    Tasks that have left the queue meanwhile, or were skipped, are passed by.
    """
    if not places:
        return 0
    _take_turn(session, project)
    # By the task alone, whose index SQLite would pass by for the project's. Who else writes
    # priorities waits, so that they are these until the commit.
    query = sa.select(QueuedTask.priority, QueuedTask.task_id, QueuedTask.project_id)
    found = session.execute(query.where(QueuedTask.task_id.in_(sorted(places)))).all()
    rows = [
        {"of_project": project.id, "of_task": task_id, "from": priority, "to": places[task_id]}
        for priority, task_id, project_id in sorted(found, key=lambda row: row[1])
        if project_id == project.id and priority <= 0 and priority != places[task_id]
    ]
    if not rows:
        return 0
    session.flush()
    done = session.connection().execute(_MOVE, rows, execution_options={"preserve_rowcount": True})
    return done.rowcount


def _take_turn(session: Session, project: Project) -> None:
    """Keep off whoever else writes to all of the project's queue, until the commit."""
    session.execute(
        sa.select(Project.id).where(Project.id == project.id).with_for_update(key_share=True)
    )
