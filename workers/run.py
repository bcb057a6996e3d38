"""Run jobs: take one, do it, write down how it ended; and sweep up what others left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import sqlalchemy as sa

from ..datasets import errors, jobs, settings, workers
from ..datasets.errors import _
from ..datasets.installation import Installation, open_installation
from ..datasets.jobs import Job, JobState
from ..datasets.libraries import Library
from ..datasets.people import User
from ..datasets.projects import Project
from . import (
    clean,
    config_change,
    expire,
    feed,
    ingest,
    intake,
    integrity,
    measure,
    order,
    predict,
    prelabel,
    push,
    quality,
    queues,
    release,
    remove_library,
    retain,
    scan,
    send_assets,
    suspect,
    sync,
    training_due,
    treat,
    withdraw_record,
)
from .heart import Heartbeat, is_overdue, overdue, worker_name
from .work import Progress, Work, silent, stopping

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
    "measure": measure.run,
    "quality": quality.run,
    "order": order.run,
    "suspect": suspect.run,
    "integrity": integrity.run,
    "config_change": config_change.run,
    "withdraw_record": withdraw_record.run,
    "push_release": push.run,
    "feed": feed.run,
    "intake": intake.run,
    "clean": clean.run,
    "send_assets": send_assets.run,
    "remove_library": remove_library.run,
    "scan": scan.run,
    "treat": treat.run,
    "retain": retain.run,
}


def run(job_id: str) -> None:
    """Do one job by its id; what RQ calls."""
    perform(_installation(), job_id)


def perform(installation: Installation, job_id: str, show: Progress = silent) -> JobState | None:
    """Take a waiting job and do it; None when it is not there to be taken."""
    with installation.database.write() as session:
        job = jobs.begin(session, job_id, worker_name())
        if job is None:
            return None
        workers.take(session, worker_name(), job.id)
        work = work_of(installation, job, session.get_one(User, job.created_by), show)
    return carry_out(work, job.kind)


def do_here(
    installation: Installation,
    actor: User,
    owned: Project | Library,
    kind: str,
    request: dict[str, Any],
    show: Progress = silent,
) -> Job:
    """Do a job of a project or library in this process, as a worker would; return it ended.

    Raises:
        errors.JinbiaoError: as the job ended, unless it is done.
    """
    with installation.database.write() as session:
        job = jobs.add(
            session,
            actor,
            kind,
            request,
            project_id=owned.id if isinstance(owned, Project) else None,
            organisation_id=owned.organisation_id,
            vendor_id=owned.vendor_id,
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
        lost_error=job.lost,
        started=job.started_at.timestamp() if job.started_at else time.time(),
    )


def carry_out(work: Work, kind: str) -> JobState | None:
    """Do a begun job and write down how it ended.

    None when it did not end here: a part was away and it waits for that, or this worker
    stops and another one goes on.
    """
    log.info("job %s (%s) begins, attempt %s", work.id, kind, work.attempt)
    error: errors.JinbiaoError | None = None
    result: dict[str, Any] | None = None
    with Heartbeat(work):
        try:
            work.check()
            if is_overdue(work):
                raise overdue(work)
            result = KINDS[kind](work)
            state = JobState.DONE
        except errors.Cancelled as problem:
            state, error = JobState.CANCELLED, problem
        except errors.Unavailable as problem:
            state, error = JobState.WAITING, problem
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as problem:
            reason = str(problem.orig).partition("\n")[0]
            state = JobState.WAITING
            error = errors.Unavailable(_("the database is away: %(reason)s"), reason=reason)
        except errors.JinbiaoError as problem:
            state, error = JobState.FAILED, problem
        except Exception:
            # The one place where anything may end: the job says so, the log has the trace.
            log.exception("job %s (%s) broke", work.id, kind)
            state = JobState.FAILED
            error = errors.JinbiaoError(
                _("an internal error; the log of the worker has it under job %(id)s"), id=work.id
            )
    if state == JobState.WAITING and error is not None:
        _put_back(work, error)
        return None
    with work.installation.database.write() as session:
        jobs.end(session, work.id, work.attempt, state, result=result, error=error)
        workers.put_down(session, worker_name())
    log.info("job %s ends: %s", work.id, state)
    return state


def _put_back(work: Work, reason: errors.JinbiaoError) -> None:
    """Let the job wait for the part that is away, or for another worker if this one stops."""
    log.warning("job %s: a part is away, will be tried again: %s", work.id, reason)
    try:
        with work.installation.database.write() as session:
            if stopping.is_set():
                jobs.release(session, work.id, work.attempt)
            else:
                jobs.pause(session, work.id, work.attempt, reason)
            workers.put_down(session, worker_name())
    except sa.exc.DBAPIError as problem:
        # The sweeper gives it back when the database is there again.
        log.warning("job %s: the database is away too: %s", work.id, problem)


def sweep(installation: Installation) -> None:
    """Give back what silent workers hold and lapsed reservations; announce what waits.

    Writes only when there is something to give back.
    """
    silence = installation.settings.job_silence_seconds
    with installation.database.read() as session:
        is_any_silent = jobs.has_silent(session, silence)
        waiting = jobs.waiting(session)
    if is_any_silent:
        waiting = _reclaim(installation, silence)
    queues.announce(installation, waiting)
    expire.run(installation)
    training_due.start_due(installation)
    retain.start_due(installation)
    measure.begin_due(installation)
    integrity.begin_due(installation)
    quality.begin_due(installation)
    feed.begin_due(installation)


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


@cache
def _installation() -> Installation:
    return open_installation(settings.load())
