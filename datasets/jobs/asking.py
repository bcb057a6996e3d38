"""Ask for slow work, look at it, cancel it, let it run again."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors
from ..db import now
from ..errors import _
from ..people import User
from .rows import ATTEMPTS, ENDED, QUEUES, Job, JobState, queue_for


def add(
    session: Session,
    actor: User,
    kind: str,
    request: dict[str, Any],
    *,
    project_id: int | None = None,
    organisation_id: int | None = None,
    vendor_id: int | None = None,
    queue: str | None = None,
) -> Job:
    """Write down a job; the caller enqueues it after the commit.

    Its kind says which queue it goes to, unless `queue` says otherwise.

    Raises:
        errors.Invalid: there is no such queue.
    """
    chosen = queue_for(kind) if queue is None else queue
    if chosen not in QUEUES:
        raise errors.Invalid(_("must be one of %(names)s"), place="queue", names=", ".join(QUEUES))
    job = Job(
        id=str(uuid.uuid4()),
        kind=kind,
        project_id=project_id,
        organisation_id=actor.organisation_id if organisation_id is None else organisation_id,
        vendor_id=vendor_id,
        created_by=actor.id,
        request=msgspec.json.encode(request).decode(),
        queue=chosen,
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
    state: str | None = None,
    kind: str | None = None,
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
    if state is not None:
        query = query.where(Job.state == state)
    if kind is not None:
        query = query.where(Job.kind == kind)
    if before is not None:
        query = query.where(Job.created_at < before)
    return list(session.scalars(query))


def kinds(session: Session, organisation_id: int | None = None) -> set[str]:
    """Return the kinds of jobs that there are, of one organisation or of all."""
    query = sa.select(Job.kind).distinct()
    if organisation_id is not None:
        query = query.where(
            sa.or_(Job.organisation_id == organisation_id, Job.vendor_id == organisation_id)
        )
    return set(session.scalars(query))


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
    """Let a failed or cancelled job run again, at once, from its last checkpoint.

    Raises:
        errors.Refused: it has not failed.
    """
    session.refresh(job, with_for_update=True)
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise errors.Refused(_("only a failed or cancelled job can run again"))
    job.state, job.cancel_requested = JobState.WAITING, False
    # The attempt number only grows: a worker of an earlier attempt must stay shut out.
    job.attempts_allowed = job.attempt + ATTEMPTS
    job.error, job.started_at, job.ended_at = None, None, None
    job.not_before, job.pauses = None, 0
    audit.record(session, actor, "job.retry", f"job/{job.id}")
