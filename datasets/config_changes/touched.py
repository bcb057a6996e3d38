"""Count what a change of labels would touch, before anything is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import models, permissions
from ..annotations import Annotation, Draft
from ..people import User
from ..predictions import Prediction
from ..projects import Project
from ..reviews import Review
from ..tasks import Task
from .results import moved
from .steps import Act, Step

ROWS = 500  # held at once
_decoder = msgspec.json.Decoder(list[dict[str, Any]])


@dataclass
class Touched:
    """What a change touches; `regions` counts them by (control, old label).

    `looked_at` are the annotations whose people must look again, by the ids of their tasks.
    """

    annotations: Counter[str] = field(default_factory=Counter)
    regions: Counter[tuple[str, str]] = field(default_factory=Counter)
    fixes: int = 0
    drafts: int = 0
    predictions: int = 0
    models: int = 0
    people: set[int] = field(default_factory=set)
    looked_at: set[int] = field(default_factory=set)

    def to_plain(self) -> dict[str, Any]:
        """Return the counts as they are kept and sent."""
        return {
            "annotations": sum(self.annotations.values()),
            "by_state": dict(sorted(self.annotations.items())),
            "regions": [
                {"control": control, "label": label, "number": number}
                for (control, label), number in sorted(self.regions.items())
            ],
            "fixes": self.fixes,
            "drafts": self.drafts,
            "predictions": self.predictions,
            "models": self.models,
            "people": len(self.people),
            "tasks_looked_at_again": len(self.looked_at),
        }


def count(session: Session, actor: User, project: Project, steps: Sequence[Step]) -> Touched:
    """Count what the steps would touch in a project; every row that may be is read once.

    Raises:
        errors.Forbidden: the actor may not change the project.
    """
    permissions.require(actor, "project.change", project)
    told = Touched(models=len(models.of_project(session, project)))
    found = sa.select(
        Annotation.task_id, Annotation.state, Annotation.completed_by, Annotation.result
    ).where(Annotation.project_id == project.id, holds(Annotation.result, steps))
    for task_id, state, person, result in _rows(session, found):
        change = moved(_decoder.decode(result), steps)
        if change is not None:
            told.annotations[state] += 1
            told.regions.update(change.regions)
            told.people.add(person)
            if change.is_undecided:
                told.looked_at.add(task_id)
    told.fixes = _number(
        session,
        sa.select(Review.result).where(
            Review.project_id == project.id,
            Review.result.is_not(None),
            holds(Review.result, steps),
        ),
        steps,
    )
    told.drafts = _number(session, drafts_of(project, steps), steps)
    told.predictions = _number(
        session,
        sa.select(Prediction.result).where(
            Prediction.project_id == project.id, holds(Prediction.result, steps)
        ),
        steps,
    )
    if looks_again(steps):
        told.looked_at |= set(session.scalars(labelled_tasks(project)))
    return told


def looks_again(steps: Sequence[Step]) -> bool:
    """Tell whether all work is to be looked at again, for a label that is new."""
    return any(step.act == Act.ADD and step.look_again for step in steps)


def labelled_tasks(project: Project) -> sa.Select[int]:
    """Select the ids of the tasks that somebody has answered."""
    return sa.select(Task.id).where(Task.project_id == project.id, Task.total_annotations > 0)


def drafts_of(project: Project, steps: Sequence[Step]) -> sa.Select[str]:
    """Select the drafts' results in which the steps may find something."""
    return (
        sa.select(Draft.result)
        .join(Task, Task.id == Draft.task_id)
        .where(Task.project_id == project.id, holds(Draft.result, steps))
    )


def holds(column: Any, steps: Sequence[Step]) -> sa.ColumnElement[bool]:
    """Tell that a result's text holds one of the old labels: only then need it be read."""
    words = {label for step in steps for label in step.moves}
    if not words:
        return sa.false()
    # As msgspec writes them into what is stored.
    written = (msgspec.json.encode(word).decode() for word in sorted(words))
    return sa.or_(*(column.contains(text, autoescape=True) for text in written))


def _number(session: Session, query: Any, steps: Sequence[Step]) -> int:
    found = _rows(session, query)
    return sum(moved(_decoder.decode(result), steps) is not None for (result,) in found)


def _rows(session: Session, query: Any) -> Iterator[Any]:
    with closing(session.execute(query.execution_options(yield_per=ROWS))) as rows:
        yield from rows
