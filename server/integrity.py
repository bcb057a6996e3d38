"""What stands out in people's work: for leads who decide, and for the person it is about."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request

from ..datasets import integrity, people, projects
from ..datasets.integrity import Finding
from ..datasets.quality.intervals import Figure
from ..workers import queues
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("integrity", __name__)
ACTS = ("review", "open", "uphold", "dismiss", "confirm", "overturn")


@routes.get("/projects/<int:project_id>/integrity")
@allows("integrity.decide")
def show(project_id: int) -> str:
    """Show what stands out in a project, with the numbers and what was decided."""
    state = request.args.get("state") or None
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "integrity.decide")
        rows = integrity.page(session, user(), project, state=state)
        places = integrity.tasks_of(session, rows)
        wanted = {number for row in rows for number in (row.user_id, row.other_id)}
        return render_template(
            "integrity/show.html",
            project=project,
            places=places,
            rows=[(row, _facts(row), integrity.outcomes(session, project, row)) for row in rows],
            names={each.id: each.name for each in people.by_ids(session, wanted).values()},
        )


@routes.post("/projects/<int:project_id>/integrity")
@allows("integrity.decide")
def look(project_id: int) -> Response:
    """Start a look at the project's newest answers."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "integrity.decide")
        job = integrity.ask(session, user(), project)
    queues.announce(installation(), [job.id])
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id))  # type: ignore[return-value]


@routes.post("/projects/<int:project_id>/integrity/<int:finding_id>")
@allows("integrity.decide")
def act(project_id: int, finding_id: int) -> Response:
    """Ask for blind reviews, open a finding to its person, decide it, or decide the appeal."""
    values = payloads.body()
    reason = payloads.optional_text(values, "reason", longest=5000) or ""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "integrity.decide")
        row = integrity.get(session, user(), project, finding_id)
        wanted = payloads.choice(values, "act", "", list(ACTS))
        if wanted == "review":
            integrity.ask_reviews(session, user(), project, row)
        elif wanted == "open":
            integrity.open_to_person(session, user(), project, row)
        else:
            decide = integrity.decide if wanted in ("uphold", "dismiss") else integrity.answer
            is_upheld = wanted in ("uphold", "confirm")
            decide(session, user(), project, row, is_upheld=is_upheld, reason=reason)
    return flask.redirect(flask.url_for("integrity.show", project_id=project_id))  # type: ignore[return-value]


@routes.get("/account/integrity")
@allows("account.use")
def mine() -> str:
    """Show somebody what is said about their work, as far as it was opened to them."""
    with installation().database.read() as session:
        rows = integrity.about(session, user())
        return render_template("integrity/mine.html", rows=[(row, _facts(row)) for row in rows])


@routes.post("/account/integrity/<int:finding_id>")
@allows("account.use")
def appeal(finding_id: int) -> Response:
    """Appeal against a decision about one's own work."""
    values = payloads.body()
    with installation().database.write() as session:
        text = payloads.optional_text(values, "text", longest=5000) or ""
        integrity.appeal(session, user(), finding_id, text)
    return flask.redirect(flask.url_for("integrity.mine"))  # type: ignore[return-value]


def _facts(row: Finding) -> dict[str, Any]:
    """Return the numbers of a finding, shares as figures."""
    return {
        name: Figure(**value) if isinstance(value, dict) else value
        for name, value in row.fact_values.items()
    }
