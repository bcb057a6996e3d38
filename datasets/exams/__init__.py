"""Examine people on tasks whose answer is known, before a project opens to them."""

from __future__ import annotations

from .making import LIMITS, SOURCES, Rules, close, make
from .results import Candidate, Results, of_exam, score
from .rows import AttemptState, Exam, ExamAnswer, ExamAttempt, ExamQuestion
from .sitting import (
    answer,
    answers,
    attempts_of,
    get,
    hand_in,
    leads,
    next_question,
    open_exam,
    settled,
    start,
)

__all__ = [
    "LIMITS",
    "SOURCES",
    "AttemptState",
    "Candidate",
    "Exam",
    "ExamAnswer",
    "ExamAttempt",
    "ExamQuestion",
    "Results",
    "Rules",
    "answer",
    "answers",
    "attempts_of",
    "close",
    "get",
    "hand_in",
    "leads",
    "make",
    "next_question",
    "of_exam",
    "open_exam",
    "score",
    "settled",
    "start",
]
