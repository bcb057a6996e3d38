"""Gold tasks: the list with how people do, and what a lead does with them."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, render_template, request

from ..datasets import gold, people, projects
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("gold", __name__)
PAGE = 50
OPTIONS = (
    "gold_every",
    "gold_pass_percent",
    "gold_retire_after",
    "gold_retire_days",
    "gold_most_per_person",
)


@routes.get("/projects/<int:project_id>/gold")
@allows("gold.manage")
def show(project_id: int) -> str:
    """Show a project's gold tasks with their pass rates, and how each person does."""
    after = payloads.number(request.args, "after", 0)
    state = request.args.get("state") or None
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "gold.manage")
        gold.measure_waiting(session, project)
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "gold.manage")
        found = gold.page(session, user(), project, state=state, after=after, limit=PAGE + 1)
        trends = gold.trend(session, project)
        return render_template(
            "gold/show.html",
            project=project,
            rows=found[:PAGE],
            next_after=found[PAGE - 1].gold.id if len(found) > PAGE else None,
            state=state,
            counts=gold.counts(session, project),
            trends=trends,
            names={
                row.id: row.name
                for row in people.by_ids(session, [trend.user_id for trend in trends]).values()
            },
            is_in_order=project.option("sampling") == projects.SAMPLINGS[0],
        )


@routes.post("/projects/<int:project_id>/gold")
@allows("gold.manage")
def choose(project_id: int) -> Response:
    """Make gold of adjudicated tasks: so many, spread over the labels, or one annotation."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "gold.manage")
        if values.get("annotation"):
            gold.add(session, user(), project, payloads.number(values, "annotation"))
        else:
            gold.choose(session, user(), project, payloads.number(values, "number", 20))
    return _back(project_id)


@routes.post("/projects/<int:project_id>/gold/options")
@allows("project.change")
def change(project_id: int) -> Response:
    """Change how often people meet gold, what passes, and when a gold task retires."""
    values = payloads.body()
    given: dict[str, object] = {
        name: payloads.number(values, name) if values.get(name) not in (None, "") else None
        for name in OPTIONS
        if name in values
    }
    given["gold_feedback"] = payloads.flag(values, "gold_feedback")
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.change(session, user(), project, options=given)
    return _back(project_id)


@routes.post("/projects/<int:project_id>/gold/<int:gold_id>")
@allows("gold.manage")
def set_state(project_id: int, gold_id: int) -> Response:
    """Give a gold task to people again, or no longer for now, or never again."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "gold.manage")
        row = gold.get(session, user(), project, gold_id)
        reason = payloads.optional_text(values, "reason", longest=2000) or ""
        gold.set_state(session, user(), project, row, payloads.text(values, "state"), reason)
    return _back(project_id)


def _back(project_id: int) -> Response:
    return flask.redirect(flask.url_for("gold.show", project_id=project_id))  # type: ignore[return-value]
