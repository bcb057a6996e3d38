"""Take what people say about a task: an answer, a skip, a changed answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import assignments, audit, errors, labels, permissions
from ..assignments import Assignment, AssignmentState
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from ..settings import Settings
from ..tasks import QueuedTask, Task, TaskState
from .drafts import Draft, seconds
from .rows import Annotation, AnnotationRevision, AnnotationState


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
        errors.Invalid: the config does not allow the result; every region is named. Or the
            `unique_id` is longer than 64 characters.
        errors.Refused: the task has no place left for this person.
    """
    permissions.require(annotator, "annotation.write", project)
    assignments.take_turn(session, annotator)
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
        lead_time=seconds(lead_time),
        parent_prediction=parent_prediction,
        unique_id=unique_id,
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
    # A reviewer may be accepting it in this very moment.
    session.refresh(annotation, with_for_update=True)
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
        annotation.lead_time = (annotation.lead_time or 0.0) + (seconds(lead_time) or 0.0)
    assignment = assignments.held(session, annotator, task.id, lock=True)
    if assignment is not None:
        _close(session, annotator, task, assignment, AssignmentState.SUBMITTED)
    audit.record(
        session,
        annotator,
        "annotation.update",
        f"annotation/{annotation.id}",
        revision=annotation.revision,
    )


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


def state_of(
    annotation_states: Iterable[str], *, is_returned: bool, has_open_slots: bool
) -> TaskState:
    """Tell where a task is from what people did with it.

    One accepted annotation is enough for the task, whatever becomes of the others.
    """
    states = set(annotation_states)
    if AnnotationState.ACCEPTED in states:
        return TaskState.ACCEPTED
    if is_returned:
        return TaskState.RETURNED
    if AnnotationState.SUBMITTED in states:
        return TaskState.LABELLED
    is_skipped = AnnotationState.SKIPPED in states and not has_open_slots
    return TaskState.SKIPPED if is_skipped else TaskState.WAITING


def settle(session: Session, task: Task) -> None:
    """Bring a task's state in line with what people did; two at once do so in turn."""
    session.flush()
    session.refresh(task, ["state"], with_for_update={"key_share": True})
    returned = sa.exists().where(
        Assignment.task_id == task.id, Assignment.state == AssignmentState.RETURNED
    )
    queued = sa.exists().where(
        QueuedTask.project_id == task.project_id, QueuedTask.task_id == task.id
    )
    is_returned, has_open_slots = session.execute(sa.select(returned, queued)).one()
    task.state = state_of(
        session.scalars(sa.select(Annotation.state).where(Annotation.task_id == task.id)),
        is_returned=is_returned,
        has_open_slots=has_open_slots,
    )


def _sent_before(
    session: Session, annotator: User, task: Task, unique_id: str | None
) -> Annotation | None:
    if unique_id is None:
        return None
    if not 0 < len(unique_id) <= 64:
        raise errors.Invalid(_("must have 1 to 64 characters"), place="unique_id")
    return session.scalar(
        sa.select(Annotation).where(
            Annotation.task_id == task.id,
            Annotation.unique_id == unique_id,
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
    settle(session, task)
