"""Model backends: Label Studio's API.

Backends are called outside of transactions; what they answer is written down afterwards.
"""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import errors, outside, projects, tasks, totals
from ..datasets.connections import backends
from ..datasets.connections.backends import METHODS, STATES, Backend, Chosen
from ..datasets.errors import _
from ..datasets.jobs import Job
from ..datasets.projects import Project
from ..workers import backends as talk
from ..workers import predict, queues
from . import payloads
from .auth import allows, installation, user
from .errors import words

routes = Blueprint("backends", __name__)
LONGEST_TEXT, LONGEST_PASSWORD = 2000, 500
_SENT_BACK = ("id", "state", "readable_state", "error_message", "basic_auth_pass_is_set")
_KNOWN = {*Chosen.__dataclass_fields__, *_SENT_BACK, "project", "created_at", "updated_at"}


@routes.get("/api/ml/")
@allows("connection.manage")
def index() -> Response:
    """List the model backends of a project, or of all that one manages."""
    with installation().database.read() as session:
        project = None
        if request.args.get("project"):
            number = payloads.number(request.args, "project")
            project = projects.get(session, user(), number, "connection.manage")
        rows = backends.listing(session, user(), project)
    return payloads.answer([_shown(row) for row in rows])


@routes.post("/api/ml/")
@allows("connection.manage")
def create() -> Response:
    """Connect a model backend; it must answer its health check and set-up now."""
    row = connect(_values())
    response = payloads.answer(_shown(row), 201)
    response.headers["Location"] = row.url
    return response


def connect(values: dict[str, Any]) -> Backend:
    """Connect the backend that somebody describes, once it has answered."""
    chosen = _chosen(values)
    outside.check(installation().settings.outside_allowed, values.get("url"))
    number = payloads.number(values, "project")
    with installation().database.read() as session:
        project = projects.get(session, user(), number, "connection.manage")
        tried = backends.draft(installation().settings, user(), project, chosen)
    version = _connected(tried, project)
    with installation().database.write() as session:
        project = projects.get(session, user(), number, "connection.manage")
        row = backends.add(session, installation().settings, user(), project, chosen)
        backends.note(session, row, version=version, error=None)
        return row


@routes.get("/api/ml/<int:backend_id>")
@allows("connection.manage")
def show(backend_id: int) -> Response:
    """Return a model backend as it was when it was last asked."""
    with installation().database.read() as session:
        return payloads.answer(_shown(_get(session, backend_id)[0]))


@routes.route("/api/ml/<int:backend_id>", methods=["PATCH", "PUT"])
@allows("connection.manage")
def change(backend_id: int) -> Response:
    """Change what is given of a model backend, and set it up again."""
    values = _values()
    chosen = _chosen(values)
    if chosen.url is not None:
        outside.check(installation().settings.outside_allowed, chosen.url)
    with installation().database.read() as session:
        tried, project = _get(session, backend_id)
        # Thrown away: an address that does not answer changes nothing.
        backends.apply(installation().settings, tried, chosen)
    version = _connected(tried, project)
    with installation().database.write() as session:
        row, project = _get(session, backend_id)
        backends.change(session, installation().settings, user(), row, chosen)
        backends.note(session, row, version=version, error=None)
        return payloads.answer(_shown(row))


@routes.delete("/api/ml/<int:backend_id>")
@allows("connection.manage")
def delete(backend_id: int) -> Response:
    """Disconnect a model backend; its predictions stay."""
    with installation().database.write() as session:
        backends.delete(session, user(), _get(session, backend_id)[0])
    return flask.Response(status=204)


@routes.get("/api/ml/<int:backend_id>/versions")
@allows("connection.manage")
def versions(backend_id: int) -> Response:
    """Tell which model versions a backend offers."""
    with installation().database.read() as session:
        row, _project = _get(session, backend_id)
    try:
        return payloads.answer({"versions": talk.versions(installation(), row)})
    except errors.Refused as problem:
        raise _unreachable(row, problem) from problem


@routes.post("/api/ml/<int:backend_id>/train")
@allows("connection.manage")
def train(backend_id: int) -> Response:
    """Tell a backend to train."""
    payloads.flag(payloads.body(), "use_ground_truth")
    with installation().database.read() as session:
        row, project = _get(session, backend_id)
        counted = totals.of_projects(session, [project])[project.id]
    try:
        talk.train(installation(), row, project, counted)
    except errors.Refused as problem:
        raise _unreachable(row, problem) from problem
    return flask.Response(status=200)


