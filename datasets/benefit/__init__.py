"""Tell what pre-labels are worth: who gets none, what people did with them, what it saved."""

from __future__ import annotations

from ..models import arm_of, is_blank
from .arms import visible_predictions, visible_to
from .clean import CleanShare, clean_share
from .edits import Edits, compare
from .effects import LEAST_TASKS, Effect
from .report import Figure, OfLabel, OfModel, Report, report

__all__ = [
    "CleanShare",
    "Edits",
    "Effect",
    "Figure",
    "LEAST_TASKS",
    "OfLabel",
    "OfModel",
    "Report",
    "arm_of",
    "clean_share",
    "compare",
    "is_blank",
    "report",
    "visible_predictions",
    "visible_to",
]
