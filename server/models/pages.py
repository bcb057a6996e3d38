"""Models of a project: pages."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ...datasets import (
    circuits,
    errors,
    models,
    ordering,
    permissions,
    projects,
    suggestions,
)
from ...datasets.connections import backends
from ...datasets.connections.backends import Backend
from ...datasets.errors import _
from ...datasets.jobs import Job
from ...datasets.projects import Project
from ...workers import queues
from .. import backends as backend_routes
from .. import payloads
from ..auth import allows, installation, user
from . import acting, given, kinds, shown

routes = Blueprint("models", __name__)
PAGE = 50
TRAININGS = 12  # that a model's page shows


@routes.get("/projects/<int:project_id>/models")
@allows("prediction.read")
def index(project_id: int) -> str:
    """Show the models of a project: what each does and saves, and which others suit it."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        rows = models.of_project(session, project)
        connected = _backends(session, project)
        return render_template(
            "models/index.html",
            project=project,
            models=shown.gathered(session, project, rows),
            kinds=kinds.all_kinds(project.config),
            most=models.MOST_MODELS,
            running=acting.running(session, project),
            titles={row.id: row.title or row.kind for row in rows},
            backends=connected,
            circuits=circuits.left_alone(session, [f"backend/{row.id}" for row in connected]),
            failed=models.count_failures(session, project),
            suggested=suggestions.statistics(session, project),
        )


@routes.get("/projects/<int:project_id>/models/running")
@allows("prediction.read")
def running(project_id: int) -> str:
    """Return what runs now, for refreshing; when all has ended, it asks for the cards."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = acting.running(session, project)
        titles = {row.id: row.title or row.kind for row in models.of_project(session, project)}
    return render_template(
        "models/running.html", project=project, running=found, titles=titles, ended=True
    )


@routes.get("/projects/<int:project_id>/models/cards")
@allows("prediction.read")
def cards(project_id: int) -> str:
    """Return the cards of a project's models alone, for refreshing."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = shown.gathered(session, project, models.of_project(session, project))
        return render_template("models/cards.html", project=project, models=found)


