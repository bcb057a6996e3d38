"""Tell how good labelled work is: agreement, first-pass yield, gates; each with its interval.

`intervals` makes figures, `kappa`, `matched` and `transcripts` measure agreement of arrays,
`pairs` says what two people said of a task, `keeping` keeps that as work comes in, `report`
adds it up.
"""

from __future__ import annotations

from .gates import GATES, GateResult, Outcome, gate
from .intervals import Figure, bootstrap, clopper_pearson, wilson
from .keeping import KIND, ask, begin, due, lowest, of_task, pending
from .report import LEAST_TASKS, newest
from .rows import ComparedPair, ComparedTask, QualityReport

__all__ = [
    "GATES",
    "KIND",
    "LEAST_TASKS",
    "ComparedPair",
    "ComparedTask",
    "Figure",
    "GateResult",
    "Outcome",
    "QualityReport",
    "ask",
    "begin",
    "bootstrap",
    "clopper_pearson",
    "due",
    "gate",
    "lowest",
    "newest",
    "of_task",
    "pending",
    "wilson",
]
