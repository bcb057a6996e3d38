"""Feeds over HTTP: what programs ask."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, request

from ...datasets import feeds
from .. import payloads
from ..auth import allows, installation, user
from . import asked

routes = Blueprint("feeds_api", __name__)
PAGE = 100
RUNS = 30


@routes.get("/api/feeds/")
@allows("feed.manage")
def index() -> Response:
    """List the feeds of one's organisation, or of a `library` or `project`; keys are never shown.

    `after` an id gives the next page.
    """
    with installation().database.read() as session:
        rows = asked.listed(session, asked.asked_target(session), payloads.page_size(PAGE, 500))
        runs = feeds.newest_runs(session, [row.id for row in rows])
        states = asked.states_of(session, list(runs.values()))
        stopped = feeds.stopped(session, rows)
        referred = feeds.references.standing(session, [row.id for row in rows])
        kept = [sorted(feeds.secrets_of(installation().settings, row)) for row in rows]
    told = [asked.told_run(runs[row.id], states) if row.id in runs else None for row in rows]
    shown = [
        asked.shown(row, names, run, stopped, referred.get(row.id))
        for row, names, run in zip(rows, kept, told, strict=True)
    ]
    return payloads.answer(shown)


@routes.post("/api/feeds/")
@allows("feed.manage")
def create() -> Response:
    """Add a feed of a `kind` to a `library` or `project`; the place must answer now.

    Its options and secrets stand beside: of s3 `endpoint`, `region`, `bucket`, `prefix`,
    `pattern`, `recursive`, `keeps` (`copies`, or `references`: what a library has of it is read
    there), `access_key`, `secret_key`, `session_token`; of folder `path`, `pattern`,
    `recursive`; of addresses `addresses`; of database `url`, `query`, `key_column`,
    `most_rows`, `seconds`, `password`; of ckan `url`, `search`, `filter`, `formats`, `token`; of
    dcat `url`, `formats`.
    """
    return payloads.answer(asked.one(asked.create(payloads.body())), 201)


@routes.post("/api/feeds/check")
@allows("feed.manage")
def check() -> Response:
    """Try what would be added, without keeping it."""
    values = payloads.body()
    with installation().database.read() as session:
        row = asked.draft(session, values)
    asked.attempt(row)
    return flask.Response(status=204)


@routes.get("/api/feeds/<int:feed_id>/")
@allows("feed.manage")
def show(feed_id: int) -> Response:
    """Return a feed."""
    with installation().database.read() as session:
        row = feeds.get(session, user(), feed_id)
    return payloads.answer(asked.one(row))


@routes.patch("/api/feeds/<int:feed_id>/")
@allows("feed.manage")
def change(feed_id: int) -> Response:
    """Change what is given of a feed; the place must answer, another one needs the keys again."""
    return payloads.answer(asked.one(asked.change(feed_id, payloads.body())))


@routes.delete("/api/feeds/<int:feed_id>/")
@allows("feed.manage")
def delete(feed_id: int) -> Response:
    """Delete a feed with its keys; what it copied stays.

    What it only refers to is withdrawn: that takes `confirmed=true`.
    """
    asked.delete(feed_id, payloads.flag(request.args, "confirmed"))
    return flask.Response(status=204)


@routes.post("/api/feeds/<int:feed_id>/run")
@allows("feed.manage")
def run(feed_id: int) -> Response:
    """Bring what is new, by a job; `confirm` that much may go where a run has asked."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"confirm"})
    job = asked.run(feed_id, payloads.flag(values, "confirm"))
    return payloads.answer(payloads.job(job), 202)


@routes.get("/api/feeds/<int:feed_id>/runs")
@allows("feed.manage")
def runs(feed_id: int) -> Response:
    """List the runs of a feed, newest first; `before` an id gives the next page."""
    with installation().database.read() as session:
        row = feeds.get(session, user(), feed_id)
        runs = feeds.runs(session, row, before=payloads.before(), limit=RUNS)
        states = asked.states_of(session, runs)
    return payloads.answer([asked.told_run(run, states) for run in runs])
