"""Keep judgements side by side: reviews, what else befell an annotation, blind reviews, lots."""

from __future__ import annotations

import datetime as dt
from enum import IntEnum, StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class Verdict(StrEnum):
    """What a reviewer decides."""

    ACCEPT = "accept"
    FIX = "fix"
    REJECT = "reject"


class Stage(IntEnum):
    """Where an annotation is on its way from its maker to its acceptance."""

    # Submitted, and not yet let in: the lot is to be drawn, or other annotators are awaited.
    ARRIVED = 0
    FIRST = 1
    SECOND = 2
    ARBITRATION = 3


class Review(Base):
    """One judgement of one annotation; of an accepted annotation the last one decided."""

    __tablename__ = "reviews"
    __table_args__ = (sa.Index("ix_reviews_annotation", "annotation_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"))
    # The revision that was judged.
    revision: Mapped[int]
    # None where the project's rule let it pass and nobody looked at it.
    reviewer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    verdict: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str] = mapped_column(default="")
    # What stands after this judgement where that is not the annotation itself: the fixed result,
    # or the earlier fix that was accepted; None otherwise.
    result: Mapped[str | None]
    stage: Mapped[int] = mapped_column(default=Stage.FIRST)
    # One of the project's reasons, so that returns can be counted by it.
    reason_code: Mapped[str | None] = mapped_column(sa.String(40))
    # Which rule let it pass: "none" (the stage is off), "sample" (not drawn).
    rule: Mapped[str | None] = mapped_column(sa.String(20))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class EventKind(StrEnum):
    """What can befall an annotation beside changes and judgements."""

    OBJECTION = "objection"
    DISAGREEMENT = "disagreement"
    ROLL_BACK = "roll_back"
    REOPENING = "reopening"


class ReviewEvent(Base):
    """An objection, a disagreement that was found, a roll-back or a re-opening; never changed."""

    __tablename__ = "review_events"
    __table_args__ = (sa.Index("ix_review_events_annotation", "annotation_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    # None where a rule found it.
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    # The annotation's revision when it happened; of a roll-back the one that it made.
    revision: Mapped[int]
    # Of a roll-back: the revision whose result was taken again.
    to_revision: Mapped[int | None]
    # The review that is objected to, or whose acceptance is taken back.
    review_id: Mapped[int | None] = mapped_column(Id)
    text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class BlindReview(Base):
    """One more judgement that was asked for; it is kept and changes nothing by itself."""

    __tablename__ = "blind_reviews"
    __table_args__ = (
        sa.Index("ix_blind_reviews_waiting", "project_id", "verdict", "id"),
        sa.Index("ix_blind_reviews_annotation", "annotation_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"))
    # The revision to be judged.
    revision: Mapped[int]
    asked_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # Why it was asked for; the reviewer never sees it.
    asked_for: Mapped[str] = mapped_column(default="")
    reviewer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    held_until: Mapped[dt.datetime | None]
    verdict: Mapped[str | None] = mapped_column(sa.String(10))
    reason: Mapped[str] = mapped_column(default="")
    reason_code: Mapped[str | None] = mapped_column(sa.String(40))
    result: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    decided_at: Mapped[dt.datetime | None]


class ReviewLot(Base):
    """The secret from which a project's lots are drawn; made once."""

    __tablename__ = "review_lots"

    project_id: Mapped[int] = mapped_column(
        sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False
    )
    seed: Mapped[str] = mapped_column(sa.String(64))


class ReviewShare(Base):
    """How many of somebody's next answers are all reviewed, since a fault was found in one."""

    __tablename__ = "review_shares"

    project_id: Mapped[int] = mapped_column(
        sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    full_left: Mapped[int] = mapped_column(default=0)
