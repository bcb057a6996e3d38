"""Change how many people answer each task of a project that has tasks already."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import audit, errors, permissions
from .db import now
from .errors import _
from .people import User
from .projects import MOST_ANNOTATIONS, Project
from .tasks import QueuedTask, Task, TaskState


def change(session: Session, actor: User, project: Project, number: int) -> None:
    """Let `number` people answer each task: every task's open slots change by the difference.

    What people hold or have done stays. With more slots a skipped task waits again; with
    fewer, tasks leave the queue, and those that everybody left had skipped count as skipped.

    Raises:
        errors.Invalid: the number is not from 1 to MOST_ANNOTATIONS.
    """
    permissions.require(actor, "project.change", project)
    if not 1 <= number <= MOST_ANNOTATIONS:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="maximum_annotations",
            lowest=1,
            highest=MOST_ANNOTATIONS,
        )
    # What else was changed of the project in this request would be lost by reading it again.
    session.flush()
    session.refresh(project, with_for_update=True)
    difference = number - project.maximum_annotations
    if difference == 0:
        return
    project.maximum_annotations = number
    session.execute(
        sa.update(QueuedTask)
        .where(QueuedTask.project_id == project.id)
        .values(open_slots=QueuedTask.open_slots + difference)
    )
    if difference > 0:
        _queue_the_others(session, project, difference)
    else:
        _close_the_empty(session, project)
    audit.record(
        session, actor, "project.overlap", f"project/{project.id}", maximum_annotations=number
    )


def _queue_the_others(session: Session, project: Project, slots: int) -> None:
    queued = sa.exists().where(QueuedTask.project_id == project.id, QueuedTask.task_id == Task.id)
    fresh = sa.select(Task.project_id, sa.literal(0), Task.id, sa.literal(slots)).where(
        Task.project_id == project.id, Task.state != TaskState.WITHDRAWN, ~queued
    )
    names = ["project_id", "priority", "task_id", "open_slots"]
    session.execute(sa.insert(QueuedTask).from_select(names, fresh))
    session.execute(
        sa.update(Task)
        .where(Task.project_id == project.id, Task.state == TaskState.SKIPPED)
        .values(state=TaskState.WAITING, updated_at=now())
    )


def _close_the_empty(session: Session, project: Project) -> None:
    session.execute(
        sa.delete(QueuedTask).where(QueuedTask.project_id == project.id, QueuedTask.open_slots <= 0)
    )
    queued = sa.exists().where(QueuedTask.project_id == project.id, QueuedTask.task_id == Task.id)
    session.execute(
        sa.update(Task)
        .where(
            Task.project_id == project.id,
            Task.state == TaskState.WAITING,
            Task.cancelled_annotations > 0,
            ~queued,
        )
        .values(state=TaskState.SKIPPED, updated_at=now())
    )
