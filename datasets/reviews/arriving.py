"""Let annotations into review as they arrive: by lot, by rule, or into arbitration."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, audit
from ..annotations import Annotation, AnnotationState, settle_many
from ..assignments import Assignment, AssignmentState
from ..db import now
from ..projects import Project, Stages, stages_of
from ..tasks import QueuedTask
from . import lots
from .rows import EventKind, Review, ReviewEvent, Stage, Verdict

CHUNK = 500


def let_in(session: Session, project: Project, task_ids: Sequence[int] | None = None) -> int:
    """Let annotations that have arrived into the stage that is theirs; return how many.

    Of given tasks, or the next CHUNK of the project. Where overlapping annotators are compared,
    those of a task wait until nobody is to answer it any more. It is done once for each, also
    when two do it at the same time.
    """
    found = _arrived(session, project, task_ids)
    if not found:
        return 0
    stages = stages_of(project)
    apart = _apart(session, project, stages, found)
    accepted = 0
    for row in found:
        row.review_since = now()
        if row.id in apart:
            row.review_stage = Stage.ARBITRATION
            session.add(_disagreement(row, apart[row.id]))
        else:
            accepted += _enter(session, project, stages, row)
    touched = sorted({row.task_id for row in found})
    settle_many(session, project, touched)
    if accepted:
        subject = f"annotation/{found[0].id}" if len(found) == 1 else f"project/{project.id}"
        audit.record(
            session, "rule", "review.by_rule", subject, number=accepted, project=project.id
        )
    return len(found)


def pass_on(
    session: Session, project: Project, stages: Stages, row: Annotation, stage: Stage
) -> bool:
    """Bring an annotation from a stage that it passed to the next one, or accept it.

    Return whether it is accepted.
    """
    if stage == Stage.FIRST and stages.second != "none":
        all_are = stages.second == "all"
        if all_are or lots.drawn(session, project, row, "second", stages.second_percent):
            row.review_stage, row.review_since = Stage.SECOND, now()
            return False
    row.state = AnnotationState.ACCEPTED
    return True


def _arrived(
    session: Session, project: Project, task_ids: Sequence[int] | None
) -> list[Annotation]:
    query = sa.select(Annotation).where(
        Annotation.project_id == project.id,
        Annotation.state == AnnotationState.SUBMITTED,
        Annotation.review_stage == Stage.ARRIVED,
        Annotation.is_work,
    )
    if task_ids is not None:
        query = query.where(Annotation.task_id.in_(list(task_ids)))
    if stages_of(project).agreement_percent is not None:
        query = query.where(~_awaited())
    query = query.order_by(Annotation.id).limit(CHUNK).with_for_update(skip_locked=True)
    session.flush()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _awaited() -> sa.ColumnElement[bool]:
    """Say that somebody may still answer the annotation's task."""
    queued = sa.exists().where(QueuedTask.task_id == Annotation.task_id)
    held = sa.exists().where(
        Assignment.task_id == Annotation.task_id,
        Assignment.purpose.is_(None),
        Assignment.state.in_([AssignmentState.RESERVED, AssignmentState.RETURNED]),
    )
    return sa.or_(queued, held)


def _apart(
    session: Session, project: Project, stages: Stages, found: Sequence[Annotation]
) -> dict[int, float]:
    """Return annotation → agreement of those whose task's answers lie too far apart."""
    if stages.agreement_percent is None:
        return {}
    of_task: dict[int, list[Annotation]] = {}
    for row in session.scalars(
        sa.select(Annotation)
        .where(
            Annotation.task_id.in_({row.task_id for row in found}),
            Annotation.state.in_([AnnotationState.SUBMITTED, AnnotationState.ACCEPTED]),
            Annotation.is_work,
        )
        .order_by(Annotation.id)
    ):
        of_task.setdefault(row.task_id, []).append(row)
    apart: dict[int, float] = {}
    for rows in of_task.values():
        share = _agreement(project, rows)
        if share is not None and share * 100 < stages.agreement_percent:
            apart.update({row.id: share for row in rows})
    return apart


def _agreement(project: Project, rows: Sequence[Annotation]) -> float | None:
    """Return the mean agreement of all pairs of people, 0 … 1; None where it has no measure."""
    told = [
        agreement.compare(project.config, one.result_values, other.result_values).agreement
        for one, other in combinations(rows, 2)
        if one.completed_by != other.completed_by
    ]
    found = [share for share in told if share is not None]
    return sum(found) / len(found) if found else None


def _disagreement(row: Annotation, share: float) -> ReviewEvent:
    return ReviewEvent(
        project_id=row.project_id,
        annotation_id=row.id,
        kind=EventKind.DISAGREEMENT,
        revision=row.revision,
        text=f"{share:.3f}",
    )


def _enter(session: Session, project: Project, stages: Stages, row: Annotation) -> bool:
    """Ask for the first review, or let the rule pass it; return whether it is accepted."""
    rule = _rule(session, project, stages, row)
    if rule is None:
        row.review_stage = Stage.FIRST
        return False
    row.review_stage = Stage.FIRST
    session.add(
        Review(
            project_id=project.id,
            annotation_id=row.id,
            revision=row.revision,
            verdict=Verdict.ACCEPT,
            stage=Stage.FIRST,
            rule=rule,
        )
    )
    return pass_on(session, project, stages, row, Stage.FIRST)


def _rule(session: Session, project: Project, stages: Stages, row: Annotation) -> str | None:
    """Return which rule lets an annotation pass the first stage; None where none does."""
    if stages.first == "none":
        return "none"
    if stages.first == "all":
        return None
    # In this order, so that those whom a fault was found in are not spared by the lot.
    if lots.takes_full(session, project, row.completed_by):
        return None
    is_drawn = lots.drawn(session, project, row, "first", stages.first_percent)
    return None if is_drawn else "sample"
