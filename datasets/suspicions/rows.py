"""Keep labels that are probably wrong, and what reviewers said of the suspicion."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class SuspicionState(StrEnum):
    """What became of a suspicion."""

    OPEN = "open"
    WRONG = "wrong"
    RIGHT = "right"


class Suspicion(Base):
    """A label that is probably wrong; the lower the score, the more probably."""

    __tablename__ = "suspicions"
    __table_args__ = (
        sa.Index("ix_suspicions_project", "project_id", "state", "score", "id"),
        sa.Index("ix_suspicions_annotation", "annotation_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"))
    # The revision that was looked at.
    revision: Mapped[int] = mapped_column(default=1)
    # The region that it is about; "" for the whole answer, or for something that is missing.
    region_id: Mapped[str] = mapped_column(sa.String(200), default="")
    label: Mapped[str] = mapped_column(default="")
    suggested: Mapped[str] = mapped_column(default="")
    # 0 to 1, cleanlab's quality of the label.
    score: Mapped[float]
    method: Mapped[str] = mapped_column(sa.String(80))
    # The place in the list of its job, from 1: precision is told of the first so many.
    rank: Mapped[int]
    job_id: Mapped[str] = mapped_column(sa.String(36))
    state: Mapped[str] = mapped_column(sa.String(20), default=SuspicionState.OPEN)
    reason: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[int | None] = mapped_column(Id)
    decided_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
