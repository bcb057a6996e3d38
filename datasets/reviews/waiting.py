"""Find what a reviewer may judge: nothing of their own, nothing that they have judged before."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from .. import permissions
from ..annotations import Annotation, AnnotationState, is_partly_by
from ..db import now
from ..people import User
from ..projects import Project
from ..settings import Settings
from . import blind
from .arriving import let_in
from .rows import EventKind, Review, ReviewEvent, Stage


def claim(
    session: Session, settings: Settings, reviewer: User, project: Project
) -> Annotation | None:
    """Give the reviewer the next annotation to judge, and hold it for them for a while.

    Never their own, nor one that they judged at an earlier stage, nor what another holds. What
    they hold already comes first, then what is to be arbitrated (by those who may), second
    reviews, first reviews. Blind reviews come among them and look like first ones.
    """
    permissions.require(reviewer, "annotation.review", project)
    until = now() + dt.timedelta(minutes=settings.reservation_minutes)
    found = _held(session, reviewer, project)
    if found is None:
        asked = blind.claim(session, reviewer, project, until)
        if asked is not None:
            return asked
        found = _free(session, reviewer, project)
    if found is None and let_in(session, project):
        found = _free(session, reviewer, project)
    if found is not None:
        found.review_by, found.review_until = reviewer.id, until
        session.flush()
    return found


def may_judge(reviewer: User, stage: Stage) -> sa.ColumnElement[bool]:
    """Say which annotations of a stage somebody may judge; see `check` in judging."""
    own = is_partly_by(reviewer)
    # Who rolled it back chose what stands: somebody else decides whether it is right.
    rolled_back = sa.exists().where(
        ReviewEvent.annotation_id == Annotation.id,
        ReviewEvent.kind == EventKind.ROLL_BACK,
        ReviewEvent.revision == Annotation.revision,
        ReviewEvent.actor_id == reviewer.id,
    )
    chose = sa.and_(sa.func.coalesce(Annotation.last_action, "") == "rolled_back", rolled_back)
    conditions = [Annotation.review_stage == stage, ~own, ~chose, Annotation.is_work]
    if stage > Stage.FIRST:
        judged = sa.exists().where(
            Review.annotation_id == Annotation.id,
            Review.reviewer_id == reviewer.id,
            Review.stage < stage,
        )
        conditions.append(~judged)
    if stage == Stage.ARBITRATION:
        other = aliased(Annotation)
        side = sa.exists().where(
            other.task_id == Annotation.task_id,
            other.completed_by == reviewer.id,
            other.purpose.is_(None),
        )
        conditions.append(~side)
    return sa.and_(*conditions)


def stages_for(reviewer: User) -> tuple[Stage, ...]:
    """Return the stages in which somebody judges, the last one first."""
    if permissions.allows(reviewer, "review.arbitrate"):
        return (Stage.ARBITRATION, Stage.SECOND, Stage.FIRST)
    return (Stage.SECOND, Stage.FIRST)


def _held(session: Session, reviewer: User, project: Project) -> Annotation | None:
    query = sa.select(Annotation).where(
        Annotation.project_id == project.id,
        Annotation.review_until > now(),
        Annotation.review_by == reviewer.id,
        Annotation.state == AnnotationState.SUBMITTED,
        sa.or_(*(may_judge(reviewer, stage) for stage in stages_for(reviewer))),
    )
    query = query.order_by(Annotation.id).limit(1).with_for_update(skip_locked=True)
    return session.scalar(query.execution_options(populate_existing=True))


def _free(session: Session, reviewer: User, project: Project) -> Annotation | None:
    for stage in stages_for(reviewer):
        query = sa.select(Annotation).where(
            Annotation.project_id == project.id,
            Annotation.state == AnnotationState.SUBMITTED,
            sa.or_(Annotation.review_until.is_(None), Annotation.review_until < now()),
            may_judge(reviewer, stage),
        )
        query = query.order_by(Annotation.id).limit(1).with_for_update(skip_locked=True)
        found = session.scalar(query.execution_options(populate_existing=True))
        if found is not None:
            return found
    return None
