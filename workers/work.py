"""Carry one job: its request, its progress, and the proof that it still belongs to us."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..datasets import errors, jobs
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.people import User

log = logging.getLogger("jinbiao.work")

Progress = Callable[[int, int | None], None]

# Set when this process is told to stop: its job leaves at the next checkpoint.
stopping = threading.Event()


def silent(_done: int, _total: int | None) -> None:
    """Show no progress."""


@dataclass
class Work:
    """A begun job as its function sees it."""

    installation: Installation
    id: str
    attempt: int
    actor: User
    project_id: int | None
    request: dict[str, Any]
    checkpoint: dict[str, Any]
    show: Progress = field(default=silent)

    def advance(
        self,
        session: Session,
        done: int,
        total: int | None = None,
        checkpoint: dict[str, Any] | None = None,
    ) -> None:
        """Record progress in the transaction that holds the work itself.

        Raises:
            errors.Cancelled: the job was cancelled or taken over.
            errors.Unavailable: this worker is stopping; another one goes on.
        """
        if stopping.is_set():
            raise errors.Unavailable(_("the worker is stopping"))
        jobs.advance(session, self.id, self.attempt, done=done, total=total, checkpoint=checkpoint)
        self.show(done, total)

    def check(self) -> None:
        """Raise errors.Cancelled where somebody cancelled the job between two attempts."""
        with self.installation.database.read() as session:
            if self.is_cancelled(session):
                raise errors.Cancelled(_("the job was cancelled"))

    def is_cancelled(self, session: Session) -> bool:
        """Tell whether somebody cancelled the job, rather than another worker taking it."""
        job = session.get(jobs.Job, self.id)
        return job is not None and job.cancel_requested and job.attempt == self.attempt


class Heartbeat:
    """Say every second that this worker lives, as long as the block runs."""

    def __init__(self, work: Work, every_seconds: float = 1.0) -> None:
        self._work = work
        self._every = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                with self._work.installation.database.write() as session:
                    jobs.beat(session, self._work.id, self._work.attempt)
            except sa.exc.SQLAlchemyError as problem:
                # The next beat may get through; the job itself will notice a dead database.
                log.warning("heartbeat of job %s failed: %s", self._work.id, problem)
