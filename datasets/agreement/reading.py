"""Read who said what of which task, a task at a time: one statement, whatever the project holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..annotations import Annotation, AnnotationState
from ..errors import _
from ..predictions import Prediction
from ..projects import Project
from ..tasks import Task
from .results import Result

ROWS = 200  # held at once
MOST_TASKS = 100_000  # compared while somebody waits: some ten seconds
_decoder = msgspec.json.Decoder(list[Any])


@dataclass
class Sheet:
    """What was said of one task: each person's newest answer, each model's newest, the truth.

    Skips are left out. `truth` is (who called it so, the answer) of the newest ground truth.
    """

    task_id: int
    people: dict[int, Result] = field(default_factory=dict)
    models: dict[str, Result] = field(default_factory=dict)
    truth: tuple[int, Result] | None = None
    # All answers of people, also their older ones; only `of_task` lists them.
    every: list[Result] = field(default_factory=list)


def of_task(session: Session, task: Task) -> Sheet:
    """Return what was said of one task, in two statements."""
    sheet = Sheet(task.id)
    for row in session.execute(_answers().where(Annotation.task_id == task.id)):
        sheet.every.append(_add(sheet, row))
    said = sa.select(Prediction.model_version, Prediction.result)
    for version, result in session.execute(
        said.where(Prediction.task_id == task.id).order_by(Prediction.id)
    ):
        sheet.models[version] = _decoder.decode(result)
    return sheet


def answered_twice(
    session: Session, project: Project, task_ids: Sequence[int] | None = None
) -> Iterator[Sheet]:
    """Give the tasks with two answers or more, or those among some, by id."""
    query = _answers().join(Task, Task.id == Annotation.task_id)
    query = query.where(Task.project_id == project.id, Task.total_annotations >= 2)
    if task_ids is not None:
        query = query.where(Task.id.in_(task_ids))
    for task_id, rows in _by_task(session, query):
        sheet = Sheet(task_id)
        for row in rows:
            _add(sheet, row)
        yield sheet


def predicted(
    session: Session, project: Project, model_version: str | None = None
) -> Iterator[Sheet]:
    """Give the tasks that have answers of people and of a model (or of any), by id."""
    query = (
        _answers()
        .add_columns(Prediction.id, Prediction.model_version, Prediction.result)
        .join(Prediction, Prediction.task_id == Annotation.task_id)
        .where(Prediction.project_id == project.id)
        .order_by(None)
        .order_by(Annotation.task_id, Annotation.id, Prediction.id)
    )
    if model_version is not None:
        query = query.where(Prediction.model_version == model_version)
    for task_id, rows in _by_task(session, query):
        sheet, before = Sheet(task_id), 0
        seen: dict[int, Result] = {}
        for row in rows:
            if row[1] != before:
                _add(sheet, row)
                before = row[1]
            number, version, result = row[5:]
            if number not in seen:
                seen[number] = sheet.models[version] = _decoder.decode(result)
        yield sheet


def predicted_twice(session: Session, project: Project, model_version: str) -> Iterator[Sheet]:
    """Give the tasks that this model version answered, with what the others said, by id."""
    mine = sa.select(Prediction.task_id).where(
        Prediction.project_id == project.id, Prediction.model_version == model_version
    )
    query = (
        sa.select(Prediction.task_id, Prediction.id, Prediction.model_version, Prediction.result)
        .join(Task, Task.id == Prediction.task_id)
        .where(Task.project_id == project.id, Task.total_predictions >= 2, Task.id.in_(mine))
        .order_by(Prediction.task_id, Prediction.id)
    )
    for task_id, rows in _by_task(session, query):
        sheet = Sheet(task_id)
        for _task, _id, version, result in rows:
            sheet.models[version] = _decoder.decode(result)
        yield sheet


def _answers() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Annotation.task_id,
            Annotation.id,
            Annotation.completed_by,
            Annotation.ground_truth,
            Annotation.result,
        )
        .where(Annotation.state != AnnotationState.SKIPPED, Annotation.is_work)
        .order_by(Annotation.task_id, Annotation.id)
    )


def _by_task(
    session: Session, query: sa.Select[*tuple[Any, ...]]
) -> Iterator[tuple[int, Iterable[Any]]]:
    found = session.execute(query.execution_options(yield_per=ROWS))
    with closing(found):
        for number, group in enumerate(groupby(found, key=lambda row: row[0])):
            if number >= MOST_TASKS:
                raise errors.TooLarge(
                    _("agreement is told of at most %(most)s tasks at once"), most=MOST_TASKS
                )
            yield group


def _add(sheet: Sheet, row: Any) -> Result:
    person, is_truth, result = row[2:5]
    said: Result = _decoder.decode(result)
    sheet.people[person] = said
    if is_truth:
        sheet.truth = person, said
    return said
