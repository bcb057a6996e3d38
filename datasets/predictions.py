"""Keep what models said: predictions beside the task, and the models that made them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .db import Base, Id, insert_new, now
from .projects import Project
from .tasks import Task, TaskState


class TrainedModel(Base):
    """A model as it was trained for one project: name, version and digest of its weights."""

    __tablename__ = "trained_models"
    __table_args__ = (sa.UniqueConstraint("project_id", "name", "version", "weights_digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    version: Mapped[str] = mapped_column(sa.String(40))
    # "" where the model has not been trained: it then predicts without classes.
    weights_digest: Mapped[str] = mapped_column(sa.String(64))
    examples: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def model_version(self) -> str:
        """Return the name that predictions carry, as Label Studio has it."""
        return f"{self.name} {self.version} {self.weights_digest[:12] or 'untrained'}"


class Prediction(Base):
    """One model's answer for one task; our workers let a model answer a task once."""

    __tablename__ = "predictions"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "model_version", "number"),
        sa.Index("ix_predictions_project_id", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    trained_model_id: Mapped[int | None] = mapped_column(sa.ForeignKey("trained_models.id"))
    model_version: Mapped[str] = mapped_column(sa.String(140))
    # 0 for the first answer of this model version; others that somebody brings count on.
    number: Mapped[int] = mapped_column(default=0)
    score: Mapped[float | None]
    result: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the result, decoded."""
        return list(msgspec.json.decode(self.result))


def register_model(
    session: Session,
    project: Project,
    *,
    name: str,
    version: str,
    weights_digest: str,
    examples: int,
) -> TrainedModel:
    """Return the row of a trained model, made on first use."""
    key = {
        "project_id": project.id,
        "name": name,
        "version": version,
        "weights_digest": weights_digest,
    }
    insert_new(session, TrainedModel, [{**key, "examples": examples, "created_at": now()}])
    return session.scalars(sa.select(TrainedModel).filter_by(**key)).one()


def add_in_bulk(session: Session, rows: list[dict[str, Any]]) -> int:
    """Insert predictions, leaving out those that are there already; return how many.

    Each row has `project_id`, `task_id`, `trained_model_id`, `model_version`, `score` and
    `result` (JSON text).
    """
    at = now()
    ordered = sorted(rows, key=lambda row: int(row["task_id"]))
    return insert_new(session, Prediction, [{**row, "created_at": at} for row in ordered])


def of_tasks(session: Session, task_ids: Iterable[int]) -> dict[int, list[Prediction]]:
    """Return task id → its predictions, newest first, in one query."""
    found: dict[int, list[Prediction]] = {}
    rows = session.scalars(
        sa.select(Prediction)
        .where(Prediction.task_id.in_(list(task_ids)))
        .order_by(Prediction.id.desc())
    )
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def unpredicted(
    session: Session, project: Project, model_version: str, *, after: int, limit: int
) -> list[Task]:
    """List tasks that wait for people and lack this model's prediction, by id."""
    has_one = sa.exists().where(
        Prediction.task_id == Task.id, Prediction.model_version == model_version
    )
    return list(
        session.scalars(
            sa.select(Task)
            .where(
                Task.project_id == project.id,
                Task.state == TaskState.WAITING,
                Task.id > after,
                ~has_one,
            )
            .order_by(Task.id)
            .limit(limit)
        )
    )


def count_unpredicted(session: Session, project: Project, model_version: str) -> int:
    """Count the tasks that `unpredicted` would list."""
    has_one = sa.exists().where(
        Prediction.task_id == Task.id, Prediction.model_version == model_version
    )
    query = sa.select(sa.func.count(Task.id)).where(
        Task.project_id == project.id, Task.state == TaskState.WAITING, ~has_one
    )
    return int(session.scalar(query) or 0)


def models(session: Session, project: Project) -> list[TrainedModel]:
    """List the models trained for a project, newest first."""
    return list(
        session.scalars(
            sa.select(TrainedModel)
            .where(TrainedModel.project_id == project.id)
            .order_by(TrainedModel.id.desc())
        )
    )


def count(session: Session, project: Project) -> int:
    """Count the tasks of a project that a model has looked at."""
    query = sa.select(sa.func.count(sa.distinct(Prediction.task_id))).where(
        Prediction.project_id == project.id
    )
    return int(session.scalar(query) or 0)
