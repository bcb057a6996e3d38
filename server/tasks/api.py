"""Single tasks: Label Studio's API."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ...datasets import imports as program_imports
from ...datasets import projects, removal, tasks
from ...datasets.projects import Project
from ...datasets.tasks import Task
from .. import payloads
from ..auth import allows, installation, user
from .imports import reader

routes = Blueprint("tasks_api", __name__)


@routes.post("/api/tasks/")
@allows("task.import")
def create() -> Response:
    """Add one task to a project."""
    values = payloads.body()
    number = payloads.number(values, "project")
    with installation().database.read() as session:
        project = projects.get(session, user(), number, "task.import")
        item: dict[str, Any] = {n: values[n] for n in ("data", "meta") if n in values}
        (prepared,) = reader(session, project).prepared([_as_sent(item)])
    with installation().database.write() as session:
        project = projects.get(session, user(), number, "task.import")
        (made,) = program_imports.write(session, user(), project, [prepared])
        row = session.get_one(Task, made)
        return payloads.answer(payloads.plain(row, _loaded(session, project, row)), 201)


@routes.get("/api/tasks/<int:task_id>/")
@allows("task.read")
def show(task_id: int) -> Response:
    """Return one task with what was said of it; annotators see their own work only."""
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "task.read")
        return payloads.answer(payloads.opened(task, _loaded(session, project, task)))


@routes.patch("/api/tasks/<int:task_id>/")
@allows("task.change")
def change(task_id: int) -> Response:
    """Change a task's data or meta; what people said of it stays."""
    values = payloads.body()
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "task.change")
        given = {name: values[name] for name in ("data", "meta") if values.get(name) is not None}
        item = {"data": payloads.stored_values(task, project.id), "meta": task.meta_values, **given}
        (prepared,) = reader(session, project).prepared([_as_sent(item)])
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "task.change")
        program_imports.replace(session, user(), task, prepared)
        return payloads.answer(payloads.with_answers(task, _loaded(session, project, task)))


@routes.delete("/api/tasks/<int:task_id>/")
@allows("task.change")
def delete(task_id: int) -> Response:
    """Delete a task and all that hangs on it; frozen versions keep what they hold."""
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "task.change")
        removal.tasks(session, user(), project, [task.id])
    return flask.Response(status=204)


@routes.delete("/api/projects/<int:project_id>/tasks/")
@allows("task.change")
def delete_all(project_id: int) -> Response:
    """Delete all tasks of a project."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.change")
        removal.tasks(session, user(), project, tasks.ids(session, project))
    return flask.Response(status=204)


def _loaded(session: Session, project: Project, task: Task) -> payloads.Loaded:
    return payloads.load(session, user(), project, [task])


def _as_sent(item: dict[str, Any]) -> msgspec.Raw:
    """Return the item in the form with `data`, to be read as one of a list of tasks is."""
    data = item.get("data") if isinstance(item.get("data"), dict) else {}
    return msgspec.Raw(msgspec.json.encode({**item, "data": data}))
