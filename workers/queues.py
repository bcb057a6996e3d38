"""Tell workers that a job waits. The jobs table is the truth; this is only the hint."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from ..datasets import errors, jobs
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.settings import Settings

QUEUE = "jinbiao"
log = logging.getLogger("jinbiao.queues")


def connect(settings: Settings) -> redis.Redis:
    """Return a client of the queue's Redis with bounded waits; nothing is opened yet."""
    return redis.Redis.from_url(settings.redis_url, socket_connect_timeout=3)


def check(settings: Settings) -> None:
    """Raise errors.Unavailable when the queue does not answer."""
    try:
        connect(settings).ping()
    except redis.RedisError as problem:
        raise errors.Unavailable(
            _("the queue does not answer: %(reason)s"), reason=str(problem)
        ) from problem


def announce(installation: Installation, job_ids: Iterable[str]) -> None:
    """Enqueue waiting jobs; safe to repeat, and silent when the queue is away.

    A job that could not be announced is announced by the sweeper later.
    """
    with installation.database.read() as session:
        waiting = {
            job_id: job.attempt
            for job_id in job_ids
            if (job := session.get(jobs.Job, job_id)) is not None
            and job.state == jobs.JobState.WAITING
        }
    if not waiting:
        return
    try:
        queue = Queue(QUEUE, connection=connect(installation.settings), serializer=JSONSerializer)
        for job_id, attempt in waiting.items():
            _enqueue(queue, job_id, attempt)
    except redis.RedisError as problem:
        log.warning("the queue is away, jobs wait for the sweeper: %s", problem)


def _enqueue(queue: Queue, job_id: str, attempt: int) -> None:
    try:
        queue.enqueue(
            "jinbiao.workers.run.run",
            job_id,
            # One hint for each attempt: a hint left behind by a killed worker blocks nothing.
            job_id=f"{job_id}-{attempt}",
            unique=True,
            job_timeout=-1,
            result_ttl=0,
            failure_ttl=0,
        )
    except DuplicateJobError:
        pass
