"""Dashboards: pages that refresh themselves, JSON and CSV."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext

from ..datasets import dashboards, errors, projects
from ..datasets.dashboards import Asked, Dashboard, Kind, Label, Panel, Said
from ..datasets.errors import _
from ..datasets.quality.intervals import Figure
from . import payloads
from .auth import allows, installation, user
from .wording import told

routes = Blueprint("dashboards", __name__)
DAYS = 30
LONGEST_FILTER = 80  # characters


@routes.get("/dashboards")
@allows("account.use")
def index() -> Response:
    """Go to the first dashboard that is for the person."""
    found = dashboards.open_to(user())
    if not found:
        raise errors.NotFound(_("there is no dashboard for your role"))
    address = flask.url_for("dashboards.show", name=found[0].name)
    return flask.redirect(address)  # type: ignore[return-value]


@routes.get("/dashboards/<name>")
@allows("account.use")
def show(name: str) -> str:
    """Show a dashboard; its panels refresh themselves."""
    return render_template("dashboards/show.html", **_seen(name), others=dashboards.open_to(user()))


@routes.get("/dashboards/<name>/panels")
@allows("account.use")
def live(name: str) -> str:
    """Return the panels alone, for refreshing."""
    return render_template("dashboards/panels.html", **_seen(name))


@routes.get("/dashboards/<name>/<panel>.csv")
@allows("account.use")
def table(name: str, panel: str) -> Response:
    """Return the table behind one panel as CSV."""
    _found, panels = _made(name, _asked())
    chosen = next((each for each in panels if each.key == panel), None)
    if chosen is None:
        raise errors.NotFound(_("there is no such table"))
    # The mark at the beginning tells spreadsheets that this is UTF-8.
    content = "\ufeff" + dashboards.to_csv(chosen, gettext, told)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{panel}.csv"'}
    return Response(content, mimetype="text/csv", headers=headers)


@routes.get("/api/dashboards/<name>")
@allows("account.use")
def api(name: str) -> Response:
    """Return what a dashboard shows, panel by panel."""
    found, panels = _made(name, _asked())
    about = {"name": found.name, "title": gettext(found.title)}
    return payloads.answer({**about, "panels": [_plain(panel) for panel in panels]})


def _seen(name: str) -> dict[str, Any]:
    asked = _asked()
    found, panels = _made(name, asked)
    with installation().database.read() as session:
        project = None
        if asked.project_id is not None:
            project = projects.get(session, user(), asked.project_id, found.action)
    return {"dashboard": found, "panels": panels, "asked": asked, "project": project}


def _made(name: str, asked: Asked) -> tuple[Dashboard, list[Panel]]:
    with installation().database.read() as session:
        return dashboards.made(session, user(), name, asked)


def _asked() -> Asked:
    given = request.args
    days = payloads.number(given, "days", DAYS, lowest=1, highest=dashboards.LONGEST_DAYS)
    project = payloads.number(given, "project") if given.get("project") else None
    rest = {
        key: value[:LONGEST_FILTER]
        for key, value in given.items()
        if key not in ("days", "project", "language") and value
    }
    return Asked(project, days, rest)


def _plain(panel: Panel) -> dict[str, Any]:
    return {
        "key": panel.key,
        "title": gettext(panel.title),
        "finding": told(panel.finding),
        "state": panel.state or None,
        "note": None if panel.note is None else told(panel.note),
        "rows": [
            {column.key: _value(row.get(column.key), column.kind) for column in panel.columns}
            for row in panel.rows
        ],
    }


def _value(value: Any, kind: Kind) -> Any:
    if isinstance(value, Figure):
        return value.as_values()
    if isinstance(value, Said | Label):
        return told(value)
    if kind is Kind.TIME and value is not None:
        return payloads.time(value)
    return value
