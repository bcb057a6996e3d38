"""Measure answers against the truth, and see which truths good annotators doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, audit, notices
from ..annotations import Annotation, AnnotationState
from ..db import now
from ..errors import _
from ..projects import Project
from ..quality.intervals import Figure, wilson
from .choosing import truths
from .rows import PURPOSE, GoldExposure, GoldState, GoldTask

BATCH = 500
# Whoever passes at least this share of the other gold tasks, of at least so many, is good.
GOOD_SHARE, GOOD_NUMBER = 0.8, 5
# So many good annotators, the greater part of them, disagree before a gold task is suspended.
DOUBTS = 3


@dataclass(frozen=True)
class Feedback:
    """What somebody hears of their answer: its score, where it differs, and the truth."""

    score: float
    is_passed: bool
    differences: list[str]
    truth: list[dict[str, Any]]


def measure(session: Session, project: Project, annotation: Annotation) -> Feedback | None:
    """Measure one answer to a gold task and keep the score; None where it is no such answer.

    A skip is kept as answered without a score. Once told, the first answer counts.
    """
    if annotation.purpose != PURPOSE:
        return None
    exposure, gold = _exposure(session, annotation)
    if exposure is None or gold is None:
        return None
    truth = truths(session, [gold]).get(gold.id)
    if exposure.was_told or truth is None:
        return None
    exposure.annotation_id = annotation.id
    exposure.answered_at = exposure.answered_at or now()
    if annotation.state == AnnotationState.SKIPPED:
        exposure.score, exposure.is_passed = None, None
        return None
    said = annotation.result_values
    score = _score(project, truth, said)
    if score is None:
        return None
    exposure.score = score
    exposure.is_passed = score * 100 >= project.option("gold_pass_percent")
    return Feedback(score, exposure.is_passed, _differences(project, truth, said), truth)


def tell(session: Session, project: Project, annotation: Annotation) -> Feedback | None:
    """Measure one answer and note that its maker hears of it, where the project wants that."""
    if annotation.purpose != PURPOSE or not project.option("gold_feedback"):
        return None
    found = measure(session, project, annotation)
    if found is not None:
        exposure, gold = _exposure(session, annotation)
        if exposure is not None and gold is not None:
            exposure.was_told = True
            suspend_doubtful(session, project, [gold])
    return found


def measure_waiting(session: Session, project: Project) -> int:
    """Measure the answers that nobody was told of yet, and what was changed since.

    Return how many. Called before anything is said of gold, and safe to repeat.
    """
    latest = (
        sa.select(Annotation, GoldExposure.annotation_id)
        .join(GoldTask, GoldTask.task_id == Annotation.task_id)
        .join(
            GoldExposure,
            sa.and_(
                GoldExposure.gold_id == GoldTask.id,
                GoldExposure.user_id == Annotation.completed_by,
            ),
        )
        .where(
            GoldExposure.project_id == project.id,
            Annotation.purpose == PURPOSE,
            ~GoldExposure.was_told,
            sa.or_(
                GoldExposure.answered_at.is_(None),
                Annotation.updated_at > GoldExposure.answered_at,
            ),
        )
        .order_by(Annotation.id)
        .limit(BATCH)
    )
    rows = session.execute(latest).all()
    for annotation, _before in rows:
        measure(session, project, annotation)
        exposure, _gold = _exposure(session, annotation)
        if exposure is not None:
            exposure.answered_at = now()
    session.flush()
    if rows:
        tasks = {annotation.task_id for annotation, _before in rows}
        golds = session.scalars(sa.select(GoldTask).where(GoldTask.task_id.in_(tasks)))
        suspend_doubtful(session, project, list(golds))
    return len(rows)


def suspend_doubtful(session: Session, project: Project, golds: Sequence[GoldTask]) -> list[int]:
    """Suspend the gold tasks that good annotators disagree with; return their ids.

    Good is who passes the other gold tasks. Their failures count nevertheless until a lead
    has decided; the lead is told.
    """
    session.flush()
    active = {gold.id: gold for gold in golds if gold.state == GoldState.ACTIVE}
    if not active:
        return []
    passes = _passes(session, project)
    rows = session.execute(
        sa.select(GoldExposure.gold_id, GoldExposure.user_id, GoldExposure.is_passed).where(
            GoldExposure.gold_id.in_(active), GoldExposure.is_passed.is_not(None)
        )
    ).all()
    votes: dict[int, list[bool]] = {}
    for gold_id, person, is_passed in rows:
        right, number = passes[person]
        right, number = right - bool(is_passed), number - 1
        if number >= GOOD_NUMBER and right >= GOOD_SHARE * number:
            votes.setdefault(gold_id, []).append(bool(is_passed))
    doubtful = [
        number
        for number, said in votes.items()
        if said.count(False) >= DOUBTS and 2 * said.count(False) > len(said)
    ]
    for number in doubtful:
        gold = active[number]
        gold.state, gold.changed_at = GoldState.SUSPENDED, now()
        gold.reason = "doubtful"
        audit.record(session, "worker", "gold.doubtful", f"gold/{number}", project=project.id)
        notices.add(
            session,
            gold.created_by,
            "gold_doubtful",
            _("Good annotators disagree with a gold task of “%(project)s”: it is suspended"),
            {"project": project.title},
            f"/projects/{project.id}/gold?state=suspended",
        )
    return doubtful


def pass_rates(session: Session, gold_ids: Sequence[int]) -> dict[int, Figure]:
    """Return gold id → the share of its answers that passed, with Wilson's interval."""
    rows = session.execute(
        sa.select(
            GoldExposure.gold_id,
            sa.func.count(),
            sa.func.sum(sa.case((GoldExposure.is_passed.is_(True), 1), else_=0)),
        )
        .where(GoldExposure.gold_id.in_(list(gold_ids)), GoldExposure.is_passed.is_not(None))
        .group_by(GoldExposure.gold_id)
    )
    found = {number: wilson(int(right), count) for number, count, right in rows}
    return {number: found.get(number, wilson(0, 0)) for number in gold_ids}


