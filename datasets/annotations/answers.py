"""Take what people say about a task: an answer, a skip, a changed answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from .. import assignments, audit, errors, guidelines, labels, permissions, webhooks
from ..assignments import Assignment, AssignmentState
from ..db import Base, now
from ..errors import _
from ..people import User
from ..projects import Project, stages_of
from ..settings import Settings
from ..tasks import QueuedTask, Task, TaskState
from .arms import arm_of
from .drafts import end_drafts, seconds
from .rows import Annotation, AnnotationState


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
    ground_truth: bool = False,
    parent_prediction: int | None = None,
    parent_annotation: int | None = None,
    unique_id: str | None = None,
) -> Annotation:
    """Take somebody's answer, or their skip, for a task.

    An answer for a hold that has a purpose is no work: it changes nothing of the task and
    nobody is told of it.

    An annotator answers a task that they hold or may still take, once. Who brings data into
    the project may add answers to any task, as often as they like. Sent twice with one
    `unique_id`, an answer is taken once. The draft goes with it.

    Raises:
        errors.Invalid: the config does not allow the result; every region is named. Or the
            `unique_id` is longer than 64 characters.
        errors.Refused: the task has no place left for this person.
        errors.Forbidden: they may not call an answer the ground truth.
    """
    permissions.require(annotator, "annotation.write", project)
    check_ground_truth(annotator, ground_truth)
    assignments.take_turn(session, annotator)
    repeated = _sent_before(session, annotator, task, unique_id)
    if repeated is not None:
        return repeated
    checked = answer_of(project, task, result, was_cancelled)
    assignment = _place(session, settings, annotator, project, task, was_cancelled)
    draft = end_drafts(session, annotator, task)
    annotation = Annotation(
        project_id=project.id,
        task_id=task.id,
        completed_by=annotator.id,
        updated_by=annotator.id,
        state=AnnotationState.SKIPPED if was_cancelled else AnnotationState.SUBMITTED,
        result=checked,
        lead_time=seconds(lead_time),
        ground_truth=ground_truth,
        parent_prediction=parent_prediction,
        parent_annotation=parent_annotation,
        arm=arm_of(session, annotator, project, task, parent_prediction),
        draft_created_at=None if draft is None else draft.created_at,
        last_action="skipped" if was_cancelled else "submitted",
        unique_id=unique_id,
        purpose=None if assignment is None else assignment.purpose,
        review_stage=stages_of(project).arrival,
        guideline_version=guidelines.acknowledged(session, annotator, project),
    )
    session.add(annotation)
    close(session, annotator, project, task, assignment, was_cancelled)
    session.flush()
    _tell(session, annotator, project, annotation)
    return annotation


def _tell(session: Session, annotator: User, project: Project, annotation: Annotation) -> None:
    """Write down that an answer or a skip came, and tell those who asked to be told of work."""
    action = "annotation.skip" if annotation.was_cancelled else "annotation.submit"
    about = {"task": annotation.task_id, "project": project.id}
    audit.record(session, annotator, action, f"annotation/{annotation.id}", **about)
    if annotation.is_work:
        webhooks.emit(session, project, "ANNOTATION_CREATED", [annotation.id])


def _place(
    session: Session,
    settings: Settings,
    annotator: User,
    project: Project,
    task: Task,
    was_cancelled: bool,
) -> Assignment | None:
    """Return the annotator's hold on the task; None for an answer beyond the slots."""
    is_free = permissions.allows(annotator, "task.import")
    if not is_free:
        permissions.require(annotator, "task.claim", project)
    if is_free:
        return assignments.reserve(session, settings, annotator, project, task)
    assignment = assignments.enter(session, settings, annotator, project, task)
    done = (AssignmentState.SUBMITTED, AssignmentState.SKIPPED)
    if assignment is None or assignment.state in done:
        raise errors.Refused(_("this task has no place left for another annotation of yours"))
    if assignment.state == AssignmentState.RETURNED and not was_cancelled:
        raise errors.Refused(_("this task was returned: change your annotation instead"))
    return assignment


def check_ground_truth(actor: User, ground_truth: bool) -> None:
    """Raise errors.Forbidden where somebody may not call an answer the ground truth."""
    if ground_truth and not permissions.allows(actor, "annotation.change"):
        raise errors.Forbidden(_("you may not say what the ground truth is"))


def answer_of(project: Project, task: Task, result: Any, was_cancelled: bool) -> str:
    """Return the JSON text of an answer that the project takes; a skip says nothing.

    Raises:
        errors.Invalid: the config does not allow it, or it is empty where that is not allowed.
    """
    if was_cancelled:
        return "[]"
    if result == [] and not project.option("enable_empty_annotation"):
        raise errors.Invalid(_("this project takes no empty annotations"), place="result")
    return checked_result(project, task, result)


