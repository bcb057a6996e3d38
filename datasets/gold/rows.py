"""Keep tasks whose answers are known, and who met which of them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now

PURPOSE = "gold"


class GoldState(StrEnum):
    """Whether a gold task is given to people."""

    ACTIVE = "active"
    # Good annotators disagree with it, or a lead wants to look: nobody gets it meanwhile.
    SUSPENDED = "suspended"
    RETIRED = "retired"


class GoldPlan(Base):
    """What a project's lots are drawn from; nobody ever sees it."""

    __tablename__ = "gold_plans"

    project_id: Mapped[int] = mapped_column(
        sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False
    )
    seed: Mapped[str] = mapped_column(sa.String(64))


class GoldTask(Base):
    """A task whose answer is known: an annotation that was adjudicated, with its last fix."""

    __tablename__ = "gold_tasks"
    __table_args__ = (
        sa.UniqueConstraint("task_id"),
        sa.Index("ix_gold_tasks_project", "project_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    # The truth stands there; a later fix or a renamed label counts at once.
    annotation_id: Mapped[int] = mapped_column(Id)
    # "ground_truth", "review" or "fix": what makes it known; `by_hand` where a lead chose it.
    source: Mapped[str] = mapped_column(sa.String(20))
    by_hand: Mapped[bool] = mapped_column(default=False)
    # The label by which it was drawn.
    label: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(sa.String(20), default=GoldState.ACTIVE)
    reason: Mapped[str] = mapped_column(default="")
    exposures: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    changed_at: Mapped[dt.datetime] = mapped_column(default=now)


class GoldExposure(Base):
    """One person's meeting with a gold task; the score is that of their answer."""

    __tablename__ = "gold_exposures"
    __table_args__ = (
        # Nobody meets one twice.
        sa.UniqueConstraint("gold_id", "user_id"),
        sa.Index("ix_gold_exposures_person", "project_id", "user_id", "id"),
        sa.Index("ix_gold_exposures_annotation", "annotation_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    gold_id: Mapped[int] = mapped_column(sa.ForeignKey("gold_tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    annotation_id: Mapped[int | None] = mapped_column(Id)
    # 0 to 1; None until it is measured, and for a skip.
    score: Mapped[float | None]
    is_passed: Mapped[bool | None]
    # Whether the person was told how they did: their first answer counts then.
    was_told: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    answered_at: Mapped[dt.datetime | None]
