"""Keep examinations, who sat for them, and what they answered.

Answers of an examination are no annotations: they have rows of their own, so that nothing that
reads work can meet them. The truth of a question is copied when the examination is made: what
happens to the task later changes no result.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class AttemptState(StrEnum):
    """Where an attempt is."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class Exam(Base):
    """What somebody has to show before they work on a project; one at a time is open."""

    __tablename__ = "exams"
    __table_args__ = (sa.Index("ix_exams_project_id", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    title: Mapped[str]
    # How many questions an attempt has, drawn from the pool.
    questions: Mapped[int]
    # The share of the questions that must be right, and how much an answer must agree with the
    # truth (0 … 1, `agreement.compare`) to be right.
    pass_mark: Mapped[float]
    threshold: Mapped[float]
    minutes: Mapped[int]
    attempts: Mapped[int]
    # Between two attempts.
    wait_hours: Mapped[int]
    # For how long a pass admits; 0 for no end.
    valid_days: Mapped[int]
    # Whether the result shows each question with its truth.
    gives_feedback: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[dt.datetime | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class ExamQuestion(Base):
    """One task of an examination's pool, with what is known of it."""

    __tablename__ = "exam_questions"

    exam_id: Mapped[int] = mapped_column(sa.ForeignKey("exams.id"), primary_key=True)
    # A task that is deleted leaves the pool.
    task_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    truth: Mapped[str]


class ExamAttempt(Base):
    """One sitting of one person."""

    __tablename__ = "exam_attempts"
    __table_args__ = (
        sa.UniqueConstraint("exam_id", "user_id", "number"),
        sa.Index("ix_exam_attempts_project_id", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    exam_id: Mapped[int] = mapped_column(sa.ForeignKey("exams.id"))
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # 1, 2, 3 … of this person at this examination.
    number: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(20), default=AttemptState.RUNNING)
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ends_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    questions: Mapped[int]
    # How many were right; 0 while it runs.
    right: Mapped[int] = mapped_column(default=0)

    @property
    def is_over(self) -> bool:
        """Tell whether its time has passed."""
        return self.ends_at <= now()


class ExamAnswer(Base):
    """One question that somebody was asked, and what they answered."""

    __tablename__ = "exam_answers"
    __table_args__ = (sa.UniqueConstraint("attempt_id", "task_id"),)

    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("exam_attempts.id"), primary_key=True)
    # 1, 2, 3 … in the order in which they are asked.
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task_id: Mapped[int] = mapped_column(Id)
    truth: Mapped[str]
    result: Mapped[str | None]
    # Worked out when the attempt ends: until then nothing tells whether an answer was right.
    agreement: Mapped[float | None]
    is_right: Mapped[bool | None]
    answered_at: Mapped[dt.datetime | None]

    @property
    def truth_values(self) -> list[dict[str, Any]]:
        """Return the truth, decoded."""
        return list(msgspec.json.decode(self.truth))

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the answer, decoded; empty where there is none."""
        return [] if self.result is None else list(msgspec.json.decode(self.result))
