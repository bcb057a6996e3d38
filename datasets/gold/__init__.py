"""Check people by tasks whose answers are known, unseen among their work.

Gold comes from adjudicated work. A lot that nobody foresees mixes it into people's streams;
an answer is measured against the truth; a gold task retires when many have met it, and is
suspended when good annotators disagree with it.
"""

from __future__ import annotations

from .choosing import add, candidates, choose, get, set_state, stratified, truths
from .drawing import MOST_AHEAD, is_due, is_on, mixed, take, take_ahead
from .listing import Listed, counts, page
from .rows import PURPOSE, GoldExposure, GoldPlan, GoldState, GoldTask
from .scoring import (
    Feedback,
    encoded,
    measure,
    measure_waiting,
    pass_rates,
    suspend_doubtful,
    tell,
)
from .trends import STEP, Point, Trend, passes_gate, seen_by, trend

__all__ = [
    "STEP",
    "MOST_AHEAD",
    "PURPOSE",
    "Feedback",
    "GoldExposure",
    "GoldPlan",
    "GoldState",
    "GoldTask",
    "Listed",
    "Point",
    "Trend",
    "add",
    "candidates",
    "choose",
    "counts",
    "encoded",
    "get",
    "is_due",
    "is_on",
    "measure",
    "measure_waiting",
    "mixed",
    "page",
    "pass_rates",
    "passes_gate",
    "seen_by",
    "set_state",
    "stratified",
    "suspend_doubtful",
    "take",
    "take_ahead",
    "tell",
    "trend",
    "truths",
]
