"""Carry one job: its request, its progress, its limits, and the proof that it is still ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True)
class Step:
    """A part of a job that may take at most so many seconds; None: as long as it likes."""

    what: str
    seconds: float | None
    began: float = field(default_factory=time.monotonic)

    @property
    def took(self) -> float:
        """Return how many seconds it has taken until now."""
        return time.monotonic() - self.began

    @property
    def excess(self) -> errors.Refused | None:
        """Return what is to be said of it if it has taken too long."""
        if self.seconds is None or self.took <= self.seconds:
            return None
        return errors.Refused(_("took more than %(seconds)s seconds"), seconds=round(self.seconds))


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
    # Why the last attempt was lost with its process; None where it was not.
    lost_error: errors.JinbiaoError | None = None
    # When the job was begun for the first time, in seconds of `time.time`.
    started: float = field(default_factory=time.time)
    # What the heart looks at: the step that is being done, and the last sign of progress.
    present_step: Step | None = None
    moved: float = field(default_factory=time.monotonic)

    @property
    def lost(self) -> str | None:
        """Say in English why the last attempt was lost with its process; None where it was not.

        Such as "took more than 60 seconds", "used more than 2048 MB of memory" or "the worker
        process died": whoever reads it can go on more carefully.
        """
        return None if self.lost_error is None else str(self.lost_error)

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
        self.moved = time.monotonic()
        if stopping.is_set():
            raise errors.Unavailable(_("the worker is stopping"))
        jobs.advance(session, self.id, self.attempt, done=done, total=total, checkpoint=checkpoint)
        self.show(done, total)

    @contextmanager
    def step(self, seconds: float | None, what: str) -> Iterator[None]:
        """Do something that may take at most so many seconds (None: as long as the job may).

        In a worker process that is exceeded by a second at most: the job then goes back to
        waiting, the process ends and is started again, and the next attempt finds the reason
        in `lost`. Where the process must live on, the step ends whenever it does. Inside a
        step its own limit counts, not that on a job without progress.

        Raises:
            errors.Refused: it has ended, but took longer.
        """
        outer, self.present_step = self.present_step, Step(what, seconds)
        try:
            yield
            excess = self.present_step.excess
        finally:
            self.present_step, self.moved = outer, time.monotonic()
        if excess is not None:
            raise excess

    def check(self) -> None:
        """Raise errors.Cancelled where somebody cancelled the job between two attempts."""
        self.moved = time.monotonic()
        with self.installation.database.read() as session:
            if self.is_cancelled(session):
                raise errors.Cancelled(_("the job was cancelled"))

    def is_cancelled(self, session: Session) -> bool:
        """Tell whether somebody cancelled the job, rather than another worker taking it."""
        job = session.get(jobs.Job, self.id)
        return job is not None and job.cancel_requested and job.attempt == self.attempt
