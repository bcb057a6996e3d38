"""Count what waits in each stage of review, and how long it has waited."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation, AnnotationState
from ..db import UTCDateTime, now
from ..projects import Project
from .rows import Stage


@dataclass(frozen=True)
class StageCount:
    """What is in a stage of review: waiting (held included), held by reviewers, since when.

    `oldest` is the moment since which the one that came first waits, None where none does;
    it is by the order in which the annotations were made.
    """

    stage: Stage
    waiting: int
    held: int
    oldest: dt.datetime | None

    def age(self, at: dt.datetime | None = None) -> dt.timedelta | None:
        """Return how long the oldest has waited."""
        return None if self.oldest is None else (at or now()) - self.oldest


def stage_counts(session: Session, project: Project) -> list[StageCount]:
    """Return the counts of every stage, in the order of the stages, in one statement."""
    parts = [_count(project, stage, place) for place, stage in enumerate(Stage)]
    rows = session.execute(sa.union_all(*parts).order_by("stage")).all()
    return [StageCount(Stage(row.stage), row.waiting, row.held, row.oldest) for row in rows]


def _count(project: Project, stage: Stage, place: int) -> sa.Select[tuple[int, int, int, object]]:
    at = sa.bindparam(f"at_{place}", now(), type_=UTCDateTime())
    inside = (
        Annotation.project_id == project.id,
        Annotation.state == AnnotationState.SUBMITTED,
        Annotation.review_stage == stage,
        Annotation.is_work,
    )
    waiting = sa.select(sa.func.count()).where(*inside).scalar_subquery()
    held = sa.select(sa.func.count()).where(*inside, Annotation.review_until > at)
    since = sa.func.coalesce(Annotation.review_since, Annotation.created_at)
    oldest = sa.select(since).where(*inside).order_by(Annotation.id).limit(1)
    return sa.select(
        sa.literal(int(stage)).label("stage"),
        waiting.label("waiting"),
        held.scalar_subquery().label("held"),
        sa.type_coerce(oldest.scalar_subquery(), UTCDateTime()).label("oldest"),
    )
