"""How much people and models agree: as Label Studio's clients expect it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import agreement, errors, people, projects, reviews, tasks
from ..datasets import annotations as annotation_rows
from ..datasets.agreement import Matrix, Score
from ..datasets.errors import _
from ..datasets.people import User
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("agreement", __name__)
_STATS = "/api/projects/<int:project_id>/stats"
_MODEL = "/api/projects/<int:project_id>/model-stats/<path:model_version>"
_CHOSEN = "selection[%s][ids]"
ByPerson = Callable[..., dict[int, Score]]


@routes.get("/api/tasks/<int:task_id>/agreement/")
@allows("annotation.read")
def of_task(task_id: int) -> Response:
    """Tell how much the answers of a task agree, from 0 to 1, and count their labels."""
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.read")
        found = agreement.of_task(session, user(), project, task)
        known = people.by_ids(session, found.people)
        hidden = _hides(session, project, [task.id])
    return payloads.answer(
        {
            "total_annotations": found.answers,
            "agreement": found.agreement,
            "controls": found.controls,
            "distributions": found.distribution,
            "matrix": _square(found.people, found.pairs),
            "users": _people(found.people, known, hidden),
        }
    )


@routes.get("/api/projects/<int:project_id>/tasks/<int:task_id>/agreement-matrix")
@allows("annotation.read")
def matrix_of_task(project_id: int, task_id: int) -> Response:
    """Tell how much each two of the chosen people and models agree about a task.

    `selection[annotators][all]`, `selection[annotators][ids]` and the same of `models`
    choose them; all people are meant unless somebody is chosen.
    """
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.read")
        if project.id != project_id:
            raise errors.NotFound(_("there is no task %(id)s"), id=task_id)
        found = agreement.of_task(session, user(), project, task)
        known = people.by_ids(session, found.people)
        hidden = _hides(session, project, [task.id])
        if hidden and request.args.getlist(_CHOSEN % "annotators"):
            raise errors.Forbidden(_("in this project reviewers are not told who made what"))
    said: list[int | str] = [*found.people, *found.models]
    wanted = [each for each in said if _is_selected(each)]
    makers = [each for each in wanted if isinstance(each, int)]
    users = [{**each, "type": "annotator"} for each in _people(makers, known, hidden)]
    users += [
        {"id": each, "model_version": each, "type": "model"}
        for each in wanted
        if isinstance(each, str)
    ]
    return payloads.answer({"matrix": _square(wanted, found.pairs), "users": users})


@routes.get(f"{_STATS}/total_agreement")
@allows("annotation.read")
def total(project_id: int) -> Response:
    """Tell the mean agreement of a project's tasks that two people or more have answered."""
    with _read(project_id) as (session, project):
        found = agreement.total(session, user(), project, per_label=_per_label())
    return payloads.answer({"total_agreement": found})


@routes.get(f"{_STATS}/IAA")
@allows("annotation.read")
def between_people(project_id: int) -> Response:
    """Tell how much each two people agree over the tasks that both have answered."""
    per_label = _per_label()
    with_deviation = payloads.flag(request.args, "std")
    with _read(project_id) as (session, project):
        chosen = payloads.numbers(request.args, "task")
        found = agreement.matrix(session, user(), project, task_ids=chosen, per_label=per_label)
        known = people.by_ids(session, found.people)
        users = _people(found.people, known, _hides(session, project, chosen))
    told = _by_label(found) if per_label else _plain(found)
    if not with_deviation:
        told.pop("std")
    return payloads.answer({**told, "users": users})


@routes.get(f"{_STATS}/agreement_annotator/<int:user_id>")
@allows("annotation.read")
def of_person(project_id: int, user_id: int) -> Response:
    """Tell how much somebody agrees with others who answered the same tasks."""
    with _read(project_id) as (session, project):
        found = agreement.of_people(session, user(), project, [user_id])
    return payloads.answer({"Agreement_per_annotator": found[user_id]})


@routes.get(f"{_STATS}/agreement_annotators")
@allows("annotation.read")
def of_people(project_id: int) -> Response:
    """Tell how much each of some people (`ids`) agrees with the others."""
    with _read(project_id) as (session, project):
        found = agreement.of_people(session, user(), project, _ids())
    return payloads.answer({"agreement": _named(found)})


@routes.get(f"{_STATS}/agreement-groundtruth")
@allows("annotation.read")
def with_truth(project_id: int) -> Response:
    """Tell how much each of some people (`ids`) agrees with the ground truth."""
    return payloads.answer({"agreement": _named(_of(project_id, agreement.with_truth))})


@routes.get("/api/projects/<int:project_id>/users/<int:user_id>/stats/agreement-groundtruth")
@allows("annotation.read")
def person_with_truth(project_id: int, user_id: int) -> Response:
    """Tell how much somebody agrees with the ground truth."""
    found = _of(project_id, agreement.with_truth, [user_id])
    return payloads.answer({"agreement": found[user_id]})


