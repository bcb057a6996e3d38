"""What organisations store, their quotas, and what was deleted: API and pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import errors, holdings, people, permissions, retention
from ..datasets.db import Database
from ..datasets.errors import _
from ..datasets.holdings import DeletionReport, StorageCount, StorageUsage
from ..datasets.libraries import Library
from ..datasets.people import Organisation
from ..datasets.projects import Project
from ..datasets.spreadsheet_cells import guarded
from ..workers import queues
from . import payloads
from .auth import allows, installation, user
from .files import disposition

routes = Blueprint("holdings", __name__)
PAGE = 20
HOMES = 100  # organisations on a page
MB = 1024**2
KINDS = {
    "originals": _("Originals in libraries"),
    "cleaned": _("Results of cleanings"),
    "labelling": _("Media of projects"),
    "uploads": _("Uploaded files"),
    "jobs": _("What jobs were given, and lists of what they left out"),
    "versions": _("Versions and exports"),
    "published": _("Published releases"),
    "models": _("Weights of models"),
    "other": _("Other"),
}


@routes.get("/storage")
@allows("storage.read")
def show() -> str:
    """Show what one's organisation stores, of what, and what was deleted of it."""
    home = user().organisation
    with installation().database.read() as session:
        libraries = sa.select(Library).where(
            Library.organisation_id == home.id,
            Library.retention_days.is_not(None),
            Library.deleted_at.is_(None),
        )
        return render_template(
            "holdings/show.html",
            home=home,
            **_seen(session, home.id),
            kept_for=session.scalars(libraries.order_by(Library.id).limit(100)).all(),
            deleted=_deleted(session, home.id),
            days=installation().settings.unused_days,
        )


@routes.get("/storage/deleted.csv")
@allows("storage.read")
def deleted() -> Response:
    """Send the list of assets of one's organisation that were deleted, as a table."""
    lines = _lines(installation().database, organisation_id=user().organisation_id)
    return _table(lines, "deleted-assets.csv")


@routes.get("/storage/all")
@allows("storage.manage")
def index() -> str:
    """Show what every organisation stores, its quota, and the reports of deletions."""
    with installation().database.read() as session:
        after = payloads.number(request.args, "after") if request.args.get("after") else None
        found = holdings.everyone(session, after=after, limit=HOMES + 1)
        settings = installation().settings
        rows = [(home, row, holdings.standing_of(settings, row)) for home, row in found[:HOMES]]
        reports = retention.reports(session, before=payloads.before(), limit=PAGE + 1)
        actors = people.by_ids(session, {row.actor_id for row in reports})
        under_way = retention.is_under_way(session)
    return render_template(
        "holdings/index.html",
        rows=rows,
        next_after=rows[-1][0].id if len(found) > HOMES else None,
        reports=reports[:PAGE],
        next_before=reports[PAGE - 1].id if len(reports) > PAGE else None,
        names={row.id: row.name for row in actors.values()},
        under_way=under_way,
        settings=installation().settings,
    )


@routes.post("/storage/quota")
@allows("storage.manage")
def change_here() -> AnyResponse:
    """Give an organisation a quota in MB, from the page; empty for the usual one."""
    values = payloads.body()
    number = payloads.number(values, "organisation")
    written = payloads.text(values, "quota_mb", "").strip()
    most = holdings.MOST_QUOTA // MB
    quota = (
        None if not written else payloads.number({"quota_mb": written}, "quota_mb", highest=most)
    )
    _change(number, None if quota is None else quota * MB)
    return flask.redirect(flask.url_for("holdings.index"), 303)


@routes.post("/storage/look")
@allows("storage.manage")
def look_here() -> AnyResponse:
    """Look for what can be deleted, from the page; `act` "delete" deletes it."""
    is_dry = payloads.choice(payloads.body(), "act", "dry", ("dry", "delete")) == "dry"
    job = _look(is_dry)
    return flask.redirect(flask.url_for("jobs.show", job_id=job), 303)


@routes.get("/storage/reports/<int:report_id>.csv")
@allows("storage.manage")
def report(report_id: int) -> Response:
    """Send what a report tells of, as a table."""
    with installation().database.read() as session:
        _report(session, report_id)
    lines = _lines(installation().database, report_id=report_id)
    return _table(lines, f"deletion-report-{report_id}.csv")


@routes.get("/api/storage/")
@allows("storage.read")
def api_show() -> Response:
    """Return what one's organisation stores in bytes, its quota, and its largest parts."""
    with installation().database.read() as session:
        return payloads.answer(_told(session, user().organisation))


@routes.get("/api/storage/organisations/")
@allows("storage.manage")
def api_index() -> Response:
    """List what every organisation stores in bytes, and its quota.

    The largest first; `after` the id of an organisation gives the next page.
    """
    after = payloads.number(request.args, "after") if request.args.get("after") else None
    with installation().database.read() as session:
        found = holdings.everyone(session, after=after, limit=payloads.page_size(HOMES, 1000))
        return payloads.answer([_standing(home, row) for home, row in found])


