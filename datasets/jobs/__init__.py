"""Keep the truth about slow work: what waits, runs, ended, and how far it is.

The queue only hints that something waits; this table decides. A worker holds a job by its
attempt number: whoever lost it (silent too long, so that another took over) is refused at
its next checkpoint and cannot write on.
"""

from .asking import add, cancel, failure, get, kinds, recent, retry
from .rows import (
    ATTEMPTS,
    ENDED,
    KINDS,
    QUEUES,
    Job,
    JobState,
    queue_for,
    rate,
    remaining_seconds,
)
from .running import (
    Hint,
    advance,
    beat,
    begin,
    end,
    has_silent,
    hints,
    lose,
    pause,
    pause_seconds,
    reclaim,
    release,
    waiting,
)
from .telling import AUTOMATIC

__all__ = [
    "ATTEMPTS",
    "AUTOMATIC",
    "ENDED",
    "KINDS",
    "QUEUES",
    "Hint",
    "Job",
    "JobState",
    "add",
    "advance",
    "beat",
    "begin",
    "cancel",
    "end",
    "failure",
    "get",
    "has_silent",
    "hints",
    "kinds",
    "lose",
    "pause",
    "pause_seconds",
    "queue_for",
    "rate",
    "recent",
    "reclaim",
    "release",
    "remaining_seconds",
    "retry",
    "waiting",
]
