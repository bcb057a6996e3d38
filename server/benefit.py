"""What pre-labels are worth in a project: the page, the API, and the part of tasks left blank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flask
from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from ..datasets import benefit, jobs, models, projects
from ..datasets.benefit import measuring
from ..datasets.jobs import Job
from ..datasets.projects import Project
from ..workers import queues
from ..workers.models import costs
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("benefit", __name__)
OPTIONS = ("prelabel_control_percent", "prelabel_display", "clean_percent")
# The plot shows shares from this far below to this far above nothing.
REACH = 1.0


@dataclass(frozen=True)
class Bar:
    """One line of the plot: an estimate and its interval, in percent of the width."""

    name: str
    at: float
    low: float
    high: float
    value: float
    ends: tuple[float, float]


@routes.get("/projects/<int:project_id>/benefit")
@allows("annotation.read")
def show(project_id: int) -> str:
    """Show what pre-labels save in a project, and what they do to errors."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        report = measuring.newest(session, project)
        return render_template(
            "benefit/show.html",
            project=project,
            report=report,
            finding=finding(report),
            bars=bars(report),
            models=models.of_project(session, project),
            clean=benefit.clean_share(session, project),
            costs=costs.SECONDS,
            least=benefit.LEAST_TASKS,
            job=_running(session, project),
        )


@routes.post("/projects/<int:project_id>/benefit")
@allows("project.change")
def change(project_id: int) -> Response:
    """Change how many tasks are left blank, when pre-labels are seen, and what is clean."""
    values = payloads.body()
    given: dict[str, Any] = {}
    if "prelabel_control_percent" in values:
        given["prelabel_control_percent"] = payloads.number(
            values, "prelabel_control_percent", highest=50
        )
    if "prelabel_display" in values:
        given["prelabel_display"] = payloads.text(values, "prelabel_display")
    if "clean_percent" in values:
        is_told = values["clean_percent"] not in (None, "")
        given["clean_percent"] = (
            payloads.number(values, "clean_percent", highest=100) if is_told else None
        )
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.change(session, user(), project, options=given)
    return flask.redirect(flask.url_for("benefit.show", project_id=project_id))  # type: ignore[return-value]


@routes.post("/projects/<int:project_id>/benefit/measure")
@allows("prelabel.run")
def ask(project_id: int) -> Response:
    """Measure now, from the page."""
    _ask(project_id)
    return flask.redirect(flask.url_for("benefit.show", project_id=project_id))  # type: ignore[return-value]


@routes.get("/api/projects/<int:project_id>/benefit")
@allows("annotation.read")
def api_show(project_id: int) -> Response:
    """Return what pre-labels save in a project, as it was last measured, with the cost model.

    `report` is null before the first measurement. Shares are from 0 to 1; each figure has its
    95 % interval, `n` (tasks with pre-labels and without) and the name of its estimator;
    `missing` tells how many tasks there are of how many that are needed.
    """
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        report = measuring.newest(session, project)
        clean = benefit.clean_share(session, project)
        chosen = models.of_project(session, project)
    return payloads.answer(
        {
            "project": project.id,
            "finding": finding(report),
            "report": report,
            "settings": {name: project.option(name) for name in OPTIONS},
            "clean_share": None
            if clean is None
            else {"value": clean.value, "low": clean.low, "high": clean.high, "n": clean.n},
            "models": [
                {
                    "id": row.id,
                    "kind": row.kind,
                    "title": row.title,
                    "gate": row.gate,
                    "shown": row.is_shown,
                    "labels_off": row.labels_off_values,
                    "gate_report": row.gate_values,
                }
                for row in chosen
            ],
            "costs": dict(costs.SECONDS),
        }
    )


@routes.post("/api/projects/<int:project_id>/benefit/measure")
@allows("prelabel.run")
def api_ask(project_id: int) -> Response:
    """Measure now; the job's result holds the report."""
    return payloads.answer(payloads.job(_ask(project_id)), 202)


def finding(report: dict[str, Any] | None) -> str:
    """Say in a word what was found: `nothing` measured yet, `few` answers, that pre-labels
    `save` time, `cost` time, or that it is `open` which."""
    if report is None or not report["shown"] + report["blank"]:
        return "nothing"
    saved = report["minutes_saved"]
    if saved["value"] is None:
        return "few"
    if saved["low"] > 0:
        return "save"
    return "cost" if saved["high"] < 0 else "open"


def bars(report: dict[str, Any] | None) -> list[Bar]:
    """Return the lines of the plot: shares that can be told, on one scale around nothing."""
    if report is None:
        return []
    ratio = report["time_ratio"]
    saved = dict(ratio)
    if ratio["value"] is not None:
        saved.update(value=1 - ratio["value"], low=1 - ratio["high"], high=1 - ratio["low"])
    figures = {
        "time": saved,
        "unchanged": report["unchanged"],
        "accepted": report["accepted"],
        "error": report["error"],
    }
    return [
        Bar(
            name,
            _across(figure["value"]),
            _across(figure["low"]),
            _across(figure["high"]),
            figure["value"],
            (figure["low"], figure["high"]),
        )
        for name, figure in figures.items()
        if figure["value"] is not None
    ]


def _across(share: float) -> float:
    """Return where a share lies between the left and the right edge of the plot, in percent."""
    return round(50 * (1 + max(-REACH, min(REACH, share)) / REACH), 2)


def _running(session: Session, project: Project) -> Job | None:
    found = jobs.recent(session, project_id=project.id, kind=measuring.KIND, limit=1)
    return found[0] if found and found[0].state not in jobs.ENDED else None


def _ask(project_id: int) -> Job:
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
        job = _running(session, project) or measuring.ask(session, project, user())
    queues.announce(installation(), [job.id])
    return job
