"""Take a task out of the work altogether, and put it back."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import QueuedTask, Task, TaskState
from .queue import reopen_many
from .rows import Assignment, AssignmentState, GroupTask

TRIES = 50  # how often others may come in between before whoever asks is told to ask again


def take_alone(session: Session, project: Project, task: Task) -> None:
    """Keep everybody off a task until the commit, and read it again: nobody takes it, gives it
    back, answers it or keeps it for a group meanwhile. To be called before anything of it is
    judged or changed.

    Raises:
        errors.Refused: there is no end to what others do with it.
    """
    if session.get_bind().dialect.name == "sqlite":
        # One writer at a time there, who sees what all before have done.
        session.refresh(task)
        return
    session.flush()
    for _number in range(TRIES):
        with session.begin_nested() as attempt:
            if _locked(session, project, task) == _rows_of(session, task):
                session.refresh(task)
                return
            # A row that came while this waited for another one is not ours: let go of all, so
            # that nobody waits in a circle, and begin again.
            attempt.rollback()
    raise errors.Refused(_("task %(id)s is being changed by many; please try again"), id=task.id)


def _locked(session: Session, project: Project, task: Task) -> list[set[int]]:
    """Lock what there is of a task, in the order of whoever submits; return which rows."""
    # The project against whoever changes how many people answer each task.
    session.execute(
        sa.select(Project.id)
        .where(Project.id == project.id)
        .with_for_update(read=True, key_share=True)
    )
    rows = [set(session.scalars(query.with_for_update())) for query in _queries(task)]
    session.execute(sa.select(Task.id).where(Task.id == task.id).with_for_update(key_share=True))
    return rows


def _rows_of(session: Session, task: Task) -> list[set[int]]:
    """Return what there is of a task now, also what was written since a lock was asked for."""
    return [set(session.scalars(query)) for query in _queries(task)]


def _queries(task: Task) -> list[sa.Select[int]]:
    """Ask for everybody's holds, answered ones too, what waits for groups, and the queue."""
    return [
        sa.select(Assignment.id).where(Assignment.task_id == task.id),
        sa.select(GroupTask.id).where(GroupTask.task_id == task.id),
        sa.select(QueuedTask.task_id).where(QueuedTask.task_id == task.id),
    ]


def withdraw(session: Session, actor: User, project: Project, task: Task) -> list[int]:
    """Take a task out of the queue and out of people's hands; return whose it was.

    Their drafts stay, and what was answered stays as it is. Whoever calls has it alone
    (`take_alone`), has asked the right, and writes down why.
    """
    held = session.scalars(
        sa.select(Assignment)
        .where(
            Assignment.task_id == task.id,
            Assignment.state == AssignmentState.RESERVED,
            Assignment.purpose.is_(None),
        )
        .execution_options(populate_existing=True)
    ).all()
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
    return sorted({row.user_id for row in held})


def restore(session: Session, project: Project, task: Task) -> None:
    """Put a withdrawn task back into the queue, with the places that nobody has used.

    Whoever calls has it alone (`take_alone`), and settles its state.
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
