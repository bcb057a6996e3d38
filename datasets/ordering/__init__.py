"""Decide in which order tasks are handed out: by id, by lot, or what a model is least sure of."""

from __future__ import annotations

from .asking import SEQUENTIAL, UNCERTAINTY, UNIFORM, after_predictions, request
from .orders import WINDOW, Known, by_lot, most_telling
from .queue import (
    MOST_ORDERED,
    SLICE,
    before_everything,
    plan,
    reprioritise,
    set_priorities,
    shuffle,
    slices,
    waiting,
)
from .reading import known

__all__ = [
    "MOST_ORDERED",
    "SLICE",
    "SEQUENTIAL",
    "UNCERTAINTY",
    "UNIFORM",
    "WINDOW",
    "Known",
    "after_predictions",
    "before_everything",
    "by_lot",
    "known",
    "most_telling",
    "plan",
    "reprioritise",
    "request",
    "set_priorities",
    "shuffle",
    "slices",
    "waiting",
]