def _passes(session: Session, project: Project) -> dict[int, tuple[int, int]]:
    """Return person → how many gold tasks they passed, of how many."""
    rows = session.execute(
        sa.select(
            GoldExposure.user_id,
            sa.func.sum(sa.case((GoldExposure.is_passed.is_(True), 1), else_=0)),
            sa.func.count(),
        )
        .where(GoldExposure.project_id == project.id, GoldExposure.is_passed.is_not(None))
        .group_by(GoldExposure.user_id)
    )
    return {person: (int(right), number) for person, right, number in rows}


def _exposure(
    session: Session, annotation: Annotation
) -> tuple[GoldExposure | None, GoldTask | None]:
    session.flush()
    found = session.execute(
        sa.select(GoldExposure, GoldTask)
        .join(GoldTask, GoldTask.id == GoldExposure.gold_id)
        .where(
            GoldTask.task_id == annotation.task_id,
            GoldExposure.user_id == annotation.completed_by,
        )
    ).first()
    return (None, None) if found is None else (found[0], found[1])


def _score(
    project: Project, truth: list[dict[str, Any]], said: list[dict[str, Any]]
) -> float | None:
    if not truth and not said:
        return 1.0
    if not truth or not said:
        return 0.0
    return agreement.compare(project.config, truth, said).agreement


def _differences(
    project: Project, truth: list[dict[str, Any]], said: list[dict[str, Any]]
) -> list[str]:
    """Return the controls in which the answer differs from the truth."""
    names = {str(region.get("from_name")) for region in (*truth, *said)}
    scores = agreement.compare(project.config, truth, said).controls
    bad = {name for name, score in scores.items() if score is not None and score < 1}
    once = {
        name
        for name in names
        if any(region.get("from_name") == name for region in truth)
        != any(region.get("from_name") == name for region in said)
    }
    return sorted(bad | once)


def encoded(feedback: Feedback) -> dict[str, Any]:
    """Return feedback as plain values."""
    return dict(msgspec.to_builtins(feedback))
