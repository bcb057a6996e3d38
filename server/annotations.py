"""Annotations and their history: Label Studio's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import (
    errors,
    gold,
    next_tasks,
    people,
    predictions,
    projects,
    removal,
    reviews,
    tasks,
)
from ..datasets.annotations import Annotation, AnnotationRevision
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.tasks import Task
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("annotations", __name__)
MOST_AT_ONCE = 10_000  # tasks that get one answer in one request


@routes.get("/api/tasks/<int:task_id>/annotations/")
@allows("task.read")
def index(task_id: int) -> Response:
    """List a task's annotations; annotators see their own."""
    with installation().database.read() as session:
        task, _project = tasks.get(session, user(), task_id, "task.read")
        rows = annotation_rows.of_tasks(session, [task.id]).get(task.id, [])
        return _answer_list(session, annotation_rows.visible_to(user(), rows))


@routes.post("/api/tasks/<int:task_id>/annotations/")
@allows("annotation.write")
def create(task_id: int) -> Response:
    """Submit an annotation, or skip the task (`was_cancelled`)."""
    values = payloads.body()
    try:
        with installation().database.write() as session:
            task, project = tasks.get(session, user(), task_id, "annotation.write")
            next_tasks.ready(session, installation().settings, user(), project, task)
            row = _submit(session, project, task, values)
            told = gold.tell(session, project, row)
            more = {} if told is None else {"feedback": gold.encoded(told)}
            return _answer(session, row, 201, more)
    except (errors.Refused, errors.Forbidden):
        _keep(task_id, values)
        raise


@routes.post("/api/annotations/bulk/")
@allows("annotation.write")
def create_many() -> Response:
    """Give several tasks of one project the same annotation, all or none."""
    values = payloads.body()
    ids = payloads.ids(values, "tasks", MOST_AT_ONCE)
    with installation().database.write() as session:
        made = []
        for task_id in ids:
            task, project = tasks.get(session, user(), task_id, "task.import")
            made.append(_submit(session, project, task, values, bulk=True))
        return _answer_list(session, made, 201)


@routes.post("/api/annotations/bulk-delete/")
@allows("annotation.write")
def delete_many() -> Response:
    """Delete several annotations of one project, all or none."""
    values = payloads.body()
    ids = payloads.ids(values, "ids", MOST_AT_ONCE)
    with installation().database.write() as session:
        number = payloads.number(values, "project")
        project = projects.get(session, user(), number, "annotation.write")
        number = removal.answers(session, user(), project, ids)
    return payloads.answer({"deleted": number})


@routes.get("/api/annotations/<int:annotation_id>/")
@allows("task.read")
def show(annotation_id: int) -> Response:
    """Return an annotation; its revision is the `ETag`."""
    with installation().database.read() as session:
        row, _task, _project = annotation_rows.get(session, user(), annotation_id, "task.read")
        if not annotation_rows.visible_to(user(), [row]):
            raise errors.NotFound(_("there is no annotation %(id)s"), id=annotation_id)
        return _answer(session, row)


@routes.patch("/api/annotations/<int:annotation_id>/")
@allows("annotation.write")
def change(annotation_id: int) -> Response:
    """Change an annotation; what it was is kept. `If-Match` may hold its revision."""
    values = payloads.body()
    with installation().database.write() as session:
        row, task, project = annotation_rows.get(session, user(), annotation_id, "annotation.write")
        _check_revision(row)
        annotation_rows.update(
            session,
            user(),
            project,
            task,
            row,
            payloads.result(values) if "result" in values else None,
            lead_time=payloads.seconds(values, "lead_time"),
            was_cancelled=payloads.given_flag(values, "was_cancelled"),
            ground_truth=payloads.given_flag(values, "ground_truth"),
        )
        if projects.stages_of(project).arrival == reviews.Stage.ARRIVED:
            reviews.let_in(session, project, [task.id])
        return _answer(session, row)


@routes.delete("/api/annotations/<int:annotation_id>/")
@allows("annotation.write")
def delete(annotation_id: int) -> Response:
    """Delete an annotation with its history; its author's place is free again."""
    with installation().database.write() as session:
        row, _task, project = annotation_rows.get(
            session, user(), annotation_id, "annotation.write"
        )
        removal.answers(session, user(), project, [row.id])
    return flask.Response(status=204)


