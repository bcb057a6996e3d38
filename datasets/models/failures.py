"""Keep beside each task why a model has no answer for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..db import insert_new, now
from ..projects import Project
from .rows import PredictionFailure

CHUNK = 1000  # ids in one statement


def fail(
    session: Session, project: Project, model: str, reasons: Mapping[int, errors.JinbiaoError]
) -> None:
    """Write down why a model has no answer for tasks: task id → reason; the last one counts."""
    if not reasons:
        return
    clear(session, model, reasons)
    at = now()
    insert_new(
        session,
        PredictionFailure,
        [
            {
                "task_id": task_id,
                "model": model[:140],
                "project_id": project.id,
                "reason": errors.to_json(reason),
                "created_at": at,
            }
            for task_id, reason in sorted(reasons.items())
        ],
    )


def clear(session: Session, model: str, task_ids: Iterable[int]) -> None:
    """Forget failures of a model: it has answered, or is asked again."""
    wanted = sorted(task_ids)
    for start in range(0, len(wanted), CHUNK):
        session.execute(
            sa.delete(PredictionFailure).where(
                PredictionFailure.model == model[:140],
                PredictionFailure.task_id.in_(wanted[start : start + CHUNK]),
            )
        )


def failures_of_tasks(
    session: Session, task_ids: Sequence[int]
) -> dict[int, list[PredictionFailure]]:
    """Return task id → why models have no answer for it."""
    found: dict[int, list[PredictionFailure]] = {}
    rows = session.scalars(
        sa.select(PredictionFailure).where(PredictionFailure.task_id.in_(list(task_ids)))
    )
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def failures(
    session: Session, project: Project, *, model: str | None = None, after: int = 0, limit: int = 50
) -> list[PredictionFailure]:
    """List a project's failures by task, from after the task `after`; keyset paging."""
    query = sa.select(PredictionFailure).where(
        PredictionFailure.project_id == project.id, PredictionFailure.task_id > after
    )
    if model is not None:
        query = query.where(PredictionFailure.model == model[:140])
    order = (PredictionFailure.task_id, PredictionFailure.model)
    return list(session.scalars(query.order_by(*order).limit(limit)))


def count_failures(session: Session, project: Project) -> dict[str, int]:
    """Return model → for how many tasks of the project it has no answer."""
    rows = session.execute(
        sa.select(PredictionFailure.model, sa.func.count())
        .where(PredictionFailure.project_id == project.id)
        .group_by(PredictionFailure.model)
    )
    return {model: number for model, number in rows}
