"""Read what models said of tasks that wait: how sure the newest was, how far two agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement
from ..labels import LabelConfig
from ..predictions import CHUNK, Prediction
from ..projects import Project
from .orders import Known

# Longer results are not compared: matching thousands of regions takes seconds.
LONGEST_COMPARED = 100_000  # characters of JSON
_decoder = msgspec.json.Decoder(list[Any])


def known(session: Session, project: Project, task_ids: Sequence[int]) -> dict[int, Known]:
    """Return task id → what the newest predictions say, for those tasks that have one.

    The score is that of the newest; the agreement that of the newest two of different versions.
    """
    found: dict[int, Known] = {}
    for start in range(0, len(task_ids), CHUNK):
        newest = _newest(session, project, task_ids[start : start + CHUNK])
        twice = [rows[:2] for rows in newest.values() if len(rows) > 1]
        results = _results(session, [number for rows in twice for number, _score in rows])
        for task_id, rows in newest.items():
            agreed = None
            if len(rows) > 1 and rows[0][0] in results and rows[1][0] in results:
                agreed = _agreement(project.config, results[rows[0][0]], results[rows[1][0]])
            found[task_id] = Known(score=rows[0][1], agreement=agreed)
    return found


def _newest(
    session: Session, project: Project, task_ids: Sequence[int]
) -> dict[int, list[tuple[int, float | None]]]:
    """Return task id → (id, score) of each model version's newest prediction, newest first."""
    query = (
        sa.select(Prediction.task_id, Prediction.id, Prediction.model_version, Prediction.score)
        .where(Prediction.project_id == project.id, Prediction.task_id.in_(task_ids))
        .order_by(Prediction.id.desc())
    )
    found: dict[int, dict[str, tuple[int, float | None]]] = {}
    for task_id, number, version, score in session.execute(query):
        found.setdefault(task_id, {}).setdefault(version, (number, score))
    return {task_id: list(versions.values()) for task_id, versions in found.items()}


def _results(session: Session, prediction_ids: Sequence[int]) -> dict[int, str]:
    """Return id → result of predictions, but of long ones."""
    found: dict[int, str] = {}
    for start in range(0, len(prediction_ids), CHUNK):
        query = sa.select(Prediction.id, Prediction.result).where(
            Prediction.id.in_(prediction_ids[start : start + CHUNK]),
            sa.func.length(Prediction.result) <= LONGEST_COMPARED,
        )
        found.update({number: result for number, result in session.execute(query)})
    return found


def _agreement(config: LabelConfig, first: str, second: str) -> float | None:
    if first == second:
        return 1.0
    return agreement.compare(config, _decoder.decode(first), _decoder.decode(second)).agreement
