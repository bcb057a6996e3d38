"""Choose what goes into a version: one accepted answer of each task, in content order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from .. import errors, permissions, splits, versions
from ..annotations import Annotation, AnnotationState
from ..db import Database
from ..errors import _
from ..people import User
from ..projects import Project
from ..reviews import Review, Verdict, is_deciding
from ..tasks import ACCEPTED, Task, media_of
from ..versions import Version, VersionRecord

BATCH = 500


def choose(
    session: Session,
    actor: User,
    project: Project,
    *,
    job_id: str,
    tag: str | None = None,
    seed: int = 0,
    fractions: Mapping[str, float] | None = None,
) -> Version:
    """Make the snapshot: which accepted annotation of which task, in content order.

    Where several people's annotations of one task were accepted, the one accepted first
    counts. Called again for the same job it returns the snapshot that is there.

    Raises:
        errors.Refused: nothing has been accepted yet.
        errors.Invalid: the tag, the seed or the fractions are not usable.
    """
    permissions.require(actor, "version.freeze", project)
    if not 0 <= seed < 2**31:
        raise errors.Invalid(_("must be a whole number from 0 to 2147483647"), place="seed")
    versions.lock_project(session, project.id)
    # Whoever changed its labels meanwhile has moved the answers as well.
    project = session.get_one(Project, project.id, populate_existing=True)
    there = session.scalar(sa.select(Version).where(Version.job_id == job_id))
    if there is not None:
        return there
    version = Version(
        project_id=project.id,
        tag=versions.checked_tag(session, project, tag),
        label_config=project.label_config,
        parsed_label_config=project.parsed_label_config,
        seed=seed,
        fractions=msgspec.json.encode(
            splits.check_fractions(fractions or splits.DEFAULT_FRACTIONS)
        ).decode(),
        job_id=job_id,
        created_by=actor.id,
    )
    session.add(version)
    session.flush()
    session.execute(_snapshot(version, project))
    _order_twins(session, version)
    version.records = int(
        session.scalar(sa.select(sa.func.count()).where(VersionRecord.version_id == version.id))
        or 0
    )
    if version.records == 0:
        raise errors.Refused(_("nothing has been accepted in this project yet"))
    return version


def shown_media(database: Database, version: Version) -> Iterator[list[str]]:
    """Give the digests of the bytes that a snapshot's records will show, in batches."""
    position = -1
    query = (
        sa.select(VersionRecord.position, Task)
        .join(Task, Task.id == VersionRecord.task_id)
        .where(VersionRecord.version_id == version.id)
        .order_by(VersionRecord.position)
        .limit(BATCH)
    )
    while True:
        with database.read() as session:
            rows = session.execute(query.where(VersionRecord.position > position)).all()
            media = media_of(session, [task for _position, task in rows])
        if not rows:
            return
        position = rows[-1][0]
        yield sorted({row.display_digest or row.digest for row in media.values()})


def discard(session: Session, version_id: int) -> None:
    """Remove an unfinished snapshot; a frozen version stays."""
    version = session.scalar(
        sa.select(Version)
        .where(Version.id == version_id, Version.commit_id.is_(None))
        .with_for_update()
    )
    if version is not None:
        session.execute(sa.delete(VersionRecord).where(VersionRecord.version_id == version_id))
        session.delete(version)
        session.flush()


def _snapshot(version: Version, project: Project) -> sa.Insert:
    other, earlier = aliased(Annotation), aliased(Review)
    # What decided about an accepted annotation is its last review, at whatever stage.
    last = aliased(Review)
    decided = sa.select(sa.func.max(last.id)).where(last.annotation_id == other.id)
    accepted_earlier = (
        sa.exists()
        .where(
            other.task_id == Annotation.task_id,
            other.state == AnnotationState.ACCEPTED,
            other.is_work,
            earlier.annotation_id == other.id,
            earlier.verdict != Verdict.REJECT,
            earlier.id == decided.correlate(other).scalar_subquery(),
            earlier.id < Review.id,
        )
        .correlate(Annotation, Review)
    )
    # Equal data may stand in several tasks: the place among them makes the key unique.
    place = sa.func.row_number().over(partition_by=Task.digest, order_by=Task.id)
    key = sa.case((place == 1, Task.digest), else_=Task.digest + "-" + sa.cast(place, sa.String(8)))
    rows = (
        sa.select(
            sa.literal(version.id),
            sa.func.row_number().over(order_by=(Task.digest, Task.id)) - 1,
            Task.id,
            Annotation.id,
            Review.id,
            key,
        )
        .join(Annotation, Annotation.task_id == Task.id)
        .join(Review, Review.annotation_id == Annotation.id)
        .where(
            Task.project_id == project.id,
            Task.state == ACCEPTED,
            Annotation.state == AnnotationState.ACCEPTED,
            Annotation.is_work,
            Review.verdict != Verdict.REJECT,
            is_deciding(),
            ~accepted_earlier,
        )
    )
    return sa.insert(VersionRecord).from_select(
        ["version_id", "position", "task_id", "annotation_id", "review_id", "key"], rows
    )


def _order_twins(session: Session, version: Version) -> None:
    """Order tasks of equal data by what was made of them, so that ids play no part."""
    second = sa.select(VersionRecord.key).where(
        VersionRecord.version_id == version.id, VersionRecord.key.endswith("-2")
    )
    for key in list(session.scalars(second)):
        digest = key.removesuffix("-2")
        rows = session.execute(
            sa.select(VersionRecord, Task, Annotation, Review, User.pseudonym)
            .join(Task, Task.id == VersionRecord.task_id)
            .join(Annotation, Annotation.id == VersionRecord.annotation_id)
            .join(Review, Review.id == VersionRecord.review_id)
            .join(User, User.id == Annotation.completed_by)
            .where(
                VersionRecord.version_id == version.id,
                Task.project_id == version.project_id,
                Task.state == ACCEPTED,
                Task.digest == digest,
            )
            .order_by(VersionRecord.position)
        ).all()
        records = [row[0] for row in rows]
        told = sorted(
            (
                (task.name, task.group, review.result or annotation.result, pseudonym, number),
                (task.id, annotation.id, review.id),
            )
            for number, (_record, task, annotation, review, pseudonym) in enumerate(rows)
        )
        for record, (_told, ids) in zip(records, told, strict=True):
            record.task_id, record.annotation_id, record.review_id = ids
        session.flush()
