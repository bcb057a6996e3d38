"""Reviews: the page and API."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from ..datasets import annotations as annotation_rows
from ..datasets import errors, projects, reviews
from ..datasets.errors import _
from ..datasets.tasks import Task
from . import payloads, tasks
from .auth import allows, installation, user

routes = Blueprint("reviews", __name__)


@routes.get("/projects/<int:project_id>/review")
@allows("annotation.review")
def review(project_id: int) -> str:
    """Show the review workbench; its script asks for the next annotation."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
    return render_template("reviews/review.html", project=project)


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
        shown = tasks.task_for_editor(session, project, task)
        shown["annotations"] = [row for row in shown["annotations"] if row["id"] == annotation.id]
        return payloads.answer(shown)


@routes.post("/api/annotations/<int:annotation_id>/reviews")
@allows("annotation.review")
def api_judge(annotation_id: int) -> Response:
    """Accept, fix and accept, or return an annotation."""
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
            result=payloads.result(values) if values.get("result") is not None else None,
        )
        return payloads.answer(payloads.review(row), 201)
