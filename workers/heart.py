"""Watch over a job while it is done: say that its worker lives, and end what goes too far.

Native code cannot be interrupted from within its process. In a process that somebody starts
again (`replaceable`), one that goes too far is therefore ended as a whole, after it was
written down why; elsewhere a limit is only told when the step returns.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from ..datasets import errors, jobs, workers
from ..datasets.errors import _
from ..datasets.jobs import JobState
from .work import Work, stopping

log = logging.getLogger("jinbiao.heart")

# Set in a process that a supervisor starts again when it ends.
replaceable = threading.Event()
EXIT_CODE = 3
LOOK_SECONDS = 0.5
# A job that was cancelled or taken over gets so long to notice.
DEAF_SECONDS = 30.0
# The database gets so long to write down why; the reaper finds the job otherwise.
LAST_WORDS_SECONDS = 3.0
# Code that holds the interpreter stops all its threads; who has not looked for so long is ended
# by a thread outside the interpreter.
FROZEN_SECONDS = 30.0
MEGABYTE = 1024**2


class Heartbeat:
    """Say every second that this worker lives, and watch its limits, while the block runs."""

    def __init__(self, work: Work, every_seconds: float = 1.0) -> None:
        self._work = work
        self._every = every_seconds
        self._stop = threading.Event()
        self._deaf_since: float | None = None
        # Each waits for something else: a database that hangs must not stop the watch.
        self._threads = [
            threading.Thread(target=act, name=name, daemon=True)
            for name, act in (("heartbeat", self._beat), ("watch", self._watch))
        ]

    def __enter__(self) -> Heartbeat:
        if replaceable.is_set():
            faulthandler.dump_traceback_later(FROZEN_SECONDS, exit=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if replaceable.is_set():
            faulthandler.cancel_dump_traceback_later()

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                with self._work.installation.database.write() as session:
                    if jobs.beat(session, self._work.id, self._work.attempt):
                        self._deaf_since = None
                    elif self._deaf_since is None:
                        self._deaf_since = time.monotonic()
            except sa.exc.SQLAlchemyError as problem:
                # The next beat may get through; the job itself will notice a dead database.
                log.warning("heartbeat of job %s failed: %s", self._work.id, problem)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if replaceable.is_set():
                faulthandler.dump_traceback_later(FROZEN_SECONDS, exit=True)
                reason = excess(self._work) or self._deafness()
                if reason is not None and not stopping.is_set():
                    self._give_up(reason)
            elif is_overdue(self._work):
                # Its next checkpoint stops it.
                _close(self._work, overdue(self._work))
                return

    def _deafness(self) -> errors.JinbiaoError | None:
        since = self._deaf_since
        if since is None or time.monotonic() - since < DEAF_SECONDS:
            return None
        return errors.Cancelled(_("the job was cancelled"))

    def _give_up(self, reason: errors.JinbiaoError) -> None:
        """Write down why, and end this process."""
        work, step = self._work, self._work.present_step
        doing = f" while doing {step.what}" if step else ""
        log.error("job %s is given up by this process%s: %s", work.id, doing, reason)
        told = threading.Thread(target=_close, args=(work, reason), daemon=True)
        told.start()
        # The job itself may hold what is needed for that.
        told.join(LAST_WORDS_SECONDS)
        os._exit(EXIT_CODE)


def excess(work: Work) -> errors.JinbiaoError | None:
    """Return which limit a job has passed: of its step, the process or the whole job."""
    settings, step = work.installation.settings, work.present_step
    if is_overdue(work):
        return overdue(work)
    if step is not None and step.excess is not None:
        return step.excess
    limit = settings.worker_memory_bytes
    if limit and resident_bytes() > limit:
        return errors.Refused(
            _("used more than %(megabytes)s MB of memory"), megabytes=limit // MEGABYTE
        )
    if step is None and time.monotonic() - work.moved > settings.job_stall_seconds:
        return errors.Refused(
            _("made no progress for %(seconds)s seconds"), seconds=settings.job_stall_seconds
        )
    return None


def is_overdue(work: Work) -> bool:
    """Tell whether a job has not ended within the time that any job may take."""
    return time.time() - work.started > work.installation.settings.job_hours * 3600


def overdue(work: Work) -> errors.Refused:
    """Return what is to be said of a job that takes longer than any may."""
    hours = work.installation.settings.job_hours
    return errors.Refused(_("did not end within %(hours)s hours"), hours=hours)


def worker_name() -> str:
    """Return this process's name in the tables of jobs and workers."""
    return f"{socket.gethostname()}-{os.getpid()}"


def resident_bytes() -> int:
    """Return how much memory this process holds; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _close(work: Work, reason: errors.JinbiaoError) -> None:
    try:
        with work.installation.database.write() as session:
            if isinstance(reason, errors.Cancelled):
                jobs.end(session, work.id, work.attempt, JobState.CANCELLED, error=reason)
            elif is_overdue(work):
                jobs.end(session, work.id, work.attempt, JobState.FAILED, error=reason)
            else:
                jobs.lose(session, work.id, work.attempt, reason)
            if replaceable.is_set():
                workers.leave(session, worker_name())
    except sa.exc.SQLAlchemyError as problem:
        log.warning("job %s: why it was given up could not be kept: %s", work.id, problem)
