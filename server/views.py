"""The Data Manager's views, columns and project: Label Studio's API."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ..datasets import errors, people, permissions, predictions, projects, totals, views
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.views import Kind, View
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("views", __name__)
LAST = 2**31 - 1  # place of a view among the others
_OWN = ("id", "project", "user", "order", "data", "selected_items")
_SHOWN = ("completed_at", "total_annotations", "cancelled_annotations", "total_predictions")


@routes.get("/api/dm/views/")
@allows("task.read")
def index() -> Response:
    """List a project's saved views."""
    with installation().database.read() as session:
        project = _project(session, "task.read")
        return payloads.answer([_view(row) for row in views.of_project(session, project)])


@routes.post("/api/dm/views/")
@allows("view.change")
def create() -> Response:
    """Save a view."""
    values = payloads.body()
    payloads.refuse_unknown(values, _OWN)
    with installation().database.write() as session:
        number = payloads.number(values, "project")
        project = projects.get(session, user(), number, "view.change")
        position = payloads.number(values, "order", 0, highest=LAST)
        row = views.add(session, user(), project, payloads.an_object(values, "data"), position)
        return payloads.answer(_view(row), 201)


@routes.get("/api/dm/views/<int:view_id>/")
@allows("task.read")
def show(view_id: int) -> Response:
    """Return a saved view."""
    with installation().database.read() as session:
        row, _project = views.get(session, user(), view_id, "task.read")
    return payloads.answer(_view(row))


@routes.route("/api/dm/views/<int:view_id>/", methods=["PATCH", "PUT"])
@allows("view.change")
def change(view_id: int) -> Response:
    """Change what is given of a view (PATCH), or all of it (PUT)."""
    values = payloads.body()
    payloads.refuse_unknown(values, _OWN)
    told = values.get("order") is not None
    position = payloads.number(values, "order", highest=LAST) if told else None
    with installation().database.write() as session:
        row, _project = views.get(session, user(), view_id, "view.change")
        views.change(
            session,
            user(),
            row,
            payloads.an_object(values, "data", {}),
            whole=request.method == "PUT",
            position=position,
        )
        return payloads.answer(_view(row))


@routes.delete("/api/dm/views/<int:view_id>/")
@allows("view.change")
def delete(view_id: int) -> Response:
    """Delete a view."""
    with installation().database.write() as session:
        row, _project = views.get(session, user(), view_id, "view.change")
        views.remove(session, user(), row)
    return flask.Response(status=204)


@routes.delete("/api/dm/views/reset/")
@allows("project.change")
def reset() -> Response:
    """Delete all views of a project."""
    values = payloads.body()
    with installation().database.write() as session:
        number = payloads.number(values or request.args, "project")
        project = projects.get(session, user(), number, "project.change")
        views.reset(session, user(), project)
    return flask.Response(status=204)


@routes.post("/api/dm/views/order/")
@allows("view.change")
def order() -> Response:
    """Put a project's views in order."""
    values = payloads.body()
    ids = payloads.ids(values, "ids", 500)
    with installation().database.write() as session:
        number = payloads.number(values, "project")
        project = projects.get(session, user(), number, "view.change")
        for row in views.of_project(session, project):
            if row.id in ids:
                views.change(session, user(), row, {}, position=ids.index(row.id))
    return flask.Response(status=200)


@routes.get("/api/dm/columns/")
@allows("task.read")
def columns() -> Response:
    """List the columns by which a project's tasks can be shown, filtered and ordered."""
    with installation().database.read() as session:
        project = _project(session, "task.read")
        sees_others = permissions.allows(user(), "annotation.read")
        workers = totals.annotators(session, project) if sees_others else [user()]
        authors = [row.id for row in workers]
        versions = [name for name, _count, _at in predictions.versions(session, project)]
        keys = totals.data_keys(session, project)
    listed: dict[str, list[Any]] = {"annotators": authors, "updated_by": authors}
    listed["predictions_model_versions"] = versions
    shown = [_data_column(project, key) for key in keys]
    shown += [_column(found, listed) for found in views.COLUMNS.values()]
    shown.append(
        {
            "id": "data",
            "title": "data",
            "type": "List",
            "target": "tasks",
            "children": keys,
            "project_defined": False,
        }
    )
    return payloads.answer({"columns": shown})


