"""Run jobs: take one, do it, write down how it ended; and sweep up what others left."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import sqlalchemy as sa
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from ..datasets import errors, jobs, settings
from ..datasets.errors import _
from ..datasets.installation import Installation, open_installation
from ..datasets.jobs import Job, JobState
from ..datasets.people import User
from . import expire, ingest, prelabel, queues, release
from .work import Heartbeat, Progress, Work, _silent

log = logging.getLogger("jinbiao.run")

# What each kind of job does; the function gets its work and returns the job's result.
KINDS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "import": ingest.run,
    "prelabel": prelabel.run,
    "freeze": release.freeze,
    "export": release.export,
    "publish": release.publish,
}

SWEEP_SECONDS = 2.0


def run(job_id: str) -> None:
    """Do one job by its id; what RQ calls."""
    perform(_installation(), job_id)


def perform(installation: Installation, job_id: str, show: Progress = _silent) -> JobState | None:
    """Take a waiting job and do it; None when it is not there to be taken."""
    with installation.database.write() as session:
        job = jobs.begin(session, job_id, worker_name())
        if job is None:
            return None
        work = work_of(installation, job, session.get_one(User, job.created_by), show)
    return carry_out(work, job.kind)


def work_of(installation: Installation, job: Job, actor: User, show: Progress = _silent) -> Work:
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
            result = KINDS[kind](work)
            state = JobState.DONE
        except errors.Cancelled as problem:
            state, error = JobState.CANCELLED, problem
        except (errors.Unavailable, sa.exc.OperationalError) as problem:
            log.warning("job %s: a part is away, will be tried again: %s", work.id, problem)
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


def serve(installation: Installation, *, burst: bool = False) -> None:
    """Work on jobs until told to stop; one process, models stay loaded."""
    stop = threading.Event()
    sweeper = threading.Thread(target=_sweep, args=(installation, stop), daemon=True)
    sweeper.start()
    connection = queues.connect(installation.settings)
    queue = Queue(queues.QUEUE, connection=connection, serializer=JSONSerializer)
    worker = SimpleWorker(
        [queue], connection=connection, serializer=JSONSerializer, name=worker_name()
    )
    worker.log_result_lifespan = False
    try:
        worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)
    finally:
        stop.set()
        sweeper.join()


def sweep(installation: Installation) -> None:
    """Give back what silent workers hold and lapsed reservations; announce what waits."""
    with installation.database.write() as session:
        waiting = jobs.reclaim(session, installation.settings.job_silence_seconds)
    queues.announce(installation, waiting)
    expire.run(installation)


def worker_name() -> str:
    """Return this process's name in the jobs table."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _sweep(installation: Installation, stop: threading.Event) -> None:
    while True:
        try:
            sweep(installation)
        except (sa.exc.SQLAlchemyError, errors.JinbiaoError) as problem:
            log.warning("the sweeper could not do its round: %s", problem)
        if stop.wait(SWEEP_SECONDS):
            return


@cache
def _installation() -> Installation:
    return open_installation(settings.load())
