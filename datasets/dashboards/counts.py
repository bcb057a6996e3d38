"""Count work for the dashboards: what was submitted, and what passed at its first review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import permissions
from ..annotations import Annotation, AnnotationState
from ..db import now
from ..people import User
from ..projects import Project
from ..quality.intervals import Figure, wilson
from ..reviews import Review, Verdict
from .panels import Asked

# Days are those of Shanghai: eight hours before UTC, without summer time.
HOURS_AHEAD = 8


class Passed(NamedTuple):
    """How many answers of a person in a project had their first review, and passed it as made."""

    project_id: int
    user_id: int
    reviewed: int
    passed: int


def since(asked: Asked) -> dt.datetime:
    """Return the moment from which on a dashboard counts."""
    return now() - dt.timedelta(days=asked.days)


def projects_of(session: Session, user: User, asked: Asked, limit: int = 200) -> list[Project]:
    """List the projects that a dashboard is about, newest first: one, or all that one sees."""
    query = sa.select(Project).where(Project.deleted_at.is_(None))
    if not permissions.is_everywhere(user):
        home = user.organisation_id
        query = query.where(sa.or_(Project.organisation_id == home, Project.vendor_id == home))
    if asked.project_id is not None:
        query = query.where(Project.id == asked.project_id)
    return list(session.scalars(query.order_by(Project.id.desc()).limit(limit)))


def passed_first(
    session: Session,
    project_ids: Sequence[int],
    from_: dt.datetime,
    user_ids: Sequence[int] | None = None,
) -> list[Passed]:
    """Count first reviews by people since a moment, by project and annotator.

    What a rule let pass was looked at by nobody and does not count; a fix is no pass.
    """
    first = (
        sa.select(sa.func.min(Review.id))
        .where(Review.annotation_id == Annotation.id, Review.reviewer_id.is_not(None))
        .correlate(Annotation)
        .scalar_subquery()
    )
    query = (
        sa.select(
            Annotation.project_id,
            Annotation.completed_by,
            sa.func.count(),
            sa.func.sum(sa.case((Review.verdict == Verdict.ACCEPT, 1), else_=0)),
        )
        .join(Review, Review.id == first)
        .where(
            Annotation.project_id.in_(project_ids),
            Annotation.created_at >= from_,
            Annotation.is_work,
        )
        .group_by(Annotation.project_id, Annotation.completed_by)
    )
    if user_ids is not None:
        query = query.where(Annotation.completed_by.in_(user_ids))
    return [Passed(a, b, int(n), int(p or 0)) for a, b, n, p in session.execute(query)]


def yield_of(rows: Sequence[Passed]) -> Figure:
    """Return the share of answers that passed their first review as they were made."""
    return wilson(sum(row.passed for row in rows), sum(row.reviewed for row in rows))


def by_day(
    session: Session,
    project_ids: Sequence[int],
    from_: dt.datetime,
    user_ids: Sequence[int] | None = None,
) -> dict[str, dict[str, int]]:
    """Return day (of Shanghai) → state → answers that were first submitted on it."""
    day = day_of(session, Annotation.created_at)
    query = (
        sa.select(day, Annotation.state, sa.func.count())
        .where(
            Annotation.project_id.in_(project_ids),
            Annotation.created_at >= from_,
            Annotation.is_work,
        )
        .group_by(day, Annotation.state)
        .order_by(day)
    )
    if user_ids is not None:
        query = query.where(Annotation.completed_by.in_(user_ids))
    found: dict[str, dict[str, int]] = {}
    for date, state, number in session.execute(query):
        found.setdefault(str(date), {})[state] = number
    return found


def day_of(session: Session, column: Any) -> Any:
    """Return the expression of the day, in Shanghai, of a column of moments."""
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.date(column, f"+{HOURS_AHEAD} hours")
    return sa.func.date(column + sa.literal(dt.timedelta(hours=HOURS_AHEAD)))


def submitted(found: dict[str, int]) -> int:
    """Return how many of the answers of a day were no skips."""
    return sum(number for state, number in found.items() if state != AnnotationState.SKIPPED)


def reasons(
    session: Session,
    project_ids: Sequence[int],
    from_: dt.datetime,
    user_ids: Sequence[int] | None = None,
) -> list[tuple[str, int]]:
    """Return (reason code, returns since a moment), the most frequent first; "" without one."""
    code = sa.func.coalesce(Review.reason_code, "")
    query = (
        sa.select(code, sa.func.count())
        .join(Annotation, Annotation.id == Review.annotation_id)
        .where(
            Review.project_id.in_(project_ids),
            Review.created_at >= from_,
            Review.verdict == Verdict.REJECT,
            Review.reviewer_id.is_not(None),
        )
        .group_by(code)
        .order_by(sa.func.count().desc(), code)
    )
    if user_ids is not None:
        query = query.where(Annotation.completed_by.in_(user_ids))
    return [(name, number) for name, number in session.execute(query)]
