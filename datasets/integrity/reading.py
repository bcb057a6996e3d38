"""Read a project's answers as they are looked at: with times, pre-labels and what is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement
from ..annotations import Annotation, AnnotationState
from ..assignments import Assignment
from ..gold import GoldTask, truths
from ..labels import LabelConfig
from ..predictions import Prediction
from ..projects import Project
from .copying import offered
from .said import Agree, Result, Said

MOST = 20_000  # answers, the newest
CHUNK = 500
_decoder = msgspec.json.Decoder(list[Any])


def answers(session: Session, project: Project) -> list[Said]:
    """Return the newest answers of a project, also those to gold, oldest first.

    Skips, what was brought by an import, and what a program made in bulk are left out.
    """
    rows = session.execute(
        sa.select(
            Annotation.id,
            Annotation.task_id,
            Annotation.completed_by,
            Annotation.created_at,
            Annotation.result,
            Annotation.lead_time,
            Annotation.parent_prediction,
            Assignment.created_at,
        )
        .join(
            Assignment,
            sa.and_(
                Assignment.task_id == Annotation.task_id,
                Assignment.user_id == Annotation.completed_by,
            ),
        )
        .where(
            Annotation.project_id == project.id,
            Annotation.state != AnnotationState.SKIPPED,
            ~Annotation.bulk_created,
            sa.or_(Annotation.is_work, Annotation.purpose == "gold"),
        )
        .order_by(Annotation.id.desc())
        .limit(MOST)
    ).all()
    rows = rows[::-1]
    said = _predicted(session, sorted({row[1] for row in rows}))
    last: dict[int, dt.datetime] = {}
    found = []
    for number, task_id, person, at, result, claimed, parent, begun in rows:
        start = max(begun, last[person]) if person in last else begun
        last[person] = at
        of_task = said.get(task_id, {})
        found.append(
            Said(
                number,
                task_id,
                person,
                at,
                _decoder.decode(result),
                max(0.0, (at - start).total_seconds()),
                claimed,
                of_task.get(parent) if parent is not None else None,
                offered(list(of_task.values())),
            )
        )
    return found


def known(session: Session, project: Project) -> dict[int, Result]:
    """Return task id → what is known to be right of it: gold, and the ground truth."""
    query = sa.select(Annotation.task_id, Annotation.result).where(
        Annotation.project_id == project.id,
        Annotation.ground_truth,
        Annotation.is_work,
        Annotation.state != AnnotationState.SKIPPED,
    )
    found = {task_id: _decoder.decode(result) for task_id, result in session.execute(query)}
    golds = list(session.scalars(sa.select(GoldTask).where(GoldTask.project_id == project.id)))
    right = truths(session, golds)
    return found | {gold.task_id: right[gold.id] for gold in golds if gold.id in right}


def comparing(config: LabelConfig) -> Agree:
    """Return how results of a config are compared."""
    return partial(_agreement, config)


def _agreement(config: LabelConfig, first: Result, second: Result) -> float | None:
    if not first and not second:
        return 1.0
    if not first or not second:
        return 0.0
    return agreement.compare(config, first, second).agreement


def _predicted(session: Session, task_ids: Sequence[int]) -> dict[int, dict[int, Result]]:
    """Return task id → prediction id → its result."""
    found: dict[int, dict[int, Result]] = {}
    for start in range(0, len(task_ids), CHUNK):
        rows = session.execute(
            sa.select(Prediction.task_id, Prediction.id, Prediction.result).where(
                Prediction.task_id.in_(task_ids[start : start + CHUNK])
            )
        )
        for task_id, number, result in rows:
            found.setdefault(task_id, {})[number] = _decoder.decode(result)
    return found
