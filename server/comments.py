"""Comments on annotations: as Label Studio's clients expect them."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import comments, errors, people, reviews
from ..datasets.annotations import Annotation
from ..datasets.comments import Comment
from ..datasets.errors import _
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("comments", __name__)
PAGE, LARGEST_PAGE = 1000, 10_000


@routes.get("/api/comments/")
@allows("task.read")
def index() -> Response:
    """List comments of projects, of a task or of an annotation; annotators see those on theirs."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    asked = request.args
    annotation = payloads.number(asked, "annotation") if asked.get("annotation") else None
    task = payloads.number(asked, "task") if asked.get("task") else None
    with installation().database.read() as session:
        found = comments.find(
            session,
            user(),
            project_ids=payloads.numbers(asked, "projects"),
            annotation_id=annotation,
            task_id=task,
            offset=(payloads.page_number() - 1) * size,
            limit=size,
        )
        return payloads.answer(_rows(session, found))


@routes.post("/api/comments/")
@allows("task.read")
def create() -> Response:
    """Say something of an annotation, or of one of its regions (`region_ref`)."""
    values = payloads.body()
    with installation().database.write() as session:
        number = payloads.number(values, "annotation")
        annotation = _seen(session, number)
        text = payloads.text(values, "text", longest=comments.LONGEST)
        parent = None
        if values.get("parent") is not None:
            parent = comments.get(session, user(), payloads.number(values, "parent"))
        region = values.get("region_ref")
        row = comments.add(session, user(), annotation, text, region, parent=parent)
        return payloads.answer(_rows(session, [row])[0], 201)


@routes.get("/api/comments/people/")
@allows("task.read")
def index_of_people() -> Response:
    """List whom a remark on an annotation can mention: those who may read it."""
    with installation().database.read() as session:
        annotation = _seen(session, payloads.number(request.args, "annotation"))
        project = session.get_one(Project, annotation.project_id)
        hidden = reviews.hides(user(), project, annotation)
        found = [
            row
            for row in comments.readers(session, annotation)
            if not hidden or row.id != annotation.completed_by
        ]
    return payloads.answer([{"username": row.username, "name": row.name} for row in found])


@routes.get("/api/comments/<int:comment_id>/")
@allows("task.read")
def show(comment_id: int) -> Response:
    """Return a comment."""
    with installation().database.read() as session:
        row = comments.get(session, user(), comment_id)
        return payloads.answer(_rows(session, [row])[0])


@routes.patch("/api/comments/<int:comment_id>/")
@allows("task.read")
def change(comment_id: int) -> Response:
    """Change one's own words, or say that a remark is settled (`is_resolved`)."""
    values = payloads.body()
    with installation().database.write() as session:
        row = comments.get(session, user(), comment_id)
        comments.change(
            session,
            user(),
            row,
            text=payloads.given_text(values, "text", longest=comments.LONGEST),
            is_resolved=payloads.given_flag(values, "is_resolved"),
        )
        return payloads.answer(_rows(session, [row])[0])


@routes.delete("/api/comments/<int:comment_id>/")
@allows("task.read")
def delete(comment_id: int) -> Response:
    """Take one's own words back."""
    with installation().database.write() as session:
        comments.delete(session, user(), comments.get(session, user(), comment_id))
    return flask.Response(status=204)


def _seen(session: Session, annotation_id: int) -> Annotation:
    row, _task, _project = annotation_rows.get(session, user(), annotation_id, "task.read")
    if not annotation_rows.visible_to(user(), [row]):
        raise errors.NotFound(_("there is no annotation %(id)s"), id=annotation_id)
    return row


def _rows(session: Session, rows: list[Comment]) -> list[dict[str, Any]]:
    """Return comments, with the whole person where `expand_created_by` asks for it."""
    expand = payloads.flag(request.args, "expand_created_by")
    authors = people.by_ids(session, {row.created_by for row in rows})
    unknown = _hidden(session, rows)
    return [
        {
            "id": row.id,
            "text": row.text,
            "project": row.project_id,
            "task": row.task_id,
            "annotation": row.annotation_id,
            "parent": row.parent_id,
            "author": ""
            if row.created_by not in authors
            else authors[row.created_by].pseudonym
            if row.id in unknown
            else authors[row.created_by].name,
            "draft": None,
            "region_ref": None if row.region is None else msgspec.json.decode(row.region),
            "classifications": None,
            "is_resolved": row.resolved_at is not None,
            "resolved_at": payloads.time(row.resolved_at),
            "created_by": None
            if row.id in unknown
            else payloads.person(authors.get(row.created_by), row.created_by)
            if expand
            else row.created_by,
            "created_at": payloads.time(row.created_at),
            "updated_at": payloads.time(row.updated_at),
            "state": None,
        }
        for row in rows
    ]


def _hidden(session: Session, rows: list[Comment]) -> set[int]:
    """Return the comments whose authors the asker is not to know: they speak of what he judges."""
    others = [row for row in rows if row.created_by != user().id]
    hidden = reviews.hidden_among(
        session, user(), [(r.project_id, r.annotation_id) for r in others]
    )
    return {row.id for row in others if row.annotation_id in hidden}
