"""Tasks: the pages: the grid, one task, importing."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ...datasets import annotations as annotation_rows
from ...datasets import (
    audit,
    benefit,
    jobs,
    labelled,
    models,
    permissions,
    predictions,
    projects,
    reviews,
    sending,
    tasks,
)
from ...datasets.models import PredictionFailure
from ...datasets.projects import Project
from ...datasets.tasks import Task
from .. import links, payloads, review_sheets
from ..auth import allows, installation, user
from ..models.shown import names as names_of_models
from . import imports

routes = Blueprint("tasks", __name__)
PAGE = 60


@routes.get("/projects/<int:project_id>/tasks")
@allows("task.read")
def index(project_id: int) -> str:
    """Show a project's tasks as a grid with the labels drawn; keyset paging."""
    after = payloads.number(request.args, "after", 0)
    state = request.args.get("state") or None
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.read")
        alone = payloads.is_alone(user(), project)
        state = None if alone else state
        found = tasks.page(session, project, state=state, after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        return render_template(
            "tasks/index.html",
            project=project,
            tasks=[_card(project, card) for card in _with_work(session, project, shown)],
            counts={} if alone else tasks.counts(session, [project.id]).get(project.id, {}),
            state=state,
            next_after=shown[-1].id if len(found) > PAGE else None,
        )


@routes.get("/tasks/<int:task_id>")
@allows("task.read")
def show(task_id: int) -> str:
    """Show one task with everything that was said of it."""
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "task.read")
        ((_task, media, made, predicted),) = _with_work(session, project, [task])
        made = annotation_rows.visible_to(user(), made)
        judged = reviews.of_annotations(session, [row.id for row in made])
        said = [review for rows in judged.values() for review in rows]
        failed = _failures(session, task)
        story = reviews.history(session, made)
        authors = {row.completed_by for row in made} | {row.reviewer_id for row in said}
        authors |= {each.actor_id for each in story}
        known = review_sheets.names(session, user(), project, authors, made)
        hidden = any(reviews.hides(user(), project, row) for row in made)
        return render_template(
            "tasks/show.html",
            project=project,
            task={
                "id": task.id,
                "name": task.name,
                "state": payloads.standing(user(), project, task, made).state,
                "created_at": task.created_at,
                "data": payloads.shown_data(task, media),
            },
            annotations=made,
            predictions=predicted,
            failures=failed,
            names_of_models=names_of_models(session, project) if failed else {},
            reviews=judged,
            fixed={
                row.id: fix
                for row in said
                if row.verdict == "fix" and (fix := reviews.decoded(row)) is not None
            },
            known=known,
            story=story if permissions.allows(user(), "annotation.read") else [],
            events=audit.events(session, subject=f"task/{task.id}")
            if permissions.allows(user(), "annotation.read") and not hidden
            else [],
        )


@routes.get("/projects/<int:project_id>/import")
@allows("task.import")
def import_form(project_id: int) -> str:
    """Show the upload page."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.import")
        recent = [
            job
            for kind in ("import", sending.KIND, "feed", "sync")
            for job in jobs.recent(session, project_id=project.id, kind=kind, limit=20)
        ]
        from_libraries = sending.from_libraries(session, project)
        number = sum(tasks.counts(session, [project.id]).get(project.id, {}).values())
    return render_template(
        "tasks/import.html",
        project=project,
        jobs=sorted(recent, key=lambda job: job.created_at, reverse=True)[:20],
        from_libraries=from_libraries,
        number=number,
        limit=installation().settings.maximum_upload_bytes,
        formats=labelled.FORMATS,
    )


@routes.post("/projects/<int:project_id>/import")
@allows("task.import")
def import_upload(project_id: int) -> Response:
    """Take uploaded files and start an import of each."""
    started = imports.start(project_id)
    return flask.redirect(flask.url_for("jobs.show", job_id=started[0].id))  # type: ignore[return-value]


@routes.get("/tasks/<int:task_id>/editor")
@allows("task.read")
def editor(task_id: int) -> Response:
    """Show the editor's own page, for the frame of the workbench."""
    with installation().database.read() as session:
        tasks.get(session, user(), task_id, "task.read")
    return editor_page()


@routes.get("/editor")
@allows("task.read")
def editor_page() -> Response:
    """Show the editor's page; the workbench around it fills it."""
    response = flask.make_response(render_template("tasks/editor.html"))
    response.headers["Content-Security-Policy"] = flask.current_app.config["EDITOR_POLICY"]
    return response


def _with_work(
    session: Session, project: Project, found: list[Task]
) -> list[tuple[Any, Any, Any, Any]]:
    """Return each task with the media of all, its annotations and the predictions to be seen."""
    ids = [task.id for task in found]
    media = tasks.media_of(session, found)
    made = annotation_rows.of_tasks(session, ids)
    said = predictions.of_tasks(session, ids)
    predicted = benefit.visible_to(session, user(), project, said)
    return [(t, media, made.get(t.id, []), predicted.get(t.id, [])) for t in found]


def _failures(session: Session, task: Task) -> list[PredictionFailure]:
    """Return why models have no answer for a task, to those who see what models say."""
    if not permissions.allows(user(), "prediction.read"):
        return []
    return models.failures_of_tasks(session, [task.id]).get(task.id, [])


def _card(project: Project, work: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
    """Return what the grid shows of a task: the picture, and the boxes of its newest answer."""
    task, media, made, predicted = work
    made = annotation_rows.visible_to(user(), made)
    answer = made[-1] if made else (predicted[0] if predicted else None)
    main = project.data_keys[0] if project.data_keys else ""
    data = payloads.shown_data(task, media)
    shown = media.get(tasks.media_digest(task.data_values.get(main)) or "")
    is_picture = shown is not None and shown.width is not None
    return {
        "task": task,
        "state": payloads.standing(user(), project, task, made).state,
        "data": data,
        "picture": links.thumbnail(shown) if is_picture else None,
        "text": None
        if tasks.media_digest(task.data_values.get(main))
        else str(task.data_values.get(main, ""))[:300],
        "regions": [] if answer is None else answer.result_values,
        "by_model": not made and bool(predicted),
    }
