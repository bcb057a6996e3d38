"""List a project's gold with what people made of it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import permissions
from ..people import User
from ..projects import Project
from ..quality.intervals import Figure
from ..tasks import Task
from .rows import GoldTask
from .scoring import pass_rates


@dataclass(frozen=True)
class Listed:
    """A gold task with its task and the share of its answers that passed."""

    gold: GoldTask
    task: Task
    passed: Figure


def page(
    session: Session,
    actor: User,
    project: Project,
    *,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Listed]:
    """List gold tasks by id, from after `after`; keyset paging."""
    permissions.require(actor, "gold.manage", project)
    query = (
        sa.select(GoldTask, Task)
        .join(Task, Task.id == GoldTask.task_id)
        .where(GoldTask.project_id == project.id, GoldTask.id > after)
        .order_by(GoldTask.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(GoldTask.state == state)
    rows = session.execute(query).all()
    passed = pass_rates(session, [gold.id for gold, _task in rows])
    return [Listed(gold, task, passed[gold.id]) for gold, task in rows]


def counts(session: Session, project: Project) -> dict[str, int]:
    """Count a project's gold tasks by state."""
    query = sa.select(GoldTask.state, sa.func.count()).where(GoldTask.project_id == project.id)
    return {state: number for state, number in session.execute(query.group_by(GoldTask.state))}
