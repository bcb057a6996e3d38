"""Say what somebody does next: work that waits for them, or a task that checks them."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import admission, assignments, errors, gold, permissions
from .annotations import Annotation, Draft
from .assignments import Assignment, AssignmentState
from .errors import _
from .people import User
from .predictions import Prediction
from .projects import Project
from .settings import Settings
from .tasks import Task


class Beside(NamedTuple):
    """What is kept beside a task, so that nobody asks for the rest; comments are on annotations."""

    predictions: bool = True
    annotations: bool = True
    drafts: bool = True


# One statement says what there is: as a rule nothing, for a task that somebody has just got.
_GIVEN = sa.select(
    Task,
    sa.exists().where(Prediction.task_id == Task.id),
    sa.exists().where(Annotation.task_id == Task.id),
    sa.exists().where(Draft.task_id == Task.id, Draft.user_id == sa.bindparam("user")),
).where(Task.id == sa.bindparam("task"))
# Whoever sees nobody else's answers asks for their own.
_GIVEN_ALONE = sa.select(
    Task,
    sa.exists().where(Prediction.task_id == Task.id),
    sa.exists().where(
        Annotation.task_id == Task.id, Annotation.completed_by == sa.bindparam("user")
    ),
    sa.exists().where(Draft.task_id == Task.id, Draft.user_id == sa.bindparam("user")),
).where(Task.id == sa.bindparam("task"))


def claim(
    session: Session, settings: Settings, annotator: User, project: Project
) -> Assignment | None:
    """Give the annotator their next task, as `assignments.claim`, or one that checks them.

    Raises:
        errors.Forbidden: as `admission.check`.
    """
    permissions.require(annotator, "task.claim", project)
    if gold.is_on(project):
        check = gold.take(session, settings, annotator, project)
        if check is not None:
            return check
    return assignments.claim(session, settings, annotator, project)


def given(session: Session, annotator: User, task_id: int) -> tuple[Task, Beside]:
    """Return a task that `claim` has just given somebody, and what there is of it to be shown."""
    query = _GIVEN if permissions.allows(annotator, "annotation.read") else _GIVEN_ALONE
    task, *beside = session.execute(query, {"task": task_id, "user": annotator.id}).one()
    return task, Beside(*beside)


def ahead(session: Session, annotator: User, project: Project, number: int) -> list[int]:
    """Return the ids of the tasks that `claim` would give the annotator next, at most `number`.

    Nothing is reserved: whoever shows one takes it with `take`.
    """
    coming = assignments.peek(session, annotator, project, number)
    if not gold.is_on(project):
        return coming
    return gold.mixed(session, annotator, project, coming, number)


def take(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment:
    """Reserve a task that `ahead` named, now that it is shown.

    Raises:
        errors.Forbidden: as `admission.check`.
        errors.Refused: others have taken it meanwhile, or the annotator has answered it.
    """
    admission.check(session, annotator, project)
    if gold.is_on(project):
        check = gold.take_ahead(session, settings, annotator, project, task)
        if check is not None:
            return check
    held = assignments.hold(session, settings, annotator, project, task)
    if held is None or held.state not in (AssignmentState.RESERVED, AssignmentState.RETURNED):
        raise errors.Refused(_("task %(id)s is no longer free"), id=task.id)
    return held


def ready(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> None:
    """Let somebody answer a task that `ahead` named without taking it first, gold like work.

    Raises:
        errors.Forbidden: as `admission.check`.
    """
    if gold.is_on(project) and not permissions.allows(annotator, "annotation.read"):
        assignments.take_turn(session, annotator)
        if assignments.held(session, annotator, task.id) is None:
            gold.take_ahead(session, settings, annotator, project, task)
