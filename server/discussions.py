"""Discussions of published datasets: begun, answered, closed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import discussions, errors, people
from ..datasets.catalogue import Dataset, Release, numbered
from ..datasets.discussions import Discussion, DiscussionPost, DiscussionState
from ..datasets.errors import _
from ..datasets.flags import Flag
from ..datasets.people import User
from . import payloads
from .auth import PUBLIC, allows, installation, signing_key, user
from .catalogue import resolved
from .visitors import visitor

routes = Blueprint("discussions", __name__)
PAGE = 30
POSTS = 100


@routes.get("/datasets/<organisation>/<name>/discussions")
@allows(PUBLIC)
def index(organisation: str, name: str) -> str:
    """Show the discussions of a dataset, newest first, and the form to begin one."""
    with installation().database.read() as session:
        dataset, release = resolved(session, organisation, name, "main")
        asked = _asked()
        found = discussions.of_dataset(session, dataset, **asked, limit=PAGE + 1)
        return render_template(
            "catalogue/discussions.html",
            dataset=dataset,
            release=release,
            talks=found[:PAGE],
            next=found[PAGE - 1].id if len(found) > PAGE else None,
            asked=asked,
            counts=discussions.how_many(session, dataset),
            people=_names(session, found),
            key=request.args.get("key", "")[:72],
        )


@routes.post("/datasets/<organisation>/<name>/discussions")
@allows("discussion.write")
def begin(organisation: str, name: str) -> AnyResponse:
    """Begin a discussion, from the page."""
    with installation().database.write() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        row = _begun(session, dataset, payloads.body())
    return _see(dataset, row)


@routes.get("/datasets/<organisation>/<name>/discussions/<int:discussion_id>")
@allows(PUBLIC)
def show(organisation: str, name: str, discussion_id: int) -> str:
    """Show a discussion: what was said, what became of a report, which version corrects it."""
    with installation().database.read() as session:
        dataset, release = resolved(session, organisation, name, "main")
        row = discussions.get(session, dataset, discussion_id)
        after = payloads.number(request.args, "after", 0)
        said = discussions.posts(session, row, after=after, limit=POSTS + 1)
        corrected = session.get(Release, row.corrected_by) if row.corrected_by else None
        who, owns = visitor(), discussions.is_owner(session, visitor(), dataset)
        return render_template(
            "catalogue/discussion.html",
            dataset=dataset,
            release=release,
            talk=row,
            posts=said[:POSTS],
            next=said[POSTS - 1].id if len(said) > POSTS else None,
            people=_names(session, [row, *said]),
            flag=discussions.flags_of(session, [row]).get(row.id),
            corrected=corrected,
            owns=owns,
            may_move=who is not None and (owns or row.created_by == who.id),
        )


@routes.post("/datasets/<organisation>/<name>/discussions/<int:discussion_id>")
@allows("discussion.write")
def answer(organisation: str, name: str, discussion_id: int) -> AnyResponse:
    """Answer, close or open again, from the page."""
    with installation().database.write() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        row = discussions.get(session, dataset, discussion_id)
        _answered(session, row, payloads.body())
    return _see(dataset, row)


@routes.get("/discussions/<int:discussion_id>")
@allows(PUBLIC)
def by_number(discussion_id: int) -> AnyResponse:
    """Lead from a discussion's number to its page."""
    with installation().database.read() as session:
        row = session.get(Discussion, discussion_id)
        dataset = None if row is None else numbered(session, row.dataset_id, visitor())
    if row is None or dataset is None:
        raise errors.NotFound(_("there is no discussion %(id)s"), id=discussion_id)
    return _see(dataset, row)


@routes.get("/api/catalogue/<organisation>/<name>/discussions/")
@allows(PUBLIC)
def api_index(organisation: str, name: str) -> Response:
    """List the discussions of a dataset, newest first; of one `state` or `key` where asked."""
    with installation().database.read() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        found = discussions.of_dataset(session, dataset, **_asked(), limit=100)
        flags, names = discussions.flags_of(session, found), _names(session, found)
        rows = [_plain(row, names, flags.get(row.id)) for row in found]
    return payloads.answer(rows)


