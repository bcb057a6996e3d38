"""Tell workers that a job waits. The jobs table is the truth; this is only the hint."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from ..datasets import errors, jobs
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.jobs import Hint
from ..datasets.settings import Settings

# A web request waits no longer than this for a queue that hangs.
ANSWER_SECONDS = 2.0
log = logging.getLogger("jinbiao.queues")


def connect(settings: Settings, answer_seconds: float | None = ANSWER_SECONDS) -> redis.Redis:
    """Return a client of the queue's Redis with bounded waits; nothing is opened yet.

    A worker that blocks until a job comes gives None for `answer_seconds`.
    """
    return redis.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=answer_seconds,
        # One more try, at once, where the connection broke; none where the server hangs.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def check(settings: Settings) -> None:
    """Raise errors.Unavailable when the queue does not answer."""
    try:
        with closing(connect(settings)) as client:
            client.ping()
    except redis.RedisError as problem:
        raise errors.Unavailable(
            _("the queue does not answer: %(reason)s"), reason=str(problem)
        ) from problem


def name_of(queue: str) -> str:
    """Return what Redis calls a queue of ours."""
    return f"jinbiao-{queue}"


def announce(installation: Installation, job_ids: Iterable[str]) -> None:
    """Enqueue waiting jobs; safe to repeat, and silent when the queue is away.

    A job that could not be announced is announced by the sweeper later.
    """
    wanted = list(job_ids)
    if not wanted:
        return
    with installation.database.read() as session:
        found = jobs.hints(session, wanted)
    if not found:
        return
    try:
        with closing(connect(installation.settings)) as client:
            for name in dict.fromkeys(hint.queue for hint in found):
                queue = Queue(name_of(name), connection=client, serializer=JSONSerializer)
                _enqueue(queue, [hint for hint in found if hint.queue == name])
    except redis.RedisError as problem:
        log.warning("the queue is away, jobs wait for the sweeper: %s", problem)


def _enqueue(queue: Queue, waiting: list[Hint]) -> None:
    """Enqueue waiting jobs but those whose hint is in the list already.

    The list alone is asked, not what RQ remembers of a hint: a worker may have been killed
    between taking the hint and beginning the job. A hint too many does no harm, because a
    job that has begun cannot be begun again.
    """
    listed = set(queue.job_ids)
    for job_id, attempt, _queue in waiting:
        # A job that begins again is another hint: RQ may still hold the first one.
        hint = f"{job_id}-{attempt}"
        if hint not in listed:
            queue.enqueue(
                "jinbiao.workers.run.run",
                job_id,
                job_id=hint,
                job_timeout=-1,
                result_ttl=0,
                failure_ttl=0,
            )
