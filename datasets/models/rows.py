"""Keep which models a project uses, what they were trained to, and what came of it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class TrainedState(StrEnum):
    """What became of a training."""

    KEPT = "kept"
    # Not better than the one before on the held-back part.
    REJECTED = "rejected"


class Gate(StrEnum):
    """Whether people may see what a model says."""

    # Not enough labelled tasks to tell; it is shown and measured.
    UNMEASURED = "unmeasured"
    OPEN = "open"
    # It would cost time: estimated before, or measured on what people did with it.
    CLOSED = "closed"


class ProjectModel(Base):
    """A model that a project uses: one of `workers.models.MODELS` with options of its own."""

    __tablename__ = "project_models"
    __table_args__ = (sa.Index("ix_project_models_project_id", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # The model's name in MODELS.
    kind: Mapped[str] = mapped_column(sa.String(80))
    title: Mapped[str] = mapped_column(default="")
    # JSON: what the model's `check` let through.
    options: Mapped[str] = mapped_column(default="{}")
    # Sealed; never shown again.
    secret: Mapped[str] = mapped_column(default="")
    file_digest: Mapped[str] = mapped_column(sa.String(64), default="")
    file_name: Mapped[str] = mapped_column(default="")
    is_on: Mapped[bool] = mapped_column(default=True)
    gate: Mapped[str] = mapped_column(sa.String(20), default=Gate.UNMEASURED)
    # The owner shows it all the same.
    gate_overridden: Mapped[bool] = mapped_column(default=False)
    # JSON: the estimate or measurement that the gate follows, with n, method and interval.
    gate_report: Mapped[str] = mapped_column(default="{}")
    # JSON: labels whose errors rose; they are left out of what is shown.
    labels_off: Mapped[str] = mapped_column(default="[]")
    # Train again when so many answers are new; 0: only when somebody asks.
    train_after: Mapped[int] = mapped_column(default=0)
    answers_at_training: Mapped[int] = mapped_column(default=0)
    # The weights in use.
    trained_model_id: Mapped[int | None] = mapped_column(sa.ForeignKey("trained_models.id"))
    # The last thing that went wrong with it, as `errors.to_json` writes it.
    problem: Mapped[str | None]
    tokens_in: Mapped[int] = mapped_column(Id, default=0)
    tokens_out: Mapped[int] = mapped_column(Id, default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def option_values(self) -> dict[str, Any]:
        """Return the options, decoded."""
        return dict(msgspec.json.decode(self.options))

    @property
    def labels_off_values(self) -> list[str]:
        """Return the labels that are switched off."""
        return list(msgspec.json.decode(self.labels_off))

    @property
    def gate_values(self) -> dict[str, Any]:
        """Return what the gate follows, decoded."""
        return dict(msgspec.json.decode(self.gate_report))

    @property
    def is_shown(self) -> bool:
        """Tell whether people get to see what it says."""
        return self.is_on and (self.gate != Gate.CLOSED or self.gate_overridden)


class TrainedModel(Base):
    """A model as it was trained for one project: name, version and digest of its weights."""

    __tablename__ = "trained_models"
    __table_args__ = (sa.UniqueConstraint("project_id", "name", "version", "weights_digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    version: Mapped[str] = mapped_column(sa.String(40))
    # "" where the model has not been trained; that of its file where somebody brought it;
    # that of its options where it is a service.
    weights_digest: Mapped[str] = mapped_column(sa.String(64))
    examples: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(20), default=TrainedState.KEPT)
    # JSON: the model card: data, version, weights digest, scores with interval, licence.
    card: Mapped[str] = mapped_column(default="{}")
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def model_version(self) -> str:
        """Return the name that predictions carry, as Label Studio has it."""
        return f"{self.name} {self.version} {self.weights_digest[:12] or 'untrained'}"

    @property
    def card_values(self) -> dict[str, Any]:
        """Return the card, decoded."""
        return dict(msgspec.json.decode(self.card))


class PredictionFailure(Base):
    """Why a model has no answer for a task; goes when it has one."""

    __tablename__ = "prediction_failures"
    __table_args__ = (sa.Index("ix_prediction_failures_project", "project_id", "model", "task_id"),)

    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"), primary_key=True)
    # The model version, or `backend/<id>`.
    model: Mapped[str] = mapped_column(sa.String(140), primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # As `errors.to_json` writes it.
    reason: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
