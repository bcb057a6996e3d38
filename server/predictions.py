"""Predictions: Label Studio's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, request

from ..datasets import errors, predictions, projects, removal, tasks
from ..datasets.db import Database
from ..datasets.errors import _
from ..datasets.predictions import NewPrediction, Prediction
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("predictions", __name__)
MOST_AT_ONCE = 200_000  # predictions in one request
LONGEST_VERSION = 140  # characters


@routes.get("/api/predictions/")
@allows("prediction.read")
def index() -> Response:
    """List the predictions of a task or of a project."""
    with installation().database.read() as session:
        if request.args.get("task"):
            number = payloads.number(request.args, "task")
            task, _project = tasks.get(session, user(), number, "prediction.read")
            rows = predictions.of_tasks(session, [task.id]).get(task.id, [])[::-1]
            return payloads.answer([payloads.prediction(row) for row in rows])
        if not request.args.get("project"):
            raise errors.Invalid(_("say of which task or project"), place="project")
        number = payloads.number(request.args, "project")
        project = projects.get(session, user(), number, "prediction.read")
    return flask.Response(_streamed(installation().database, project), mimetype="application/json")


def _streamed(database: Database, project: Project) -> Iterator[bytes]:
    """Give a project's predictions as a JSON list, a batch at a time: there may be millions."""
    after, before = 0, b"["
    while True:
        with database.read() as session:
            rows = predictions.of_project(session, project, after=after)
        if not rows:
            break
        yield before + msgspec.json.encode([payloads.prediction(row) for row in rows])[1:-1]
        after, before = rows[-1].id, b","
    yield b"]" if after else b"[]"


@routes.post("/api/predictions/")
@allows("prediction.write")
def create() -> Response:
    """Bring a prediction for a task."""
    values = payloads.body()
    with installation().database.write() as session:
        number = payloads.number(values, "task")
        task, project = tasks.get(session, user(), number, "prediction.write")
        given = _new(values, task.id, "")
        (made,) = predictions.bring(session, user(), project, [given])
        return payloads.answer(payloads.prediction(session.get_one(Prediction, made)), 201)


@routes.get("/api/predictions/<int:prediction_id>/")
@allows("prediction.read")
def show(prediction_id: int) -> Response:
    """Return a prediction."""
    with installation().database.read() as session:
        row, *_rest = predictions.get(session, user(), prediction_id, "prediction.read")
        return payloads.answer(payloads.prediction(row))


@routes.route("/api/predictions/<int:prediction_id>/", methods=["PATCH", "PUT"])
@allows("prediction.write")
def change(prediction_id: int) -> Response:
    """Change what is given of a prediction."""
    values = payloads.body()
    with installation().database.write() as session:
        row, task, project = predictions.get(session, user(), prediction_id, "prediction.write")
        predictions.change(
            session,
            user(),
            project,
            task,
            row,
            result=payloads.result(values) if "result" in values else None,
            score=payloads.decimal(values, "score"),
            model_version=payloads.given_text(values, "model_version", longest=LONGEST_VERSION),
        )
        return payloads.answer(payloads.prediction(row))


@routes.delete("/api/predictions/<int:prediction_id>/")
@allows("prediction.write")
def delete(prediction_id: int) -> Response:
    """Delete a prediction."""
    with installation().database.write() as session:
        row, _task, project = predictions.get(session, user(), prediction_id, "prediction.write")
        predictions.remove(session, user(), project, row)
    return flask.Response(status=204)


@routes.post("/api/projects/<int:project_id>/import/predictions")
@allows("prediction.write")
def bring(project_id: int) -> Response:
    """Bring many predictions for tasks that are there, all or none."""
    with installation().database.read() as session:
        projects.get(session, user(), project_id, "prediction.write")
    given = [
        _new(values, None, f"[{place}]")
        for place, values in enumerate(payloads.body_list(MOST_AT_ONCE))
    ]
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prediction.write")
        predictions.bring(session, user(), project, given)
    return payloads.answer({"created": len(given)}, 201)


@routes.get("/api/projects/<int:project_id>/model-versions/")
@allows("prediction.read")
def versions(project_id: int) -> Response:
    """Tell which model versions a project has predictions of."""
    extended = payloads.flag(request.args, "extended")
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prediction.read")
        found = predictions.versions(session, project)
    if not extended:
        return payloads.answer({version: number for version, number, _at in found})
    rows = [
        {"model_version": version, "count": number, "latest": payloads.time(at)}
        for version, number, at in found
    ]
    return payloads.answer({"static": rows, "live": None})


@routes.delete("/api/projects/<int:project_id>/model-versions/")
@allows("prediction.write")
def delete_version(project_id: int) -> Response:
    """Delete all predictions of one model version."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prediction.write")
        version = payloads.text(values, "model_version", longest=LONGEST_VERSION)
        ids = predictions.tasks_of(session, project, version)
        number = removal.predictions_of(session, user(), project, ids, version)
    return payloads.answer({"deleted_predictions": number})


def _new(values: Any, task_id: int | None, place: str) -> NewPrediction:
    """Read a prediction for a task, or for the one that it names itself."""
    if not isinstance(values, dict):
        raise errors.Invalid(_("must be an object"), place=place)
    try:
        return NewPrediction(
            payloads.number(values, "task") if task_id is None else task_id,
            payloads.result(values),
            payloads.given_text(values, "model_version", longest=LONGEST_VERSION) or "",
            payloads.decimal(values, "score"),
            place,
        )
    except errors.Invalid as problem:
        problem.place = f"{place}.{problem.place}" if place else problem.place
        raise
