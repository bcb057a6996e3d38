"""What can be done to chosen tasks at once: Label Studio's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from ..datasets import answering, errors, permissions, projects, removal, tasks, views
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.views import Query
from ..workers import predict
from . import payloads
from .assignments import next_task
from .auth import allows, installation, user

routes = Blueprint("actions", __name__)


@dataclass(frozen=True)
class Action:
    """One act; `do` gets the ids of the chosen tasks and returns what the answer says.

    Without it models are asked, which must not happen inside a transaction.
    """

    title: str
    question: str
    order: int
    right: str
    label_studio_right: Any
    do: Callable[[Session, Project, list[int], dict[str, Any]], dict[str, Any]] | None


@routes.get("/api/dm/actions/")
@allows("task.read")
def index() -> Response:
    """List what the asker can do to chosen tasks of a project."""
    with installation().database.read() as session:
        number = payloads.number(request.args, "project")
        projects.get(session, user(), number, "task.read")
    found = [
        _shown(name, action)
        for name, action in ACTIONS.items()
        if permissions.allows(user(), action.right)
    ]
    return payloads.answer(found)


@routes.post("/api/dm/actions/")
@allows("task.read")
def perform() -> Response:
    """Do something to the chosen tasks, to all of them or to none; or take the next task."""
    name = payloads.text(request.args, "id")
    number = payloads.number(request.args, "project")
    if name == "next_task":
        return payloads.answer(next_task(number, "Data manager queue"))
    action = ACTIONS.get(name)
    if action is None:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="id", names=", ".join([*ACTIONS, "next_task"])
        )
    if action.do is None:
        return _predict(number)
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), number, action.right)
        ids = _chosen(session, project, values)
        return payloads.answer(action.do(session, project, ids, values))


def _predict(project_id: int) -> Response:
    """Let the project's models predict the chosen tasks: some at once, many in a job."""
    values = payloads.body()
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, ACTIONS[PREDICT].right)
        ids = _chosen(session, project, values)
    told = predict.retrieve(installation(), user(), project, ids)
    number = told.created
    detail = ngettext("Retrieved %(num)s prediction", "Retrieved %(num)s predictions", number)
    return payloads.answer({"processed_items": told.processed, "detail": detail})


def _chosen(session: Session, project: Project, values: dict[str, Any]) -> list[int]:
    """Return the ids that the request means: with its own filters, or with those of a view."""
    if values.get("selectedItems") is None:
        raise errors.Invalid(_("say which tasks are meant"), place="selectedItems")
    query = views.parse_query(values)
    if not query.items and request.args.get("tabID"):
        view, _same = views.get(
            session, user(), payloads.number(request.args, "tabID"), "task.read"
        )
        saved = view.query
        query = Query(saved.items, saved.joined_by, saved.ordering, query.ids, query.is_exclusion)
    if query.is_plain:
        return tasks.ids(session, project)
    return views.chosen(session, project, query)


def _delete_tasks(
    session: Session, project: Project, ids: list[int], _values: dict[str, Any]
) -> dict[str, Any]:
    number = removal.tasks(session, user(), project, ids)
    told = ngettext("Deleted %(num)s task", "Deleted %(num)s tasks", number)
    return {"processed_items": number, "reload": False, "detail": told}


def _delete_annotations(
    session: Session, project: Project, ids: list[int], _values: dict[str, Any]
) -> dict[str, Any]:
    found = removal.answers_of(session, project, ids)
    number = removal.answers(session, user(), project, found)
    told = ngettext("Deleted %(num)s annotation", "Deleted %(num)s annotations", number)
    return {"processed_items": number, "detail": told}


def _delete_predictions(
    session: Session, project: Project, ids: list[int], _values: dict[str, Any]
) -> dict[str, Any]:
    number = removal.predictions_of(session, user(), project, ids)
    told = ngettext("Deleted %(num)s prediction", "Deleted %(num)s predictions", number)
    return {"processed_items": number, "detail": told}


def _from_predictions(
    session: Session, project: Project, ids: list[int], values: dict[str, Any]
) -> dict[str, Any]:
    # One version, or a list of them, as older clients send it.
    given = values.get("model_version") or []
    listed = {"model_version": [given] if isinstance(given, str) else given}
    versions = payloads.words(listed, "model_version")
    number = answering.from_predictions(session, user(), project, ids, versions)
    told = ngettext("Created %(num)s annotation", "Created %(num)s annotations", number)
    return {"detail": told}


def _merge(
    session: Session, project: Project, ids: list[int], _values: dict[str, Any]
) -> dict[str, Any]:
    number = answering.merge_duplicates(session, user(), project, ids)
    told = ngettext("Deleted %(num)s task", "Deleted %(num)s tasks", number)
    return {"processed_items": number, "detail": told}


PREDICT = "retrieve_tasks_predictions"
ACTIONS: dict[str, Action] = {
    PREDICT: Action(
        _("Ask the models"),
        _("The models that are connected to the project predict the chosen tasks."),
        90,
        "prelabel.run",
        "predictions.any",
        None,
    ),
    "predictions_to_annotations": Action(
        _("Make annotations of predictions"),
        _("Every prediction of the chosen tasks becomes an annotation of yours."),
        91,
        "annotation.change",
        "tasks.change",
        _from_predictions,
    ),
    "remove_duplicates": Action(
        _("Put equal tasks together"),
        _("Of tasks with the same data the first stays and keeps all annotations."),
        95,
        "task.change",
        ["projects.change", "tasks.delete"],
        _merge,
    ),
    "delete_tasks": Action(
        _("Delete tasks"),
        _("The chosen tasks are deleted with all that was said of them."),
        100,
        "task.change",
        "tasks.delete",
        _delete_tasks,
    ),
    "delete_tasks_annotations": Action(
        _("Delete annotations"),
        _("All annotations of the chosen tasks are deleted."),
        101,
        "annotation.change",
        ["tasks.change", "annotations.delete"],
        _delete_annotations,
    ),
    "delete_tasks_predictions": Action(
        _("Delete predictions"),
        _("All predictions of the chosen tasks are deleted."),
        102,
        "prediction.write",
        "predictions.any",
        _delete_predictions,
    ),
}


def _shown(name: str, action: Action) -> dict[str, Any]:
    return {
        "id": name,
        "title": gettext(action.title),
        "order": action.order,
        "permission": action.label_studio_right,
        "experimental": False,
        "reload": name == "delete_tasks",
        "dialog": {
            "title": gettext(action.title),
            "text": gettext(action.question),
            "type": "confirm",
            "form": None,
        },
    }
