"""Leave out of predictions what the draw, a gate or a switched-off label keeps from annotators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from .. import models, permissions
from ..models import ProjectModel
from ..people import User
from ..predictions import Prediction
from ..projects import Project


def visible_predictions(
    project: Project,
    task_id: int,
    predictions: Sequence[Prediction],
    chosen: Sequence[ProjectModel],
) -> list[Prediction]:
    """Return what an annotator gets to see of a task's predictions, in their order.

    Nothing in the blank arm; nothing of a model that is off or whose gate is closed, unless
    the owner shows it all the same; no regions with labels that are switched off. Rows whose
    result had to change are copies that belong to no session. `chosen` are the project's models.
    """
    if not predictions or models.is_blank(project, task_id):
        return []
    visible = []
    for row in predictions:
        result = models.shown_result(row, chosen)
        if result is not None:
            visible.append(row if result == row.result else _with_result(row, result))
    return visible


def visible_to(
    session: Session,
    user: User,
    project: Project,
    predictions: Mapping[int, Sequence[Prediction]],
) -> Mapping[int, Sequence[Prediction]]:
    """Return task id → the predictions that somebody may see; one query, none for most people.

    Who may read predictions sees them all; everybody else what `visible_predictions` leaves.
    """
    if not predictions or permissions.allows(user, "prediction.read"):
        return predictions
    chosen = models.of_project(session, project)
    return {
        task_id: visible_predictions(project, task_id, rows, chosen)
        for task_id, rows in predictions.items()
    }


def _with_result(row: Prediction, result: str) -> Prediction:
    values = {column.key: getattr(row, column.key) for column in Prediction.__table__.columns}
    return Prediction(**{**values, "result": result})