@routes.get("/projects/<int:project_id>/models/new/<model_kind>")
@allows("prelabel.run")
def new(project_id: int, model_kind: str) -> str:
    """Show what a kind of model is, and the form to use one."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
    found = kinds.get(model_kind, project.config)
    if found is None:
        raise errors.NotFound(_("this program has no model “%(kind)s”"), kind=model_kind[:80])
    return render_template(
        "models/new.html",
        project=project,
        kind=found,
        limit=given.longest_file(installation().settings),
    )


@routes.post("/projects/<int:project_id>/models")
@allows("prelabel.run")
def create(project_id: int) -> Response:
    """Let a project use a model, from the form."""
    acting.add(project_id, payloads.body())
    return _to_project(project_id)


@routes.get("/projects/<int:project_id>/models/failures")
@allows("prediction.read")
def failures(project_id: int) -> str:
    """Show for which tasks models have no answer, and why."""
    after = payloads.number(request.args, "after", 0)
    model = payloads.optional_text(request.args, "model")
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = shown.failed(session, project, model=model, after=after, limit=PAGE + 1)
        return render_template(
            "models/failures.html",
            project=project,
            failures=_page(found),
            counts=models.count_failures(session, project),
            model=model,
            names=shown.names(session, project),
            next_after=_next(found),
        )


@routes.get("/models/<int:model_id>")
@allows("prediction.read")
def show(model_id: int) -> str:
    """Show a model: its card, what it was trained to, where it failed, what can be changed."""
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        row, project = models.get(session, user(), model_id, "prediction.read")
        (found,) = shown.gathered(session, project, [row])
        version = found.trained.model_version if found.trained else None
        failed = []
        if version is not None:
            failed = shown.failed(session, project, model=version, after=after, limit=PAGE + 1)
        trained = [each for each in models.trained(session, project) if each.name == row.kind]
        return render_template(
            "models/show.html",
            project=project,
            model=found,
            kind=found.kind,
            trainings=trained[:TRAININGS],
            failures=_page(failed),
            next_after=_next(failed),
            limit=given.longest_file(installation().settings),
            labels_shown=_labels(found),
        )


@routes.post("/models/<int:model_id>")
@allows("prelabel.run")
def change(model_id: int) -> Response:
    """Change a model, from one of its forms."""
    values = payloads.body()
    if not values.get("secret"):
        # An empty field of a form keeps the secret; a box beside it takes it away.
        values["secret"] = "" if payloads.flag(values, "forget_secret") else None
    if payloads.flag(values, "labels_given"):
        values["labels_off"] = _unticked(model_id, request.form.getlist("label"))
    acting.change(model_id, values, whole=True)
    if payloads.flag(values, "stay"):
        return _see("models.show", model_id=model_id)
    return _to_project(_project_of(model_id))


@routes.post("/models/<int:model_id>/predict")
@allows("prelabel.run")
def predict(model_id: int) -> Response:
    """Start a job that trains the model, lets it predict, or both, from the page."""
    values = payloads.body()
    job = acting.ask(
        model_id,
        train=payloads.flag(values, "train"),
        predict=payloads.flag(values, "predict", True),
    )
    return _to_job(job)


@routes.post("/models/<int:model_id>/remove")
@allows("prelabel.run")
def remove(model_id: int) -> Response:
    """Let a project no longer use a model, from the page."""
    return _to_project(acting.remove(model_id).id)


@routes.post("/projects/<int:project_id>/models/failures")
@allows("prelabel.run")
def retry(project_id: int) -> Response:
    """Ask a model again where it failed, from the page."""
    values = payloads.body()
    return _to_job(acting.ask_again(project_id, values))


@routes.post("/projects/<int:project_id>/models/order")
@allows("project.change")
def order(project_id: int) -> Response:
    """Choose which task comes next, and start the job that orders them, from the page."""
    values = payloads.body()
    sampling = payloads.choice(values, "sampling", projects.SAMPLINGS[0], projects.SAMPLINGS)
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.change(session, user(), project, options={"sampling": sampling})
        job = ordering.request(session, user(), project)
    queues.announce(installation(), [job.id])
    return _to_job(job)


@routes.post("/projects/<int:project_id>/backends")
@allows("connection.manage")
def connect(project_id: int) -> Response:
    """Connect a model backend, from the form."""
    values = payloads.body()
    with installation().database.read() as session:
        projects.get(session, user(), project_id, "connection.manage")
    has_password = bool(values.get("basic_auth_user"))
    backend_routes.connect(
        {
            **{name: values.get(name) for name in ("url", "title")},
            "project": project_id,
            "is_interactive": payloads.flag(values, "is_interactive"),
            "auth_method": "BASIC_AUTH" if has_password else None,
            "basic_auth_user": values.get("basic_auth_user") or None,
            "basic_auth_pass": values.get("basic_auth_pass") or None,
        }
    )
    return _to_project(project_id)


@routes.post("/backends/<int:backend_id>/predict")
@allows("prelabel.run")
def predict_with_backend(backend_id: int) -> Response:
    """Start a job that asks a backend about all tasks, from the page."""
    return _to_job(backend_routes.start(backend_id))


@routes.post("/backends/<int:backend_id>/remove")
@allows("connection.manage")
def disconnect(backend_id: int) -> Response:
    """Disconnect a model backend, from the page."""
    with installation().database.write() as session:
        row, project = backends.get(session, user(), backend_id)
        backends.delete(session, user(), row)
    return _to_project(project.id)


def _backends(session: Session, project: Project) -> list[Backend]:
    if not permissions.allows(user(), "connection.manage"):
        return []
    return backends.listing(session, user(), project)


def _labels(found: shown.Shown) -> list[str]:
    """List the labels that a model chooses from in its project."""
    return list(found.kind.labels) if found.kind else []


def _unticked(model_id: int, ticked: list[str]) -> list[str]:
    """List the labels of a model that a form leaves without a tick."""
    with installation().database.read() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
    kind = kinds.get(row.kind, project.config, row.option_values)
    return [label for label in (kind.labels if kind else ()) if label not in ticked]


def _project_of(model_id: int) -> int:
    with installation().database.read() as session:
        return models.get(session, user(), model_id, "prelabel.run")[1].id


def _page(found: list[models.PredictionFailure]) -> list[models.PredictionFailure]:
    """Return whole tasks only, as many as fit on a page."""
    if len(found) <= PAGE:
        return found
    last = found[-1].task_id
    return [row for row in found if row.task_id != last] or found


def _next(found: list[models.PredictionFailure]) -> int | None:
    shown_now = _page(found)
    return shown_now[-1].task_id if len(found) > PAGE else None


def _to_project(project_id: int) -> Response:
    return _see("models.index", project_id=project_id)


def _to_job(job: Job) -> Response:
    return _see("jobs.show", job_id=job.id)


def _see(endpoint: str, **values: Any) -> Response:
    return flask.redirect(flask.url_for(endpoint, **values))  # type: ignore[return-value]