def checked_result(project: Project, task: Task, result: Any) -> str:
    """Return the result as JSON text if the project's config allows it.

    Raises:
        errors.Invalid: it does not; `problems` lists every place.
    """
    result = labels.named(result)
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


# One row an annotation of the task, or one without where there is none.
_SAID = (
    sa.select(
        Annotation.state,
        sa.exists().where(
            Assignment.task_id == sa.bindparam("task"),
            Assignment.state == AssignmentState.RETURNED,
        ),
        sa.exists().where(
            QueuedTask.project_id == sa.bindparam("project"),
            QueuedTask.task_id == sa.bindparam("task"),
        ),
    )
    .select_from(Task)
    .outerjoin(Annotation, sa.and_(Annotation.task_id == Task.id, Annotation.is_work))
    .where(Task.id == sa.bindparam("task"))
)


# Past the ORM: asked with every answer.
_TASKS = Base.metadata.tables[Task.__tablename__].c
_LOCKED_STATE = (
    sa.select(_TASKS.state).where(_TASKS.id == sa.bindparam("task")).with_for_update(key_share=True)
)


def settle(session: Session, task: Task, by: User | None = None) -> None:
    """Bring a task's state and numbers in line with what people did; two at once in turn."""
    session.flush()
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        # There the transaction is the only writer; here two may settle one task.
        state = connection.execute(_LOCKED_STATE, {"task": task.id}).scalar_one()
        set_committed_value(task, "state", state)
    said = connection.execute(_SAID, {"task": task.id, "project": task.project_id}).all()
    is_returned, has_open_slots = said[0][1:]
    states = [state for state, *_rest in said if state is not None]
    if task.state != TaskState.WITHDRAWN:
        task.state = state_of(states, is_returned=is_returned, has_open_slots=has_open_slots)
    elif has_open_slots:
        # Skipped in the moment in which it was withdrawn: its slot is nobody's.
        session.execute(sa.delete(QueuedTask).where(QueuedTask.task_id == task.id))
    task.cancelled_annotations = states.count(AnnotationState.SKIPPED)
    task.total_annotations = len(states) - task.cancelled_annotations
    task.updated_at = now()
    task.updated_by = task.updated_by if by is None else by.id


def settle_many(
    session: Session, project: Project, task_ids: Sequence[int], by: User | None = None
) -> None:
    """Do what `settle` does for many tasks of one project, in few statements."""
    session.flush()
    ids = list(task_ids)
    states: dict[int, list[str]] = {}
    for task_id, state in session.execute(
        sa.select(Annotation.task_id, Annotation.state).where(
            Annotation.task_id.in_(ids), Annotation.is_work
        )
    ):
        states.setdefault(task_id, []).append(state)
    returned = set(
        session.scalars(
            sa.select(Assignment.task_id).where(
                Assignment.task_id.in_(ids), Assignment.state == AssignmentState.RETURNED
            )
        )
    )
    queued = set(
        session.scalars(
            sa.select(QueuedTask.task_id).where(
                QueuedTask.project_id == project.id, QueuedTask.task_id.in_(ids)
            )
        )
    )
    withdrawn = set(
        session.scalars(
            sa.select(Task.id).where(Task.id.in_(ids), Task.state == TaskState.WITHDRAWN)
        )
    )
    at = now()
    rows = []
    for task_id in ids:
        found = states.get(task_id, [])
        skips = found.count(AnnotationState.SKIPPED)
        state = state_of(found, is_returned=task_id in returned, has_open_slots=task_id in queued)
        rows.append(
            {
                "id": task_id,
                "state": TaskState.WITHDRAWN if task_id in withdrawn else state,
                "total_annotations": len(found) - skips,
                "cancelled_annotations": skips,
                "updated_at": at,
                **({} if by is None else {"updated_by": by.id}),
            }
        )
    if rows:
        session.execute(sa.update(Task), rows)


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


def close(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    assignment: Assignment | None,
    was_cancelled: bool,
) -> None:
    """End somebody's hold on a task: answered, or skipped as the project wants it."""
    if assignment is not None:
        skipped, submitted = AssignmentState.SKIPPED, AssignmentState.SUBMITTED
        was_open = assignment.state in (AssignmentState.RESERVED, AssignmentState.RETURNED)
        assignment.state = skipped if was_cancelled else submitted
        assignment.reserved_until = None
        if assignment.purpose is not None:
            # It took no place of the task, and says nothing about where the task is.
            return
        if was_cancelled and was_open:
            _requeue(session, project, assignment)
    settle(session, task, annotator)


def _requeue(session: Session, project: Project, assignment: Assignment) -> None:
    """Give a skipped task back, behind the others, to all or to all but who skipped it."""
    rule = project.option("skip_queue")
    if rule == "IGNORE_SKIPPED":
        return
    session.flush()
    assignments.reopen(session, project.id, assignment.task_id, priority=1)
    if rule == "REQUEUE_FOR_ME":
        session.delete(assignment)
        session.flush()
