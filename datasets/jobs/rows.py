"""Hold one piece of slow work: what was asked, where it is, how far and how fast."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..settings import QUEUES

__all__ = ["ATTEMPTS", "ENDED", "KINDS", "QUEUES", "Job", "JobState"]


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
ATTEMPTS = 5
# What each kind of job needs, unless it is told: `io` mostly waits for somebody else.
KINDS = {
    "import": "cpu",
    "prelabel": "cpu",
    "predict": "io",
    "train": "cpu",
    "measure": "cpu",
    "quality": "cpu",
    "order": "cpu",
    "config_change": "cpu",
    "freeze": "cpu",
    "export": "cpu",
    "publish": "cpu",
    "sync": "io",
    "suspect": "cpu",
    "integrity": "cpu",
    "withdraw_record": "cpu",
    "push_release": "io",
    "retain": "io",
    "feed": "io",
    "intake": "cpu",
    "clean": "cpu",
    "send_assets": "cpu",
    "remove_library": "cpu",
    "scan": "cpu",
    "treat": "cpu",
}
# A rate over less than that would say little.
SHORTEST_SECONDS = 0.5


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
    # Why it failed; of a job that has not ended, why its last attempt did.
    error: Mapped[str | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    # What it needs: `cpu`, `gpu`, or `io` where it mostly waits for somebody else.
    queue: Mapped[str] = mapped_column(sa.String(20), default="cpu")
    # It waits until then after a part was away; None: it may begin at once.
    not_before: Mapped[dt.datetime | None]
    # When this attempt began and where it began counting, for its rate.
    attempt_at: Mapped[dt.datetime | None]
    attempt_done: Mapped[int] = mapped_column(default=0)
    # Attempts in a row that ended because a part was away.
    pauses: Mapped[int] = mapped_column(default=0)

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

    @property
    def lost(self) -> errors.JinbiaoError | None:
        """Return why the last attempt was lost with its process; None where it was not."""
        if self.error is None or self.pauses or self.state in ENDED:
            return None
        return errors.from_json(self.error)


def queue_for(kind: str) -> str:
    """Return the queue of a kind of job that was not told another."""
    return KINDS.get(kind, "cpu")


def rate(job: Job) -> float | None:
    """Return what the job does in a second, over its present or last attempt; None if unknown.

    The count begins where the attempt began, or where the total became known: what came
    before, such as training, is no measure of what follows.
    """
    until = job.ended_at or job.heartbeat_at
    if job.state == JobState.WAITING or job.attempt_at is None or until is None:
        return None
    number, seconds = job.done - job.attempt_done, (until - job.attempt_at).total_seconds()
    if number <= 0 and job.state == JobState.DONE and job.attempt == 1 and job.started_at:
        # It was over before there was a second count.
        number, seconds = job.done, (until - job.started_at).total_seconds()
    return number / seconds if number > 0 and seconds > SHORTEST_SECONDS else None


def remaining_seconds(job: Job) -> float | None:
    """Return how long a running job will still take at its rate; None if that is unknown."""
    speed = rate(job)
    if job.state != JobState.RUNNING or speed is None or not job.total:
        return None
    return max(job.total - job.done, 0) / speed
