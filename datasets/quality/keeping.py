"""Compare what is new in a project, a batch at a time, and keep it.

Work is found by when a task last changed, so that only what changed is compared again. A
batch replaces what is kept of its tasks: done twice it is the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import jobs
from ..agreement import reading
from ..db import UTCDateTime, insert_many, now
from ..jobs import ENDED, Job
from ..people import User
from ..projects import Project
from ..tasks import Task
from . import pairs
from .rows import ComparedPair, ComparedTask, QualityReport

KIND = "quality"
BATCH = 300
# A transaction may end so long after the moment that it wrote down.
OVERLAP = dt.timedelta(minutes=2)
BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SOON, LATE = dt.timedelta(seconds=30), dt.timedelta(minutes=5)
# As the partial index says it: SQLite does not look into a parameter to use one.
_COMPARED = Task.total_annotations >= sa.literal_column("2")


class Place(NamedTuple):
    """Where a walk through the changed tasks is: the last one's time and id."""

    changed: dt.datetime
    task_id: int


def config_digest(project: Project) -> str:
    """Return the digest of the labelling config that answers are compared under."""
    return hashlib.sha256(project.parsed_label_config.encode()).hexdigest()


def begins_at(session: Session, project: Project) -> Place:
    """Return from where on tasks are to be compared: all where the config was changed."""
    kept = session.get(QualityReport, project.id)
    if kept is None or kept.config_digest != config_digest(project):
        return Place(BEGINNING, 0)
    return Place(kept.seen_until - OVERLAP, 0)


def changed(session: Session, project: Project, after: Place, until: dt.datetime) -> list[Place]:
    """List the next BATCH of tasks with two answers that changed after a place, in order."""
    rows = session.execute(
        sa.select(Task.updated_at, Task.id)
        .where(
            Task.project_id == project.id,
            _COMPARED,
            Task.updated_at <= until,
            sa.or_(
                Task.updated_at > after.changed,
                sa.and_(Task.updated_at == after.changed, Task.id > after.task_id),
            ),
        )
        .order_by(Task.updated_at, Task.id)
        .limit(BATCH)
    )
    return [Place(*row) for row in rows]