@routes.post("/api/ml/<int:backend_id>/predict")
@allows("prelabel.run")
def predict_all(backend_id: int) -> Response:
    """Start a job that asks a backend about all tasks of its project."""
    return payloads.answer(payloads.job(start(backend_id)), 202)


def start(backend_id: int) -> Job:
    """Write down a job that asks a backend about all tasks, and announce it."""
    with installation().database.write() as session:
        row, project = backends.get(session, user(), backend_id, "prelabel.run")
        job = backends.request_predictions(session, user(), project, None, row)
    queues.announce(installation(), [job.id])
    return job


@routes.post("/api/ml/<int:backend_id>/predict/test")
@allows("connection.manage")
def try_out(backend_id: int) -> Response:
    """Ask a backend about one task (`random`, or the `task_id`) and show both sides of it."""
    with installation().database.read() as session:
        row, project = _get(session, backend_id)
        wanted = None
        if not payloads.flag(request.args, "random") and request.args.get("task_id"):
            wanted = [[payloads.number(request.args, "task_id")] * 2]
        found = backends.batch(session, project, wanted, after=0, limit=1)
        if not found:
            raise errors.Invalid(_("the project has no such task"), place="task_id")
        told = predict.question(installation(), session, project, found)
    status, answered, problem = predict.trial(installation(), row, told)
    return payloads.answer(
        {
            "status": status,
            "error_message": None if problem is None else words(problem),
            "url": f"{row.url.rstrip('/')}/predict",
            "task": told["tasks"][0],
            "request": told,
            "response": answered,
        }
    )


@routes.post("/api/ml/<int:backend_id>/interactive-annotating")
@allows("annotation.write")
def interactive(backend_id: int) -> Response:
    """Ask a backend about the task that one is labelling; nothing is kept."""
    values = payloads.body()
    with installation().database.read() as session:
        row, project = backends.get(session, user(), backend_id, "annotation.write")
        number = payloads.number(values, "task")
        task, owner = tasks.get(session, user(), number, "annotation.write")
    if owner.id != project.id:
        raise errors.NotFound(_("there is no task %(id)s in this project"), id=number)
    if not row.is_interactive:
        raise errors.Invalid(_("this backend does not help while labelling"))
    context = values.get("context")
    try:
        found = predict.interactive(installation(), user(), row, project, task, context)
    except errors.Refused as problem:
        # As Label Studio has it: the editor shows the message and goes on.
        return payloads.answer({"errors": [words(problem)]})
    return payloads.answer({"data": found})


def _get(session: Session, backend_id: int) -> tuple[Backend, Project]:
    return backends.get(session, user(), backend_id)


def _connected(row: Backend, project: Project) -> str | None:
    try:
        return talk.connect(installation(), row, project)
    except errors.Refused as problem:
        raise _unreachable(row, problem) from problem


def _unreachable(row: Backend, problem: errors.Refused) -> errors.Invalid:
    return errors.Invalid(
        _("Can't connect to ML backend %(url)s, health check failed: %(reason)s"),
        url=row.url,
        reason=words(problem),
    )


def _values() -> dict[str, Any]:
    values = payloads.body()
    payloads.refuse_unknown(values, _KNOWN)
    return values


def _chosen(values: dict[str, Any]) -> Chosen:
    timeout = payloads.decimal(values, "timeout")
    method = values.get("auth_method")
    return Chosen(
        url=payloads.given_text(values, "url", longest=outside.LONGEST),
        title=payloads.given_text(values, "title"),
        description=payloads.given_text(values, "description", longest=LONGEST_TEXT),
        is_interactive=payloads.given_flag(values, "is_interactive"),
        auth_method=method and payloads.choice(values, "auth_method", "NONE", METHODS),
        basic_auth_user=payloads.given_text(values, "basic_auth_user"),
        basic_auth_pass=payloads.given_text(values, "basic_auth_pass", longest=LONGEST_PASSWORD),
        extra_params=values.get("extra_params"),
        model_version=payloads.given_text(values, "model_version", longest=140),
        timeout=timeout,
        auto_update=payloads.given_flag(values, "auto_update"),
    )


def _shown(row: Backend) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "readable_state": STATES[row.state],
        "is_interactive": row.is_interactive,
        "url": row.url,
        "error_message": row.error_message,
        "title": row.title,
        "auth_method": row.auth_method,
        "basic_auth_user": row.basic_auth_user,
        "basic_auth_pass_is_set": bool(row.basic_auth_pass),
        "description": row.description,
        "extra_params": msgspec.Raw(row.extra_params.encode()),
        "model_version": row.model_version,
        "timeout": row.timeout,
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
        "auto_update": row.auto_update,
        "project": row.project_id,
    }