@routes.get("/api/projects/<int:project_id>/user-stats/prediction")
@allows("annotation.read")
def with_predictions(project_id: int) -> Response:
    """Tell how much each of some people (`ids`) agrees with what models predicted."""
    found = _of(project_id, agreement.with_predictions)
    return payloads.answer({"agreement": _named(found)})


@routes.get("/api/projects/<int:project_id>/user-stats/<int:user_id>/prediction")
@allows("annotation.read")
def person_with_predictions(project_id: int, user_id: int) -> Response:
    """Tell how much somebody agrees with what models predicted."""
    found = _of(project_id, agreement.with_predictions, [user_id])
    return payloads.answer({"average_prediction_agreement_per_user": found[user_id]})


@routes.get(f"{_MODEL}/agreement")
@allows("annotation.read")
def of_model(project_id: int, model_version: str) -> Response:
    """Tell how much a model version agrees with people's answers."""
    with _read(project_id) as (session, project):
        found = agreement.of_model(session, user(), project, model_version)
    return payloads.answer({"agreement": found})


@routes.get(f"{_MODEL}/agreement-groundtruth")
@allows("annotation.read")
def of_model_with_truth(project_id: int, model_version: str) -> Response:
    """Tell how much a model version agrees with the ground truth."""
    with _read(project_id) as (session, project):
        found = agreement.of_model_with_truth(
            session, user(), project, model_version, per_label=_per_label()
        )
    return payloads.answer({"agreement": found})


@routes.get(f"{_MODEL}/prediction")
@allows("annotation.read")
def of_model_with_others(project_id: int, model_version: str) -> Response:
    """Tell how much a model version agrees with the others' predictions of the same tasks."""
    with _read(project_id) as (session, project):
        found = agreement.of_model_with_others(
            session, user(), project, model_version, per_label=_per_label()
        )
    return payloads.answer({"average_prediction_agreement_per_model": found})


@contextmanager
def _read(project_id: int) -> Iterator[tuple[Session, Project]]:
    with installation().database.read() as session:
        yield session, projects.get(session, user(), project_id, "annotation.read")


def _of(project_id: int, measure: ByPerson, ids: list[int] | None = None) -> dict[int, Score]:
    """Measure some people: those of the address unless they are told."""
    with _read(project_id) as (session, project):
        return measure(session, user(), project, ids or _ids(), per_label=_per_label())


def _per_label() -> bool:
    return payloads.flag(request.args, "per_label")


def _ids() -> list[int]:
    found = payloads.numbers(request.args, "ids")
    if found is None:
        raise errors.Invalid(_("say whose numbers are wanted"), place="ids")
    return found


def _named(found: dict[int, Score]) -> dict[str, Score]:
    return {str(number): score for number, score in found.items()}


def _hides(session: Session, project: Project, task_ids: Iterable[int] | None) -> bool:
    """Tell whether the asker is not to know who made one of the answers of these tasks."""
    if reviews.are_blind_for(user(), project):
        return True
    made = annotation_rows.of_tasks(session, task_ids or ())
    return any(reviews.hides(user(), project, row) for rows in made.values() for row in rows)


def _people(ids: Sequence[int], known: dict[int, User], hidden: bool) -> list[dict[str, Any]]:
    """Return people, by their pseudonyms where they are hidden from the asker."""
    if hidden:
        return [payloads.stranger(known.get(number)) for number in ids]
    return [payloads.person(known.get(number), number) for number in ids]


def _square(names: Any, pairs: Any) -> list[list[Any]]:
    """Return the cells of pairs as rows and columns; everybody agrees with themselves."""
    return [
        [
            1.0 if one == other else pairs.get((one, other), pairs.get((other, one)))
            for other in names
        ]
        for one in names
    ]


def _plain(found: Matrix) -> dict[str, Any]:
    return {
        "IAA": _square(found.people, found.cells),
        "common_tasks": _common(found),
        "std": found.deviation(),
    }


def _by_label(found: Matrix) -> dict[str, Any]:
    squares, deviations = {}, {}
    for label in found.labels():
        cells = {
            pair: cell.get(label) for pair, cell in found.cells.items() if isinstance(cell, dict)
        }
        squares[label] = _square(found.people, cells)
        deviations[label] = found.deviation(label)
    common = _common(found)
    return {"IAA": squares, "common_tasks": dict.fromkeys(squares, common), "std": deviations}


def _common(found: Matrix) -> list[list[int]]:
    counts = found.common_tasks
    return [
        [
            found.answered.get(one, 0)
            if one == other
            else counts.get((min(one, other), max(one, other)), 0)
            for other in found.people
        ]
        for one in found.people
    ]


def _is_selected(name: int | str) -> bool:
    """Tell whether the address chooses a person, or a model by its version."""
    asked = request.args
    groups = {kind: asked.getlist(_CHOSEN % kind) for kind in ("annotators", "models")}
    every = {kind: payloads.flag(asked, f"selection[{kind}][all]") for kind in groups}
    if not any(groups.values()) and not any(every.values()):
        return isinstance(name, int)
    kind = "annotators" if isinstance(name, int) else "models"
    return every[kind] or str(name) in groups[kind]
