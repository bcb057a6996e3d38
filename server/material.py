"""Libraries of raw material and their assets: the pages, and the files that they show."""

from __future__ import annotations

from pathlib import PurePosixPath

import flask
from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import cleaning, feeds, jobs, libraries, people, permissions, projects, sending
from ..datasets.cleaning import tables
from ..datasets.libraries import Asset, AssetKind, AssetLine
from ..datasets.tasks import Media
from . import files, links, payloads
from . import libraries as api
from .auth import allows, installation, user

routes = Blueprint("material", __name__)
PAGE = 40
ASSETS = 60
# Beginnings of types that a browser may show in a page of ours; anything else is saved.
_SHOWN = ("image/", "audio/", "video/", "text/plain")


@routes.get("/libraries")
@allows("library.read")
def index() -> str:
    """Show the libraries of the person's organisation, newest first."""
    before = payloads.before()
    title = payloads.text(request.args, "title", "")
    with installation().database.read() as session:
        found = libraries.listing(session, user(), title=title, before=before, limit=PAGE + 1)
        owners = {row.organisation_id for row in found}
        homes = {number: people.organisation_by_id(session, number) for number in owners}
    return render_template(
        "libraries/index.html",
        libraries=found[:PAGE],
        next_before=found[PAGE - 1].id if len(found) > PAGE else None,
        homes=homes if permissions.is_everywhere(user()) else {},
        title=title,
        kinds=libraries.KINDS,
        levels=libraries.LEVELS,
    )


@routes.post("/libraries")
@allows("library.change")
def create() -> AnyResponse:
    """Make a library, from the page."""
    with installation().database.write() as session:
        library = api.made(session, payloads.body())
    return flask.redirect(flask.url_for("material.show", library_id=library.id), 303)


@routes.get("/libraries/<int:library_id>")
@allows("library.read")
def show(library_id: int) -> str:
    """Show a library: what is in it, where it comes from, what was done with it."""
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        kinds, states = libraries.counts(session, library)
        newest = libraries.assets(session, library, libraries.Wanted(), limit=6)
        pictures = _pictures(libraries.media(session, [row.digest for row in newest]))
        recent = jobs.recent(session, organisation_id=library.organisation_id, limit=200)
        targets = [
            each
            for each in projects.visible(session, user(), limit=500)
            if each.organisation_id == library.organisation_id
            and permissions.would(user(), "task.import", each)
        ]
        cleanings = sending.cleanings(session, library)
    return render_template(
        "libraries/show.html",
        library=library,
        kinds=kinds,
        states=states,
        newest=newest,
        pictures=pictures,
        jobs=[job for job in recent if job.request_values.get("library") == library.id][:8],
        kind_facts=describes,
        targets=[(each, sending.kinds_shown(each)) for each in targets]
        if permissions.allows(user(), "task.import")
        else [],
        cleanings=cleanings,
        levels=libraries.LEVELS,
    )


@routes.post("/libraries/<int:library_id>")
@allows("library.change")
def change(library_id: int) -> AnyResponse:
    """Change a library, from the page."""
    values = api.typed(payloads.body())
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "library.change")
        libraries.change(session, user(), library, **values)
    return flask.redirect(flask.url_for("material.show", library_id=library_id), 303)


@routes.post("/libraries/<int:library_id>/remove")
@allows("library.change")
def remove(library_id: int) -> AnyResponse:
    """Remove a library, from the page."""
    job = api.removed(library_id, payloads.flag(request.form, "confirmed"))
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id), 303)


@routes.get("/libraries/<int:library_id>/bring")
@allows("library.bring")
def bring_form(library_id: int) -> str:
    """Show the upload page of a library."""
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.bring")
    return render_template(
        "libraries/bring.html",
        library=library,
        limit=installation().settings.maximum_transfer_bytes,
        days=installation().settings.transfer_days,
    )


@routes.post("/libraries/<int:library_id>/bring")
@allows("library.bring")
def bring(library_id: int) -> AnyResponse:
    """Take uploaded files from a page without scripts."""
    started = api.brought(library_id, payloads.flag(request.form, "each_line"))
    return flask.redirect(flask.url_for("jobs.show", job_id=started[0].id), 303)


