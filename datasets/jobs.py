"""Keep the truth about slow work: what waits, runs, ended, and how far it is.

The queue only hints that something waits; this table decides. A worker holds a job by its
attempt number: whoever lost it (silent too long, so that another took over) is refused at
its next checkpoint and cannot write on.
"""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors
from .db import Base, Id, now
from .errors import _
from .people import User


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
ATTEMPTS = 5


class Job(Base):
    """One piece of slow work."""

    __tablename__ = "jobs"
    __table_args__ = (sa.Index("ix_jobs_project_created", "project_id", "created_at"),)

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    project_id: Mapped[int | None] = mapped_column(Id)
    # Copied from the project, so that a job is visible to the same people.
    organisation_id: Mapped[int] = mapped_column(Id)
    vendor_id: Mapped[int | None] = mapped_column(Id)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    request: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(20), default=JobState.WAITING, index=True)
    attempt: Mapped[int] = mapped_column(default=0)
    attempts_allowed: Mapped[int] = mapped_column(default=ATTEMPTS)
    worker: Mapped[str | None]
    heartbeat_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    checkpoint: Mapped[str] = mapped_column(default="{}")
    result: Mapped[str] = mapped_column(default="{}")
    error: Mapped[str | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)

    @property
    def request_values(self) -> dict[str, Any]:
        """Return what was asked for."""
        return dict(msgspec.json.decode(self.request))

    @property
    def result_values(self) -> dict[str, Any]:
        """Return what came out."""
        return dict(msgspec.json.decode(self.result))

    @property
    def checkpoint_values(self) -> dict[str, Any]:
        """Return how far the work is, in the job's own terms."""
        return dict(msgspec.json.decode(self.checkpoint))


def add(
    session: Session,
    actor: User,
    kind: str,
    request: dict[str, Any],
    *,
    project_id: int | None = None,
    organisation_id: int | None = None,
    vendor_id: int | None = None,
) -> Job:
    """Write down a job; the caller enqueues it after the commit."""
    job = Job(
        id=str(uuid.uuid4()),
        kind=kind,
        project_id=project_id,
        organisation_id=actor.organisation_id if organisation_id is None else organisation_id,
        vendor_id=vendor_id,
        created_by=actor.id,
        request=msgspec.json.encode(request).decode(),
    )
    session.add(job)
    audit.record(session, actor, f"job.{kind}", f"job/{job.id}", project=project_id)
    session.flush()
    return job


def get(session: Session, job_id: str) -> Job:
    """Return a job.

    Raises:
        errors.NotFound: there is none of that id.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise errors.NotFound(_("there is no job “%(id)s”"), id=job_id[:40])
    return job


def recent(
    session: Session,
    *,
    project_id: int | None = None,
    organisation_id: int | None = None,
    before: dt.datetime | None = None,
    limit: int = 30,
) -> list[Job]:
    """List jobs, newest first, of one project or of one organisation or of all."""
    query = sa.select(Job).order_by(Job.created_at.desc(), Job.id).limit(limit)
    if project_id is not None:
        query = query.where(Job.project_id == project_id)
    if organisation_id is not None:
        query = query.where(
            sa.or_(Job.organisation_id == organisation_id, Job.vendor_id == organisation_id)
        )
    if before is not None:
        query = query.where(Job.created_at < before)
    return list(session.scalars(query))


def begin(session: Session, job_id: str, worker: str) -> Job | None:
    """Take a waiting job for a worker; None if it is not there to be taken.

    A job that was begun too often is failed instead, so that one that kills its worker
    does not do so for ever.
    """
    job = session.scalar(
        sa.select(Job).where(Job.id == job_id, Job.state == JobState.WAITING).with_for_update()
    )
    if job is None:
        return None
    if job.attempt >= job.attempts_allowed:
        job.state, job.ended_at = JobState.FAILED, now()
        job.error = errors.to_json(
            errors.Unavailable(
                _("given up after %(attempts)s attempts that ended without a word"),
                attempts=job.attempt,
            )
        )
        return None
    job.attempt += 1
    job.state, job.worker = JobState.RUNNING, worker
    job.heartbeat_at = now()
    job.started_at = job.started_at or now()
    session.flush()
    return job


def beat(session: Session, job_id: str, attempt: int) -> bool:
    """Say that the worker lives; False when the job is no longer its own or is to stop."""
    row = session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.RUNNING)
        .values(heartbeat_at=now())
        .returning(Job.cancel_requested)
    ).first()
    return row is not None and not row[0]


def advance(
    session: Session,
    job_id: str,
    attempt: int,
    *,
    done: int,
    total: int | None = None,
    checkpoint: dict[str, Any] | None = None,
) -> None:
    """Record progress in the transaction that holds the work itself.

    Raises:
        errors.Cancelled: somebody cancelled the job, or another worker took it over.
    """
    values: dict[str, Any] = {"done": done, "heartbeat_at": now()}
    if total is not None:
        values["total"] = total
    if checkpoint is not None:
        values["checkpoint"] = msgspec.json.encode(checkpoint).decode()
        # Killed often but going on is no reason to give up.
        values["attempts_allowed"] = attempt + ATTEMPTS
    row = session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.RUNNING)
        .values(**values)
        .returning(Job.cancel_requested)
    ).first()
    if row is None:
        raise errors.Cancelled(_("another worker took this job over"))
    if row[0]:
        raise errors.Cancelled(_("the job was cancelled"))


def end(
    session: Session,
    job_id: str,
    attempt: int,
    state: JobState,
    *,
    result: dict[str, Any] | None = None,
    error: errors.JinbiaoError | None = None,
) -> bool:
    """Close a job; False if it was no longer this worker's."""
    values: dict[str, Any] = {"state": state, "ended_at": now(), "error": None}
    if error is not None:
        values["error"] = errors.to_json(error)
    if result is not None:
        values["result"] = msgspec.json.encode(result).decode()
    row = session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.RUNNING)
        .values(**values)
        .returning(Job.id)
    ).first()
    if row is not None:
        audit.record(session, "worker", f"job.{state}", f"job/{job_id}")
    return row is not None


