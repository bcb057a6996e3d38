"""Models of a project: the API."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ...datasets import models, projects
from .. import payloads
from ..auth import allows, installation, user
from . import acting, given, kinds, shown

routes = Blueprint("models_api", __name__)
PAGE, LARGEST_PAGE = 50, 1000
# What an answer holds besides and may be sent back.
_SENT_BACK = {
    *("id", "project", "kind", "secret_is_set", "file_name", "file_digest", "is_shown", "gate"),
    *("gate_report", "answers_at_training", "trained_model", "model_version", "problem"),
    *("failures", "tokens_in", "tokens_out", "cost", "created_at", "updated_at"),
}


@routes.get("/api/project_models/kinds")
@allows("prediction.read")
def index_kinds() -> Response:
    """List the kinds of models with their cards, and whether they suit a `project`."""
    config = None
    if request.args.get("project"):
        number = payloads.number(request.args, "project")
        with installation().database.read() as session:
            config = projects.get(session, user(), number, "prediction.read").config
    asked = config is not None
    return payloads.answer([kinds.payload(each, asked) for each in kinds.all_kinds(config)])


@routes.get("/api/projects/<int:project_id>/models/")
@allows("prediction.read")
def index(project_id: int) -> Response:
    """List the models that a project uses, oldest first."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = shown.gathered(session, project, models.of_project(session, project))
    return payloads.answer([shown.model(each) for each in found])


@routes.post("/api/projects/<int:project_id>/models/")
@allows("prelabel.run")
def create(project_id: int) -> Response:
    """Let a project use a model of a `kind`, with its `options`, a `secret` and a `file`."""
    values = payloads.body()
    names = [name for name in values if not name.startswith(given.PREFIX)]
    known = {*acting.SETTABLE, "kind"} - {"is_on", "gate_overridden", "labels_off"}
    payloads.refuse_unknown({name: values[name] for name in names}, known)
    row = acting.add(project_id, values)
    return payloads.answer(_one(row.id), 201)


@routes.get("/api/project_models/<int:model_id>/")
@allows("prediction.read")
def show(model_id: int) -> Response:
    """Return one model of a project."""
    return payloads.answer(_one(model_id))


@routes.patch("/api/project_models/<int:model_id>/")
@allows("prelabel.run")
def change(model_id: int) -> Response:
    """Change what is given of a model; an option that is null goes back to its default."""
    values = payloads.body()
    payloads.refuse_unknown(values, {*acting.SETTABLE, *_SENT_BACK})
    acting.change(model_id, values)
    return payloads.answer(_one(model_id))


@routes.delete("/api/project_models/<int:model_id>/")
@allows("prelabel.run")
def delete(model_id: int) -> Response:
    """Let a project no longer use a model; what it predicted and learned stays."""
    acting.remove(model_id)
    return flask.Response(status=204)


@routes.put("/api/project_models/<int:model_id>/file")
@allows("prelabel.run")
def put_file(model_id: int) -> Response:
    """Give a model another file: a form with `file`, or its bytes; `name` in the address."""
    name = payloads.text(request.args, "name", "model", longest=300)
    with installation().database.read() as session:
        models.get(session, user(), model_id, "prelabel.run")
    acting.replace_file(model_id, given.file() or given.content(name))
    return payloads.answer(_one(model_id))


@routes.post("/api/project_models/<int:model_id>/train")
@allows("prelabel.run")
def train(model_id: int) -> Response:
    """Start a job that trains a model on what people have labelled."""
    return payloads.answer(payloads.job(acting.ask(model_id, train=True, predict=False)), 202)


@routes.post("/api/project_models/<int:model_id>/predict")
@allows("prelabel.run")
def predict(model_id: int) -> Response:
    """Start a job that lets a model predict for the tasks that wait; with `train` first."""
    wants = payloads.flag(payloads.body(), "train")
    return payloads.answer(payloads.job(acting.ask(model_id, train=wants, predict=True)), 202)


@routes.get("/api/project_models/<int:model_id>/trainings")
@allows("prediction.read")
def trainings(model_id: int) -> Response:
    """List what models of this kind were trained to in the project, newest first."""
    with installation().database.read() as session:
        row, project = models.get(session, user(), model_id, "prediction.read")
        found = [each for each in models.trained(session, project) if each.name == row.kind]
    return payloads.answer([shown.training(each, row.trained_model_id) for each in found])


@routes.get("/api/project_models/<int:model_id>/card")
@allows("prediction.read")
def card(model_id: int) -> Response:
    """Return a model's card: data, version, digest of the weights, scores, licence."""
    with installation().database.read() as session:
        found = _gathered(session, model_id)
    return payloads.answer(shown.card(found))


@routes.get("/api/projects/<int:project_id>/prediction_failures")
@allows("prediction.read")
def failures(project_id: int) -> Response:
    """List why models have no answer for tasks, by task; `after` a task gives the next page."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    after = payloads.number(request.args, "after", 0)
    model = payloads.optional_text(request.args, "model")
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = shown.failed(session, project, model=model, after=after, limit=size)
    return payloads.answer([shown.failure(each) for each in found])


@routes.post("/api/projects/<int:project_id>/prediction_failures/retry")
@allows("prelabel.run")
def retry(project_id: int) -> Response:
    """Start a job that asks a `project_model`, or a `backend`, again where it failed."""
    return payloads.answer(payloads.job(acting.ask_again(project_id, payloads.body())), 202)


def _one(model_id: int) -> dict[str, Any]:
    with installation().database.read() as session:
        return shown.model(_gathered(session, model_id))


def _gathered(session: Session, model_id: int) -> shown.Shown:
    row, project = models.get(session, user(), model_id, "prediction.read")
    return shown.gathered(session, project, [row])[0]