@routes.get("/api/dm/project/")
@allows("task.read")
def project() -> Response:
    """Return a project with what the asker may do there."""
    with installation().database.read() as session:
        row = _project(session, "task.read")
        counted = payloads.totals_of(session, user(), [row])[row.id]
        makers = people.by_ids(session, {row.created_by})
    return payloads.answer(
        {
            **payloads.project(row, counted, makers.get(row.created_by)),
            "can_delete_tasks": permissions.allows(user(), "task.change"),
            "can_manage_annotations": permissions.allows(user(), "annotation.change"),
            "can_manage_tasks": permissions.allows(user(), "task.import"),
            "source_syncing": False,
            "target_syncing": False,
            "task_count": counted.tasks,
            "annotation_count": counted.annotations,
        }
    )


def _project(session: Session, action: str) -> Project:
    if not request.args.get("project"):
        raise errors.Invalid(_("say of which project"), place="project")
    return projects.get(session, user(), payloads.number(request.args, "project"), action)


def _view(row: View) -> dict[str, Any]:
    return {
        "id": row.id,
        "data": msgspec.Raw(row.data.encode()),
        "order": row.position,
        "user": row.user_id,
        "project": row.project_id,
    }


def _data_column(project: Project, key: str) -> dict[str, Any]:
    tags = {item.key: item.tag for item in project.config.objects}
    return {
        "id": key,
        "title": key,
        "type": tags.get(key, "Unknown"),
        "target": "tasks",
        "parent": "data",
        "visibility_defaults": {"explore": True, "labeling": key in tags},
        "project_defined": True,
    }


def _column(found: views.Column, listed: dict[str, list[Any]]) -> dict[str, Any]:
    title, words = _TITLES[found.name]
    kind = "Time" if found.name == "avg_lead_time" else str(found.kind)
    shown: dict[str, Any] = {
        "id": found.name,
        "title": gettext(title),
        "type": "List" if found.name in listed else kind,
        "help": gettext(words),
        "target": "tasks",
        "visibility_defaults": {"explore": found.name in _SHOWN, "labeling": False},
        "project_defined": False,
    }
    if found.name in listed:
        shown["schema"] = {"items": listed[found.name]}
        if found.kind == Kind.LIST and found.name.startswith("predictions"):
            shown["schema"]["multiple"] = True
    return shown


_TITLES = {
    "id": (_("ID"), _("The task's number")),
    "inner_id": (_("Number in the project"), _("1, 2, 3 … within the project")),
    "completed_at": (_("Completed"), _("When the last annotation was made")),
    "total_annotations": (_("Annotations"), _("How many annotations the task has")),
    "cancelled_annotations": (_("Skips"), _("How often the task was skipped")),
    "total_predictions": (_("Predictions"), _("How many predictions the task has")),
    "annotators": (_("Annotated by"), _("Who answered or skipped the task")),
    "annotations_results": (_("Annotation results"), _("What the annotations hold, as JSON")),
    "annotations_ids": (_("Annotation IDs"), _("The numbers of the annotations")),
    "predictions_score": (_("Prediction score"), _("The mean score of the predictions")),
    "predictions_model_versions": (_("Model versions"), _("Which models predicted")),
    "predictions_results": (_("Prediction results"), _("What the predictions hold, as JSON")),
    "file_upload": (_("Uploaded file"), _("The file that the task came with")),
    "storage_filename": (_("File name"), _("The name that the task came with")),
    "created_at": (_("Created"), _("When the task was made")),
    "updated_at": (_("Changed"), _("When the task was last changed")),
    "updated_by": (_("Changed by"), _("Who last changed the task")),
    "avg_lead_time": (_("Lead time"), _("The mean time of the annotations, in seconds")),
    "draft_exists": (_("Drafts"), _("Whether somebody has unfinished work here")),
    "ground_truth": (_("Ground truth"), _("Whether an annotation is known to be right")),
    "comment_count": (_("Comments"), _("How many comments there are")),
    "unresolved_comment_count": (_("Open comments"), _("How many comments are not settled")),
    "state": (_("State"), _("Where the task is on its way")),
    "name": (_("Name"), _("What the task is called")),
    "group": (_("Group"), _("Which tasks belong together")),
}
