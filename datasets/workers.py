"""Know which worker processes there are: where, for what, alive, busy with which job.

And what their queues hold: a job that no living worker would take is to be seen as such.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors
from .db import Base, Id, now
from .jobs import QUEUES, Job, JobState

# A worker says that it lives every 5 seconds; who missed three of them is silent.
BEAT_SECONDS = 5.0
SILENT_SECONDS = 20.0
FORGOTTEN = dt.timedelta(hours=1)
RECENT = dt.timedelta(minutes=10)
FAILURE_DAYS = 7
MOST_FAILURES = 2000


class Worker(Base):
    """One worker process, as it said of itself the last time."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    host: Mapped[str]
    process: Mapped[int]
    # JSON: names of the queues that it serves.
    queues: Mapped[str] = mapped_column(default='["cpu"]')
    program_version: Mapped[str] = mapped_column(sa.String(40), default="")
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    memory_bytes: Mapped[int] = mapped_column(Id, default=0)
    # JSON: model versions that it keeps loaded.
    models: Mapped[str] = mapped_column(default="[]")
    jobs_done: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    heartbeat_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)

    @property
    def queue_names(self) -> list[str]:
        """Return the queues that it serves."""
        return list(msgspec.json.decode(self.queues))

    @property
    def model_versions(self) -> list[str]:
        """Return the model versions that it keeps loaded."""
        return list(msgspec.json.decode(self.models))

    @property
    def is_silent(self) -> bool:
        """Tell whether nothing was heard of it for so long that it is likely to be dead."""
        return self.heartbeat_at < now() - dt.timedelta(seconds=SILENT_SECONDS)


@dataclass(frozen=True)
class QueueState:
    """What one queue holds; `paused` are jobs that wait until a part is back.

    `oldest_at` is when the oldest job that waits was asked for; `ended` counts those that
    ended in the last ten minutes, however they did.
    """

    name: str
    waiting: int
    paused: int
    running: int
    ended: int
    oldest_id: str | None
    oldest_at: dt.datetime | None
    workers: int

    @property
    def per_minute(self) -> float:
        """Return how many jobs ended in a minute, of late."""
        return self.ended / (RECENT.total_seconds() / 60)


@dataclass
class Failures:
    """Failed jobs of one kind that failed for the same reason, the newest first."""

    kind: str
    reason: errors.JinbiaoError
    jobs: list[Job] = field(default_factory=list)


def register(
    session: Session,
    name: str,
    *,
    host: str,
    process: int,
    queues: Sequence[str],
    version: str,
    memory_bytes: int = 0,
) -> None:
    """Write down a worker process that begins to serve; one of the same name is replaced."""
    leave(session, name)
    session.add(
        Worker(
            name=name,
            host=host,
            process=process,
            queues=msgspec.json.encode(list(queues)).decode(),
            program_version=version,
            memory_bytes=memory_bytes,
        )
    )


def beat(session: Session, name: str, *, memory_bytes: int, models: Iterable[str] = ()) -> bool:
    """Say that a worker lives and what it holds; False when it is not written down."""
    row = session.execute(
        sa.update(Worker)
        .where(Worker.name == name)
        .values(
            heartbeat_at=now(),
            memory_bytes=memory_bytes,
            models=msgspec.json.encode(list(models)).decode(),
        )
        .returning(Worker.name)
    ).first()
    return row is not None


def take(session: Session, name: str, job_id: str) -> None:
    """Write down that a worker has begun a job, in the transaction that begins it."""
    session.execute(sa.update(Worker).where(Worker.name == name).values(job_id=job_id))


def put_down(session: Session, name: str) -> None:
    """Write down that a worker is done with its job, in the transaction that ends it."""
    session.execute(
        sa.update(Worker)
        .where(Worker.name == name, Worker.job_id.is_not(None))
        .values(job_id=None, jobs_done=Worker.jobs_done + 1)
    )


