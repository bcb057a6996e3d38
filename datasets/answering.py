"""Turn what models said into answers of a person, and put equal tasks together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import audit, permissions, removal, reviews, webhooks
from .annotations import Annotation, AnnotationState, settle_many
from .comments import Comment
from .db import insert_many, now
from .people import User
from .predictions import Prediction
from .projects import Project, stages_of
from .tasks import Task

CHUNK = 1000  # ids in one statement


def from_predictions(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Iterable[int],
    model_versions: Sequence[str] = (),
) -> int:
    """Make an annotation of each prediction of these tasks, of some model versions or of all.

    They are the actor's work and wait for another person's review. Return how many.
    """
    permissions.require(actor, "annotation.change", project)
    made, at = 0, now()
    for chunk in _chunks(task_ids):
        query = sa.select(Prediction.id, Prediction.task_id, Prediction.result).where(
            Prediction.project_id == project.id, Prediction.task_id.in_(chunk)
        )
        if model_versions:
            query = query.where(Prediction.model_version.in_(model_versions))
        rows: list[dict[str, Any]] = [
            {
                "project_id": project.id,
                "task_id": task_id,
                "completed_by": actor.id,
                "updated_by": actor.id,
                "state": AnnotationState.SUBMITTED,
                "result": result,
                "revision": 1,
                "ground_truth": False,
                "bulk_created": True,
                "review_stage": stages_of(project).arrival,
                "last_action": "prediction",
                "parent_prediction": prediction_id,
                "created_at": at,
                "updated_at": at,
            }
            for prediction_id, task_id, result in session.execute(query.order_by(Prediction.id))
        ]
        if rows:
            before = session.scalar(sa.select(sa.func.max(Annotation.id))) or 0
            insert_many(session, Annotation, rows)
            fresh = sa.select(Annotation.id).where(
                Annotation.id > before, Annotation.project_id == project.id
            )
            webhooks.emit(session, project, "ANNOTATIONS_CREATED", list(session.scalars(fresh)))
            touched = sorted({row["task_id"] for row in rows})
            settle_many(session, project, touched, actor)
            while stages_of(project).arrival == 0 and reviews.let_in(session, project, touched):
                pass
        made += len(rows)
    subject = f"project/{project.id}"
    audit.record(session, actor, "annotation.from_predictions", subject, number=made)
    return made


def merge_duplicates(
    session: Session, actor: User, project: Project, task_ids: Iterable[int]
) -> int:
    """Put tasks with the same data together: the first keeps all annotations.

    Return how many tasks were deleted.
    """
    permissions.require(actor, "task.change", project)
    groups: dict[str, list[int]] = {}
    for chunk in _chunks(task_ids):
        rows = session.execute(
            sa.select(Task.id, Task.digest)
            .where(Task.project_id == project.id, Task.id.in_(chunk))
            .order_by(Task.id)
        )
        for task_id, digest in rows:
            groups.setdefault(digest, []).append(task_id)
    doubles = [(ids[0], ids[1:]) for ids in groups.values() if len(ids) > 1]
    for kept, others in doubles:
        session.execute(
            sa.update(Annotation).where(Annotation.task_id.in_(others)).values(task_id=kept)
        )
        session.execute(sa.update(Comment).where(Comment.task_id.in_(others)).values(task_id=kept))
    for chunk in _chunks(kept for kept, _others in doubles):
        settle_many(session, project, chunk, actor)
    return removal.tasks(session, actor, project, [n for _kept, ids in doubles for n in ids])


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    wanted = sorted(set(ids))
    return (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))
