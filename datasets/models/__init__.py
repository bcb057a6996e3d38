"""Know the models of a project: which it uses, how they were trained, where they failed."""

from __future__ import annotations

from .arms import BLANK, SHOWN, arm_of, is_blank, model_behind, shown_result, without_labels
from .choosing import (
    CONTROL_PERCENT,
    MOST_MODELS,
    add,
    change,
    get,
    of_kind,
    of_project,
    remove,
    secret_of,
    set_gate,
    spend,
    switch_off_labels,
)
from .failures import clear, count_failures, fail, failures, failures_of_tasks
from .rows import Gate, PredictionFailure, ProjectModel, TrainedModel, TrainedState
from .training import cards, newest, of_model, register, reject, score, trained, use

__all__ = [
    "BLANK",
    "CONTROL_PERCENT",
    "MOST_MODELS",
    "Gate",
    "PredictionFailure",
    "ProjectModel",
    "SHOWN",
    "TrainedModel",
    "TrainedState",
    "add",
    "arm_of",
    "cards",
    "change",
    "clear",
    "count_failures",
    "fail",
    "failures",
    "failures_of_tasks",
    "get",
    "is_blank",
    "model_behind",
    "newest",
    "of_kind",
    "of_model",
    "of_project",
    "register",
    "reject",
    "remove",
    "score",
    "secret_of",
    "set_gate",
    "shown_result",
    "spend",
    "switch_off_labels",
    "trained",
    "use",
    "without_labels",
]
