"""Hand out the next task: the workbench page, its own route, and Label Studio's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import (
    assignments,
    benefit,
    errors,
    gold,
    next_tasks,
    people,
    permissions,
    predictions,
    projects,
    reviews,
    tasks,
)
from ..datasets.assignments import Assignment
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.tasks import Task
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("assignments", __name__)
MOST_AHEAD = gold.MOST_AHEAD  # tasks fetched ahead in one request


@routes.get("/projects/<int:project_id>/label")
@allows("task.claim")
def label(project_id: int) -> str:
    """Show the workbench; its script asks for the next task."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.claim")
    return render_template("tasks/label.html", project=project)


@routes.get("/api/projects/<int:project_id>/next/")
@allows("task.claim")
def api_next(project_id: int) -> Response:
    """Reserve the asker's next task and return it; 404 when none is left."""
    return payloads.answer(next_task(project_id, "Sequence queue"))


@routes.get("/api/projects/<int:project_id>/workbench/next")
@allows("task.claim")
def workbench_next(project_id: int) -> Response:
    """Reserve the asker's next task and return it with all that the workbench shows."""
    task_id = _claimed(project_id)[0].task_id
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "task.claim")
        return payloads.answer(task_for_workbench(session, project, task))


@routes.get("/api/projects/<int:project_id>/workbench/ahead")
@allows("task.claim")
def workbench_ahead(project_id: int) -> Response:
    """Return what the asker gets next, at most `number` tasks, as the workbench shows them.

    None of them is reserved: `workbench_take` reserves the one that is shown.
    """
    number = request.args.get("number", 2, type=int)
    if not 1 <= number <= MOST_AHEAD:
        raise errors.Invalid(_("must be between 1 and %(most)s"), place="number", most=MOST_AHEAD)
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.claim")
        coming = next_tasks.ahead(session, user(), project, number)
        found = [tasks.get(session, user(), each, "task.claim")[0] for each in coming]
        return payloads.answer([task_for_workbench(session, project, each) for each in found])


@routes.post("/api/tasks/<int:task_id>/workbench")
@allows("task.claim")
def workbench_take(task_id: int) -> Response:
    """Reserve a task that was fetched ahead, now that it is shown; return it as it is now."""
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "task.claim")
        next_tasks.take(session, installation().settings, user(), project, task)
        return payloads.answer(task_for_workbench(session, project, task))


@routes.get("/api/tasks/<int:task_id>/workbench")
@allows("task.read")
def workbench_task(task_id: int) -> Response:
    """Return one task with all that the workbench shows; annotators see their own work."""
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "task.read")
        return payloads.answer(task_for_workbench(session, project, task))


def next_task(project_id: int, queue: str) -> dict[str, Any]:
    """Reserve the asker's next task and return it in Label Studio's shape.

    Raises:
        errors.NotFound: none is left for them.
    """
    assignment, project = _claimed(project_id)
    # Other writers need not wait while the answer is put together.
    with installation().database.glance() as session:
        task, beside = next_tasks.given(session, user(), assignment.task_id)
        loaded = payloads.load(session, user(), project, [task], beside=beside)
        return payloads.to_label(task, loaded, f"assignment-{assignment.id}", queue)


def task_for_workbench(session: Session, project: Project, task: Task) -> dict[str, Any]:
    """Return a task with what the workbench needs to go on with it."""
    media = tasks.media_of(session, [task])
    found = annotation_rows.of_tasks(session, [task.id]).get(task.id, [])
    made = annotation_rows.visible_to(user(), found)
    drafts = annotation_rows.drafts_of(session, user(), [task.id]).get(task.id, [])
    judged = reviews.of_annotations(session, [row.id for row in made])
    authors = people.by_ids(session, {row.completed_by for row in made})
    said = predictions.of_tasks(session, [task.id])
    predicted = benefit.visible_to(session, user(), project, said).get(task.id, [])
    is_hidden = bool(predicted) and _is_on_request(project)
    assignment = assignments.held(session, user(), task.id)
    shown: dict[str, Any] = {
        "id": task.id,
        "project": task.project_id,
        "name": task.name,
        "group": task.group,
        "state": payloads.standing(user(), project, task, made).state,
        "data": payloads.shown_data(task, media),
        "annotations": [
            {
                **payloads.work(row, authors, hidden=hidden),
                "reviews": [
                    payloads.review(each, hidden=hidden and each.reviewer_id != user().id)
                    for each in judged.get(row.id, [])
                ],
            }
            for row in made
            for hidden in (reviews.hides(user(), project, row),)
        ],
        "predictions": [] if is_hidden else [payloads.prediction(row) for row in predicted],
        "drafts": [payloads.work_draft(row, user()) for row in drafts],
        "label_config": project.shown_config,
        "instruction": project.instruction,
    }
    if is_hidden:
        # The script shows them when the person asks for them.
        shown["predictions_hidden"] = True
        shown["hidden_predictions"] = [payloads.prediction(row) for row in predicted]
    if assignment is not None:
        shown["unique_lock_id"] = f"assignment-{assignment.id}"
        shown["assignment"] = {
            "id": assignment.id,
            "state": assignment.state,
            "reserved_until": payloads.time(assignment.reserved_until),
        }
    return shown


def _is_on_request(project: Project) -> bool:
    """Tell whether the asker sees pre-labels only when they want to."""
    on_request = project.option("prelabel_display") == "on_request"
    return on_request and not permissions.allows(user(), "prediction.read")


def _claimed(project_id: int) -> tuple[Assignment, Project]:
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.claim")
        assignment = next_tasks.claim(session, installation().settings, user(), project)
        if assignment is None:
            raise errors.NotFound(_("no task is left for you in this project"))
        return assignment, project
