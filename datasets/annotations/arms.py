"""Say whether an answer began with a model's help or without, so that the two can be compared."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import models, permissions
from ..people import User
from ..predictions import Prediction
from ..projects import Project
from ..tasks import Task


def arm_of(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    parent_prediction: int | None,
) -> str | None:
    """Return the arm of an answer that is being given; None where it tells nothing.

    An answer that began from a prediction had help: that, and a task without predictions that
    is not left blank, takes no query. Whoever sees every prediction, or began from one that
    the draw keeps back, is in neither arm of a blank task.
    """
    is_blank = models.is_blank(project, task.id)
    if is_blank and (parent_prediction or permissions.allows(annotator, "prediction.read")):
        return None
    if parent_prediction is not None:
        return models.SHOWN
    if task.total_predictions:
        return models.arm_of(project, task.id, _has_shown(session, project, task))
    return models.BLANK if is_blank and _was_passed_by(session, project, task) else None


def _has_shown(session: Session, project: Project, task: Task) -> bool:
    """Tell whether people get to see a prediction of a task, the draw left aside."""
    chosen = models.of_project(session, project)
    said = session.scalars(sa.select(Prediction).where(Prediction.task_id == task.id))
    return any(models.shown_result(row, chosen) is not None for row in said)


def _was_passed_by(session: Session, project: Project, task: Task) -> bool:
    """Tell whether a model whose answers people see has left this task out.

    Models answer tasks in the order of their ids: the newest answer says how far they came.
    """
    newest = session.scalar(
        sa.select(Prediction)
        .where(Prediction.project_id == project.id)
        .order_by(Prediction.id.desc())
        .limit(1)
    )
    if newest is None or newest.task_id < task.id or newest.trained_model_id is None:
        return False
    return models.shown_result(newest, models.of_project(session, project)) is not None
