"""How good a project's work is: the page, its tables as CSV, the API."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ..datasets import errors, gold, jobs, people, permissions, projects, quality
from ..datasets.errors import _
from ..datasets.jobs import Job
from ..datasets.projects import Project
from ..datasets.spreadsheet_cells import guarded
from ..workers import queues
from . import payloads, quality_plots
from .auth import allows, installation, user
from .wording import label_word

routes = Blueprint("quality", __name__)
OPTIONS = ("gate_agreement_percent", "gate_first_pass_percent", "consensus_auto_percent")
TABLES = ("labels", "people", "pairs", "confusion", "measures", "tasks")
MOST_ROWS = 100_000


@routes.get("/projects/<int:project_id>/quality")
@allows("quality.read")
def show(project_id: int) -> str:
    """Show how much people agree, about which labels, and who stands out."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "quality.read")
        report = quality.newest(session, project)
        known = _names(session, report)
        may_open = permissions.allows(user(), "task.read")
        return render_template(
            "quality/show.html",
            project=project,
            report=report,
            known=known,
            gates=quality.gate(session, project),
            plots=quality_plots.of(report, known, _titles(project)),
            lowest=quality.lowest(session, project, limit=20) if may_open else [],
            gold={each.user_id: each.passed for each in gold.trend(session, project)},
            least=quality.LEAST_TASKS,
            plot_height=quality_plots.height,
            moment=dt.datetime.fromisoformat,
            options={name: project.option(name) for name in OPTIONS},
            job=_running(session, project),
        )


@routes.post("/projects/<int:project_id>/quality")
@allows("project.change")
def change(project_id: int) -> Response:
    """Set the thresholds that the lower ends must reach, and when a consensus is accepted."""
    values = payloads.body()
    given = {
        name: None if values[name] in (None, "") else payloads.number(values, name, highest=100)
        for name in OPTIONS
        if name in values
    }
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.change(session, user(), project, options=given)
    return flask.redirect(flask.url_for("quality.show", project_id=project_id))  # type: ignore[return-value]


@routes.post("/projects/<int:project_id>/quality/measure")
@allows("quality.read")
def ask(project_id: int) -> Response:
    """Compare what is new now, from the page."""
    _ask(project_id)
    return flask.redirect(flask.url_for("quality.show", project_id=project_id))  # type: ignore[return-value]


@routes.get("/projects/<int:project_id>/quality.csv")
@allows("quality.read")
def table(project_id: int) -> Response:
    """Send one `table` of the page, with all its rows, for spreadsheets."""
    name = request.args.get("table", TABLES[0])
    if name not in TABLES:
        raise errors.NotFound(_("there is no such table"))
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "quality.read")
        report = quality.newest(session, project)
        rows = _rows(session, project, name, report or {}, _names(session, report))
    out = io.StringIO()
    csv.writer(out).writerows(map(guarded, row) for row in rows)
    # With the mark by which Excel knows UTF-8.
    response = flask.Response("\ufeff" + out.getvalue(), mimetype="text/csv")
    told = f"quality-{project.id}-{name}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{told}"'
    return response


@routes.get("/api/projects/<int:project_id>/quality")
@allows("quality.read")
def api_show(project_id: int) -> Response:
    """Return how good a project's work is, as it was last worked out.

    `report` is null before the first time. Each figure has its 95 % interval, `number` (tasks,
    or answers of a first-pass yield) and `method`; `at` says when it was worked out, `waiting`
    how many tasks have newer answers. A gate is passed where the lower end of the interval
    reaches its threshold, failed where the upper end does not.
    """
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "quality.read")
        report = quality.newest(session, project)
        gates = quality.gate(session, project)
    return payloads.answer(
        {
            "project": project.id,
            "report": report,
            "gates": [
                {
                    "name": each.name,
                    "threshold": each.threshold,
                    "outcome": each.outcome,
                    "figure": each.figure.as_values(),
                }
                for each in gates
            ],
            "settings": {name: project.option(name) for name in OPTIONS},
        }
    )


@routes.post("/api/projects/<int:project_id>/quality/measure")
@allows("quality.read")
def api_ask(project_id: int) -> Response:
    """Compare what is new now, and report."""
    return payloads.answer(payloads.job(_ask(project_id)), 202)


def _ask(project_id: int) -> Job:
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "quality.read")
        job = quality.ask(session, project, user())
    queues.announce(installation(), [job.id])
    return job


def _titles(project: Project) -> dict[str, str]:
    """Return what the reader calls the labels."""
    return {name: label_word(name, title) for name, title in project.config.titles.items()}


def _running(session: Session, project: Project) -> Job | None:
    found = jobs.recent(session, project_id=project.id, kind=quality.KIND, limit=1)
    return found[0] if found and found[0].state not in jobs.ENDED else None


def _names(session: Session, report: Mapping[str, Any] | None) -> dict[int, str]:
    ids = [row["person"] for row in report["people"]] if report else []
    return {row.id: row.name or row.username for row in people.by_ids(session, ids).values()}


def _rows(
    session: Session,
    project: Project,
    name: str,
    report: Mapping[str, Any],
    known: Mapping[int, str],
) -> list[list[Any]]:
    """Return the head and the rows of a table."""
    ends = [gettext("Estimate"), gettext("Lower end"), gettext("Upper end"), "n", gettext("Method")]
    if name == "labels":
        return [
            [gettext("Label"), *ends],
            *([row["label"], *_figure(row)] for row in report.get("labels", ())),
        ]
    if name == "people":
        return [
            [gettext("Person"), gettext("Figure"), *ends],
            *(
                [known.get(row["person"], row["person"]), kind, *_figure(row[kind])]
                for row in report.get("people", ())
                for kind in ("agreement", "first_pass")
            ),
        ]
    if name == "pairs":
        return [
            [gettext("Person"), gettext("Person"), gettext("Figure"), *ends],
            *(
                [known.get(row["one"], ""), known.get(row["other"], ""), kind, *_figure(figure)]
                for row in report.get("matrix", ())
                for kind, figure in {"agreement": row["agreement"], **_kappas(row)}.items()
            ),
        ]
    if name == "measures":
        return [
            [gettext("Control"), gettext("Figure"), *ends],
            *(
                [control, measure, *_figure(figure)]
                for control, row in report.get("controls", {}).items()
                for measure, figure in row["measures"].items()
            ),
        ]
    if name == "confusion":
        return _confusion(report)
    found = quality.lowest(session, project, limit=MOST_ROWS)
    return [
        [gettext("Task"), gettext("Name"), gettext("Agreement"), gettext("People")],
        *([row.task_id, task.name, row.score, row.people] for row, task in found),
    ]


def _kappas(row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"kappa {name}": figure for name, figure in row["kappa"].items()}


def _confusion(report: Mapping[str, Any]) -> list[list[Any]]:
    rows: list[list[Any]] = [
        [gettext("Control"), gettext("One said"), gettext("The other said"), gettext("How often")]
    ]
    for control, told in report.get("controls", {}).items():
        names = (told["confusion"] or {"labels": []})["labels"]
        for place, one in enumerate(names):
            for other in range(place, len(names)):
                number = told["confusion"]["counts"][place][other]
                rows.append([control, one, names[other], number])
    return rows


def _figure(values: Mapping[str, Any]) -> list[Any]:
    return [values[name] for name in ("value", "low", "high", "number", "method")]
