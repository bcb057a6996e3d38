"""The home page by role, the audit trail, and our own scripts."""

from __future__ import annotations

import flask
from flask import Blueprint, render_template

from ..datasets import audit, catalogue, jobs, opening, permissions, projects, tasks
from . import payloads
from .auth import PUBLIC, allows, installation, user

routes = Blueprint("pages", __name__)


@routes.get("/")
@allows(PUBLIC)
def home() -> str:
    """Show what needs the person now; to anybody else, the catalogue's front."""
    if flask.g.user is None:
        with installation().database.read() as session:
            found = catalogue.search(session, limit=6)
            releases = catalogue.newest(session, found)
        return render_template("front.html", datasets=found, releases=releases)
    with installation().database.read() as session:
        works = permissions.allows(user(), "project.read")
        seen = projects.visible(session, user(), limit=200) if works else []
        counts = tasks.counts(session, [project.id for project in seen])
        recent = []
        if permissions.allows(user(), "job.read"):
            own = None if permissions.operates(user()) else user().organisation_id
            recent = jobs.recent(session, organisation_id=own, limit=6)
        decides = permissions.allows(user(), "dataset.open")
        asked = opening.counts(session, user()) if decides else None
    urgent = [project for project in seen if _waits(counts.get(project.id, {}))]
    return render_template(
        "home.html",
        projects=seen[:12],
        urgent=urgent[:12],
        counts=counts,
        jobs=recent,
        applications=asked,
    )


def _waits(states: dict[str, int]) -> bool:
    """Tell whether tasks in these states wait for somebody of the person's role."""
    to_label = states.get("waiting", 0) + states.get("returned", 0)
    return (permissions.allows(user(), "task.claim") and to_label > 0) or (
        permissions.allows(user(), "annotation.review") and states.get("labelled", 0) > 0
    )


@routes.get("/audit")
@allows("audit.read")
def audit_trail() -> str:
    """Show the audit events, newest first; who looks is one of them."""
    before = payloads.before()
    with installation().database.write() as session:
        audit.record(session, user(), "audit.read", "audit", before=before)
    with installation().database.read() as session:
        events = audit.events(session, before=before, limit=100)
    return render_template("audit/index.html", events=events)
