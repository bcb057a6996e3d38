"""Keep what models said: predictions beside the task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, labels, permissions
from .db import Base, Id, insert_many, insert_new, now
from .errors import Problem, _
from .people import User
from .projects import Project
from .tasks import Task, TaskState

CHUNK = 1000  # ids in one statement
MOST_PROBLEMS = 20  # that one answer lists


class Prediction(Base):
    """One model's answer for one task; our workers let a model answer a task once."""

    __tablename__ = "predictions"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "model_version", "number"),
        sa.Index("ix_predictions_project_id", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    trained_model_id: Mapped[int | None] = mapped_column(sa.ForeignKey("trained_models.id"))
    model_version: Mapped[str] = mapped_column(sa.String(140))
    # 0 for the first answer of this model version; others that somebody brings count on.
    number: Mapped[int] = mapped_column(default=0)
    score: Mapped[float | None]
    result: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the result, decoded."""
        return list(msgspec.json.decode(self.result))


def add_in_bulk(session: Session, rows: list[dict[str, Any]], *, counted: bool = True) -> int:
    """Insert predictions, leaving out those that are there already; return how many.

    Each row has `project_id`, `task_id`, `trained_model_id`, `model_version`, `score`,
    `result` (JSON text) and perhaps `number`. The tasks' numbers follow unless `counted`
    is False, for tasks that were inserted with them (then `number` is there).
    """
    at = now()
    if not counted:
        # Nobody else can have one of a task that nobody has seen yet.
        common = {"created_at": at, "updated_at": at}
        insert_many(session, Prediction, rows, common)
        return len(rows)
    ordered = sorted(rows, key=lambda row: int(row["task_id"]))
    inserted = insert_new(
        session,
        Prediction,
        [{"number": 0, **row, "created_at": at, "updated_at": at} for row in ordered],
    )
    recount(session, {int(row["task_id"]) for row in rows})
    return inserted


def recount(session: Session, task_ids: Iterable[int]) -> None:
    """Bring the tasks' number of predictions in line with what is there."""
    wanted = sorted(task_ids)
    held = (
        sa.select(sa.func.count())
        .where(Prediction.task_id == Task.id)
        .correlate(Task)
        .scalar_subquery()
    )
    for start in range(0, len(wanted), CHUNK):
        session.execute(
            sa.update(Task)
            .where(Task.id.in_(wanted[start : start + CHUNK]))
            .values(total_predictions=held)
            .execution_options(synchronize_session=False)
        )


def next_numbers(session: Session, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return (task id, model version) → the number that its next prediction gets."""
    wanted = set(keys)
    tasks = sorted({task_id for task_id, _version in wanted})
    found: dict[tuple[int, str], int] = {}
    for start in range(0, len(tasks), CHUNK):
        rows = session.execute(
            sa.select(Prediction.task_id, Prediction.model_version, sa.func.max(Prediction.number))
            .where(Prediction.task_id.in_(tasks[start : start + CHUNK]))
            .group_by(Prediction.task_id, Prediction.model_version)
        )
        found.update({(task_id, version): number + 1 for task_id, version, number in rows})
    return found


@dataclass(frozen=True)
class NewPrediction:
    """A prediction that somebody brings; `place` is where it stood in what they sent."""

    task_id: int
    result: Any
    model_version: str = ""
    score: float | None = None
    place: str = ""


def bring(
    session: Session, actor: User, project: Project, given: Sequence[NewPrediction]
) -> list[int]:
    """Add predictions of programs outside, all or none; return their ids.

    Several of one model version for a task are kept.

    Raises:
        errors.Invalid: a task is not of this project, or the config does not allow a
            result; the first places are named.
    """
    permissions.require(actor, "prediction.write", project)
    tasks = _tasks(session, project, {each.task_id for each in given})
    texts = _checked(project, tasks, given)
    numbers = next_numbers(session, {(each.task_id, each.model_version) for each in given})
    rows = []
    for each, text in zip(given, texts, strict=True):
        key = (each.task_id, each.model_version)
        number = numbers.get(key, 0)
        numbers[key] = number + 1
        rows.append(
            {
                "project_id": project.id,
                "task_id": each.task_id,
                "trained_model_id": None,
                "model_version": each.model_version,
                "number": number,
                "score": each.score,
                "result": text,
            }
        )
    before = session.scalar(sa.select(sa.func.max(Prediction.id))) or 0
    add_in_bulk(session, rows)
    audit.record(session, actor, "prediction.bring", f"project/{project.id}", number=len(rows))
    made = sa.select(Prediction.id).where(
        Prediction.id > before,
        Prediction.project_id == project.id,
        Prediction.task_id.in_(sorted(tasks)[:CHUNK]),
    )
    return list(session.scalars(made.order_by(Prediction.id))) if len(rows) <= CHUNK else []


def get(
    session: Session, user: User | None, prediction_id: int, action: str
) -> tuple[Prediction, Task, Project]:
    """Return a prediction with its task and project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Prediction, Task, Project)
        .join(Task, Task.id == Prediction.task_id)
        .join(Project, Project.id == Prediction.project_id)
        .where(Prediction.id == prediction_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[2]):
        raise errors.NotFound(_("there is no prediction %(id)s"), id=prediction_id)
    permissions.require(user, action, found[2])
    return found[0], found[1], found[2]


def change(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    prediction: Prediction,
    *,
    result: Any = None,
    score: float | None = None,
    model_version: str | None = None,
) -> None:
    """Replace what is given of a prediction.

    Raises:
        errors.Invalid: the config does not allow the result.
    """
    permissions.require(actor, "prediction.write", project)
    if result is not None:
        prediction.result = _text_of(project, task.data_values, result, "result")
    if score is not None:
        prediction.score = score
    if model_version is not None and model_version != prediction.model_version:
        key = (task.id, model_version)
        prediction.number = next_numbers(session, {key}).get(key, 0)
        prediction.model_version = model_version
    prediction.updated_at = now()
    audit.record(session, actor, "prediction.change", f"prediction/{prediction.id}")


def remove(session: Session, actor: User, project: Project, prediction: Prediction) -> None:
    """Delete a prediction; annotations that began from it stay."""
    permissions.require(actor, "prediction.write", project)
    task_id = prediction.task_id
    session.delete(prediction)
    session.flush()
    recount(session, {task_id})
    audit.record(session, actor, "prediction.delete", f"prediction/{prediction.id}")


def versions(session: Session, project: Project) -> list[tuple[str, int, dt.datetime]]:
    """List (model version, how many, when the latest was made), the latest first."""
    latest = sa.func.max(Prediction.created_at)
    rows = session.execute(
        sa.select(Prediction.model_version, sa.func.count(), latest)
        .where(Prediction.project_id == project.id)
        .group_by(Prediction.model_version)
        .order_by(latest.desc(), Prediction.model_version)
    )
    return [(version, number, at) for version, number, at in rows]


def _tasks(session: Session, project: Project, ids: set[int]) -> dict[int, str]:
    """Return id → data of the project's tasks among the ids."""
    wanted = sorted(ids)
    found: dict[int, str] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = session.execute(
            sa.select(Task.id, Task.data).where(
                Task.project_id == project.id, Task.id.in_(wanted[start : start + CHUNK])
            )
        )
        found.update({task_id: data for task_id, data in rows})
    return found


def _checked(project: Project, tasks: dict[int, str], given: Sequence[NewPrediction]) -> list[str]:
    texts: list[str] = []
    problems: list[Problem] = []
    for each in given:
        if each.task_id not in tasks:
            place = f"{each.place}.task" if each.place else "task"
            values = {"id": each.task_id}
            problems.append(Problem(place, _("there is no task %(id)s in this project"), values))
            continue
        try:
            data = msgspec.json.decode(tasks[each.task_id])
            place = f"{each.place}.result" if each.place else ""
            texts.append(_text_of(project, data, each.result, place))
        except errors.Invalid as problem:
            problems += problem.problems
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise errors.Invalid(
            _("the labelling config does not allow this result"), problems=problems
        )
    return texts


def _text_of(project: Project, data: dict[str, Any], result: Any, place: str) -> str:
    """Return a result as JSON text; regions without an id get one, as the editor needs."""
    result = labels.named(result)
    problems = labels.check_result(project.config, result, data=data)
    if problems:
        moved = [
            Problem(p.place.replace("result", place, 1) if place else p.place, p.message, p.values)
            for p in problems
        ]
        raise errors.Invalid(_("the labelling config does not allow this result"), problems=moved)
    return msgspec.json.encode(result).decode()


_OF_TASKS = (
    sa.select(Prediction)
    .where(Prediction.task_id.in_(sa.bindparam("tasks", expanding=True)))
    .order_by(Prediction.id.desc())
)


def of_tasks(session: Session, task_ids: Iterable[int]) -> dict[int, list[Prediction]]:
    """Return task id → its predictions, newest first, in one query."""
    found: dict[int, list[Prediction]] = {}
    for row in session.scalars(_OF_TASKS, {"tasks": list(task_ids)}):
        found.setdefault(row.task_id, []).append(row)
    return found


def of_project(
    session: Session, project: Project, *, after: int = 0, limit: int = 1000
) -> list[Prediction]:
    """List a project's predictions by id, from after `after`; keyset paging."""
    query = sa.select(Prediction).where(Prediction.project_id == project.id, Prediction.id > after)
    return list(session.scalars(query.order_by(Prediction.id).limit(limit)))


def tasks_of(session: Session, project: Project, model_version: str) -> list[int]:
    """List the ids of the tasks that a model version answered."""
    query = sa.select(Prediction.task_id).where(
        Prediction.project_id == project.id, Prediction.model_version == model_version
    )
    return list(session.scalars(query.distinct()))


def unpredicted(
    session: Session, project: Project, model_version: str, *, after: int, limit: int
) -> list[Task]:
    """List tasks that wait for people and lack this model's prediction, by id."""
    has_one = sa.exists().where(
        Prediction.task_id == Task.id, Prediction.model_version == model_version
    )
    return list(
        session.scalars(
            sa.select(Task)
            .where(
                Task.project_id == project.id,
                Task.state == TaskState.WAITING,
                Task.id > after,
                ~has_one,
            )
            .order_by(Task.id)
            .limit(limit)
        )
    )


def count_unpredicted(
    session: Session, project: Project, model_version: str, *, after: int = 0
) -> int:
    """Count the tasks that `unpredicted` would list."""
    has_one = sa.exists().where(
        Prediction.task_id == Task.id, Prediction.model_version == model_version
    )
    query = sa.select(sa.func.count(Task.id)).where(
        Task.project_id == project.id,
        Task.state == TaskState.WAITING,
        Task.id > after,
        ~has_one,
    )
    return int(session.scalar(query) or 0)


def count(session: Session, project: Project) -> int:
    """Count the tasks of a project that a model has looked at."""
    query = sa.select(sa.func.count(sa.distinct(Prediction.task_id))).where(
        Prediction.project_id == project.id
    )
    return int(session.scalar(query) or 0)
