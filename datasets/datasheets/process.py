"""Write down how each record of a version was worked on, so that it can be counted again.

The platform's rows go on changing after a release: what was known when the version was frozen
goes into a file of the release, one line a record, without names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation, AnnotationState
from ..db import Database
from ..quality import ComparedPair
from ..reviews import Review
from ..versions import Version, VersionRecord

PATH = "evidence/process.jsonl"
BATCH = 1000


def of_version(database: Database, version_id: int) -> Iterator[dict[str, Any]]:
    """Stream what is known of each record, in order, at constant memory.

    `answers` are people's answers to the task when the version was frozen, skipped ones left
    out; `pairs` and `score_sum` are of the pairs of people whose answers were compared;
    `first_review` is the verdict of the first person who reviewed the published answer.
    """
    with database.read() as session:
        version = session.get_one(Version, version_id)
    start = 0
    while True:
        with database.read() as session:
            rows = session.execute(
                sa.select(
                    VersionRecord.position, VersionRecord.task_id, VersionRecord.annotation_id
                )
                .where(
                    VersionRecord.version_id == version_id,
                    VersionRecord.position.between(start, start + BATCH - 1),
                )
                .order_by(VersionRecord.position)
            ).all()
            if not rows:
                return
            here = (
                VersionRecord.version_id == version_id,
                VersionRecord.position.between(start, start + BATCH - 1),
            )
            answers = _answers(session, version, here)
            pairs = _pairs(session, version, here)
            reviews = _first_reviews(session, here)
        for position, task, annotation in rows:
            number, total = pairs.get(task, (0, None))
            yield {
                "position": position,
                "answers": answers.get(task, 0),
                "pairs": number,
                "score_sum": None if total is None else round(float(total), 6),
                "first_review": reviews.get(annotation),
            }
        start += BATCH


Here = tuple[sa.ColumnElement[bool], ...]


def _answers(session: Session, version: Version, here: Here) -> dict[int, int]:
    rows = session.execute(
        sa.select(Annotation.task_id, sa.func.count())
        .join(VersionRecord, VersionRecord.task_id == Annotation.task_id)
        .where(
            *here,
            Annotation.is_work,
            Annotation.state != AnnotationState.SKIPPED,
            Annotation.created_at <= version.created_at,
        )
        .group_by(Annotation.task_id)
    )
    return {task: number for task, number in rows}


def _pairs(session: Session, version: Version, here: Here) -> dict[int, tuple[int, float]]:
    rows = session.execute(
        sa.select(
            ComparedPair.task_id,
            sa.func.count(ComparedPair.score),
            sa.func.sum(ComparedPair.score),
        )
        .join(VersionRecord, VersionRecord.task_id == ComparedPair.task_id)
        .where(
            *here,
            ComparedPair.project_id == version.project_id,
            ComparedPair.score.is_not(None),
        )
        .group_by(ComparedPair.task_id)
    )
    return {task: (number, total or 0.0) for task, number, total in rows}


def _first_reviews(session: Session, here: Here) -> dict[int, str]:
    first = (
        sa.select(sa.func.min(Review.id))
        .join(VersionRecord, VersionRecord.annotation_id == Review.annotation_id)
        .where(*here, Review.reviewer_id.is_not(None), Review.id <= VersionRecord.review_id)
        .group_by(Review.annotation_id)
    )
    rows = session.execute(
        sa.select(Review.annotation_id, Review.verdict).where(Review.id.in_(first))
    )
    return {annotation: verdict for annotation, verdict in rows}
