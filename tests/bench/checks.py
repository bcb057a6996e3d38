"""Check after a load that nothing was lost, doubled or handed out twice."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from jinbiao.datasets import audit
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.assignments import Assignment, AssignmentState, GroupTask
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.tasks import QueuedTask, Task, TaskState


def books(installation: Installation, project_id: int, overlap: int) -> list[str]:
    """List what is wrong with who has which task: nobody twice, no task too often, none lost.

    Skips are not counted: whoever skipped gave the place back.
    """
    kept = (
        sa.select(
            Assignment.task_id,
            sa.func.count().label("people"),
            sa.func.count(Assignment.user_id.distinct()).label("different"),
        )
        .where(
            Assignment.project_id == project_id,
            Assignment.state != AssignmentState.SKIPPED,
            Assignment.purpose.is_(None),
        )
        .group_by(Assignment.task_id)
        .subquery()
    )
    total = sa.func.coalesce(sa.func.sum(kept.c.people), 0)
    too_often = sa.func.sum(sa.case((kept.c.people > overlap, 1), else_=0))
    twice = sa.func.sum(sa.case((kept.c.people > kept.c.different, 1), else_=0))
    with installation.database.read() as session:
        held, often, double = session.execute(
            sa.select(total, sa.func.coalesce(too_often, 0), sa.func.coalesce(twice, 0))
        ).one()
        open_slots = sum(
            session.scalar(
                sa.select(sa.func.coalesce(sa.func.sum(table.open_slots), 0)).where(
                    table.project_id == project_id
                )
            )
            or 0
            for table in (QueuedTask, GroupTask)
        )
        tasks = session.scalar(
            sa.select(sa.func.count()).where(
                Task.project_id == project_id, Task.state != TaskState.WITHDRAWN
            )
        )
    found = []
    if held + open_slots != overlap * (tasks or 0):
        found.append(f"{held} holds + {open_slots} open slots != {overlap} x {tasks} tasks")
    if often:
        found.append(f"{often} tasks were handed out more than {overlap} times")
    if double:
        found.append(f"{double} tasks were handed to somebody twice")
    return found


def faults(
    installation: Installation, project_id: int, overlap: int, made: Sequence[Sequence[int]]
) -> list[str]:
    """List what is wrong with a project whose clients were told that they made these.

    `made` are pairs of annotation and task; all the project's annotations must be among them.
    """
    with installation.database.read() as session:

        def number(query: sa.Select[tuple[int]]) -> int:
            return int(session.scalar(query) or 0)

        count = sa.func.count()
        tasks = number(sa.select(count).where(Task.project_id == project_id))
        held = number(sa.select(count).where(Assignment.project_id == project_id))
        open_slots = number(
            sa.select(sa.func.sum(QueuedTask.open_slots)).where(QueuedTask.project_id == project_id)
        )
        stored = session.execute(
            sa.select(Annotation.id, Annotation.task_id, Annotation.completed_by).where(
                Annotation.project_id == project_id
            )
        ).all()
        verdict = audit.verify(session)
    found = []
    if held + open_slots != overlap * tasks:
        found.append(f"{held} assignments + {open_slots} open slots != {overlap} x {tasks} tasks")
    if held != len(made):
        found.append(f"{held} assignments for {len(made)} answers")
    if sorted((row[0], row[1]) for row in stored) != sorted((a, t) for a, t in made):
        found.append(f"{len(stored)} annotations are stored, {len(made)} were acknowledged")
    if len({(row[1], row[2]) for row in stored}) != len(stored):
        found.append("somebody annotated a task twice")
    if verdict.fault is not None:
        found.append(f"the audit chain: {verdict.fault}")
    return found