@routes.get("/api/annotation-history/")
@allows("task.read")
def history() -> Response:
    """List what an annotation was before, oldest first."""
    with installation().database.read() as session:
        number = payloads.number(request.args, "annotation")
        row, _task, _project = annotation_rows.get(session, user(), number, "task.read")
        if not annotation_rows.visible_to(user(), [row]):
            raise errors.NotFound(_("there is no annotation %(id)s"), id=number)
        past = annotation_rows.revisions(session, row)
        hidden = _is_hidden(session, row)
    return payloads.answer([_past(row, each, hidden) for each in past])


def expected_revision() -> int | None:
    """Return the revision that `If-Match` names; -1, which none has, where it names another."""
    match = request.headers.get("If-Match", "").strip()
    if match in ("", "*"):
        return None
    text = match.removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _check_revision(row: Annotation) -> None:
    if expected_revision() not in (None, row.revision):
        raise errors.Stale(
            _("the annotation was changed in the meantime (revision %(revision)s)"),
            revision=row.revision,
        )


def _keep(task_id: int, values: dict[str, Any]) -> None:
    """Keep what somebody sent for a task that was taken from them, as their draft."""
    if payloads.flag(values, "was_cancelled"):
        return
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.write")
        annotation_rows.keep_refused(session, user(), project, task, payloads.result(values))


def _submit(
    session: Session, project: Project, task: Task, values: dict[str, Any], bulk: bool = False
) -> Annotation:
    skipped = payloads.flag(values, "was_cancelled")
    row = annotation_rows.submit(
        session,
        installation().settings,
        user(),
        project,
        task,
        [] if skipped else payloads.result(values),
        lead_time=payloads.seconds(values, "lead_time"),
        was_cancelled=skipped,
        ground_truth=payloads.flag(values, "ground_truth"),
        parent_prediction=_parent_prediction(session, task, values),
        parent_annotation=_parent_annotation(session, task, values),
        unique_id=payloads.optional_text(values, "unique_id", longest=64),
    )
    if bulk:
        row.bulk_created = True
    if projects.stages_of(project).arrival == reviews.Stage.ARRIVED:
        reviews.let_in(session, project, [task.id])
    return row


def _answer(
    session: Session, row: Annotation, status: int = 200, more: Mapping[str, Any] | None = None
) -> Response:
    own = row.completed_by == user().id
    authors = {user().id: user()} if own else people.by_ids(session, [row.completed_by])
    shown = payloads.annotation(row, authors, hidden=_is_hidden(session, row))
    response = payloads.answer({**shown, **(more or {})}, status)
    response.headers["ETag"] = f'"{row.revision}"'
    return response


def _answer_list(session: Session, rows: list[Annotation], status: int = 200) -> Response:
    authors = people.by_ids(session, {row.completed_by for row in rows})
    shown = [payloads.annotation(row, authors, hidden=_is_hidden(session, row)) for row in rows]
    return payloads.answer(shown, status)


def _is_hidden(session: Session, row: Annotation) -> bool:
    """Tell whether the asker is not to know who made an annotation."""
    if row.completed_by == user().id:
        return False
    return reviews.hides(user(), session.get_one(Project, row.project_id), row)


def _past(row: Annotation, past: AnnotationRevision, hidden: bool) -> dict[str, Any]:
    return {
        "id": row.id * 10**6 + past.revision,
        "annotation_id": row.id,
        "revision": past.revision,
        "action": "skipped" if past.state == "skipped" else "updated",
        "result": payloads.raw(past.result),
        "created_by": None if hidden else past.updated_by or row.completed_by,
        "created_at": payloads.time(past.ended_at),
        "project_id": row.project_id,
        "task_id": row.task_id,
    }


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


def _parent_annotation(session: Session, task: Task, values: dict[str, Any]) -> int | None:
    """Return the annotation that this one began from: one of this very task."""
    if values.get("parent_annotation") is None:
        return None
    number = payloads.number(values, "parent_annotation")
    rows = annotation_rows.of_tasks(session, [task.id]).get(task.id, [])
    if all(row.id != number for row in annotation_rows.visible_to(user(), rows)):
        raise errors.Invalid(
            _("the task has no annotation %(id)s"), place="parent_annotation", id=number
        )
    return number
