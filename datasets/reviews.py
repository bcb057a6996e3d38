"""Judge annotations: accept, fix and accept, or return with a reason.

Nobody judges what they made. The annotation itself is never overwritten: a fix stands
beside it in the review.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import assignments, audit, errors, permissions
from .annotations import Annotation, AnnotationState, checked_result, settle
from .assignments import AssignmentState
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project
from .settings import Settings
from .tasks import Task


class Verdict(StrEnum):
    """What a reviewer decides."""

    ACCEPT = "accept"
    FIX = "fix"
    REJECT = "reject"


class Review(Base):
    """One judgement of one annotation."""

    __tablename__ = "reviews"
    __table_args__ = (sa.Index("ix_reviews_annotation", "annotation_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"))
    # The revision that was judged.
    revision: Mapped[int]
    reviewer_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    verdict: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str] = mapped_column(default="")
    # The fixed result; None unless the verdict is "fix".
    result: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def claim(
    session: Session, settings: Settings, reviewer: User, project: Project
) -> Annotation | None:
    """Give the reviewer the next annotation to judge: never their own, nobody else's hold.

    What they hold already comes first.
    """
    permissions.require(reviewer, "annotation.review", project)
    submitted = sa.select(Annotation).where(
        Annotation.project_id == project.id,
        Annotation.state == AnnotationState.SUBMITTED,
        Annotation.completed_by != reviewer.id,
    )
    held = submitted.where(Annotation.review_by == reviewer.id, Annotation.review_until > now())
    free = submitted.where(
        sa.or_(Annotation.review_until.is_(None), Annotation.review_until < now())
    )
    for query in (held, free):
        found = session.scalar(
            query.order_by(Annotation.id).limit(1).with_for_update(skip_locked=True)
        )
        if found is not None:
            found.review_by = reviewer.id
            found.review_until = now() + dt.timedelta(minutes=settings.reservation_minutes)
            session.flush()
            return found
    return None


def judge(
    session: Session,
    reviewer: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    verdict: str,
    *,
    reason: str = "",
    result: list[dict[str, Any]] | None = None,
) -> Review:
    """Accept an annotation, fix and accept it, or return it to its annotator.

    Raises:
        errors.OwnWork: the reviewer made it.
        errors.Refused: it is not waiting for review, or somebody else is at it.
        errors.Invalid: an unknown verdict, a return without a reason, a fix without a
            result or with one that the config does not allow.
    """
    permissions.require(reviewer, "annotation.review", project)
    if annotation.completed_by == reviewer.id:
        raise errors.OwnWork(_("nobody reviews their own annotation"))
    session.refresh(annotation, with_for_update=True)
    if annotation.state != AnnotationState.SUBMITTED:
        raise errors.Refused(_("this annotation is not waiting for review"))
    if (
        annotation.review_by not in (None, reviewer.id)
        and annotation.review_until is not None
        and annotation.review_until > now()
    ):
        raise errors.Refused(_("another reviewer is looking at this annotation"))
    fixed = _fixed(project, task, verdict, reason, result)
    review = Review(
        project_id=project.id,
        annotation_id=annotation.id,
        revision=annotation.revision,
        reviewer_id=reviewer.id,
        verdict=verdict,
        reason=reason.strip()[:2000],
        result=fixed,
    )
    session.add(review)
    _carry_out(session, task, annotation, verdict)
    session.flush()
    audit.record(
        session,
        reviewer,
        f"review.{verdict}",
        f"annotation/{annotation.id}",
        task=task.id,
        project=project.id,
    )
    return review


def accept_in_bulk(
    session: Session, reviewer: User, project: Project, *, after: int, limit: int
) -> tuple[int, int]:
    """Accept waiting annotations as they are, by id; return (how many, the last id).

    For work that was inspected elsewhere. The rules are those of `judge`; what another
    reviewer is looking at is passed by.
    """
    permissions.require(reviewer, "annotation.review", project)
    found = session.execute(
        sa.select(Annotation, Task)
        .join(Task, Task.id == Annotation.task_id)
        .where(
            Annotation.project_id == project.id,
            Annotation.state == AnnotationState.SUBMITTED,
            Annotation.completed_by != reviewer.id,
            Annotation.id > after,
            sa.or_(
                Annotation.review_by.is_(None),
                Annotation.review_by == reviewer.id,
                Annotation.review_until < now(),
            ),
        )
        .order_by(Annotation.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Annotation)
    ).all()
    for annotation, task in found:
        judge(session, reviewer, project, task, annotation, Verdict.ACCEPT)
    return len(found), (found[-1][0].id if found else after)


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


def _fixed(
    project: Project,
    task: Task,
    verdict: str,
    reason: str,
    result: list[dict[str, Any]] | None,
) -> str | None:
    if verdict not in list(Verdict):
        raise errors.Invalid(
            _("must be one of %(allowed)s"), place="verdict", allowed=", ".join(Verdict)
        )
    if verdict == Verdict.REJECT and not reason.strip():
        raise errors.Invalid(_("say why, so that the annotator can mend it"), place="reason")
    if verdict != Verdict.FIX:
        return None
    if result is None:
        raise errors.Invalid(_("a fix needs the fixed result"), place="result")
    return checked_result(project, task, result)


def _carry_out(session: Session, task: Task, annotation: Annotation, verdict: str) -> None:
    annotation.review_by, annotation.review_until = None, None
    if verdict == Verdict.REJECT:
        annotation.state = AnnotationState.REJECTED
        _return(session, task, annotation)
    else:
        annotation.state = AnnotationState.ACCEPTED
    settle(session, task)


def _return(session: Session, task: Task, annotation: Annotation) -> None:
    """Give the task back to its annotator, or to the queue where they do not label."""
    author = session.get_one(User, annotation.completed_by)
    assignment = assignments.held(session, author, task.id, lock=True)
    if author.is_active and permissions.allows(author, "task.claim"):
        if assignment is not None:
            assignment.state = AssignmentState.RETURNED
        return
    if assignment is not None:
        session.delete(assignment)
        session.flush()
    assignments.reopen(session, task.project_id, task.id)


def decoded(review: Review) -> list[dict[str, Any]] | None:
    """Return the fixed result of a review, decoded."""
    return None if review.result is None else list(msgspec.json.decode(review.result))


def labelled(session: Session, project: Project, limit: int) -> list[tuple[Task, str]]:
    """List (task, result JSON) of the newest people's work, fixes in place, oldest first."""
    fixed = (
        sa.select(Review.result)
        .where(Review.annotation_id == Annotation.id, Review.result.is_not(None))
        .order_by(Review.id.desc())
        .limit(1)
        .correlate(Annotation)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Task, sa.func.coalesce(fixed, Annotation.result))
        .join(Annotation, Annotation.task_id == Task.id)
        .where(
            Annotation.project_id == project.id,
            Annotation.state.in_([AnnotationState.ACCEPTED, AnnotationState.SUBMITTED]),
        )
        .order_by(Annotation.id.desc())
        .limit(limit)
    ).all()
    return [(task, result) for task, result in reversed(rows)]
