"""Libraries of raw material and their assets: the API."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import (
    cleaning,
    emptying,
    errors,
    feeds,
    holdings,
    jobs,
    libraries,
    people,
    projects,
    sending,
    transfers,
)
from ..datasets.cleaning import tables
from ..datasets.errors import _
from ..datasets.feeds import Feed, MediaReference
from ..datasets.jobs import Job
from ..datasets.libraries import Asset, AssetLine, AssetState, Library, Wanted
from ..workers import queues
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("libraries", __name__)
PAGE = 50
ASSETS = 60
FIELDS = ("title", "description", "level", "text_key", "retention_days")
LONGEST = 20_000


@routes.get("/api/libraries/")
@allows("library.read")
def index() -> Response:
    """List the libraries of one's organisation, newest first; `before` an id gives the next."""
    given = request.args
    with installation().database.read() as session:
        found = libraries.listing(
            session,
            user(),
            title=payloads.text(given, "title", ""),
            kind=payloads.choice(given, "kind", "", ["", *libraries.KINDS]) or None,
            before=payloads.before(),
            limit=payloads.page_size(PAGE, 500),
        )
    return payloads.answer([shown(row) for row in found])


@routes.post("/api/libraries/")
@allows("library.change")
def create() -> Response:
    """Make a library; an administrator may name another `organisation`."""
    with installation().database.write() as session:
        library = made(session, payloads.body())
        return payloads.answer(shown(library), 201)


@routes.get("/api/libraries/<int:library_id>/")
@allows("library.read")
def show(library_id: int) -> Response:
    """Return a library with its counts by kind and state."""
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        kinds, states = libraries.counts(session, library)
    return payloads.answer({**shown(library), "kinds": kinds, "states": states})


@routes.patch("/api/libraries/<int:library_id>/")
@allows("library.change")
def change(library_id: int) -> Response:
    """Change a library's title, description, level, text column or retention."""
    values = payloads.body()
    payloads.refuse_unknown(values, FIELDS)
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "library.change")
        libraries.change(session, user(), library, **typed(values))
        session.refresh(library)
        return payloads.answer(shown(library))


@routes.delete("/api/libraries/<int:library_id>/")
@allows("library.change")
def delete(library_id: int) -> Response:
    """Remove a library by a job; `confirmed=true` where tasks come from it."""
    job = removed(library_id, payloads.flag(request.args, "confirmed"))
    return payloads.answer(payloads.job(job), 202)


@routes.post("/api/libraries/<int:library_id>/intake")
@allows("library.bring")
def intake(library_id: int) -> Response:
    """Bring files into a library in one request, a job for each; larger ones go in pieces."""
    each_line = payloads.flag(request.args, "each_line")
    started = brought(library_id, each_line)
    return payloads.answer([payloads.job(job) for job in started], 202)


@routes.get("/api/libraries/<int:library_id>/assets/")
@allows("library.read")
def assets(library_id: int) -> Response:
    """List a library's assets by id; `after` an id goes on.

    Filters: `kind`, `state`, `feed`, `name`, `smallest` and `largest` (bytes), `duplicates`.
    """
    size = payloads.page_size(ASSETS, 1000)
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        after = payloads.number(request.args, "after", 0)
        found = libraries.assets(session, library, wanted(), after=after, limit=size + 1)
    going_on = found[size - 1].id if len(found) > size else None
    return payloads.answer({"results": [_line(row) for row in found[:size]], "next": going_on})


@routes.get("/api/assets/<int:asset_id>/")
@allows("library.read")
def asset(asset_id: int) -> Response:
    """Return an asset: its text or where its bytes are, its facts, and its exact duplicates."""
    with installation().database.read() as session:
        row, library = libraries.asset(session, user(), asset_id, "library.read")
        alike = [each.id for each in libraries.alike(session, row)]
        made = [task.id for task, _title in libraries.tasks_of(session, user(), row)]
        quality = cleaning.measured(session, row.id, tables.FACT)
        place = feeds.references.place_of(session, row)
    # By this the owner proves which raw material a published record was made of.
    proof = libraries.opening(installation().settings, library.organisation_id, row.digest)
    told = {
        "duplicates": alike,
        "tasks": made,
        "quality": quality[1] if quality else None,
        "opening": {"keyed_digest": proof.keyed_digest, "key": proof.key},
    }
    return payloads.answer({**_whole(row, place), **told})


