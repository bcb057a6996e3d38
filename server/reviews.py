"""Reviews: the page and API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flask
from flask import Blueprint, Response, render_template, request

from ..datasets import annotations as annotation_rows
from ..datasets import errors, projects, reviews
from ..datasets.errors import _
from ..datasets.reviews import BlindReview, Review
from ..datasets.tasks import Task
from . import payloads, review_sheets
from .assignments import task_for_workbench
from .auth import allows, installation, user

routes = Blueprint("reviews", __name__)


@routes.get("/projects/<int:project_id>/review")
@allows("annotation.review")
def review(project_id: int) -> str | Response:
    """Show the review workbench; its script asks for the next annotation.

    In a blind project nobody chooses what they judge: a task as such tells who made it.
    """
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
    if request.args.get("task") and projects.stages_of(project).blind:
        here = flask.url_for("reviews.review", project_id=project_id)
        return flask.redirect(here)  # type: ignore[return-value]
    return render_template(
        "reviews/review.html", project=project, reasons=projects.stages_of(project).reasons
    )


@routes.get("/api/projects/<int:project_id>/next_review")
@allows("annotation.review")
def api_next(project_id: int) -> Response:
    """Reserve the next annotation to judge and return its task; 404 when none is left."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
        annotation = reviews.claim(session, installation().settings, user(), project)
        if annotation is None:
            raise errors.NotFound(_("nothing is waiting for your review in this project"))
        task = session.get_one(Task, annotation.task_id)
        shown = task_for_workbench(session, project, task)
        return payloads.answer(review_sheets.masked(session, project, annotation, shown))


@routes.get("/api/annotations/<int:annotation_id>/review_sheet")
@allows("annotation.review")
def api_sheet(annotation_id: int) -> Response:
    """Return what a reviewer compares an annotation with, and how each differs from it."""
    with installation().database.read() as session:
        row, task, project = annotation_rows.get(
            session, user(), annotation_id, "annotation.review"
        )
        return payloads.answer(review_sheets.sheet(session, user(), project, task, row))


@routes.post("/api/annotations/<int:annotation_id>/reviews")
@allows("annotation.review")
def api_judge(annotation_id: int) -> Response:
    """Accept, fix and accept, or return an annotation; `code` is one of the project's reasons."""
    values = payloads.body()
    with installation().database.write() as session:
        annotation, task, project = annotation_rows.get(
            session, user(), annotation_id, "annotation.review"
        )
        row = reviews.judge(
            session,
            user(),
            project,
            task,
            annotation,
            payloads.text(values, "verdict", ""),
            reason=payloads.text(values, "reason", "", longest=2000),
            code=payloads.optional_text(values, "code", longest=40),
            result=payloads.result(values) if values.get("result") is not None else None,
        )
        return payloads.answer(payloads.review(row), 201)


@routes.get("/api/annotation-reviews/")
@allows("annotation.read")
def index() -> Response:
    """List the reviews of an annotation or of a project, or else the newest that one sees."""
    asked = request.args
    with installation().database.read() as session:
        if asked.get("annotation"):
            number = payloads.number(asked, "annotation")
            row, *_rest = annotation_rows.get(session, user(), number, "annotation.read")
            found = reviews.of_annotations(session, [row.id]).get(row.id, [])
        elif asked.get("annotation__task__project"):
            number = payloads.number(asked, "annotation__task__project")
            project = projects.get(session, user(), number, "annotation.read")
            found = reviews.of_project(session, project)
        else:
            found = reviews.newest(session, user())
        hidden = reviews.hidden_among(session, user(), _about(found))
    return payloads.answer([_judged(row, row.annotation_id in hidden) for row in found])


@routes.post("/api/annotation-reviews/")
@allows("annotation.review")
def create() -> Response:
    """Accept an annotation (with a `result`: fix it), or return it with a comment."""
    values = payloads.body()
    accepted = payloads.flag(values, "accepted")
    fixed = payloads.result(values) if accepted and values.get("result") is not None else None
    verdict = "reject" if not accepted else "accept" if fixed is None else "fix"
    with installation().database.write() as session:
        number = payloads.number(values, "annotation")
        annotation, task, project = annotation_rows.get(
            session, user(), number, "annotation.review"
        )
        row = reviews.judge(
            session,
            user(),
            project,
            task,
            annotation,
            verdict,
            reason=payloads.text(values, "comment", "", longest=2000),
            result=fixed,
        )
        return payloads.answer(_judged(row), 201)


@routes.get("/api/annotation-reviews/<int:review_id>/")
@allows("annotation.read")
def show(review_id: int) -> Response:
    """Return a review."""
    with installation().database.read() as session:
        row = reviews.get(session, user(), review_id)
        hidden = reviews.hidden_among(session, user(), _about([row]))
    return payloads.answer(_judged(row, row.annotation_id in hidden))


def _about(rows: Sequence[Review | BlindReview]) -> list[tuple[int, int]]:
    return [(row.project_id, row.annotation_id) for row in rows]


def _judged(row: Review | BlindReview, hidden: bool = False) -> dict[str, Any]:
    hidden = hidden and row.reviewer_id != user().id
    return {
        "id": row.id,
        "annotation": row.annotation_id,
        "accepted": row.verdict != "reject",
        "comment": row.reason,
        "result": None if row.result is None else payloads.raw(row.result),
        "created_by": None if hidden else row.reviewer_id,
        "created_at": payloads.time(row.created_at),
        "started_at": None,
        "reject_action": None if row.verdict != "reject" else "requeue",
        "remove_from_queue": False,
        "last_annotation_history": None,
        "previous_annotation_history": None,
        "fixed_annotation_history": None,
        "state": None,
    }
