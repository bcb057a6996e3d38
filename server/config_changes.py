"""Changing labels after work has begun: what it would touch, and doing it."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template
from werkzeug.datastructures import MultiDict

from ..datasets import config_changes, errors, jobs, people, projects
from ..datasets.config_changes import Act, ConfigChange, Step
from ..datasets.errors import _
from ..datasets.projects import Project
from ..workers import queues
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("config_changes", __name__)
PAGE = 50


@routes.post("/api/projects/<int:project_id>/config-changes/dry-run")
@allows("project.change")
def dry_run(project_id: int) -> Response:
    """Say what a change of labels would touch, and what the config would be; change nothing."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"steps"})
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.change")
        steps = config_changes.read(values.get("steps"), project.config)
        told = config_changes.count(session, user(), project, steps)
        fresh = config_changes.changed(project.label_config, steps)
    return payloads.answer({"touches": told.to_plain(), "label_config": fresh})


@routes.post("/api/projects/<int:project_id>/config-changes")
@allows("project.change")
def create(project_id: int) -> Response:
    """Change labels: a job moves all work over to the new ones."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"steps", "note"})
    note = payloads.text(values, "note", "", longest=config_changes.LONGEST_NOTE)
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        steps = config_changes.read(values.get("steps"), project.config)
        change, job = config_changes.request(session, user(), project, steps, note)
        told = {"change": _plain(change), "job": payloads.job(job)}
    queues.announce(installation(), [job.id])
    return payloads.answer(told, 202)


@routes.get("/api/projects/<int:project_id>/config-changes")
@allows("project.change")
def listing(project_id: int) -> Response:
    """List the changes of a project's labels, newest first."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.change")
        found = config_changes.of_project(session, project, before=payloads.before(), limit=PAGE)
        return payloads.answer([_plain(row) for row in found])


@routes.get("/api/config-changes/<int:change_id>")
@allows("project.change")
def show(change_id: int) -> Response:
    """Return one change of labels: its steps, how far it is, what it touched."""
    with installation().database.read() as session:
        change, _project = config_changes.get(session, user(), change_id, "project.change")
        return payloads.answer({**_plain(change), "old_label_config": change.old_config})


@routes.get("/projects/<int:project_id>/labels")
@allows("project.change")
def index(project_id: int) -> str:
    """Show the labels of a project, the changes that were made, and the form for another."""
    return _page(project_id, {})


@routes.post("/projects/<int:project_id>/labels/preview")
@allows("project.change")
def preview(project_id: int) -> str:
    """Show what a change would touch before it is made."""
    values = flask.request.form
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.change")
        steps = config_changes.read([_step_of(values)], project.config)
        told = config_changes.count(session, user(), project, steps)
        return render_template(
            "config_changes/preview.html",
            project=project,
            steps=steps,
            told=told.to_plain(),
            given=_hidden(steps[0]),
            note=values.get("note", ""),
        )


@routes.post("/projects/<int:project_id>/labels")
@allows("project.change")
def confirm(project_id: int) -> Response:
    """Make the change that was previewed, and show its job."""
    values = flask.request.form
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        steps = config_changes.read([_step_of(values)], project.config)
        _change, job = config_changes.request(
            session, user(), project, steps, values.get("note", "")
        )
        job_id = job.id
    queues.announce(installation(), [job_id])
    return flask.redirect(flask.url_for("jobs.show", job_id=job_id))  # type: ignore[return-value]


def _page(project_id: int, values: dict[str, Any]) -> str:
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.change")
        found = config_changes.of_project(session, project, before=payloads.before(), limit=PAGE)
        running = config_changes.unfinished(session, project)
        return render_template(
            "config_changes/index.html",
            project=project,
            controls=changeable(project),
            changes=found,
            makers=people.by_ids(session, {row.created_by for row in found}),
            running=running,
            job=None
            if running is None or running.job_id is None
            else jobs.get(session, running.job_id),
            next_before=found[-1].id if len(found) == PAGE else None,
            **values,
        )


def changeable(project: Project) -> list[Any]:
    """List the controls whose labels can be changed."""
    return [
        control
        for control in project.config.controls
        if control.labels and not control.dynamic and not control.paths
    ]


def _step_of(values: MultiDict[str, str]) -> dict[str, Any]:
    """Read one step from the form: labels ticked, new ones one a line."""
    control, labels = values.get("control", ""), values.getlist("labels")
    prefix = f"{control}:"
    if values.get("act") != Act.ADD and not labels:
        raise errors.Invalid(_("choose at least one label"), place="labels")
    into = [line.strip() for line in values.get("into", "").splitlines() if line.strip()]
    return {
        "act": values.get("act"),
        "control": control,
        "labels": []
        if values.get("act") == Act.ADD
        else [each.removeprefix(prefix) for each in labels if each.startswith(prefix)],
        "into": into,
        "look_again": values.get("look_again") == "true",
    }


def _hidden(step: Step) -> list[tuple[str, str]]:
    """Return the fields that say a step again."""
    return [
        ("act", step.act),
        ("control", step.control),
        *(("labels", f"{step.control}:{label}") for label in step.labels),
        ("into", "\n".join(step.into)),
        ("look_again", "true" if step.look_again else ""),
    ]


def _plain(row: ConfigChange) -> dict[str, Any]:
    return {
        "id": row.id,
        "project": row.project_id,
        "state": row.state,
        "steps": config_changes.to_plain(row.step_values),
        "note": row.note,
        "touched": row.count_values,
        "job": row.job_id,
        "created_by": row.created_by,
        "created_at": payloads.time(row.created_at),
        "done_at": payloads.time(row.done_at),
        "label_config": row.new_config,
    }