def failure(job: Job) -> errors.JinbiaoError:
    """Return the error that a job which did not end well stands for."""
    if job.error is not None:
        return errors.from_json(job.error)
    return errors.Unavailable(
        _("job %(id)s is %(state)s: a part it needs is away"), id=job.id, state=job.state
    )


def cancel(session: Session, actor: User, job: Job) -> None:
    """Ask a job to stop; one that waits stops at once.

    Raises:
        errors.Refused: it has ended already.
    """
    session.refresh(job, with_for_update=True)
    if job.state in ENDED:
        raise errors.Refused(_("the job has already ended"))
    job.cancel_requested = True
    if job.state == JobState.WAITING:
        job.state, job.ended_at = JobState.CANCELLED, now()
    audit.record(session, actor, "job.cancel", f"job/{job.id}")


def retry(session: Session, actor: User, job: Job) -> None:
    """Let a failed or cancelled job run again from its last checkpoint.

    Raises:
        errors.Refused: it has not failed.
    """
    session.refresh(job, with_for_update=True)
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise errors.Refused(_("only a failed or cancelled job can run again"))
    job.state, job.cancel_requested = JobState.WAITING, False
    # The attempt number only grows: a worker of an earlier attempt must stay shut out.
    job.attempts_allowed = job.attempt + ATTEMPTS
    job.error, job.ended_at = None, None
    audit.record(session, actor, "job.retry", f"job/{job.id}")


def spare(session: Session, job_id: str, attempt: int) -> None:
    """Do not count an attempt that failed for a reason outside the job."""
    session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.attempt == attempt)
        .values(attempts_allowed=Job.attempts_allowed + 1)
    )


def has_silent(session: Session, silence_seconds: float) -> bool:
    """Tell whether `reclaim` would find a job to put back."""
    silent = now() - dt.timedelta(seconds=silence_seconds)
    query = sa.select(Job.id).where(Job.state == JobState.RUNNING, Job.heartbeat_at < silent)
    return session.scalar(query.limit(1)) is not None


def waiting(session: Session) -> list[str]:
    """List the ids of the jobs that wait, oldest first, at most 1,000."""
    query = sa.select(Job.id).where(Job.state == JobState.WAITING)
    return list(session.scalars(query.order_by(Job.created_at).limit(1000)))


def attempts_of_waiting(session: Session, job_ids: list[str]) -> list[tuple[str, int]]:
    """List (id, attempt) of those of the jobs that wait, oldest first."""
    rows = session.execute(
        sa.select(Job.id, Job.attempt)
        .where(Job.id.in_(job_ids), Job.state == JobState.WAITING)
        .order_by(Job.created_at, Job.id)
    )
    return [(job_id, attempt) for job_id, attempt in rows]


def reclaim(session: Session, silence_seconds: float) -> list[str]:
    """Put jobs of silent workers back to waiting; return the ids of all that wait."""
    silent = now() - dt.timedelta(seconds=silence_seconds)
    session.execute(
        sa.update(Job)
        .where(Job.state == JobState.RUNNING, Job.heartbeat_at < silent)
        .values(state=JobState.WAITING, worker=None)
    )
    return waiting(session)