def compared(session: Session, project: Project, task_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Compare the answers of tasks; return the rows of ComparedPair."""
    encode = msgspec.json.Encoder().encode
    found = []
    for sheet in reading.answered_twice(session, project, task_ids):
        for one, other in combinations(sorted(sheet.people), 2):
            said = pairs.say(project.config, sheet.people[one], sheet.people[other])
            found.append(
                {
                    "project_id": project.id,
                    "task_id": sheet.task_id,
                    "one_id": one,
                    "other_id": other,
                    "score": said.score,
                    "said": encode(said).decode(),
                }
            )
    return found


def keep(
    session: Session, project: Project, task_ids: Sequence[int], rows: list[dict[str, Any]]
) -> None:
    """Put comparisons in place of what was kept of these tasks."""
    forget(session, project, task_ids)
    of_task: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        of_task.setdefault(row["task_id"], []).append(row)
    tasks = []
    for task_id, mine in of_task.items():
        scores = [row["score"] for row in mine if row["score"] is not None]
        people = len({row["one_id"] for row in mine} | {row["other_id"] for row in mine})
        score = sum(scores) / len(scores) if scores else None
        key = {"project_id": project.id, "task_id": task_id}
        tasks.append({**key, "people": people, "score": score})
    if rows:
        insert_many(session, ComparedTask, tasks)
        insert_many(session, ComparedPair, rows)


def forget(session: Session, project: Project, task_ids: Sequence[int]) -> None:
    """Drop what is kept of tasks."""
    for table in (ComparedPair, ComparedTask):
        session.execute(
            sa.delete(table).where(table.project_id == project.id, table.task_id.in_(task_ids))
        )


def forget_gone(session: Session, project: Project) -> None:
    """Drop what is kept of tasks that are deleted, or have fewer than two answers now."""
    there = sa.exists().where(Task.id == ComparedTask.task_id, _COMPARED)
    gone = list(
        session.scalars(
            sa.select(ComparedTask.task_id).where(ComparedTask.project_id == project.id, ~there)
        )
    )
    for start in range(0, len(gone), BATCH):
        forget(session, project, gone[start : start + BATCH])


def pending(session: Session, project: Project, most: int = 100_000) -> int:
    """Count the tasks whose newest answers are not in yet, at most so many."""
    kept = session.get(QualityReport, project.id)
    known = kept is not None and kept.config_digest == config_digest(project)
    after = kept.seen_until if kept is not None and known else BEGINNING
    found = (
        sa.select(Task.id)
        .where(Task.project_id == project.id, _COMPARED, Task.updated_at > after)
        .limit(most)
        .subquery()
    )
    return session.scalar(sa.select(sa.func.count()).select_from(found)) or 0


def due(session: Session) -> list[int]:
    """List the projects in which something is to be compared, and was not a moment ago."""
    last = sa.func.coalesce(QualityReport.seen_until, sa.literal(BEGINNING, UTCDateTime()))
    newer = sa.exists().where(Task.project_id == Project.id, _COMPARED, Task.updated_at > last)
    found = session.scalars(
        sa.select(Project)
        .outerjoin(QualityReport, QualityReport.project_id == Project.id)
        .where(Project.deleted_at.is_(None), newer)
        .order_by(Project.id)
    )
    return [project.id for project in found if _is_due(session, project)]


def begin(session: Session, project_id: int) -> Job | None:
    """Write down the job of a project that is due; None where another worker was first."""
    project = session.scalar(sa.select(Project).where(Project.id == project_id).with_for_update())
    if project is None or not _is_due(session, project):
        return None
    return ask(session, project, session.get_one(User, project.created_by), by_itself=True)


def ask(session: Session, project: Project, actor: User, *, by_itself: bool = False) -> Job:
    """Write down a job that compares what is new; return the one that waits already."""
    for job in jobs.recent(session, project_id=project.id, kind=KIND, limit=1):
        if job.state not in ENDED:
            return job
    return jobs.add(
        session,
        actor,
        KIND,
        {jobs.AUTOMATIC: by_itself},
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def _is_due(session: Session, project: Project) -> bool:
    """Tell whether to compare now: often where little is kept, seldom where it takes long."""
    last = next(iter(jobs.recent(session, project_id=project.id, kind=KIND, limit=1)), None)
    if last is not None and last.state not in ENDED:
        return False
    kept = session.get(QualityReport, project.id)
    if not pending(session, project, 1):
        return False
    if kept is None or last is None or last.ended_at is None:
        return last is None or last.ended_at is None or now() - last.ended_at > SOON
    rest = min(LATE, max(SOON, dt.timedelta(seconds=20 * kept.seconds)))
    return now() - last.ended_at > rest


def of_task(session: Session, project: Project, task_id: int) -> ComparedTask | None:
    """Return what is kept of one task; None before it was compared."""
    return session.get(ComparedTask, (project.id, task_id))


def lowest(
    session: Session, project: Project, *, limit: int = 30, after: tuple[float, int] | None = None
) -> list[tuple[ComparedTask, Task]]:
    """List the tasks that people agree about least, the lowest first, after one of them."""
    query = (
        sa.select(ComparedTask, Task)
        .join(Task, Task.id == ComparedTask.task_id)
        .where(ComparedTask.project_id == project.id, ComparedTask.score.is_not(None))
        .order_by(ComparedTask.score, ComparedTask.task_id)
        .limit(limit)
    )
    if after is not None:
        score, task_id = after
        query = query.where(
            sa.or_(
                ComparedTask.score > score,
                sa.and_(ComparedTask.score == score, ComparedTask.task_id > task_id),
            )
        )
    return [(row[0], row[1]) for row in session.execute(query)]


__all__ = [
    "BATCH",
    "KIND",
    "Place",
    "ask",
    "begin",
    "begins_at",
    "changed",
    "compared",
    "config_digest",
    "due",
    "forget",
    "forget_gone",
    "keep",
    "lowest",
    "of_task",
    "pending",
]
