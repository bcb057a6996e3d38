"""Give one page of the tasks that somebody wants to see, and the ids of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..projects import Project
from ..tasks import Task
from .filters import Query


@dataclass(frozen=True)
class Page:
    """A page of tasks, and what all pages together hold."""

    tasks: list[Task]
    total: int
    annotations: int
    predictions: int


def page(
    session: Session,
    project: Project,
    query: Query,
    *,
    page: int,
    size: int,
    only_annotated: bool = False,
) -> Page:
    """Return a page of a project's tasks with the totals of all that the query finds.

    Raises:
        errors.Invalid: a column, operator or value of the query is not usable.
    """
    dialect = session.get_bind().dialect.name
    conditions = [Task.project_id == project.id]
    if not query.is_plain:
        conditions.append(query.condition(dialect))
    if only_annotated:
        conditions.append(Task.total_annotations > 0)
    total, annotations, predictions = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(Task.total_annotations), 0),
            sa.func.coalesce(sa.func.sum(Task.total_predictions), 0),
        ).where(*conditions)
    ).one()
    # The ids first: an index alone gives them, however far the page lies from the start.
    wanted = list(
        session.scalars(
            sa.select(Task.id)
            .where(*conditions)
            .order_by(*query.order(dialect))
            .offset((page - 1) * size)
            .limit(size)
        )
    )
    rows = {row.id: row for row in session.scalars(sa.select(Task).where(Task.id.in_(wanted)))}
    found = [rows[task_id] for task_id in wanted if task_id in rows]
    return Page(found, int(total), int(annotations), int(predictions))


def chosen(session: Session, project: Project, query: Query) -> list[int]:
    """List the ids of all tasks that the query finds.

    Raises:
        errors.Invalid: a column, operator or value of the query is not usable.
    """
    condition = query.condition(session.get_bind().dialect.name)
    found = sa.select(Task.id).where(Task.project_id == project.id, condition)
    return list(session.scalars(found.order_by(Task.id)))
