"""Notices: what happened that a person should know, and which of it they have read."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template

from ..datasets import errors, notices
from ..datasets.notices import Notice
from . import payloads, wording
from .auth import allows, installation, user
from .errors import words

routes = Blueprint("notices", __name__)
PAGE = 50
MOST_AT_ONCE = 1000


@routes.get("/notices")
@allows("account.use")
def index() -> str:
    """Show the person's notices, newest first; keyset paging."""
    before = payloads.before()
    with installation().database.read() as session:
        found = notices.listing(session, user().id, before=before, limit=PAGE + 1)
    return render_template(
        "people/notices.html",
        notices=[(row, said(row)) for row in found[:PAGE]],
        next_before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@routes.post("/notices/read")
@allows("account.use")
def read() -> Response:
    """Note that the person has read all notices, from the page."""
    with installation().database.write() as session:
        notices.mark_read(session, user().id)
    return flask.redirect(flask.url_for("notices.index"))  # type: ignore[return-value]


@routes.get("/api/notices/")
@allows("account.use")
def api_index() -> Response:
    """List one's own notices, newest first; `before` an id gives the next page."""
    size = payloads.page_size(PAGE, 500)
    before = payloads.before()
    with installation().database.read() as session:
        found = notices.listing(session, user().id, before=before, limit=size)
        unread = notices.unread_count(session, user().id)
    return payloads.answer({"unread": unread, "results": [_notice(row) for row in found]})


@routes.post("/api/notices/read")
@allows("account.use")
def api_read() -> Response:
    """Note that one has read some notices (`ids`), or all."""
    values = payloads.body()
    ids = payloads.ids(values, "ids", MOST_AT_ONCE) if values.get("ids") is not None else None
    with installation().database.write() as session:
        number = notices.mark_read(session, user().id, ids)
    return payloads.answer({"read": number})


def unread() -> int:
    """Count what the person who asks has not read; one query, asked by the pages' frame."""
    if flask.g.get("user") is None:
        return 0
    with installation().database.read() as session:
        return notices.unread_count(session, user().id)


def said(row: Notice) -> str:
    """Return what a notice says in the reader's language."""
    told = row.said
    if "job" in told.values:
        told = errors.JinbiaoError(
            told.message, **{**told.values, "job": wording.kind(str(told.values["job"]))}
        )
    return words(told)


def _notice(row: Notice) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "text": said(row),
        "address": row.address,
        "created_at": payloads.time(row.created_at),
        "read_at": payloads.time(row.read_at),
    }
