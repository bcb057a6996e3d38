"""Take tasks from programs: all or nothing, with a number to ask for how it went."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, collection, errors, jobs, permissions, tasks
from .collection import Prepared
from .db import Base, Id, now
from .errors import _
from .jobs import Job
from .people import User
from .projects import Project
from .tasks import Task

BATCH = 2000  # tasks in one round of statements


class TaskImport(Base):
    """An import that runs as a job, under the number that Label Studio's clients ask by."""

    __tablename__ = "task_imports"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), index=True)
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id"), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def write(session: Session, actor: User, project: Project, batch: Sequence[Prepared]) -> list[int]:
    """Insert all tasks in this transaction; return their ids in order.

    Raises:
        errors.NotFound: the project was deleted meanwhile.
    """
    permissions.require(actor, "task.import", project)
    import_id = str(uuid.uuid4())
    made: list[int] = []
    for start in range(0, len(batch), BATCH):
        made += collection.write(
            session, actor, project, import_id, list(batch[start : start + BATCH])
        )
    audit.record(session, actor, "task.import", f"project/{project.id}", tasks=len(made))
    return made


def replace(session: Session, actor: User, task: Task, prepared: Prepared) -> None:
    """Give a task other data or another meta; its name and what was said of it stay."""
    if prepared.media:
        tasks.keep_media(session, prepared.media)
    task.data, task.digest = prepared.data, prepared.digest
    task.media_names, task.meta = prepared.media_names, prepared.meta
    task.updated_at, task.updated_by = now(), actor.id
    session.flush()
    audit.record(session, actor, "task.change", f"task/{task.id}")


def remember(session: Session, project: Project, job: Job) -> TaskImport:
    """Give an import job a number."""
    row = TaskImport(project_id=project.id, job_id=job.id)
    session.add(row)
    session.flush()
    return row


def get(session: Session, project: Project, import_id: int) -> tuple[TaskImport, Job]:
    """Return an import of a project with its job.

    Raises:
        errors.NotFound: there is none of that number.
    """
    row = session.get(TaskImport, import_id)
    if row is None or row.project_id != project.id:
        raise errors.NotFound(_("there is no import %(id)s"), id=import_id)
    return row, jobs.get(session, row.job_id)


def task_ids(session: Session, job_id: str) -> list[int]:
    """List the ids of the tasks that an import job brought."""
    query = sa.select(Task.id).where(Task.import_id == job_id).order_by(Task.row)
    return list(session.scalars(query))


def answers(session: Session, job_id: str) -> tuple[int, int]:
    """Return how many annotations and predictions an import job's tasks have."""
    found = session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(Task.total_annotations), 0),
            sa.func.coalesce(sa.func.sum(Task.total_predictions), 0),
        ).where(Task.import_id == job_id)
    ).one()
    return int(found[0]), int(found[1])
