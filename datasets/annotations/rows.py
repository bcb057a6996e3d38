"""Keep annotations and what they were before; read them back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors, permissions
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import Task


class AnnotationState(StrEnum):
    """Where an annotation is."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class Annotation(Base):
    """One person's answer for one task, in Label Studio's result JSON."""

    __tablename__ = "annotations"
    __table_args__ = (
        sa.Index("ix_annotations_task", "task_id", "id"),
        sa.Index("ix_annotations_review", "project_id", "state", "id"),
        # Reviewers take what waits in a stage; few are held at a time. The purpose is last, so
        # that waiting work is counted by the index alone.
        sa.Index("ix_annotations_stage", "project_id", "state", "review_stage", "id", "purpose"),
        sa.Index("ix_annotations_held", "project_id", "review_until"),
        sa.Index("ix_annotations_ground_truth", "project_id", "ground_truth", "state"),
        # What somebody did of late, and what everybody did.
        sa.Index("ix_annotations_person", "completed_by", "created_at"),
        sa.Index("ix_annotations_made", "created_at", "completed_by", "project_id"),
        sa.UniqueConstraint("task_id", "completed_by", "unique_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    completed_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(sa.String(20), default=AnnotationState.SUBMITTED)
    result: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    lead_time: Mapped[float | None]
    parent_prediction: Mapped[int | None] = mapped_column(Id)
    # Sent by the client; the same one twice is the same annotation.
    unique_id: Mapped[str | None] = mapped_column(sa.String(64))
    # Known to be right: others are measured by it, and it is published first.
    ground_truth: Mapped[bool] = mapped_column(default=False)
    updated_by: Mapped[int | None] = mapped_column(Id)
    parent_annotation: Mapped[int | None] = mapped_column(Id)
    import_id: Mapped[int | None] = mapped_column(Id)
    last_action: Mapped[str | None] = mapped_column(sa.String(40))
    bulk_created: Mapped[bool] = mapped_column(default=False)
    draft_created_at: Mapped[dt.datetime | None]
    # "shown" where the person began from a pre-label, "blank" where the draw gave them none;
    # None where there was none to show.
    arm: Mapped[str | None] = mapped_column(sa.String(10))
    # As that of the assignment it answers: None for work; others are no work to be reviewed,
    # counted, exported or published.
    purpose: Mapped[str | None] = mapped_column(sa.String(10))
    # The version of the project's guideline that its maker had acknowledged.
    guideline_version: Mapped[int | None]
    # The stage of review that it waits for, or was decided in.
    review_stage: Mapped[int] = mapped_column(default=1)
    # When it came into that stage; None where nothing said so: then when it was made.
    review_since: Mapped[dt.datetime | None]
    review_by: Mapped[int | None] = mapped_column(Id)
    review_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the result, decoded."""
        return list(msgspec.json.decode(self.result))

    @hybrid_property
    def is_work(self) -> bool:
        """Tell whether this is work, and not an answer by which somebody is checked or admitted.

        Whatever counts, reviews, exports, learns from or publishes annotations asks this.
        """
        return self.purpose is None

    @is_work.inplace.expression
    @classmethod
    def _is_work(cls) -> sa.ColumnElement[bool]:
        return cls.purpose.is_(None)

    @property
    def was_cancelled(self) -> bool:
        """Tell whether this is a skip, as Label Studio calls it."""
        return self.state == AnnotationState.SKIPPED


class AnnotationRevision(Base):
    """What an annotation was before it was changed."""

    __tablename__ = "annotation_revisions"

    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    result: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(20), default=AnnotationState.SUBMITTED)
    # Who had made it what it was.
    updated_by: Mapped[int | None] = mapped_column(Id)
    ended_at: Mapped[dt.datetime] = mapped_column(default=now)


def get(
    session: Session, user: User | None, annotation_id: int, action: str
) -> tuple[Annotation, Task, Project]:
    """Return an annotation with its task and project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Annotation, Task, Project)
        .join(Task, Task.id == Annotation.task_id)
        .join(Project, Project.id == Annotation.project_id)
        .where(Annotation.id == annotation_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[2]):
        raise errors.NotFound(_("there is no annotation %(id)s"), id=annotation_id)
    permissions.require(user, action, found[2])
    return found[0], found[1], found[2]


_OF_TASKS = (
    sa.select(Annotation)
    .where(Annotation.task_id.in_(sa.bindparam("tasks", expanding=True)))
    .order_by(Annotation.id)
)


def of_tasks(session: Session, task_ids: Iterable[int]) -> dict[int, list[Annotation]]:
    """Return task id → its annotations, oldest first, in one query; ask `visible_to` of them."""
    found: dict[int, list[Annotation]] = {}
    for row in session.scalars(_OF_TASKS, {"tasks": list(task_ids)}):
        found.setdefault(row.task_id, []).append(row)
    return found


def revisions(session: Session, annotation: Annotation) -> list[AnnotationRevision]:
    """List what an annotation was before, oldest first."""
    return list(
        session.scalars(
            sa.select(AnnotationRevision)
            .where(AnnotationRevision.annotation_id == annotation.id)
            .order_by(AnnotationRevision.revision)
        )
    )


def is_partly_by(person: User) -> sa.ColumnElement[bool]:
    """Say that somebody made an annotation, or wrote any of what it has been.

    What they wrote may still stand in it, however little another has changed since.
    """
    wrote = sa.exists().where(
        AnnotationRevision.annotation_id == Annotation.id,
        AnnotationRevision.updated_by == person.id,
    )
    return sa.or_(
        Annotation.completed_by == person.id,
        sa.func.coalesce(Annotation.updated_by, 0) == person.id,
        wrote,
    )


def visible_to(user: User, rows: Iterable[Annotation]) -> list[Annotation]:
    """Leave out what somebody may not see: annotators do not see each other's answers.

    Nobody sees another's answers that are no work; their own look to them like all others.
    """
    if permissions.allows(user, "annotation.read"):
        return [row for row in rows if row.is_work or row.completed_by == user.id]
    return [row for row in rows if row.completed_by == user.id]


def count(session: Session, project: Project) -> int:
    """Count the annotations of a project, skips left out."""
    query = sa.select(sa.func.count()).where(
        Annotation.project_id == project.id,
        Annotation.state != AnnotationState.SKIPPED,
        Annotation.is_work,
    )
    return int(session.scalar(query) or 0)


def count_in_state(session: Session, project: Project, state: str) -> int:
    """Count the annotations of a project in one state."""
    query = sa.select(sa.func.count()).where(
        Annotation.project_id == project.id, Annotation.state == state, Annotation.is_work
    )
    return int(session.scalar(query) or 0)
