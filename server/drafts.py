"""Drafts: Label Studio's API, with `ETag` and `If-Match` against lost work."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import errors, tasks
from ..datasets.annotations import Draft
from ..datasets.errors import _
from . import payloads
from .annotations import expected_revision
from .auth import allows, installation, user

routes = Blueprint("drafts", __name__)


@routes.get("/api/tasks/<int:task_id>/drafts")
@allows("task.read")
def index(task_id: int) -> Response:
    """List one's own drafts for a task."""
    return _list(task_id, None)


@routes.post("/api/tasks/<int:task_id>/drafts")
@allows("annotation.write")
def create(task_id: int) -> Response:
    """Keep unfinished work for a task."""
    return _create(task_id, 0)


@routes.get("/api/tasks/<int:task_id>/annotations/<int:annotation_id>/drafts")
@allows("task.read")
def index_of_change(task_id: int, annotation_id: int) -> Response:
    """List one's own drafts that would change an annotation."""
    return _list(task_id, annotation_id)


@routes.post("/api/tasks/<int:task_id>/annotations/<int:annotation_id>/drafts")
@allows("annotation.write")
def create_change(task_id: int, annotation_id: int) -> Response:
    """Keep unfinished work that would change an annotation."""
    return _create(task_id, annotation_id)


@routes.get("/api/drafts/<int:draft_id>/")
@allows("task.read")
def show(draft_id: int) -> Response:
    """Return one's own draft."""
    with installation().database.read() as session:
        return _answer(annotation_rows.get_draft(session, user(), draft_id))


@routes.patch("/api/drafts/<int:draft_id>/")
@allows("annotation.write")
def change(draft_id: int) -> Response:
    """Bring a draft up to date; `If-Match` holds the revision last seen."""
    values = payloads.body()
    with installation().database.write() as session:
        draft = annotation_rows.get_draft(session, user(), draft_id)
        revision = expected_revision()
        return _answer(_save(session, values, draft.task_id, draft.annotation_id, revision))


@routes.delete("/api/drafts/<int:draft_id>/")
@allows("annotation.write")
def delete(draft_id: int) -> Response:
    """Throw one's own draft away; it is no error when it is gone."""
    with installation().database.write() as session:
        draft = session.get(Draft, draft_id)
        if draft is not None and draft.user_id == user().id:
            session.delete(draft)
    return flask.Response(status=204)


def _list(task_id: int, annotation_id: int | None) -> Response:
    with installation().database.read() as session:
        tasks.get(session, user(), task_id, "task.read")
        found = annotation_rows.drafts_of(session, user(), [task_id]).get(task_id, [])
    wanted = [row for row in found if annotation_id in (None, row.annotation_id)]
    return payloads.answer([payloads.draft(row, user()) for row in wanted])


def _create(task_id: int, annotation_id: int) -> Response:
    values = payloads.body()
    with installation().database.write() as session:
        # With `If-None-Match: *` a draft that another tab began meanwhile is not overwritten.
        revision = 0 if request.headers.get("If-None-Match", "").strip() == "*" else None
        return _answer(_save(session, values, task_id, annotation_id, revision), 201)


def _save(
    session: Session, values: dict[str, Any], task_id: int, annotation_id: int, revision: int | None
) -> Draft:
    task, project = tasks.get(session, user(), task_id, "annotation.write")
    if annotation_id:
        rows = annotation_rows.of_tasks(session, [task_id]).get(task_id, [])
        seen = annotation_rows.visible_to(user(), rows)
        if all(row.id != annotation_id for row in seen):
            raise errors.NotFound(_("there is no annotation %(id)s"), id=annotation_id)
    return annotation_rows.save_draft(
        session,
        user(),
        project,
        task,
        payloads.result(values),
        lead_time=payloads.seconds(values, "lead_time"),
        revision=revision,
        annotation_id=annotation_id,
        was_postponed=payloads.given_flag(values, "was_postponed"),
    )


def _answer(draft: Draft, status: int = 200) -> Response:
    response = payloads.answer(payloads.draft(draft, user()), status)
    response.headers["ETag"] = f'"{draft.revision}"'
    return response
