"""Findings of personal information: the pages of a project and of a library."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ...datasets import (
    collection,
    errors,
    findings,
    libraries,
    permissions,
    personal_information,
)
from ...datasets.errors import _
from ...datasets.findings import FindingState, Owned
from ...datasets.libraries import Library
from .. import links, payloads
from ..auth import allows, installation, user
from . import asked

routes = Blueprint("findings", __name__)
# Stands in another part of the navigation.
library_routes = Blueprint("library_findings", __name__)
PAGE = 50
WORDS = {
    "open": _("To be decided"),
    "confirmed": _("Confirmed"),
    "dismissed": _("Dismissed"),
    "treated": _("Treated"),
}
TREATMENTS = {
    "mask": _("Mask"),
    "pseudonym": _("Replace by pseudonyms"),
    "generalise": _("Say broadly"),
    "blur": _("Blur in the picture"),
    "withdraw": _("Withdraw the tasks"),
}


@routes.post("/findings/<int:hit_id>/reveal")
@allows("finding.reveal")
def reveal(hit_id: int) -> Response:
    """Show the value itself in the place of the masked one."""
    value = asked.revealed(hit_id)
    return asked.private(flask.make_response(render_template("findings/_value.html", value=value)))


@routes.get("/findings/<int:hit_id>/picture")
@allows("finding.read")
def picture(hit_id: int) -> Response:
    """Send the part of a picture that a finding is in, to whoever may see the picture itself."""
    with installation().database.read() as session:
        row, owned = findings.get(session, user(), hit_id, "finding.read")
        permissions.require(user(), _seeing(owned), owned)
        spot = findings.spots(session, [row]).get(row.id)
    if spot is None:
        raise errors.NotFound(_("this finding is in no picture"))
    limits = collection.media_limits(installation().settings)
    with installation().store.open(spot.medium.digest) as stream:
        content = findings.close_up(stream, spot, limits=limits)
    answer = Response(content, mimetype="image/webp")
    # After a treatment the same address shows what the picture has become.
    return asked.private(answer)


@routes.get("/projects/<int:project_id>/findings")
@allows("finding.read")
def show(project_id: int) -> str:
    """Show what was found in a project, value by value."""
    with installation().database.read() as session:
        project = asked.project_for(session, project_id, "finding.read")
        shown = _shown(session, project)
        shown["standing"] = findings.standing(session, project)
        shown["level"] = findings.level(session, project)
        return render_template("findings/show.html", project=project, library=None, **shown)


@library_routes.get("/libraries/<int:library_id>/findings")
@allows("finding.read")
def show_library(library_id: int) -> str:
    """Show what was found in a library, value by value."""
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "finding.read")
        return render_template(
            "findings/show.html", project=None, library=library, **_shown(session, library)
        )


@routes.post("/projects/<int:project_id>/findings")
@allows("finding.decide")
def change(project_id: int) -> Response:
    """Decide on findings of a project from the page, or have them treated."""
    if request.form.get("action"):
        job = asked.treat(project_id)
        return _to(flask.url_for("jobs.show", job_id=job.id))
    with installation().database.write() as session:
        asked.decided(session, asked.project_for(session, project_id, "finding.decide"))
    return _to(flask.url_for("findings.show", project_id=project_id, **_kept()))


@library_routes.post("/libraries/<int:library_id>/findings")
@allows("finding.decide")
def change_library(library_id: int) -> Response:
    """Decide on findings of a library from the page."""
    with installation().database.write() as session:
        asked.decided(session, libraries.get(session, user(), library_id, "finding.decide"))
    return _to(flask.url_for("library_findings.show_library", library_id=library_id, **_kept()))


@routes.post("/projects/<int:project_id>/scan")
@allows("finding.scan")
def scan(project_id: int) -> Response:
    """Start a scan of a project from its page."""
    return _to(flask.url_for("jobs.show", job_id=asked.start(project_id=project_id).id))


@library_routes.post("/libraries/<int:library_id>/scan")
@allows("finding.scan")
def scan_library_here(library_id: int) -> Response:
    """Start a scan of a library from its page."""
    return _to(flask.url_for("jobs.show", job_id=asked.start(library_id=library_id).id))


def register(app: flask.Flask) -> None:
    """Make the words of findings known to the templates."""
    app.jinja_env.filters.update(finding_kind=kind_words, finding_state=state_words)


def kind_words(name: str) -> str:
    """Return the word for a kind of personal information."""
    known = personal_information.KINDS.get(name)
    return gettext(known.title) if known else name


def state_words(name: str) -> str:
    """Return the word for the state of a finding."""
    return gettext(WORDS.get(name, name))


def _shown(session: Session, owned: Owned) -> dict[str, Any]:
    wanted = asked.wanted_of(request.args, FindingState.OPEN)
    after = payloads.number(request.args, "after", 0)
    found = findings.groups(session, owned, wanted, after=after, limit=PAGE + 1)
    scans = findings.scans(session, owned, 1)
    may_see = permissions.would(user(), _seeing(owned), owned)
    shown = [each.finding for each in found[:PAGE]]
    return {
        "groups": [(each, findings.excerpt(session, each.finding)) for each in found[:PAGE]],
        "spots": findings.spots(session, shown) if may_see else {},
        "thumbnail": links.thumbnail,
        "next": found[PAGE - 1].finding.id if len(found) > PAGE else None,
        "wanted": wanted,
        "counts": findings.counts(session, owned),
        "kinds": findings.kinds(session, owned, wanted.state),
        "scan": scans[0] if scans else None,
        "job": findings.running(session, owned),
        "treatments": TREATMENTS,
        "may_decide": permissions.would(user(), "finding.decide", owned),
        "may_reveal": permissions.would(user(), "finding.reveal", owned),
        "may_scan": permissions.would(user(), "finding.scan", owned),
        "where": "library_findings.show_library" if isinstance(owned, Library) else "findings.show",
        "named": {
            "library_id" if isinstance(owned, Library) else "project_id": owned.id,
        },
    }


def _seeing(owned: Owned) -> str:
    """Return the right to see the records themselves."""
    return "library.read" if isinstance(owned, Library) else "task.read"


def _kept() -> dict[str, Any]:
    """Return the filters of the page, to go back to it."""
    return {name: request.args[name] for name in ("state", "kind") if request.args.get(name)}


def _to(address: str) -> Response:
    return flask.redirect(address)  # type: ignore[return-value]
