"""Check after a load that nothing was lost, doubled or handed out twice."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from jinbiao.datasets import audit
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.tasks import QueuedTask, Task


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
