"""Delete tasks, annotations and predictions with everything that hangs on them.

What a frozen version holds stays: it has its own copy. Statements work on chunks of ids, so
that a hundred thousand tasks go in one transaction without a statement for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import assignments, audit, errors, permissions, predictions, webhooks
from .annotations import (
    Annotation,
    AnnotationRevision,
    AnnotationState,
    Draft,
    settle_many,
)
from .assignments import Assignment, AssignmentState, GroupTask
from .comments import Comment
from .consensus import Consensus
from .errors import _
from .flags import Flag
from .gold import GoldExposure, GoldState, GoldTask
from .people import User
from .predictions import Prediction
from .projects import Project
from .quality import ComparedPair, ComparedTask
from .reviews import BlindReview, Review, ReviewEvent
from .suspicions import Suspicion
from .tasks import QueuedTask, Task

CHUNK = 1000  # ids in one statement


def tasks(session: Session, actor: User, project: Project, task_ids: Iterable[int]) -> int:
    """Delete those of the tasks that are the project's; return how many."""
    permissions.require(actor, "task.change", project)
    removed = 0
    for chunk in _chunks(task_ids):
        mine = _of_project(session, Task, project, chunk)
        _delete_answers(session, sa.select(Annotation.id).where(Annotation.task_id.in_(mine)))
        of_gold = sa.select(GoldTask.id).where(GoldTask.task_id.in_(mine))
        _delete(session, GoldExposure, GoldExposure.gold_id.in_(of_gold))
        for table in (Comment, Draft, Assignment, GroupTask, Flag, Prediction, GoldTask):
            _delete(session, table, table.task_id.in_(mine))
        _delete(
            session,
            QueuedTask,
            sa.and_(QueuedTask.project_id == project.id, QueuedTask.task_id.in_(mine)),
        )
        for kept in (ComparedPair, ComparedTask, Consensus):
            _delete(session, kept, sa.and_(kept.project_id == project.id, kept.task_id.in_(mine)))
        _delete(session, Task, Task.id.in_(mine))
        removed += len(mine)
        webhooks.emit(session, project, "TASKS_DELETED", mine)
    if removed:
        subject = f"project/{project.id}"
        audit.record(session, actor, "task.delete", subject, number=removed)
    return removed


def answers(session: Session, actor: User, project: Project, annotation_ids: Iterable[int]) -> int:
    """Delete those of the annotations that are the project's; return how many.

    Their authors' places in the tasks are free again. People delete their own; others' and
    accepted ones only with the right to.

    Raises:
        errors.NotFound: one is another person's.
        errors.Refused: one has been accepted.
    """
    permissions.require(actor, "annotation.write", project)
    removed = 0
    for chunk in _chunks(annotation_ids):
        rows = session.execute(
            sa.select(
                Annotation.id,
                Annotation.task_id,
                Annotation.completed_by,
                Annotation.state,
                Annotation.is_work,
            )
            .where(Annotation.project_id == project.id, Annotation.id.in_(chunk))
            .with_for_update()
        ).all()
        _check_owners(actor, rows)
        ids = [row.id for row in rows]
        _delete_answers(session, sa.select(Annotation.id).where(Annotation.id.in_(ids)))
        touched = sorted({row.task_id for row in rows})
        _free_places(session, project, touched)
        work = [row for row in rows if row.is_work]
        settle_many(session, project, sorted({row.task_id for row in work}), actor)
        removed += len(ids)
        if work:
            webhooks.emit(session, project, "ANNOTATIONS_DELETED", [row.id for row in work])
        for number in ids if len(ids) == 1 else ():
            audit.record(session, actor, "annotation.delete", f"annotation/{number}")
    if removed > 1:
        subject = f"project/{project.id}"
        audit.record(session, actor, "annotation.delete", subject, number=removed)
    return removed


