"""Count what projects hold: tasks, annotations, predictions, and how far people are.

The numbers of a task stand in its row, so a project's totals are sums over one index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .annotations import Annotation, AnnotationState
from .assignments import Assignment, AssignmentState
from .people import User
from .projects import Project
from .tasks import Task


@dataclass(frozen=True)
class Totals:
    """What one project holds; skips are no annotations."""

    tasks: int = 0
    finished_tasks: int = 0
    tasks_with_annotations: int = 0
    annotations: int = 0
    skips: int = 0
    predictions: int = 0
    ground_truths: int = 0
    # Tasks that the asking person has answered or skipped; what checks them looks like the rest.
    done_by_asker: int = 0


NOTHING = Totals()


def of_projects(
    session: Session, projects: Iterable[Project], asker: User | None = None
) -> dict[int, Totals]:
    """Return project id → totals of several projects in three queries.

    A task is finished when it has as many annotations as its project wants.
    """
    ids = [project.id for project in projects]
    if not ids:
        return {}
    known = _ground_truths(session, ids)
    done = {} if asker is None else _done_by(session, ids, asker)
    found = {number: Totals() for number in ids}
    for row in session.execute(_sums(ids)):
        number = int(row[0])
        counted = [int(value or 0) for value in row[1:]]
        found[number] = Totals(
            tasks=counted[0],
            finished_tasks=counted[1],
            tasks_with_annotations=counted[2],
            annotations=counted[3],
            skips=counted[4],
            predictions=counted[5],
            ground_truths=known.get(number, 0),
            done_by_asker=done.get(number, 0),
        )
    return found


def _sums(ids: list[int]) -> sa.Select[*tuple[Any, ...]]:
    some = sa.case((Task.total_annotations > 0, 1), else_=0)
    enough = sa.case((Task.total_annotations >= Project.maximum_annotations, 1), else_=0)
    return (
        sa.select(
            Task.project_id,
            sa.func.count(),
            sa.func.sum(enough),
            sa.func.sum(some),
            sa.func.sum(Task.total_annotations),
            sa.func.sum(Task.cancelled_annotations),
            sa.func.sum(Task.total_predictions),
        )
        .join(Project, Project.id == Task.project_id)
        .where(Task.project_id.in_(ids))
        .group_by(Task.project_id)
    )


def _ground_truths(session: Session, ids: list[int]) -> dict[int, int]:
    rows = session.execute(
        sa.select(Annotation.project_id, sa.func.count())
        .where(
            Annotation.project_id.in_(ids),
            Annotation.ground_truth,
            Annotation.state != AnnotationState.SKIPPED,
            Annotation.is_work,
        )
        .group_by(Annotation.project_id)
    )
    return {number: count for number, count in rows}


def _done_by(session: Session, ids: list[int], asker: User) -> dict[int, int]:
    rows = session.execute(
        sa.select(Assignment.project_id, sa.func.count())
        .where(
            Assignment.project_id.in_(ids),
            Assignment.user_id == asker.id,
            Assignment.state.in_((AssignmentState.SUBMITTED, AssignmentState.SKIPPED)),
            sa.or_(Assignment.purpose.is_(None), Assignment.purpose != "exam"),
        )
        .group_by(Assignment.project_id)
    )
    return {number: count for number, count in rows}


def tasks_of(session: Session, project: Project) -> int:
    """Count a project's tasks."""
    query = sa.select(sa.func.count()).where(Task.project_id == project.id)
    return int(session.scalar(query) or 0)


def data_keys(session: Session, project: Project, look_at: int = 100) -> list[str]:
    """List the data keys of the config and of the project's first tasks."""
    keys = dict.fromkeys(project.data_keys)
    found = session.scalars(
        sa.select(Task.data).where(Task.project_id == project.id).order_by(Task.id).limit(look_at)
    )
    for text in found:
        keys.update(dict.fromkeys(msgspec.json.decode(text)))
    return list(keys)


def annotators(session: Session, project: Project) -> list[User]:
    """List who has annotated or skipped a task of the project, by id."""
    worked = sa.exists().where(
        Assignment.project_id == project.id,
        Assignment.user_id == User.id,
        Assignment.state != AssignmentState.RESERVED,
        Assignment.purpose.is_(None),
    )
    return list(session.scalars(sa.select(User).where(worked).order_by(User.id)))