@routes.post("/api/catalogue/<organisation>/<name>/discussions/")
@allows("discussion.write")
def api_begin(organisation: str, name: str) -> Response:
    """Begin a discussion; with a record's `key` it is a report that its project answers."""
    values = payloads.body()
    with installation().database.write() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        payloads.refuse_unknown(values, {"title", "text", "key"})
        row = _begun(session, dataset, values)
        told = _plain(row, _names(session, [row]), discussions.flags_of(session, [row]).get(row.id))
    return payloads.answer(told, 201)


@routes.get("/api/catalogue/<organisation>/<name>/discussions/<int:discussion_id>/")
@allows(PUBLIC)
def api_show(organisation: str, name: str, discussion_id: int) -> Response:
    """Return a discussion with what was said, oldest first, from after the id `after`."""
    with installation().database.read() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        row = discussions.get(session, dataset, discussion_id)
        return payloads.answer(_whole(session, row))


@routes.post("/api/catalogue/<organisation>/<name>/discussions/<int:discussion_id>/")
@allows("discussion.write")
def api_answer(organisation: str, name: str, discussion_id: int) -> Response:
    """Answer with a `text`, or set the `state` to open or closed, or both."""
    values = payloads.body()
    with installation().database.write() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        row = discussions.get(session, dataset, discussion_id)
        payloads.refuse_unknown(values, {"text", "state"})
        _answered(session, row, values)
        return payloads.answer(_whole(session, row))


def _begun(session: Session, dataset: Dataset, values: Mapping[str, Any]) -> Discussion:
    return discussions.open_discussion(
        session,
        user(),
        dataset,
        payloads.text(values, "title", "", longest=discussions.LONGEST_TITLE),
        payloads.text(values, "text", "", longest=discussions.LONGEST_TEXT),
        payloads.optional_text(values, "key", longest=72),
    )


def _answered(session: Session, row: Discussion, values: Mapping[str, Any]) -> None:
    text = payloads.text(values, "text", "", longest=discussions.LONGEST_TEXT)
    state = payloads.optional_text(values, "state", longest=10)
    if text.strip() or state is None:
        discussions.answer(session, user(), row, text)
    if state is not None:
        discussions.move(session, user(), row, state)


def _asked() -> dict[str, Any]:
    given = request.args
    state = payloads.choice(given, "state", "", ("", *DiscussionState)) or None
    before = payloads.number(given, "before") if given.get("before") else None
    return {"state": state, "before": before}


def _names(session: Session, rows: Iterable[Discussion | DiscussionPost]) -> dict[int, str]:
    """Return what people are called: by name among themselves, to strangers by pseudonym."""
    found = people.by_ids(session, {row.created_by for row in rows})
    return {number: _name(person) for number, person in found.items()}


def _name(person: User) -> str:
    if visitor() is None:
        # Not the pseudonym under which they label: whoever is signed in reads the name here,
        # and would know from then on who made which records.
        key = signing_key().encode()
        made = hmac.new(key, f"speaker {person.id}".encode(), hashlib.sha256).hexdigest()
        return f"person-{made[:12]}"
    return f"{person.name} · {person.organisation.name}"


def _see(dataset: Dataset, row: Discussion) -> AnyResponse:
    place: dict[str, Any] = {
        "organisation": dataset.organisation.slug,
        "name": dataset.name,
    }
    return flask.redirect(flask.url_for("discussions.show", **place, discussion_id=row.id), 303)


def _whole(session: Session, row: Discussion) -> dict[str, Any]:
    said = discussions.posts(
        session, row, after=payloads.number(request.args, "after", 0), limit=POSTS
    )
    names = _names(session, [row, *said])
    told = _plain(row, names, discussions.flags_of(session, [row]).get(row.id))
    told["contributions"] = [
        {
            "id": post.id,
            "text": post.text,
            "created_by": names.get(post.created_by),
            "created_at": payloads.time(post.created_at),
        }
        for post in said
    ]
    return told


def _plain(row: Discussion, names: Mapping[int, str], flag: Flag | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "key": row.key,
        "state": row.state,
        "tag": row.tag,
        "posts": row.posts,
        "created_by": names.get(row.created_by),
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
        # What became of a report in the project that the record comes from.
        "outcome": None if flag is None else flag.state,
        "corrected_by": row.corrected_by,
    }
