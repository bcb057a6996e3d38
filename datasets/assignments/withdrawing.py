"""Take a task out of the work altogether, and put it back."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import now
from ..people import User
from ..projects import Project
from ..tasks import QueuedTask, Task, TaskState
from .queue import reopen_many
from .rows import Assignment, AssignmentState, GroupTask


def withdraw(session: Session, actor: User, project: Project, task: Task) -> list[int]:
    """Take a task out of the queue and out of people's hands; return whose it was.

    Their drafts stay, and what was answered stays as it is. Whoever calls has asked the right
    and writes down why.
    """
    # Locked in the order of whoever submits: holds, what waits for groups, the queue, the task.
    held = _held(session, task)
    for row in held:
        session.delete(row)
    session.flush()
    for table in (GroupTask, QueuedTask):
        session.execute(
            sa.delete(table)
            .where(table.project_id == project.id, table.task_id == task.id)
            .execution_options(synchronize_session=False)
        )
    task.state, task.updated_at, task.updated_by = TaskState.WITHDRAWN, now(), actor.id
    session.flush()
    # Taken between the two: whoever claimed in that moment was waited for at the queue.
    late = _held(session, task, skip_locked=True)
    for row in late:
        session.delete(row)
    session.flush()
    return sorted({row.user_id for row in [*held, *late]})


def restore(session: Session, project: Project, task: Task) -> None:
    """Put a withdrawn task back into the queue, with the places that nobody has used.

    Its state is settled by whoever calls.
    """
    taken = [AssignmentState.SUBMITTED, AssignmentState.RESERVED, AssignmentState.RETURNED]
    if project.option("skip_queue") == "IGNORE_SKIPPED":
        taken.append(AssignmentState.SKIPPED)
    used = sa.select(sa.func.count()).where(
        Assignment.task_id == task.id, Assignment.purpose.is_(None), Assignment.state.in_(taken)
    )
    task.state = TaskState.WAITING
    session.flush()
    places = project.maximum_annotations - int(session.scalar(used) or 0)
    if places > 0:
        reopen_many(session, project.id, {task.id: places})


def _held(session: Session, task: Task, *, skip_locked: bool = False) -> list[Assignment]:
    query = (
        sa.select(Assignment)
        .where(
            Assignment.task_id == task.id,
            Assignment.state == AssignmentState.RESERVED,
            Assignment.purpose.is_(None),
        )
        .with_for_update(skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))
