"""Write down what a model was trained to, and which weights a project uses."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import insert_new, now
from ..projects import Project
from .rows import ProjectModel, TrainedModel, TrainedState


def register(
    session: Session,
    project: Project,
    *,
    name: str,
    version: str,
    weights_digest: str,
    examples: int,
    state: TrainedState = TrainedState.KEPT,
    card: dict[str, Any] | None = None,
    job_id: str | None = None,
) -> TrainedModel:
    """Return the row of a trained model, made on first use."""
    key = {
        "project_id": project.id,
        "name": name,
        "version": version,
        "weights_digest": weights_digest,
    }
    values = {
        **key,
        "examples": examples,
        "state": state,
        "card": msgspec.json.encode(card or {}).decode(),
        "job_id": job_id,
        "created_at": now(),
    }
    insert_new(session, TrainedModel, [values])
    return session.scalars(sa.select(TrainedModel).filter_by(**key)).one()


def use(session: Session, model: ProjectModel, trained: TrainedModel, answers: int) -> None:
    """Let a project's model go on with these weights; `answers` were there to learn from."""
    model.trained_model_id = trained.id
    model.answers_at_training = answers
    model.problem = None
    model.updated_at = now()
    trained.state = TrainedState.KEPT
    session.flush()


def reject(session: Session, model: ProjectModel, trained: TrainedModel, answers: int) -> None:
    """Keep the old weights: the new ones are not better."""
    if model.trained_model_id != trained.id:
        trained.state = TrainedState.REJECTED
    model.answers_at_training = answers
    model.updated_at = now()
    session.flush()


def trained(session: Session, project: Project, limit: int = 100) -> list[TrainedModel]:
    """List the models trained for a project, newest first."""
    return list(
        session.scalars(
            sa.select(TrainedModel)
            .where(TrainedModel.project_id == project.id)
            .order_by(TrainedModel.id.desc())
            .limit(limit)
        )
    )


def newest(session: Session, project: Project, name: str, version: str) -> TrainedModel | None:
    """Return what a model was trained to last in a project, whatever became of it."""
    query = sa.select(TrainedModel).where(
        TrainedModel.project_id == project.id,
        TrainedModel.name == name,
        TrainedModel.version == version,
    )
    return session.scalar(query.order_by(TrainedModel.id.desc()).limit(1))


def of_model(session: Session, model: ProjectModel) -> TrainedModel | None:
    """Return the weights that a project's model uses."""
    if model.trained_model_id is None:
        return None
    return session.get(TrainedModel, model.trained_model_id)


def cards(
    session: Session, project_id: int, model_versions: Collection[str]
) -> list[dict[str, Any]]:
    """Return the cards of a project's trained models of these versions, in order of the names.

    They say nothing of when: a version publishes to the same bytes whenever that is done.
    """
    rows = session.scalars(
        sa.select(TrainedModel)
        .where(TrainedModel.project_id == project_id)
        .order_by(TrainedModel.id)
    )
    found = {
        row.model_version: {
            **_public(row.card_values),
            "model_version": row.model_version,
            "weights": row.weights_digest,
            "examples": row.examples,
        }
        for row in rows
        if row.model_version in model_versions
    }
    return [found[name] for name in sorted(found)]


def _public(card: dict[str, Any]) -> dict[str, Any]:
    """Return a card without the numbers of tasks, which say nothing outside."""
    basis = dict(card.get("trained_on", {}))
    basis.pop("tasks", None)
    return {**card, "trained_on": basis} if basis else card


def score(session: Session, trained: TrainedModel, scores: dict[str, Any]) -> None:
    """Write into a model's card how well it did: with n, method and interval."""
    trained.card = msgspec.json.encode({**trained.card_values, "scores": scores}).decode()
    session.flush()
