"""Hand out the next task: the workbench page and its API."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from ..datasets import assignments, errors, projects
from ..datasets.errors import _
from ..datasets.tasks import Task
from . import payloads, tasks
from .auth import allows, installation, user

routes = Blueprint("assignments", __name__)


@routes.get("/projects/<int:project_id>/label")
@allows("task.claim")
def label(project_id: int) -> str:
    """Show the workbench; its script asks for the next task."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.claim")
    return render_template("tasks/label.html", project=project)


@routes.get("/api/projects/<int:project_id>/next")
@allows("task.claim")
def api_next(project_id: int) -> Response:
    """Reserve the asker's next task and return it; 404 when none is left."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.claim")
        assignment = assignments.claim(session, installation().settings, user(), project)
        if assignment is None:
            raise errors.NotFound(_("no task is left for you in this project"))
        task_id = assignment.task_id
    # Other writers need not wait while the answer is put together.
    with installation().database.read() as session:
        task = session.get_one(Task, task_id)
        return payloads.answer(tasks.task_for_editor(session, project, task))
