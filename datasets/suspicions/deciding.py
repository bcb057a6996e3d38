"""Write suspicions down, list the worst first, and take what reviewers say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions, reviews
from ..annotations import Annotation, AnnotationState
from ..db import insert_many, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..quality.intervals import Figure, wilson
from ..reviews import Verdict
from ..tasks import Task
from .rows import Suspicion, SuspicionState

MOST = 5_000  # of one job
_ABOUT = ("annotation_id", "revision", "region_id", "label", "suggested")


def keep(session: Session, project: Project, job_id: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write what a job suspects in the place of earlier open suspicions; return how many.

    What a reviewer has decided stays, and is not suspected again in the same revision.
    """
    session.execute(
        sa.delete(Suspicion).where(
            Suspicion.project_id == project.id, Suspicion.state == SuspicionState.OPEN
        )
    )
    decided = {
        _about(*row)
        for row in session.execute(
            sa.select(
                Suspicion.annotation_id,
                Suspicion.revision,
                Suspicion.region_id,
                Suspicion.label,
                Suspicion.suggested,
            ).where(Suspicion.project_id == project.id)
        )
    }
    fresh = [
        {
            **row,
            "project_id": project.id,
            "job_id": job_id,
            "rank": rank,
            "state": SuspicionState.OPEN,
            "reason": "",
            "created_at": now(),
        }
        for rank, row in enumerate(sorted(rows, key=lambda row: row["score"])[:MOST], 1)
        if _about(*(row[name] for name in _ABOUT)) not in decided
    ]
    if fresh:
        insert_many(session, Suspicion, fresh)
    return len(fresh)


def _about(
    annotation_id: int, revision: int, region_id: str, label: str, suggested: str
) -> tuple[int, int, str, str]:
    """Return what tells one doubt from another: of something missing, what is missing."""
    return annotation_id, revision, region_id, label or suggested


def page(
    session: Session,
    actor: User,
    project: Project,
    *,
    state: str = SuspicionState.OPEN,
    after: tuple[float, int] | None = None,
    limit: int = 50,
) -> list[tuple[Suspicion, Task]]:
    """List suspicions with their tasks, the worst first; keyset paging by (score, id)."""
    permissions.require(actor, "annotation.review", project)
    query = (
        sa.select(Suspicion, Task)
        .join(Task, Task.id == Suspicion.task_id)
        .where(Suspicion.project_id == project.id, Suspicion.state == state)
        .order_by(Suspicion.score, Suspicion.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(
            sa.or_(
                Suspicion.score > after[0],
                sa.and_(Suspicion.score == after[0], Suspicion.id > after[1]),
            )
        )
    return [(row, task) for row, task in session.execute(query)]


def counts(session: Session, project: Project) -> dict[str, int]:
    """Count a project's suspicions by state."""
    query = sa.select(Suspicion.state, sa.func.count()).where(Suspicion.project_id == project.id)
    return {state: number for state, number in session.execute(query.group_by(Suspicion.state))}


def precision(session: Session, project: Project) -> Figure:
    """Return which share of the decided suspicions was really wrong, with its interval."""
    found = counts(session, project)
    wrong = found.get(SuspicionState.WRONG, 0)
    return wilson(wrong, wrong + found.get(SuspicionState.RIGHT, 0))


def decide(
    session: Session,
    reviewer: User,
    project: Project,
    suspicion_id: int,
    *,
    is_wrong: bool,
    reason: str = "",
) -> Suspicion:
    """Say that a label is right, or really wrong: then its annotation goes back.

    One that waits for review is returned to its maker; one that was accepted waits for
    review again.

    Raises:
        errors.NotFound: the project has no open suspicion of this number.
        errors.OwnWork: the reviewer made the annotation.
        errors.Forbidden: it was accepted, and they may not take that back.
    """
    permissions.require(reviewer, "annotation.review", project)
    row = session.scalar(
        sa.select(Suspicion)
        .where(Suspicion.id == suspicion_id, Suspicion.project_id == project.id)
        .with_for_update()
    )
    if row is None or row.state != SuspicionState.OPEN:
        raise errors.NotFound(_("there is no open suspicion %(id)s"), id=suspicion_id)
    annotation = session.get_one(Annotation, row.annotation_id)
    if annotation.completed_by == reviewer.id:
        raise errors.OwnWork(_("nobody reviews their own annotation"))
    if annotation.updated_by == reviewer.id:
        raise errors.OwnWork(_("nobody reviews what they have changed themselves"))
    if is_wrong and annotation.revision == row.revision:
        told = reason.strip() or f"{row.label} → {row.suggested}"
        task = session.get_one(Task, row.task_id)
        if annotation.state == AnnotationState.ACCEPTED:
            reviews.reopen(session, reviewer, project, task, annotation, told)
        elif annotation.state == AnnotationState.SUBMITTED:
            reviews.judge(session, reviewer, project, task, annotation, Verdict.REJECT, reason=told)
    row.state = SuspicionState.WRONG if is_wrong else SuspicionState.RIGHT
    row.reason, row.decided_by, row.decided_at = reason.strip()[:2000], reviewer.id, now()
    audit.record(
        session, reviewer, f"suspicion.{row.state}", f"annotation/{annotation.id}", task=row.task_id
    )
    return row