def leave(session: Session, name: str) -> None:
    """Forget a worker that ends."""
    session.execute(sa.delete(Worker).where(Worker.name == name))


def forget_dead(session: Session) -> int:
    """Forget workers that have been silent for an hour; return how many."""
    gone = sa.delete(Worker).where(Worker.heartbeat_at < now() - FORGOTTEN).returning(Worker.name)
    return len(session.execute(gone).all())


def everyone(session: Session) -> list[Worker]:
    """List the workers by host and process, also those that fell silent within the hour."""
    return list(session.scalars(sa.select(Worker).order_by(Worker.host, Worker.process)))


def served(session: Session) -> set[str]:
    """Return the names of the queues that a living worker serves."""
    living = sa.select(Worker.queues).where(
        Worker.heartbeat_at >= now() - dt.timedelta(seconds=SILENT_SECONDS)
    )
    return {name for text in session.scalars(living) for name in msgspec.json.decode(text)}


def queue_states(session: Session) -> list[QueueState]:
    """Return what each queue holds, in the order of QUEUES."""
    moment = now()
    later = sa.and_(Job.not_before.is_not(None), Job.not_before > moment)
    waits, count = Job.state == JobState.WAITING, sa.func.count()
    opened = session.execute(
        sa.select(
            Job.queue,
            count.filter(waits),
            count.filter(sa.and_(waits, later)),
            count.filter(Job.state == JobState.RUNNING),
        )
        .where(Job.state.in_((JobState.WAITING, JobState.RUNNING)))
        .group_by(Job.queue)
    )
    numbers = {name: counts for name, *counts in opened}
    ended = session.execute(
        sa.select(Job.queue, count).where(Job.ended_at >= moment - RECENT).group_by(Job.queue)
    )
    recent = {name: number for name, number in ended}
    oldest = dict(_oldest(session, name) for name, counts in numbers.items() if counts[0])
    serving = [name for row in everyone(session) if not row.is_silent for name in row.queue_names]
    found = []
    for name in QUEUES:
        waiting, paused, running = numbers.get(name, (0, 0, 0))
        job_id, asked_at = oldest.get(name, (None, None))
        found.append(
            QueueState(
                name=name,
                waiting=waiting,
                paused=paused,
                running=running,
                ended=recent.get(name, 0),
                oldest_id=job_id,
                oldest_at=asked_at,
                workers=serving.count(name),
            )
        )
    return found


def _oldest(
    session: Session, queue: str
) -> tuple[str, tuple[str, dt.datetime] | tuple[None, None]]:
    row = session.execute(
        sa.select(Job.id, Job.created_at)
        .where(Job.queue == queue, Job.state == JobState.WAITING)
        .order_by(Job.created_at, Job.id)
        .limit(1)
    ).first()
    return queue, (None, None) if row is None else (row[0], row[1])


def failures(session: Session, organisation_id: int | None = None) -> list[Failures]:
    """Group the jobs that failed in the last days by kind and reason, the most frequent first.

    Of one organisation, as owner or as the company that works on it, or of all.
    """
    since = now() - dt.timedelta(days=FAILURE_DAYS)
    query = sa.select(Job).where(Job.state == JobState.FAILED, Job.ended_at >= since)
    if organisation_id is not None:
        query = query.where(
            sa.or_(Job.organisation_id == organisation_id, Job.vendor_id == organisation_id)
        )
    groups: dict[tuple[str, ...], Failures] = {}
    for job in session.scalars(query.order_by(Job.ended_at.desc()).limit(MOST_FAILURES)):
        reason = errors.from_json(job.error) if job.error else errors.JinbiaoError("")
        # The same words about other things are the same reason.
        first = [problem.message for problem in reason.problems[:1]]
        key = (job.kind, reason.message, *first)
        groups.setdefault(key, Failures(job.kind, reason)).jobs.append(job)
    return sorted(groups.values(), key=lambda group: -len(group.jobs))
