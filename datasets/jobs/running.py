"""Hand jobs to workers, one at a time each, and take them back however the worker ends."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors
from ..db import now
from ..errors import _
from .rows import ATTEMPTS, QUEUES, Job, JobState
from .telling import tell_end

LONGEST_PAUSE = 60.0  # seconds
MOST_ANNOUNCED = 1000


class Hint(NamedTuple):
    """What a queue is told of a waiting job."""

    job_id: str
    attempt: int
    queue: str


def begin(session: Session, job_id: str, worker: str) -> Job | None:
    """Take a waiting job for a worker; None if it is not there to be taken, or not yet.

    A job that was begun too often is failed instead, so that one that kills its worker
    does not do so for ever.
    """
    moment = now()
    job = session.scalar(sa.select(Job).where(Job.id == job_id, _is_due(moment)).with_for_update())
    if job is None:
        return None
    if job.attempt >= job.attempts_allowed:
        job.error = errors.to_json(_given_up(job))
        job.state, job.ended_at = JobState.FAILED, moment
        tell_end(session, job)
        return None
    job.attempt += 1
    job.state, job.worker, job.not_before = JobState.RUNNING, worker, None
    job.heartbeat_at = job.attempt_at = moment
    job.attempt_done = job.done
    job.started_at = job.started_at or moment
    session.flush()
    return job


def _given_up(job: Job) -> errors.JinbiaoError:
    lost = job.lost
    if lost is None:
        return errors.Unavailable(
            _("given up after %(attempts)s attempts that ended without a word"),
            attempts=job.attempt,
        )
    return errors.Unavailable(
        _("given up after %(attempts)s attempts: %(first)s"),
        problems=[errors.Problem("", lost.message, lost.values)],
        attempts=job.attempt,
        first=str(lost),
    )


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
    moment = now()
    goes_on: sa.ColumnElement[bool] = Job.done < done
    # A count that begins anew is counted from there.
    counted: list[tuple[sa.ColumnElement[bool], Any]] = [(Job.attempt_done > done, done)]
    values: dict[str, Any] = {"done": done, "heartbeat_at": moment}
    if total is not None:
        values["total"] = total
        unknown = Job.total.is_(None)
        counted.insert(0, (unknown, done))
        values["attempt_at"] = sa.case(
            (unknown, sa.literal(moment, Job.attempt_at.type)), else_=Job.attempt_at
        )
    if checkpoint is not None:
        text = msgspec.json.encode(checkpoint).decode()
        values["checkpoint"] = text
        goes_on = sa.or_(goes_on, Job.checkpoint != text)
        # Killed often but going on is no reason to give up.
        values["attempts_allowed"] = sa.case(
            (goes_on, attempt + ATTEMPTS), else_=Job.attempts_allowed
        )
    values["attempt_done"] = sa.case(*counted, else_=Job.attempt_done)
    values["pauses"] = sa.case((goes_on, 0), else_=Job.pauses)
    row = session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.RUNNING)
        .values(**values)
        .returning(Job.cancel_requested)
        .execution_options(synchronize_session=False)
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
        tell_end(session, session.get_one(Job, job_id, populate_existing=True))
    return row is not None


def pause(session: Session, job_id: str, attempt: int, reason: errors.JinbiaoError) -> bool:
    """Put a job back to waiting because a part is away, longer each time in a row.

    The attempt is not counted: the job is not to blame. False if it was no longer this
    worker's.
    """
    job = _held(session, job_id, attempt)
    if job is None:
        return False
    job.pauses += 1
    job.attempts_allowed += 1
    job.not_before = now() + dt.timedelta(seconds=pause_seconds(job.pauses, random.random()))
    job.error = errors.to_json(reason)
    _put_back(job)
    return True


def pause_seconds(pauses: int, chance: float) -> float:
    """Return how long a job waits after so many pauses in a row: 2, 4, 8 … at most 60 s.

    `chance`, from 0 to 1, spreads jobs that wait for the same part.
    """
    return min(2.0 ** min(pauses, 6) * (1 + chance / 4), LONGEST_PAUSE)


def release(session: Session, job_id: str, attempt: int) -> bool:
    """Put a job back to waiting because its worker stops; the attempt is not counted."""
    job = _held(session, job_id, attempt)
    if job is None:
        return False
    job.attempts_allowed += 1
    _put_back(job)
    return True


def lose(session: Session, job_id: str, attempt: int, reason: errors.JinbiaoError) -> bool:
    """Put a job back to waiting because this attempt is given up, and keep why.

    The next attempt reads it as `Job.lost`. False if it was no longer this worker's.
    """
    job = _held(session, job_id, attempt)
    if job is None:
        return False
    job.error, job.pauses = errors.to_json(reason), 0
    _put_back(job)
    return True


def _held(session: Session, job_id: str, attempt: int) -> Job | None:
    return session.scalar(
        sa.select(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.RUNNING)
        .with_for_update()
    )


def _put_back(job: Job) -> None:
    job.state, job.worker = JobState.WAITING, None
    if job.cancel_requested:
        job.state, job.ended_at = JobState.CANCELLED, now()


def has_silent(session: Session, silence_seconds: float) -> bool:
    """Tell whether `reclaim` would find a job to put back."""
    silent = now() - dt.timedelta(seconds=silence_seconds)
    query = sa.select(Job.id).where(Job.state == JobState.RUNNING, Job.heartbeat_at < silent)
    return session.scalar(query.limit(1)) is not None


def waiting(session: Session) -> list[str]:
    """List the ids of the jobs that may begin, oldest first, at most 1,000.

    Where there are more, 1,000 of each queue: one that nobody serves must not hide others.
    """
    query = sa.select(Job.id).where(_is_due(now())).order_by(Job.created_at).limit(MOST_ANNOUNCED)
    found = list(session.scalars(query))
    if len(found) < MOST_ANNOUNCED:
        return found
    return [found for name in QUEUES for found in session.scalars(query.where(Job.queue == name))]


def hints(session: Session, job_ids: list[str]) -> list[Hint]:
    """Return what to tell the queues of those of the jobs that may begin, oldest first."""
    rows = session.execute(
        sa.select(Job.id, Job.attempt, Job.queue)
        .where(Job.id.in_(job_ids), _is_due(now()))
        .order_by(Job.created_at, Job.id)
    )
    return [Hint(*row) for row in rows]


def _is_due(moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Job.state == JobState.WAITING,
        sa.or_(Job.not_before.is_(None), Job.not_before <= moment),
    )


def reclaim(session: Session, silence_seconds: float) -> list[str]:
    """Put jobs of silent workers back to waiting; return the ids of all that may begin."""
    moment = now()
    told = errors.to_json(errors.Unavailable(_("the worker process died")))
    silent = sa.and_(
        Job.state == JobState.RUNNING,
        Job.heartbeat_at < moment - dt.timedelta(seconds=silence_seconds),
    )
    session.execute(
        sa.update(Job)
        .where(silent, Job.cancel_requested.is_(True))
        .values(state=JobState.CANCELLED, ended_at=moment, worker=None)
    )
    session.execute(
        sa.update(Job)
        .where(silent)
        .values(state=JobState.WAITING, worker=None, error=told, pauses=0)
    )
    return waiting(session)