def predictions_of(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Iterable[int],
    model_version: str | None = None,
) -> int:
    """Delete the predictions of tasks, of one model version or of all; return how many."""
    permissions.require(actor, "prediction.write", project)
    removed = 0
    for chunk in _chunks(task_ids):
        condition = sa.and_(Prediction.project_id == project.id, Prediction.task_id.in_(chunk))
        if model_version is not None:
            condition = sa.and_(condition, Prediction.model_version == model_version)
        removed += _delete(session, Prediction, condition)
        predictions.recount(session, chunk)
    if removed:
        subject = f"project/{project.id}"
        audit.record(session, actor, "prediction.delete", subject, number=removed)
    return removed


def answers_of(session: Session, project: Project, task_ids: Sequence[int]) -> list[int]:
    """List the ids of the annotations of these tasks of a project."""
    found: list[int] = []
    for chunk in _chunks(task_ids):
        found += session.scalars(
            sa.select(Annotation.id).where(
                Annotation.project_id == project.id,
                Annotation.task_id.in_(chunk),
                Annotation.is_work,
            )
        )
    return found


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    wanted = sorted(set(ids))
    return (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))


def _of_project(session: Session, table: Any, project: Project, ids: list[int]) -> list[int]:
    query = sa.select(table.id).where(table.project_id == project.id, table.id.in_(ids))
    return list(session.scalars(query))


def _delete(session: Session, table: Any, condition: Any) -> int:
    statement = sa.delete(table).where(condition)
    done = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(done, sa.CursorResult)
    return done.rowcount


def _delete_answers(session: Session, chosen: sa.Select[int]) -> None:
    """Delete annotations with their reviews, revisions and the drafts that change them."""
    ids = list(session.scalars(chosen))
    for chunk in _chunks(ids):
        for judged in (Review, ReviewEvent, BlindReview):
            _delete(session, judged, judged.annotation_id.in_(chunk))
        _delete(session, Comment, Comment.annotation_id.in_(chunk))
        _delete(session, Suspicion, Suspicion.annotation_id.in_(chunk))
        # Without its truth nobody can be checked by it any more.
        session.execute(
            sa.update(GoldTask)
            .where(GoldTask.annotation_id.in_(chunk))
            .values(state=GoldState.RETIRED)
            .execution_options(synchronize_session=False)
        )
        _delete(session, AnnotationRevision, AnnotationRevision.annotation_id.in_(chunk))
        _delete(session, Draft, Draft.annotation_id.in_(chunk))
        _delete(session, Annotation, Annotation.id.in_(chunk))


def _check_owners(actor: User, rows: Sequence[Any]) -> None:
    if permissions.allows(actor, "annotation.change"):
        return
    for row in rows:
        if row.completed_by != actor.id:
            raise errors.NotFound(_("there is no annotation %(id)s of yours"), id=row.id)
        if row.state == AnnotationState.ACCEPTED:
            raise errors.Refused(_("an accepted annotation cannot be changed"))


def _free_places(session: Session, project: Project, task_ids: list[int]) -> None:
    """Give back the slots of people who have no annotation of these tasks any more."""
    left = sa.exists().where(
        Annotation.task_id == Assignment.task_id,
        Annotation.completed_by == Assignment.user_id,
    )
    query = sa.select(Assignment.id, Assignment.task_id, Assignment.state, Assignment.purpose)
    query = query.where(
        Assignment.task_id.in_(task_ids), Assignment.state != AssignmentState.RESERVED, ~left
    )
    # Locked, so that what two people remove at once is given back once.
    query = query.order_by(Assignment.task_id, Assignment.id).with_for_update()
    rows = session.execute(query).all()
    _delete(session, Assignment, Assignment.id.in_([row.id for row in rows]))
    # A skip gave its slot back already, unless the project ignores skipped tasks.
    requeued = project.option("skip_queue") != "IGNORE_SKIPPED"
    freed = Counter(
        row.task_id
        for row in rows
        if row.purpose is None and not (requeued and row.state == AssignmentState.SKIPPED)
    )
    if freed:
        assignments.reopen_many(session, project.id, freed)
