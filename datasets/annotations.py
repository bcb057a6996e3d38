"""Keep what people said: annotations, their earlier forms, and drafts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import assignments, audit, errors, labels, permissions
from .assignments import Assignment, AssignmentState
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project
from .settings import Settings
from .tasks import Task, TaskState


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
        sa.UniqueConstraint("task_id", "unique_id"),
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
    review_by: Mapped[int | None] = mapped_column(Id)
    review_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the result, decoded."""
        return list(msgspec.json.decode(self.result))

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
    ended_at: Mapped[dt.datetime] = mapped_column(default=now)


class Draft(Base):
    """Work that is not submitted yet, one per person and task."""

    __tablename__ = "drafts"
    __table_args__ = (sa.UniqueConstraint("task_id", "user_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    result: Mapped[str]
    lead_time: Mapped[float | None]
    revision: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


def submit(
    session: Session,
    settings: Settings,
    annotator: User,
    project: Project,
    task: Task,
    result: list[dict[str, Any]],
    *,
    lead_time: float | None = None,
    was_cancelled: bool = False,
    parent_prediction: int | None = None,
    unique_id: str | None = None,
) -> Annotation:
    """Take an annotator's answer, or their skip, for a task they hold or may still take.

    Sent twice with one `unique_id`, it is taken once. The draft goes with it.

    Raises:
        errors.Invalid: the config does not allow the result; every region is named.
        errors.Refused: the task has no place left for this person.
    """
    permissions.require(annotator, "annotation.write", project)
    repeated = _sent_before(session, annotator, task, unique_id)
    if repeated is not None:
        return repeated
    checked = checked_result(project, task, [] if was_cancelled else result)
    assignment = assignments.hold(session, settings, annotator, project, task)
    if assignment is None or assignment.state in (
        AssignmentState.SUBMITTED,
        AssignmentState.SKIPPED,
    ):
        raise errors.Refused(_("this task has no place left for another annotation of yours"))
    if assignment.state == AssignmentState.RETURNED and not was_cancelled:
        raise errors.Refused(_("this task was returned: change your annotation instead"))
    annotation = Annotation(
        project_id=project.id,
        task_id=task.id,
        completed_by=annotator.id,
        state=AnnotationState.SKIPPED if was_cancelled else AnnotationState.SUBMITTED,
        result=checked,
        lead_time=_seconds(lead_time),
        parent_prediction=parent_prediction,
        unique_id=None if unique_id is None else unique_id[:64],
    )
    session.add(annotation)
    skipped = AssignmentState.SKIPPED if was_cancelled else AssignmentState.SUBMITTED
    _close(session, annotator, task, assignment, skipped)
    session.flush()
    audit.record(
        session,
        annotator,
        "annotation.skip" if was_cancelled else "annotation.submit",
        f"annotation/{annotation.id}",
        task=task.id,
        project=project.id,
    )
    return annotation


def update(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    result: list[dict[str, Any]],
    *,
    lead_time: float | None = None,
) -> None:
    """Replace the result of one's own annotation; what it was is kept as a revision.

    Raises:
        errors.NotFound: it is another person's.
        errors.Refused: it has been accepted.
        errors.Invalid: the config does not allow the result.
    """
    permissions.require(annotator, "annotation.write", project)
    if annotation.completed_by != annotator.id:
        raise errors.NotFound(_("there is no annotation %(id)s of yours"), id=annotation.id)
    if annotation.state == AnnotationState.ACCEPTED:
        raise errors.Refused(_("an accepted annotation cannot be changed"))
    checked = checked_result(project, task, result)
    session.add(
        AnnotationRevision(
            annotation_id=annotation.id, revision=annotation.revision, result=annotation.result
        )
    )
    annotation.result = checked
    annotation.revision += 1
    annotation.updated_at = now()
    annotation.state = AnnotationState.SUBMITTED
    if lead_time is not None:
        annotation.lead_time = (annotation.lead_time or 0.0) + (_seconds(lead_time) or 0.0)
    assignment = assignments.held(session, annotator, task.id)
    if assignment is not None:
        _close(session, annotator, task, assignment, AssignmentState.SUBMITTED)
    audit.record(
        session,
        annotator,
        "annotation.update",
        f"annotation/{annotation.id}",
        revision=annotation.revision,
    )


def save_draft(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    result: list[dict[str, Any]],
    *,
    lead_time: float | None = None,
    revision: int | None = None,
) -> Draft:
    """Keep unfinished work; `revision` is the one the client last saw.

    A draft may hold what a submission may not (a box half drawn), only its size is bounded.

    Raises:
        errors.Stale: another tab has saved a newer revision.
        errors.TooLarge: the draft is larger than an annotation may be.
    """
    permissions.require(annotator, "annotation.write", project)
    text = msgspec.json.encode(result).decode()
    if len(text) > labels.MAX_RESULT_BYTES:
        raise errors.TooLarge(
            _("a draft may have at most %(limit)s bytes"),
            place="result",
            limit=labels.MAX_RESULT_BYTES,
        )
    draft = draft_of(session, annotator, task.id, lock=True)
    if draft is None:
        draft = Draft(task_id=task.id, user_id=annotator.id, result=text, lead_time=lead_time)
        session.add(draft)
    else:
        if revision is not None and revision != draft.revision:
            raise errors.Stale(
                _("another tab has saved a newer draft (revision %(revision)s)"),
                revision=draft.revision,
            )
        draft.result, draft.lead_time = text, _seconds(lead_time)
        draft.revision += 1
        draft.updated_at = now()
    session.flush()
    return draft


def draft_of(
    session: Session, annotator: User, task_id: int, *, lock: bool = False
) -> Draft | None:
    """Return the person's draft for a task."""
    query = sa.select(Draft).where(Draft.task_id == task_id, Draft.user_id == annotator.id)
    return session.scalar(query.with_for_update() if lock else query)


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


def of_tasks(session: Session, task_ids: Iterable[int]) -> dict[int, list[Annotation]]:
    """Return task id → its annotations, oldest first, in one query."""
    found: dict[int, list[Annotation]] = {}
    rows = session.scalars(
        sa.select(Annotation).where(Annotation.task_id.in_(list(task_ids))).order_by(Annotation.id)
    )
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def count(session: Session, project: Project) -> int:
    """Count the annotations of a project, skips left out."""
    query = sa.select(sa.func.count()).where(
        Annotation.project_id == project.id, Annotation.state != AnnotationState.SKIPPED
    )
    return int(session.scalar(query) or 0)


def count_in_state(session: Session, project: Project, state: str) -> int:
    """Count the annotations of a project in one state."""
    query = sa.select(sa.func.count()).where(
        Annotation.project_id == project.id, Annotation.state == state
    )
    return int(session.scalar(query) or 0)


def checked_result(project: Project, task: Task, result: Any) -> str:
    """Return the result as JSON text if the project's config allows it.

    Raises:
        errors.Invalid: it does not; `problems` lists every place.
    """
    problems = labels.check_result(project.config, result, data=task.data_values)
    if problems:
        raise errors.Invalid(
            _("the labelling config does not allow this result"), problems=problems
        )
    return msgspec.json.encode(result).decode()


def _sent_before(
    session: Session, annotator: User, task: Task, unique_id: str | None
) -> Annotation | None:
    if unique_id is None:
        return None
    return session.scalar(
        sa.select(Annotation).where(
            Annotation.task_id == task.id,
            Annotation.unique_id == unique_id[:64],
            Annotation.completed_by == annotator.id,
        )
    )


def _close(
    session: Session,
    annotator: User,
    task: Task,
    assignment: Assignment,
    state: AssignmentState,
) -> None:
    assignment.state, assignment.reserved_until = state, None
    session.execute(sa.delete(Draft).where(Draft.task_id == task.id, Draft.user_id == annotator.id))
    skipped = state == AssignmentState.SKIPPED
    task.state = TaskState.SKIPPED if skipped else TaskState.LABELLED


def _seconds(value: float | None) -> float | None:
    # A clock that jumps must not spoil a sum: nothing below zero, nothing above a day.
    return None if value is None else min(max(float(value), 0.0), 86_400.0)
