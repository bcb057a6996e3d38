"""Give work back to its annotators where a change of labels leaves something to decide."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import notices
from ..annotations import Annotation, AnnotationRevision, AnnotationState, settle
from ..errors import _
from ..projects import Project
from ..reviews import Review, Verdict
from ..reviews.judging import give_back
from ..tasks import Task
from .moving import RULE
from .rows import ConfigChange
from .steps import Step
from .touched import holds, looks_again

PART = 200  # annotations given back in one transaction
FINISHED = (AnnotationState.SUBMITTED, AnnotationState.ACCEPTED)


def ask_again(session: Session, project: Project, change: ConfigChange, after: int) -> int:
    """Give the next part of what must be looked at again back; return the last id, 0 at the end.

    That is what had a label that was split, or, where a new label asks for it, all that was
    finished before the change began. Each keeps what it says until its annotator has looked.
    """
    steps = change.step_values
    query = sa.select(Annotation).where(
        Annotation.project_id == project.id,
        Annotation.id > after,
        Annotation.state.in_(FINISHED),
        Annotation.is_work,
    )
    if looks_again(steps):
        query = query.where(Annotation.created_at < change.began_at)
    else:
        query = query.where(
            sa.exists().where(
                AnnotationRevision.annotation_id == Annotation.id,
                AnnotationRevision.ended_at >= change.began_at,
                holds(AnnotationRevision.result, [s for s in steps if s.is_undecided]),
            )
        )
    rows = session.execute(
        query.add_columns(Task)
        .join(Task, Task.id == Annotation.task_id)
        .order_by(Annotation.id)
        .limit(PART)
        .with_for_update(of=Annotation)
    ).all()
    reason = "; ".join(_said(step) for step in steps)
    for annotation, task in rows:
        _give_back(session, task, annotation, reason)
    session.flush()
    for person, number in Counter(row.completed_by for row, _task in rows).items():
        notices.add(
            session,
            person,
            "labels_changed",
            _("%(number)s of your answers are to be looked at again: %(reason)s"),
            {"number": number, "reason": reason},
            f"/projects/{project.id}/label",
        )
    return rows[-1][0].id if rows else 0


def _give_back(session: Session, task: Task, annotation: Annotation, reason: str) -> None:
    """Return an answer by rule: no reviewer has found fault with it."""
    session.add(
        Review(
            project_id=annotation.project_id,
            annotation_id=annotation.id,
            revision=annotation.revision,
            reviewer_id=None,
            rule=RULE,
            verdict=Verdict.REJECT,
            stage=annotation.review_stage,
            reason=reason,
        )
    )
    annotation.state = AnnotationState.REJECTED
    annotation.review_by, annotation.review_until = None, None
    give_back(session, task, annotation)
    settle(session, task)


def _said(step: Step) -> str:
    """Write a step so that it needs no language."""
    return f"{', '.join(step.labels) or '+'} → {', '.join(step.into)}"
