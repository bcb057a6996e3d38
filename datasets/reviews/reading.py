"""Read what was judged, and what an annotation says after everybody had their say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, permissions
from ..annotations import Annotation, AnnotationState
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import Task
from .rows import Review, Verdict


def of_annotations(session: Session, annotation_ids: Iterable[int]) -> dict[int, list[Review]]:
    """Return annotation id → its reviews, oldest first, in one query."""
    found: dict[int, list[Review]] = {}
    wanted = list(annotation_ids)
    if not wanted:
        return found
    rows = session.scalars(
        sa.select(Review).where(Review.annotation_id.in_(wanted)).order_by(Review.id)
    )
    for row in rows:
        found.setdefault(row.annotation_id, []).append(row)
    return found


def of_project(session: Session, project: Project, limit: int = 10_000) -> list[Review]:
    """List a project's reviews, oldest first, at most `limit`."""
    query = sa.select(Review).where(Review.project_id == project.id)
    return list(session.scalars(query.order_by(Review.id).limit(limit)))


def newest(session: Session, user: User, limit: int = 100) -> list[Review]:
    """List the newest reviews of projects that somebody sees."""
    permissions.require(user, "annotation.read")
    query = (
        sa.select(Review)
        .join(Project, Project.id == Review.project_id)
        .where(Project.deleted_at.is_(None))
    )
    if not permissions.is_everywhere(user):
        home = user.organisation_id
        query = query.where(sa.or_(Project.organisation_id == home, Project.vendor_id == home))
    return list(session.scalars(query.order_by(Review.id.desc()).limit(limit)))


def get(session: Session, user: User, review_id: int) -> Review:
    """Return a review that somebody may read.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Review, Project)
        .join(Project, Project.id == Review.project_id)
        .where(Review.id == review_id, Project.deleted_at.is_(None))
    ).first()
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no review %(id)s"), id=review_id)
    permissions.require(user, "annotation.read", found[1])
    return found[0]


def decoded(review: Review) -> list[dict[str, Any]] | None:
    """Return the result that stands after a review, decoded; None for the annotation's own."""
    return None if review.result is None else list(msgspec.json.decode(review.result))


def standing(annotation: Annotation, last: Review | None) -> str | None:
    """Return what somebody made of an annotation, as JSON; None where it stands as it is.

    `last` is its last review. It counts while it is of this revision and accepted it.
    """
    if last is None or last.revision != annotation.revision or last.verdict == Verdict.REJECT:
        return None
    return last.result


def is_deciding() -> sa.ColumnElement[bool]:
    """Say that a review is the last one of its annotation.

    Of an accepted annotation that is the one that decided, at whatever stage: its result is what
    is published, exported and learnt from, the annotation's own where it has none.
    """
    later = sa.orm.aliased(Review)
    last = sa.select(sa.func.max(later.id)).where(later.annotation_id == Review.annotation_id)
    return Review.id == last.scalar_subquery().correlate(Review)


def effective(session: Session, rows: Iterable[Annotation]) -> dict[int, str]:
    """Return annotation id → its result after everybody had their say, as JSON, in one query.

    Of accepted annotations that is what the last stage decided; of all others their own.
    """
    wanted = list(rows)
    found = {row.id: row.result for row in wanted}
    accepted = [row.id for row in wanted if row.state == AnnotationState.ACCEPTED]
    if accepted:
        query = sa.select(Review.annotation_id, Review.result).where(
            Review.annotation_id.in_(accepted), Review.result.is_not(None), is_deciding()
        )
        found.update({number: text for number, text in session.execute(query) if text})
    return found


def labelled(session: Session, project: Project, limit: int) -> list[tuple[Task, str]]:
    """List (task, result JSON) of the newest people's work, as decided, oldest first."""
    decided = (
        sa.select(Review.result)
        .where(Review.annotation_id == Annotation.id, is_deciding())
        .correlate(Annotation)
        .scalar_subquery()
    )
    result = sa.case(
        (
            Annotation.state == AnnotationState.ACCEPTED,
            sa.func.coalesce(decided, Annotation.result),
        ),
        else_=Annotation.result,
    )
    rows = session.execute(
        sa.select(Task, result)
        .join(Annotation, Annotation.task_id == Task.id)
        .where(
            Annotation.project_id == project.id,
            Annotation.state.in_([AnnotationState.ACCEPTED, AnnotationState.SUBMITTED]),
            Annotation.is_work,
        )
        .order_by(Annotation.id.desc())
        .limit(limit)
    ).all()
    return [(task, text) for task, text in reversed(rows)]
