"""The home page by role, the audit trail, and our own scripts."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, render_template, request

from ..datasets import audit, catalogue, jobs, permissions, projects, tasks
from ..datasets.people import Role
from .auth import PUBLIC, allows, installation, user

routes = Blueprint("pages", __name__)


@routes.get("/")
@allows(PUBLIC)
def home() -> str:
    """Show what needs the person now; to anybody else, the catalogue's front."""
    if flask.g.user is None:
        with installation().database.read() as session:
            newest = catalogue.search(session, limit=6)
        return render_template("front.html", datasets=newest)
    with installation().database.read() as session:
        found = projects.visible(session, user(), limit=12)
        counts = tasks.counts(session, [project.id for project in found])
        recent = []
        if permissions.allows(user(), "job.read"):
            own = None if user().role == Role.PLATFORM_ADMIN else user().organisation_id
            recent = jobs.recent(session, organisation_id=own, limit=6)
    return render_template("home.html", projects=found, counts=counts, jobs=recent)


@routes.get("/audit")
@allows("audit.read")
def audit_trail() -> str:
    """Show the audit events, newest first; keyset paging."""
    before = request.args.get("before", type=int)
    with installation().database.read() as session:
        events = audit.events(session, before=before, limit=100)
    return render_template("audit/index.html", events=events)


@routes.get("/scripts/<path:name>")
@allows(PUBLIC)
def script(name: str) -> Response:
    """Send one of our scripts."""
    folder = f"{flask.current_app.root_path}/scripts"
    response = flask.send_from_directory(folder, name, mimetype="text/javascript")
    if request.args.get("v"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
