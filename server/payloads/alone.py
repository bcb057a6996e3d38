"""Say what a task is to somebody who is not to know what others made of it.

Where a project checks people by gold tasks, an annotator sees every task as if they were alone
in the project: else the numbers of a gold task, which was done long ago, would give it away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from ...datasets import gold, permissions, tasks, totals
from ...datasets.annotations import Annotation, AnnotationState
from ...datasets.people import User
from ...datasets.projects import Project
from ...datasets.tasks import Task, TaskState
from ...datasets.totals import Totals

_STATES = {
    AnnotationState.SUBMITTED: TaskState.LABELLED,
    AnnotationState.ACCEPTED: TaskState.ACCEPTED,
    AnnotationState.REJECTED: TaskState.RETURNED,
    AnnotationState.SKIPPED: TaskState.SKIPPED,
}


@dataclass(frozen=True)
class Standing:
    """How far a task is."""

    state: str
    total: int
    cancelled: int
    updated_at: dt.datetime
    updated_by: int | None


def is_alone(asker: User, project: Project) -> bool:
    """Tell whether somebody sees a project's tasks as if they were alone."""
    return gold.is_on(project) and not permissions.allows(asker, "annotation.read")


def standing(asker: User, project: Project, row: Task, made: Sequence[Annotation]) -> Standing:
    """Return how far a task is as the asker may know it; `made` is what they see of it."""
    if not is_alone(asker, project):
        sees_others = permissions.allows(asker, "annotation.read") or row.updated_by == asker.id
        return Standing(
            row.state,
            row.total_annotations,
            row.cancelled_annotations,
            row.updated_at,
            row.updated_by if sees_others else None,
        )
    cancelled = sum(each.was_cancelled for each in made)
    return Standing(
        _STATES[AnnotationState(made[-1].state)] if made else TaskState.WAITING,
        len(made) - cancelled,
        cancelled,
        max((each.updated_at for each in made), default=row.created_at),
        asker.id if made else None,
    )


def totals_of(session: Session, asker: User, rows: Iterable[Project]) -> dict[int, Totals]:
    """Return project id → its totals as the asker may know them.

    A check is no work and counts nowhere: whoever reads the totals before and after an answer
    of theirs would see which of them was one. Alone in a project, the work is their own.
    """
    wanted = {row.id: row for row in rows}
    found = totals.of_projects(session, wanted.values(), asker)
    return {
        number: _own(told) if is_alone(asker, wanted[number]) else told
        for number, told in found.items()
    }


def states_of(session: Session, asker: User, rows: Iterable[Project]) -> dict[int, dict[str, int]]:
    """Return project id → state → how many tasks are there, as the asker may know it."""
    wanted = {row.id: row for row in rows}
    found = tasks.counts(session, wanted)
    hidden = [row for row in wanted.values() if is_alone(asker, row)]
    return found | {
        number: _own_states(told)
        for number, told in totals.of_projects(session, hidden, asker).items()
    }


def _own(told: Totals) -> Totals:
    done = min(told.done_by_asker, told.tasks)
    return replace(
        told,
        finished_tasks=done,
        tasks_with_annotations=done,
        annotations=done,
        skips=0,
        ground_truths=0,
    )


def _own_states(told: Totals) -> dict[str, int]:
    done = min(told.done_by_asker, told.tasks)
    states = {TaskState.WAITING.value: told.tasks - done, TaskState.LABELLED.value: done}
    return {state: number for state, number in states.items() if number}