@routes.post("/libraries/<int:library_id>/send")
@allows("library.read")
def send(library_id: int) -> AnyResponse:
    """Make tasks of a library's assets, from the page."""
    job = api.sent(library_id, payloads.body())
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id), 303)


@routes.get("/libraries/<int:library_id>/assets")
@allows("library.read")
def assets(library_id: int) -> str:
    """Show a library's assets as a grid with filters; the next rows come by htmx."""
    wanted = api.wanted()
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        found = libraries.assets(session, library, wanted, after=after, limit=ASSETS + 1)
        page = found[:ASSETS]
        pictures = _pictures(libraries.media(session, [row.digest for row in page]))
        kinds, states = libraries.counts(session, library)
    is_part = "HX-Request" in request.headers and after
    given = {name: value for name, value in request.args.items() if value and name != "after"}
    return render_template(
        "libraries/grid.html" if is_part else "libraries/assets.html",
        library=library,
        assets=page,
        pictures=pictures,
        kind_facts=describes,
        going_on=page[-1].id if len(found) > ASSETS else None,
        kinds=kinds,
        states=states,
        given=given,
    )


@routes.get("/assets/<int:asset_id>")
@allows("library.read")
def asset(asset_id: int) -> str:
    """Show an asset: itself, its facts, where it came from, its duplicates, its tasks."""
    with installation().database.read() as session:
        row, library = libraries.asset(session, user(), asset_id, "library.read")
        alike = libraries.alike(session, row)
        known = libraries.media(session, [row.digest])
        made = libraries.tasks_of(session, user(), row)
        quality = cleaning.measured(session, row.id, tables.FACT)
        place = feeds.references.place_of(session, row)
    return render_template(
        "libraries/asset.html",
        quality=quality,
        place=place,
        indicators=tables.BY_CODE,
        dimensions=tables.DIMENSIONS,
        row=row,
        library=library,
        medium=known.get(row.digest),
        pictures=_pictures(known),
        shown=_is_shown(_type_of(row, known.get(row.digest))),
        alike=alike,
        tasks=made,
    )


@routes.get("/assets/<int:asset_id>/file")
@allows("library.read")
def file(asset_id: int) -> Response:
    """Send an asset's bytes to somebody who sees its library; never as active content."""
    as_it_came = payloads.flag(request.args, "original")
    with installation().database.read() as session:
        row, _library = libraries.asset(session, user(), asset_id, "library.read")
        medium = libraries.media(session, [row.digest]).get(row.digest)
    name = PurePosixPath(row.name).name or f"asset-{row.id}"
    if row.text is not None:
        return _text(row, name)
    digest, size, kind = row.digest, row.size, _type_of(row, medium)
    if medium is not None and medium.display_digest and not as_it_came:
        digest, size = medium.display_digest, medium.display_size or 0
        kind = medium.display_content_type or kind
    response = files.send(
        installation().store,
        digest,
        size,
        content_type=kind,
        file_name=name,
        as_attachment=as_it_came or not _is_shown(kind),
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _text(row: Asset, name: str) -> Response:
    name = f"{name[:100]}.txt" if not name.lower().endswith(".txt") else name
    told = files.describing("text/plain", name.replace(":", "-"), row.digest)
    response = Response(row.text or "", headers=told)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _type_of(row: Asset, medium: Media | None) -> str:
    return row.content_type or (medium.content_type if medium else "") or "application/octet-stream"


def _is_shown(content_type: str) -> bool:
    return content_type.startswith(_SHOWN) and "svg" not in content_type


def _pictures(known: dict[str, Media]) -> dict[str, str]:
    """Return digest → the address of a small copy, of those that are pictures."""
    return {
        digest: links.thumbnail(row)
        for digest, row in known.items()
        if row.content_type.startswith("image/")
    }


def describes(row: AssetLine) -> str:
    """Say in one line what is known of an asset: its size in pixels, its length, its columns."""
    facts = row.facts
    if row.kind == AssetKind.IMAGE and "width" in facts:
        return f"{facts['width']} × {facts['height']}"
    if "seconds" in facts:
        return f"{facts['seconds']:.1f} s"
    return ""
