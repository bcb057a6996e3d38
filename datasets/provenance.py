"""Tell how the labels of a version came about: answers an item, agreement, guidelines."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import clearance
from .annotations import Annotation, AnnotationState
from .guidelines import GuidelineVersion
from .quality import Figure
from .quality.intervals import cluster_ratio
from .quality.rows import ComparedPair
from .versions import Version, VersionRecord


@dataclass(frozen=True)
class Answers:
    """How many people's answers an item has: the fewest, the most, and the mean over `items`."""

    fewest: int
    most: int
    mean: float
    items: int


@dataclass(frozen=True)
class Guideline:
    """A version of the guideline; `sha256` is that of its text."""

    number: int
    kind: str
    published_at: dt.datetime
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """What is known of how a version's labels came about; None is not known."""

    answers: Answers | None = None
    agreement: Figure | None = None
    guidelines: tuple[Guideline, ...] = ()
    searched: clearance.Searched | None = None


def of_version(session: Session, version_id: int) -> Provenance:
    """Return what is known of a frozen version: what there was when it was frozen.

    Agreement is the mean score over all pairs of people who answered the same item, 0 … 1,
    with a 95 % interval for which whole items are drawn (quality/intervals.py).
    """
    version = session.get_one(Version, version_id)
    return Provenance(
        answers=_answers(session, version),
        agreement=_agreement(session, version),
        guidelines=_guidelines(session, version),
        searched=clearance.searched(session, version.id),
    )


def _answers(session: Session, version: Version) -> Answers | None:
    each = (
        sa.select(sa.func.count().label("number"))
        .select_from(VersionRecord)
        .join(Annotation, Annotation.task_id == VersionRecord.task_id)
        .where(
            VersionRecord.version_id == version.id,
            Annotation.is_work,
            Annotation.state != AnnotationState.SKIPPED,
            Annotation.created_at <= version.created_at,
        )
        .group_by(VersionRecord.task_id)
        .subquery()
    )
    number = each.c.number
    fewest, most, every, items = session.execute(
        sa.select(
            sa.func.min(number), sa.func.max(number), sa.func.sum(number), sa.func.count()
        ).select_from(each)
    ).one()
    return Answers(fewest, most, int(every) / items, items) if items else None


def _agreement(session: Session, version: Version) -> Figure | None:
    rows = session.execute(
        sa.select(sa.func.sum(ComparedPair.score), sa.func.count(ComparedPair.score))
        .join(VersionRecord, VersionRecord.task_id == ComparedPair.task_id)
        .where(
            VersionRecord.version_id == version.id,
            ComparedPair.project_id == version.project_id,
            ComparedPair.score.is_not(None),
        )
        .group_by(VersionRecord.position)
        # As the datasheet has them: the same draws give the same interval.
        .order_by(VersionRecord.position)
    ).all()
    if not rows:
        return None
    return cluster_ratio([row[0] or 0.0 for row in rows], [row[1] for row in rows])


def _guidelines(session: Session, version: Version) -> tuple[Guideline, ...]:
    rows = session.scalars(
        sa.select(GuidelineVersion)
        .where(
            GuidelineVersion.project_id == version.project_id,
            GuidelineVersion.published_at <= version.created_at,
        )
        .order_by(GuidelineVersion.number)
    )
    return tuple(
        Guideline(
            row.number,
            row.kind,
            row.published_at,
            hashlib.sha256(row.text.encode()).hexdigest(),
        )
        for row in rows
    )