@routes.patch("/api/storage/organisations/<int:organisation_id>/")
@allows("storage.manage")
def api_change(organisation_id: int) -> Response:
    """Give an organisation a `quota` in bytes of its own, 0 for none; null: the usual one."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("quota",))
    if "quota" not in values:
        raise errors.Invalid(_("say the quota in bytes, or null"), place="quota")
    quota = values["quota"]
    if quota is not None:
        quota = payloads.number(values, "quota", highest=holdings.MOST_QUOTA)
    home = _change(organisation_id, quota)
    with installation().database.read() as session:
        return payloads.answer(_standing(home, holdings.usage(session, home.id)))


@routes.get("/api/storage/reports/")
@allows("storage.manage")
def api_reports() -> Response:
    """List the reports of deletions, newest first; `before` an id gives the next page."""
    size = payloads.page_size(PAGE, 200)
    with installation().database.read() as session:
        found = retention.reports(session, before=payloads.before(), limit=size)
        return payloads.answer([_shown(row) for row in found])


@routes.post("/api/storage/reports/")
@allows("storage.manage")
def api_look() -> Response:
    """Look for what can be deleted, and delete it unless `dry` (which it is unless told)."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("dry",))
    job = _look(payloads.flag(values, "dry", True))
    return payloads.answer({"job": job}, 202)


def _look(is_dry: bool) -> str:
    with installation().database.write() as session:
        job = retention.ask(session, user(), is_dry=is_dry)
    queues.announce(installation(), [job.id])
    return job.id


def _change(organisation_id: int, quota: int | None) -> Organisation:
    with installation().database.write() as session:
        home = session.get(Organisation, organisation_id)
        if home is None:
            raise errors.NotFound(_("there is no such thing here"))
        holdings.change(session, user(), home, quota)
        return home


def _report(session: Session, report_id: int) -> DeletionReport:
    found = session.get(DeletionReport, report_id)
    if found is None:
        raise errors.NotFound(_("there is no such thing here"))
    return found


def _seen(session: Session, organisation_id: int) -> dict[str, Any]:
    largest = holdings.largest(session, organisation_id)
    return {
        "standing": holdings.standing(session, installation().settings, organisation_id),
        "usage": holdings.usage(session, organisation_id),
        "parts": [
            (gettext(KINDS[row.kind]), row) for row in holdings.parts(session, organisation_id)
        ],
        "largest": [(title, row) for row, title in _titles(session, largest)],
    }


def _titles(session: Session, rows: list[StorageCount]) -> Iterator[tuple[StorageCount, str]]:
    """Give each library or project with its title, where the person may see it."""
    for row in rows:
        kind, _slash, number = (row.subject or "").partition("/")
        thing: Any = session.get(Library if kind == "library" else Project, int(number))
        if thing is not None and thing.deleted_at is None and permissions.sees(user(), thing):
            yield row, thing.title
        else:
            yield row, gettext("deleted")


def _deleted(session: Session, organisation_id: int) -> tuple[int, int]:
    """Return how many assets of an organisation were deleted, and their bytes."""
    line, report_row = holdings.DeletionLine, DeletionReport
    number, size = session.execute(
        sa.select(sa.func.count(), sa.func.sum(line.size))
        .join(report_row, report_row.id == line.report_id)
        .where(line.organisation_id == organisation_id, report_row.is_dry.is_(False))
    ).one()
    return number, int(size or 0)


def _lines(database: Database, **which: Any) -> Iterator[bytes]:
    """Yield a report as CSV, a page of lines at a time."""
    # With the mark by which spreadsheets know UTF-8.
    yield b"\xef\xbb\xbf" + _row(
        ["kind", "sha256", "bytes", "reason", "since", "library", "organisation", "at"]
    )
    last = 0
    while True:
        with database.read() as session:
            page = retention.lines(session, after=last, **which)
        if not page:
            return
        last = page[-1].id
        yield b"".join(
            _row(
                [
                    each.kind,
                    each.digest,
                    each.size,
                    each.reason,
                    each.since.isoformat(timespec="seconds"),
                    each.library_id or "",
                    each.organisation_id or "",
                    each.at.isoformat(timespec="seconds"),
                ]
            )
            for each in page
        )


def _row(cells: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(map(guarded, cells))
    return out.getvalue().encode()


def _table(lines: Iterator[bytes], name: str) -> Response:
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = disposition(name, as_attachment=True)
    return response


def _standing(home: Organisation, row: StorageUsage | None) -> dict[str, Any]:
    found = holdings.standing_of(installation().settings, row)
    return {
        "organisation": home.id,
        "name": home.name,
        "used": found.used,
        "limit": found.limit,
        "own_quota": None if row is None else row.quota,
        "counted_at": None if row is None else payloads.time(row.counted_at),
    }


def _told(session: Session, home: Organisation) -> dict[str, Any]:
    seen = _seen(session, home.id)
    return {
        **_standing(home, seen["usage"]),
        "kinds": {row.kind: row.size for _title, row in seen["parts"]},
        "largest": [
            {"subject": row.subject, "title": title, "size": row.size, "objects": row.objects}
            for title, row in seen["largest"]
        ],
    }


def _shown(row: DeletionReport) -> dict[str, Any]:
    return {
        "id": row.id,
        "job": row.job_id,
        "dry": row.is_dry,
        "objects": row.objects,
        "assets": row.assets,
        "size": row.size,
        "began_at": payloads.time(row.began_at),
        "ended_at": payloads.time(row.ended_at),
    }
