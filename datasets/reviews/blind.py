"""Ask somebody else what they think of an annotation, without saying why or who asked.

For findings about people's work: the answer is kept and changes nothing by itself.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..annotations import Annotation, is_partly_by
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from .rows import BlindReview, Review


def ask_blind(
    session: Session, actor: User, project: Project, annotation: Annotation, reason: str
) -> BlindReview:
    """Queue one more review by somebody who is neither its maker nor one of its reviewers.

    Its reviewer gets it among others and learns neither why nor who asked. Asked again while it
    is waiting, it is the same one.

    Raises:
        errors.Refused: the annotation is a skip, or an answer by which somebody is checked.
    """
    permissions.require(actor, "integrity.decide", project)
    if annotation.was_cancelled or not annotation.is_work:
        raise errors.Refused(_("there is nothing to judge in this annotation"))
    waiting = session.scalar(
        sa.select(BlindReview).where(
            BlindReview.annotation_id == annotation.id,
            BlindReview.revision == annotation.revision,
            BlindReview.verdict.is_(None),
        )
    )
    if waiting is not None:
        return waiting
    row = BlindReview(
        project_id=project.id,
        annotation_id=annotation.id,
        revision=annotation.revision,
        asked_by=actor.id,
        asked_for=reason.strip()[:2000],
    )
    session.add(row)
    session.flush()
    subject = f"annotation/{annotation.id}"
    audit.record(session, actor, "review.ask_blind", subject, blind=row.id, project=project.id)
    return row


def blind_of(session: Session, project: Project, limit: int = 10_000) -> list[BlindReview]:
    """List the blind reviews of a project with what came of them, oldest first."""
    query = sa.select(BlindReview).where(BlindReview.project_id == project.id)
    return list(session.scalars(query.order_by(BlindReview.id).limit(limit)))


def claim(
    session: Session, reviewer: User, project: Project, until: dt.datetime
) -> Annotation | None:
    """Give the reviewer an annotation that waits for a blind review, theirs already first."""
    judged = sa.exists().where(
        Review.annotation_id == BlindReview.annotation_id, Review.reviewer_id == reviewer.id
    )
    query = (
        sa.select(BlindReview, Annotation)
        .join(Annotation, Annotation.id == BlindReview.annotation_id)
        .where(
            BlindReview.project_id == project.id,
            BlindReview.verdict.is_(None),
            # What was changed since is another answer than the one that was asked about.
            BlindReview.revision == Annotation.revision,
            BlindReview.asked_by != reviewer.id,
            ~is_partly_by(reviewer),
            ~judged,
            sa.or_(
                BlindReview.held_until.is_(None),
                BlindReview.held_until < now(),
                BlindReview.reviewer_id == reviewer.id,
            ),
        )
        .order_by(sa.func.coalesce(BlindReview.reviewer_id, 0) != reviewer.id, BlindReview.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=BlindReview)
        .execution_options(populate_existing=True)
    )
    found = session.execute(query).first()
    if found is None:
        return None
    row, annotation = found
    row.reviewer_id, row.held_until = reviewer.id, until
    session.flush()
    return annotation


def holds(session: Session, reviewer: User, annotation: Annotation) -> bool:
    """Tell whether the annotation is in the reviewer's hands for a blind review."""
    return held(session, reviewer, annotation) is not None


def held(session: Session, reviewer: User, annotation: Annotation) -> BlindReview | None:
    """Return the blind review that somebody holds of an annotation."""
    return session.scalar(
        sa.select(BlindReview)
        .where(
            BlindReview.annotation_id == annotation.id,
            BlindReview.reviewer_id == reviewer.id,
            BlindReview.verdict.is_(None),
        )
        .with_for_update()
    )
