"""Cleanings as pages: how one goes, what became of each record, duplicates side by side."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ...datasets import projects, sending, workers
from ...datasets.cleaning import reading
from ...datasets.cleaning.rows import RecordState
from ...workers import queues
from .. import libraries, payloads
from ..auth import allows, installation, user
from ..recipes import words
from . import api, shown

routes = Blueprint("cleanings", __name__)
PAGE = 30
GROUPS = 20
MOST_PROJECTS = 200


@routes.post("/cleanings")
@allows("cleaning.run")
def start() -> AnyResponse:
    """Clean a `library` by a recipe `version`, from a page."""
    values = payloads.body()
    with installation().database.write() as session:
        library = payloads.number(values, "library")
        run, job = api.begin(session, library, payloads.number(values, "version"))
        number = run.cleaning.id
    queues.announce(installation(), [job.id])
    return flask.redirect(flask.url_for("cleanings.show", cleaning_id=number), 303)


@routes.get("/cleanings/<int:cleaning_id>")
@allows("library.read")
def show(cleaning_id: int) -> str:
    """Show how a cleaning goes or went: its job, counts for each step, what to do with it."""
    return render_template("cleanings/show.html", **_seen(cleaning_id))


@routes.get("/cleanings/<int:cleaning_id>/live")
@allows("library.read")
def live(cleaning_id: int) -> str:
    """Return what changes of that page, for refreshing."""
    return render_template("cleanings/refreshed.html", **_seen(cleaning_id))


@routes.post("/cleanings/<int:cleaning_id>/send")
@allows("library.read")
def send(cleaning_id: int) -> AnyResponse:
    """Make tasks of what a cleaning kept, in a `project`, by a job."""
    values = payloads.body()
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
    asked = {"project": values.get("project"), "cleaning": cleaning_id}
    job = libraries.sent(run.library.id, asked)
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id), 303)


@routes.get("/cleanings/<int:cleaning_id>/records")
@allows("library.read")
def records(cleaning_id: int) -> str:
    """Show what became of the records, both sides, by state, step and reason."""
    chosen = api.chosen()
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
        rows = reading.records(session, run.cleaning, chosen, after=after, limit=PAGE + 1)
        found = shown.records(session, run, rows[:PAGE])
    return render_template(
        "cleanings/records.html",
        run=run,
        steps=shown.steps(run),
        rows=found,
        chosen=chosen,
        states=[*RecordState],
        next_after=rows[PAGE - 1].id if len(rows) > PAGE else None,
        words=words,
    )


@routes.get("/cleanings/<int:cleaning_id>/duplicates")
@allows("library.read")
def duplicates(cleaning_id: int) -> str:
    """Show duplicates side by side: what was kept beside what was left out."""
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
        groups = reading.groups(session, run.cleaning, after=after, limit=GROUPS + 1)
        found = shown.pairs(session, run, groups[:GROUPS])
    return render_template(
        "cleanings/duplicates.html",
        run=run,
        pairs=found,
        next_after=groups[GROUPS - 1].kept_asset_id if len(groups) > GROUPS else None,
        words=words,
    )


def _seen(cleaning_id: int) -> dict[str, Any]:
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
        served = workers.served(session)
        targets = [
            (each, sending.kinds_shown(each))
            for each in projects.visible(session, user(), limit=MOST_PROJECTS)
        ]
        kept = sending.kept_by_kind(session, run.cleaning)
    found = shown.steps(run)
    return {
        "run": run,
        "steps": found,
        "plot": shown.plot(found),
        "served": served,
        "projects": targets,
        "kept_by_kind": kept,
        # Not `kept`: the frame of every page has something else of this name.
        "kept_records": sum(kept.values()) if kept else run.cleaning.kept,
        "words": words,
    }
