"""Annotations and drafts: API."""

from typing import Any

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import annotations, errors, predictions, tasks
from ..datasets.errors import _
from ..datasets.tasks import Task
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
    skipped = values.get("was_cancelled") is True
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.write")
        row = annotations.submit(
            session,
            installation().settings,
            user(),
            project,
            task,
            [] if skipped else payloads.result(values),
            lead_time=payloads.seconds(values, "lead_time"),
            was_cancelled=skipped,
            parent_prediction=_parent_prediction(session, task, values),
            unique_id=payloads.optional_text(values, "unique_id", longest=64),
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
    """Change one's own annotation; what it was is kept. `If-Match` may hold its revision."""
    values = payloads.body()
    with installation().database.write() as session:
        row, task, project = annotations.get(session, user(), annotation_id, "annotation.write")
        expected = _expected_revision()
        if expected not in (None, row.revision):
            raise errors.Stale(
                _("the annotation was changed in the meantime (revision %(revision)s)"),
                revision=row.revision,
            )
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
    return _save_draft(draft.task_id, _expected_revision(), 200)


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


def _expected_revision() -> int | None:
    """Return the revision that `If-Match` names; -1, which none has, where it names another."""
    match = request.headers.get("If-Match", "").strip()
    if match in ("", "*"):
        return None
    text = match.removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _parent_prediction(session: Session, task: Task, values: dict[str, Any]) -> int | None:
    """Return the prediction that the annotator began from: one of this very task."""
    if values.get("parent_prediction") is None:
        return None
    number = payloads.number(values, "parent_prediction")
    if all(row.id != number for row in predictions.of_tasks(session, [task.id]).get(task.id, [])):
        raise errors.Invalid(
            _("the task has no prediction %(id)s"), place="parent_prediction", id=number
        )
    return number
