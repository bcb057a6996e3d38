"""Keep what was compared: each task, each two people of it, and what a project's adds up to."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class ComparedTask(Base):
    """A task whose answers were compared; `score` is the mean over its pairs of people."""

    __tablename__ = "compared_tasks"
    __table_args__ = (sa.Index("ix_compared_tasks_score", "project_id", "score", "task_id"),)

    project_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    task_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    people: Mapped[int]
    # 0 … 1; None where nothing could be compared.
    score: Mapped[float | None]


class ComparedPair(Base):
    """What two people said of one task; the smaller id first."""

    __tablename__ = "compared_pairs"

    project_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    task_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    one_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    other_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    score: Mapped[float | None]
    # JSON of `pairs.Said`.
    said: Mapped[str]


class QualityReport(Base):
    """What the kept comparisons of a project add up to, and up to when they reach."""

    __tablename__ = "quality_reports"

    project_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    worked_out_at: Mapped[dt.datetime] = mapped_column(default=now)
    # Answers given until then are in.
    seen_until: Mapped[dt.datetime]
    # Of the labelling config that they were compared under.
    config_digest: Mapped[str] = mapped_column(sa.String(64))
    seconds: Mapped[float] = mapped_column(default=0.0)
    report: Mapped[str]
