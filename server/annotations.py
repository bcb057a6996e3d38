"""Annotations and drafts: API."""

from typing import Any

import flask
from flask import Blueprint, Response, request

from ..datasets import annotations, errors, tasks
from ..datasets.errors import _
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("annotations", __name__)


@routes.get("/api/tasks/<int:task_id>/annotations/")
@allows("annotation.read")
def api_index(task_id: int) -> Response:
    """List a task's annotations."""
    with installation().database.read() as session:
        task, _project = tasks.get(session, user(), task_id, "annotation.read")
        rows = annotations.of_tasks(session, [task.id]).get(task.id, [])
    return payloads.answer([payloads.annotation(row) for row in rows])


@routes.post("/api/tasks/<int:task_id>/annotations/")
@allows("annotation.write")
def api_create(task_id: int) -> Response:
    """Submit an annotation, or skip the task (`was_cancelled`)."""
    values = payloads.body()
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.write")
        row = annotations.submit(
            session,
            installation().settings,
            user(),
            project,
            task,
            payloads.result(values),
            lead_time=payloads.seconds(values, "lead_time"),
            was_cancelled=values.get("was_cancelled") is True,
            parent_prediction=_reference(values, "parent_prediction"),
            unique_id=payloads.optional_text(values, "unique_id"),
        )
        return payloads.answer(payloads.annotation(row), 201)


@routes.get("/api/annotations/<int:annotation_id>/")
@allows("annotation.read")
def api_show(annotation_id: int) -> Response:
    """Return an annotation."""
    with installation().database.read() as session:
        row, _task, _project = annotations.get(session, user(), annotation_id, "annotation.read")
    return payloads.answer(payloads.annotation(row))


@routes.patch("/api/annotations/<int:annotation_id>/")
@allows("annotation.write")
def api_update(annotation_id: int) -> Response:
    """Change one's own annotation; what it was is kept."""
    values = payloads.body()
    with installation().database.write() as session:
        row, task, project = annotations.get(session, user(), annotation_id, "annotation.write")
        annotations.update(
            session,
            user(),
            project,
            task,
            row,
            payloads.result(values),
            lead_time=payloads.seconds(values, "lead_time"),
        )
        return payloads.answer(payloads.annotation(row))


@routes.post("/api/tasks/<int:task_id>/drafts")
@allows("annotation.write")
def api_create_draft(task_id: int) -> Response:
    """Keep unfinished work of the asker for a task."""
    return _save_draft(task_id, None, 201)


@routes.patch("/api/drafts/<int:draft_id>/")
@allows("annotation.write")
def api_update_draft(draft_id: int) -> Response:
    """Bring a draft up to date; `If-Match` holds the revision last seen."""
    with installation().database.read() as session:
        draft = session.get(annotations.Draft, draft_id)
    if draft is None or draft.user_id != user().id:
        raise errors.NotFound(_("there is no draft %(id)s of yours"), id=draft_id)
    match = request.headers.get("If-Match", "").strip('" ')
    return _save_draft(draft.task_id, int(match) if match.isdigit() else None, 200)


@routes.delete("/api/drafts/<int:draft_id>/")
@allows("annotation.write")
def api_delete_draft(draft_id: int) -> Response:
    """Throw one's own draft away."""
    with installation().database.write() as session:
        draft = session.get(annotations.Draft, draft_id)
        if draft is not None and draft.user_id == user().id:
            session.delete(draft)
    return flask.Response(status=204)


def _save_draft(task_id: int, revision: int | None, status: int) -> Response:
    values = payloads.body()
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.write")
        draft = annotations.save_draft(
            session,
            user(),
            project,
            task,
            payloads.result(values),
            lead_time=payloads.seconds(values, "lead_time"),
            revision=revision,
        )
        response = payloads.answer({"id": draft.id, "revision": draft.revision}, status)
    response.headers["ETag"] = f'"{draft.revision}"'
    return response


def _reference(values: dict[str, Any], name: str) -> int | None:
    return None if values.get(name) is None else payloads.number(values, name)
