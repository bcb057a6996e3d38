"""Labelling configs: the gallery to begin from, checking, and a task as it would look."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response

from ...datasets import errors, labels, projects
from .. import errors as server_errors
from .. import payloads
from ..auth import allows, installation, user

routes = Blueprint("configs", __name__)
# Characters; labels.parse has the limit that counts, in bytes.
LONGEST_CONFIG = 2_000_000


@routes.get("/api/templates/")
@allows("project.read")
def gallery() -> Response:
    """List the templates to begin a project from, by group."""
    return payloads.answer(labels.gallery())


@routes.post("/api/projects/validate/")
@allows("project.read")
def check() -> Response:
    """Check a labelling config; 204 when it is good."""
    try:
        labels.parse(_config(payloads.body()))
    except errors.Invalid as problem:
        problem.place = "label_config"
        return payloads.answer(server_errors.faults(problem), 400)
    return flask.Response(status=204)


@routes.post("/api/projects/<int:project_id>/validate/")
@allows("project.read")
def check_for(project_id: int) -> Response:
    """Tell whether a new config would lose what the project's present one has."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
    config = _parsed(payloads.body())
    changed = labels.essential_change(project.config, config)
    return payloads.answer({"config_essential_data_has_changed": changed})


@routes.post("/api/projects/<int:project_id>/sample-task/")
@allows("project.read")
def sample(project_id: int) -> Response:
    """Return a task as it would look with the given config, or with the project's own."""
    values = payloads.body()
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
    given = values.get("label_config") is not None
    config = _parsed(values) if given else project.config
    return payloads.answer({"sample_task": labels.sample_task(config)})


def _config(values: dict[str, Any]) -> str:
    return payloads.text(values, "label_config", longest=LONGEST_CONFIG)


def _parsed(values: dict[str, Any]) -> labels.LabelConfig:
    try:
        return labels.parse(_config(values))
    except errors.Invalid as problem:
        problem.place = "label_config"
        raise
