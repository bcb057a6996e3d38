"""Run jobs: take one, do it, write down how it ended; and sweep up what others left."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any

import redis
import rq
import sqlalchemy as sa
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from ..datasets import errors, jobs, settings
from ..datasets.errors import _
from ..datasets.installation import Installation, open_installation
from ..datasets.jobs import Job, JobState
from ..datasets.people import User
from ..datasets.projects import Project
from . import deliver, expire, ingest, predict, prelabel, queues, release, spool, sync
from .work import Heartbeat, Progress, Work, silent, stopping

log = logging.getLogger("jinbiao.run")

# What each kind of job does; the function gets its work and returns the job's result.
KINDS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "import": ingest.run,
    "prelabel": prelabel.run,
    "freeze": release.freeze,
    "export": release.export,
    "publish": release.publish,
    "predict": predict.run,
    "sync": sync.run,
}

SWEEP_SECONDS = 1.0
# A worker that is told to stop gives its job so long to reach a checkpoint.
LEAVE_SECONDS = 6.0


def run(job_id: str) -> None:
    """Do one job by its id; what RQ calls."""
    perform(_installation(), job_id)


def perform(installation: Installation, job_id: str, show: Progress = silent) -> JobState | None:
    """Take a waiting job and do it; None when it is not there to be taken."""
    with installation.database.write() as session:
        job = jobs.begin(session, job_id, worker_name())
        if job is None:
            return None
        work = work_of(installation, job, session.get_one(User, job.created_by), show)
    return carry_out(work, job.kind)


def do_here(
    installation: Installation,
    actor: User,
    project: Project,
    kind: str,
    request: dict[str, Any],
    show: Progress = silent,
) -> Job:
    """Do a job in this process, the same one a worker would do, and return it as it ended.

    Raises:
        errors.JinbiaoError: as the job ended, unless it is done.
    """
    with installation.database.write() as session:
        job = jobs.add(
            session,
            actor,
            kind,
            request,
            project_id=project.id,
            organisation_id=project.organisation_id,
            vendor_id=project.vendor_id,
        )
        # Begun in the same transaction: no worker can take it.
        begun = jobs.begin(session, job.id, worker_name())
    if begun is not None:
        carry_out(work_of(installation, begun, actor, show), kind)
    with installation.database.read() as session:
        ended = jobs.get(session, job.id)
    if ended.state != JobState.DONE:
        raise jobs.failure(ended)
    return ended


def work_of(installation: Installation, job: Job, actor: User, show: Progress = silent) -> Work:
    """Return a begun job as its function sees it."""
    return Work(
        installation=installation,
        id=job.id,
        attempt=job.attempt,
        actor=actor,
        project_id=job.project_id,
        request=job.request_values,
        checkpoint=job.checkpoint_values,
        show=show,
    )


def carry_out(work: Work, kind: str) -> JobState | None:
    """Do a begun job and write down how it ended.

    None when it could not be ended here: a part was away, and the sweeper will hand it
    to the next worker.
    """
    log.info("job %s (%s) begins, attempt %s", work.id, kind, work.attempt)
    error: errors.JinbiaoError | None = None
    result: dict[str, Any] | None = None
    with Heartbeat(work):
        try:
            work.check()
            result = KINDS[kind](work)
            state = JobState.DONE
        except errors.Cancelled as problem:
            state, error = JobState.CANCELLED, problem
        except (errors.Unavailable, sa.exc.OperationalError, sa.exc.InterfaceError) as problem:
            log.warning("job %s: a part is away, will be tried again: %s", work.id, problem)
            _spare(work)
            return None
        except errors.JinbiaoError as problem:
            state, error = JobState.FAILED, problem
        except Exception:
            # The one place where anything may end: the job says so, the log has the trace.
            log.exception("job %s (%s) broke", work.id, kind)
            state = JobState.FAILED
            error = errors.JinbiaoError(
                _("an internal error; the log of the worker has it under job %(id)s"), id=work.id
            )
    with work.installation.database.write() as session:
        jobs.end(session, work.id, work.attempt, state, result=result, error=error)
    log.info("job %s ends: %s", work.id, state)
    return state


def _spare(work: Work) -> None:
    """Do not count this attempt: the job is not to blame for a part that is away."""
    try:
        with work.installation.database.write() as session:
            jobs.spare(session, work.id, work.attempt)
    except sa.exc.DBAPIError as problem:
        log.warning("job %s: the database is away too: %s", work.id, problem)


def serve(installation: Installation, *, burst: bool = False) -> None:
    """Work on jobs until told to stop; one process, models stay loaded.

    A queue that goes away is waited for. Told to stop, the worker leaves its job at the
    next checkpoint, or where it stands when that takes too long: another one goes on.
    """
    stop = threading.Event()
    stopping.clear()
    spool.sweep(installation)
    sweeper = threading.Thread(target=_sweep, args=(installation, stop), daemon=True)
    sweeper.start()
    messenger = threading.Thread(target=deliver.serve, args=(installation, stop), daemon=True)
    messenger.start()
    previous = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not stopping.is_set():
            try:
                _listen(installation, burst)
                if burst:
                    return
                # Only a queue that went away ends the listening otherwise.
                stopping.wait(1.0)
            except redis.RedisError as problem:
                log.warning("the queue is away, will look again: %s", problem)
                if burst:
                    return
                stopping.wait(1.0)
            except StopRequested:
                pass
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
        stop.set()
        sweeper.join()
        messenger.join(LEAVE_SECONDS)


class JobWorker(SimpleWorker):
    """Take hints from the queue in this process, and stop soon when told to."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    performing = False

    def subscribe(self) -> None:
        """Take no commands over the queue: the jobs table decides what is cancelled."""

    def perform_job(self, job: rq.job.Job, queue: Queue) -> bool:
        """Do the job that a hint names."""
        self.performing = True
        try:
            return bool(super().perform_job(job, queue))
        finally:
            self.performing = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop listening at once, or leave the job at its next checkpoint.

        Nothing here asks the queue: it may be stopping too.
        """
        if not stopping.is_set():
            stopping.set()
            last_word = threading.Timer(LEAVE_SECONDS, os._exit, (1,))
            last_word.daemon = True
            last_word.start()
        self._stop_requested = True
        if not self.performing:
            raise StopRequested


def _listen(installation: Installation, burst: bool) -> None:
    connection = queues.connect(installation.settings, answer_seconds=None)
    queue = Queue(queues.QUEUE, connection=connection, serializer=JSONSerializer)
    # The queue remembers a killed worker for a while: each listening has a name of its own.
    name = f"{worker_name()}-{secrets.token_hex(4)}"
    worker = JobWorker([queue], connection=connection, serializer=JSONSerializer, name=name)
    try:
        worker.work(burst=burst, logging_level="CRITICAL", with_scheduler=False)
    finally:
        connection.close()


def sweep(installation: Installation) -> None:
    """Give back what silent workers hold and lapsed reservations; announce what waits.

    Writes only when there is something to give back.
    """
    silence = installation.settings.job_silence_seconds
    with installation.database.read() as session:
        silent = jobs.has_silent(session, silence)
        waiting = jobs.waiting(session)
    if silent:
        waiting = _reclaim(installation, silence)
    queues.announce(installation, waiting)
    expire.run(installation)


def _reclaim(installation: Installation, silence: float) -> list[str]:
    """Put the jobs of silent workers back; return the ids of all that wait."""
    asked = time.monotonic()
    with installation.database.write() as session:
        session.connection()
        if time.monotonic() - asked > 1.0:
            # Where this had to wait for the database, heartbeats had to as well: silence
            # says nothing until the others had time to speak.
            return []
        return jobs.reclaim(session, silence)


def worker_name() -> str:
    """Return this process's name in the jobs table."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _sweep(installation: Installation, stop: threading.Event) -> None:
    while True:
        try:
            sweep(installation)
        except Exception:
            # Whatever it was, the next round must come: nobody else takes up lost jobs.
            log.warning("the sweeper could not do its round", exc_info=True)
        if stop.wait(SWEEP_SECONDS):
            return


@cache
def _installation() -> Installation:
    return open_installation(settings.load())
