"""The pages of feeds."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from ...datasets import errors, feeds, permissions
from ...datasets.errors import _
from ...datasets.feeds import OPTIONS, Feed, FeedKind, FeedRun
from ...datasets.libraries import Library
from .. import files, payloads
from ..auth import allows, installation, user
from . import asked

routes = Blueprint("feeds", __name__)
RUNS = 30
KIND_NAMES = {
    FeedKind.S3: _("Bucket (S3, MinIO)"),
    FeedKind.FOLDER: _("Folder on the server"),
    FeedKind.ADDRESSES: _("Web addresses"),
    FeedKind.DATABASE: _("Database query"),
    FeedKind.CKAN: _("CKAN catalogue"),
    FeedKind.DCAT: _("DCAT catalogue"),
}
EVERY = {
    1: _("every hour"),
    6: _("every 6 hours"),
    24: _("every day"),
    24 * 7: _("every week"),
    24 * 30: _("every 30 days"),
}
_NUMBERS = ("most_rows", "seconds", "every_hours")
_ACTS = ("change", "run", "confirm", "check", "delete")


def register(app: flask.Flask) -> None:
    """Make what the templates ask known to them."""
    app.jinja_env.filters["feed_kind"] = feed_kind
    app.jinja_env.filters["feed_every"] = feed_every
    app.jinja_env.globals["feeds_of"] = feeds_of


def feed_kind(kind: str) -> str:
    """Return the words for a kind of feed."""
    return gettext(KIND_NAMES[FeedKind(kind)])


def feed_every(hours: int | None) -> str:
    """Return the words for how often a feed runs by itself."""
    if hours is None:
        return gettext("only when somebody asks")
    return gettext(EVERY[hours]) if hours in EVERY else gettext("every %(hours)s h", hours=hours)


def feeds_of(library: Library) -> list[tuple[Feed, FeedRun | None, str]]:
    """List the feeds of a library with the newest run of each and how it stands."""
    who = flask.g.user
    if who is None or not permissions.would(who, feeds.RIGHT, library):
        return []
    with installation().database.read() as session:
        rows = feeds.listing(session, who, library_id=library.id)
        runs = feeds.newest_runs(session, [row.id for row in rows])
        states = asked.states_of(session, list(runs.values()))
    found = [(row, runs.get(row.id)) for row in rows]
    return [(row, run, "" if run is None else states[run.id]) for row, run in found]


@routes.get("/feeds")
@allows("feed.manage")
def index() -> str:
    """Show the feeds of a `library`, of a `project` or of all, and to add one of a `kind`."""
    kind = payloads.choice(request.args, "kind", FeedKind.S3, list(FeedKind))
    with installation().database.read() as session:
        target = asked.asked_target(session)
        rows = asked.listed(session, target)
        runs = feeds.newest_runs(session, [row.id for row in rows])
        held = feeds.held_objects(session, [row.id for row in rows])
        stopped = feeds.stopped(session, rows)
        referred = feeds.references.standing(session, [row.id for row in rows])
        states = asked.states_of(session, list(runs.values()))
    return render_template(
        "feeds/index.html",
        feeds=rows,
        runs=runs,
        states=states,
        held=held,
        referred=referred,
        stopped=stopped,
        target=target,
        is_library=isinstance(target, Library),
        kind=kind,
        kinds=list(FeedKind),
        every=EVERY,
        none_given=dict(OPTIONS[kind]),
        folders=bool(installation().settings.local_files),
    )


@routes.post("/feeds")
@allows("feed.manage")
def create_here() -> AnyResponse:
    """Add a feed, from the page; the place must answer now."""
    row = asked.create(_form())
    return flask.redirect(flask.url_for("feeds.show", feed_id=row.id), 303)


@routes.get("/feeds/<int:feed_id>")
@allows("feed.manage")
def show(feed_id: int) -> str:
    """Show a feed: what it reads, how its runs went, and a form to change it."""
    with installation().database.read() as session:
        row = feeds.get(session, user(), feed_id)
        runs = feeds.runs(session, row, before=payloads.before(), limit=RUNS + 1)
        states = asked.states_of(session, runs)
        target = asked.target_of(session, row)
        held = feeds.held_objects(session, [row.id]).get(row.id, 0)
        referred = feeds.references.standing(session, [row.id]).get(row.id)
        kept = sorted(feeds.secrets_of(installation().settings, row))
    return render_template(
        "feeds/show.html",
        feed=row,
        options=row.option_values,
        secrets=kept,
        target=target,
        is_library=row.library_id is not None,
        runs=runs[:RUNS],
        older=runs[RUNS - 1].id if len(runs) > RUNS else None,
        states=states,
        held=held,
        referred=referred,
        every=EVERY,
        answered="answered" in request.args,
    )


@routes.post("/feeds/<int:feed_id>")
@allows("feed.manage")
def act_here(feed_id: int) -> AnyResponse:
    """Change a feed, run it, try it or delete it, from the page."""
    values = _form()
    act = payloads.choice(values, "act", "change", _ACTS)
    values.pop("act", None)
    where = flask.url_for("feeds.show", feed_id=feed_id)
    if act == "delete":
        row = asked.delete(feed_id, payloads.flag(values, "confirmed"))
        where = flask.url_for("feeds.index", library=row.library_id, project=row.project_id)
    elif act in ("run", "confirm"):
        asked.run(feed_id, act == "confirm")
    elif act == "check":
        with installation().database.read() as session:
            asked.attempt(feeds.get(session, user(), feed_id))
        where = flask.url_for("feeds.show", feed_id=feed_id, answered=1)
    else:
        asked.change(feed_id, values)
    return flask.redirect(where, 303)


@routes.get("/feeds/<int:feed_id>/runs/<int:run_id>/rejects")
@allows("feed.manage")
def rejects(feed_id: int, run_id: int) -> Response:
    """Send the reject file of a run."""
    with installation().database.read() as session:
        row = feeds.get(session, user(), feed_id)
        run = session.get(FeedRun, run_id)
    if run is None or run.feed_id != row.id or run.reject_file is None:
        raise errors.NotFound(_("this run has no reject file"))
    store = installation().store
    return files.send(
        store,
        run.reject_file,
        store.size(run.reject_file) or 0,
        content_type="text/plain",
        file_name=f"rejects-{row.id}-{run.id}.jsonl",
        etag=run.reject_file,
        as_attachment=True,
    )


def _form() -> dict[str, Any]:
    """Return what a form sent: it does not send what is not ticked, and an empty number is none."""
    values = payloads.body()
    ticks = str(values.pop("ticks", "")).split()
    kept = {name: value for name, value in values.items() if value or name not in _NUMBERS}
    return {**dict.fromkeys(ticks, "false"), **kept}