@routes.post("/api/libraries/<int:library_id>/send")
@allows("library.read")
def send(library_id: int) -> Response:
    """Make tasks of a library's assets, or of what a `cleaning` kept, in a `project`."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"project", "cleaning"})
    return payloads.answer(payloads.job(sent(library_id, values)), 202)


def made(session: Session, values: dict[str, Any]) -> Library:
    """Make a library of what was sent.

    Raises:
        errors.Invalid: a value is missing or not usable.
    """
    payloads.refuse_unknown(values, {*FIELDS, "kind", "organisation"})
    slug = payloads.optional_text(values, "organisation")
    return libraries.create(
        session,
        user(),
        title=payloads.text(values, "title", ""),
        kind=payloads.text(values, "kind", libraries.MIXED),
        organisation=None if slug is None else people.get_organisation(session, slug),
        **{name: value for name, value in typed(values).items() if name != "title"},
    )


def removed(library_id: int, confirmed: bool) -> Job:
    """Put a library away and start the job that empties it."""
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "library.change")
        libraries.remove(session, user(), library, confirmed=confirmed)
        job = emptying.ask(session, user(), library)
    queues.announce(installation(), [job.id])
    return job


def sent(library_id: int, values: dict[str, Any]) -> Job:
    """Start the job that sends a library's assets to a project."""
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        project_id = payloads.number(values, "project")
        chosen = values.get("cleaning") or None
        cleaning_id = None if chosen is None else payloads.number(values, "cleaning")
        project = projects.get(session, user(), project_id, "task.import")
        job = sending.ask(session, user(), library, project, cleaning_id)
    queues.announce(installation(), [job.id])
    return job


def brought(library_id: int, each_line: bool) -> list[Job]:
    """Store the uploaded files, write down an intake job for each, announce them.

    Raises:
        errors.Invalid: there is no file, or a name is not usable.
    """
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.bring")
        settings, more = installation().settings, request.content_length or 1
        holdings.check(session, settings, library.organisation_id, more)
    store, limit = installation().store, installation().settings.maximum_upload_bytes
    files = [each for name in request.files for each in request.files.getlist(name)]
    stored = [
        (transfers.checked_name(each.filename), store.put(cast(BinaryIO, each.stream), limit=limit))
        for each in files
        if each.filename
    ]
    if not stored:
        raise errors.Invalid(_("choose a file to upload"), place="file")
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "library.bring")
        started = [
            jobs.add(
                session,
                user(),
                "intake",
                {
                    "library": library.id,
                    "object": put.digest,
                    "name": name,
                    "each_line": each_line,
                },
                organisation_id=library.organisation_id,
            )
            for name, put in stored
        ]
    queues.announce(installation(), [job.id for job in started])
    return started


def wanted() -> Wanted:
    """Return which assets the address asks for."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    return Wanted(
        kind=payloads.choice(given, "kind", "", ["", *libraries.AssetKind]) or None,
        state=payloads.choice(given, "state", "", ["", *AssetState]) or None,
        feed_id=payloads.number(given, "feed") if "feed" in given else None,
        name=payloads.text(given, "name", ""),
        smallest=payloads.number(given, "smallest") if "smallest" in given else None,
        largest=payloads.number(given, "largest") if "largest" in given else None,
        duplicates=payloads.flag(given, "duplicates"),
    )


def shown(library: Library) -> dict[str, Any]:
    """Return what programs see of a library."""
    return {
        "id": library.id,
        "uid": library.uid,
        "organisation": library.organisation_id,
        "title": library.title,
        "description": library.description,
        "kind": library.kind,
        "level": library.level,
        "text_key": library.text_key,
        "retention_days": library.retention_days,
        "assets": library.assets,
        "size": library.size,
        "created_by": library.created_by,
        "created_at": payloads.time(library.created_at),
        "updated_at": payloads.time(library.updated_at),
    }


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were sent; a form has texts only, also for numbers."""
    found = {name: values[name] for name in FIELDS if name in values}
    for name in ("title", "description", "level", "text_key"):
        if name in found and found[name] is not None:
            found[name] = payloads.text(found, name, longest=LONGEST)
    days = found.get("retention_days")
    if isinstance(days, str):
        found["retention_days"] = payloads.number(found, "retention_days") if days.strip() else None
    return found


def _line(row: AssetLine) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "state": row.state,
        "size": row.size,
        "digest": row.digest,
        "content_type": row.content_type,
        "feed": row.feed_id,
        "facts": row.facts,
        "excerpt": row.excerpt,
        "created_at": payloads.time(row.created_at),
    }


def _whole(row: Asset, place: tuple[MediaReference, Feed] | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "library": row.library_id,
        "kind": row.kind,
        "name": row.name,
        "state": row.state,
        "text": row.text,
        "file": flask.url_for("material.file", asset_id=row.id),
        "digest": row.digest,
        "size": row.size,
        "content_type": row.content_type,
        "facts": row.fact_values,
        "feed": row.feed_id,
        "source_key": row.source_key,
        "reference": None if place is None else _place(*place),
        "import": row.import_id,
        "created_at": payloads.time(row.created_at),
    }


def _place(row: MediaReference, feed: Feed) -> dict[str, Any]:
    """Return where bytes are that are only referred to."""
    return {
        "bucket": feed.option_values["bucket"],
        "key": row.key,
        "lost_at": payloads.time(row.lost_at),
    }
