"""Guidelines: read, compare, publish, acknowledge; who has read what."""

from __future__ import annotations

import csv
import io
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from ..datasets import guidelines, people, permissions, projects
from ..datasets.guidelines import GuidelineKind, GuidelineVersion
from ..datasets.projects import Project
from ..datasets.spreadsheet_cells import guarded
from ..datasets.tasks import Media
from . import links, payloads, prose
from .auth import allows, installation, user

routes = Blueprint("guidelines", __name__)
PAGE = 50


@routes.get("/projects/<int:project_id>/guideline")
@allows("project.read")
def show(project_id: int) -> str:
    """Show the guideline, the newest version or the one that is asked for."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        asked = request.args.get("version")
        newest = guidelines.newest(session, project)
        number = payloads.number(request.args, "version") if asked else None
        version = newest if number is None else guidelines.get(session, project, number)
        before = payloads.before()
        versions = guidelines.of_project(session, project, before=before, limit=PAGE + 1)
        authors = people.by_ids(session, {row.published_by for row in versions})
        return render_template(
            "guidelines/show.html",
            project=project,
            version=version,
            shown=None if version is None else text_of(session, version),
            versions=versions[:PAGE],
            next_before=versions[PAGE - 1].number if len(versions) > PAGE else None,
            names={row.id: row.name for row in authors.values()},
            acknowledged=guidelines.acknowledged(session, user(), project),
        )


@routes.get("/projects/<int:project_id>/guideline/changes")
@allows("project.read")
def changes(project_id: int) -> str:
    """Show two versions side by side: what was taken away, what was added."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        latest = payloads.number(request.args, "to", project.guideline_version or 0)
        after = guidelines.get(session, project, latest)
        first = payloads.number(request.args, "from", max(1, after.number - 1))
        before = guidelines.get(session, project, first)
        return render_template(
            "guidelines/changes.html",
            project=project,
            before=before,
            after=after,
            versions=guidelines.of_project(session, project, limit=500),
            changes=guidelines.changes(before.text, after.text),
        )


@routes.get("/projects/<int:project_id>/guideline/edit")
@allows("guideline.publish")
def edit(project_id: int) -> str:
    """Show the form for the next version."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "guideline.publish")
        newest = guidelines.newest(session, project)
        text = project.instruction if newest is None else newest.text
    return _form(project, newest, {"text": text, "kind": newest.kind if newest else ""})


@routes.post("/projects/<int:project_id>/guideline")
@allows("guideline.publish")
def publish(project_id: int) -> Response:
    """Publish the next version from the form, or show what it will look like."""
    values = payloads.body()
    if values.get("act") == "preview":
        return flask.make_response(_preview(project_id, values))
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "guideline.publish")
        _publish(session, project, values)
    return _to(project_id)


@routes.post("/projects/<int:project_id>/guideline/acknowledge")
@allows("project.read")
def acknowledge(project_id: int) -> Response:
    """Note that the person has read the newest version, from its page."""
    _acknowledge(project_id)
    return _to(project_id)


@routes.get("/projects/<int:project_id>/guideline/panel")
@allows("project.read")
def panel(project_id: int) -> str:
    """Return the guideline for the workbench's panel, with what changed since one read it."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        newest = guidelines.newest(session, project)
        known = guidelines.acknowledged(session, user(), project)
        compared = None
        if newest is not None and known is not None and known < newest.number:
            read = guidelines.get(session, project, known)
            compared = guidelines.changes(read.text, newest.text)
        return render_template(
            "guidelines/panel.html",
            project=project,
            version=newest,
            shown=None if newest is None else text_of(session, newest),
            known=known,
            changes=compared,
        )


@routes.get("/projects/<int:project_id>/guideline/readers")
@allows("guideline.publish")
def readers(project_id: int) -> Response:
    """Show who has read which version; as a table for spreadsheets where `format` is csv."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "guideline.publish")
        found = guidelines.readers(session, user(), project)
    if request.args.get("format") == "csv":
        return _table(project, found)
    page = render_template("guidelines/readers.html", project=project, readers=found)
    return flask.make_response(page)


@routes.get("/api/projects/<int:project_id>/guideline/")
@allows("project.read")
def api_show(project_id: int) -> Response:
    """Return the guideline: the newest `version`, or the one that is asked for."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        asked = request.args.get("version")
        number = payloads.number(request.args, "version") if asked else project.guideline_version
        version = guidelines.get(session, project, number or 0)
        known = guidelines.acknowledged(session, user(), project)
        return payloads.answer({**_version(version), "acknowledged": known})


@routes.post("/api/projects/<int:project_id>/guideline/")
@allows("guideline.publish")
def api_publish(project_id: int) -> Response:
    """Publish the next version: `text`, `note` (what changed), `kind`, and `after`, the newest."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "guideline.publish")
        return payloads.answer(_version(_publish(session, project, values)), 201)


@routes.post("/api/projects/<int:project_id>/guideline/acknowledge")
@allows("project.read")
def api_acknowledge(project_id: int) -> Response:
    """Note that the asker has read the newest `version`."""
    return payloads.answer({"acknowledged": _acknowledge(project_id)})


def text_of(session: Session, version: GuidelineVersion) -> Markup:
    """Return the text of a version as HTML, its pictures at signed addresses."""
    digests = version.picture_digests
    query = sa.select(Media).where(Media.digest.in_(set(digests.values())))
    media = {row.digest: row for row in session.scalars(query)} if digests else {}

    def address(reference: str) -> str | None:
        row = media.get(digests.get(reference, ""))
        return None if row is None else links.media(row)

    return prose.html(version.text, address)


def _publish(session: Session, project: Project, values: dict[str, Any]) -> GuidelineVersion:
    has_after = values.get("after") not in (None, "")
    return guidelines.publish(
        session,
        user(),
        project,
        payloads.text(values, "text", "", longest=guidelines.LONGEST + 10_000),
        note=payloads.text(values, "note", "", longest=guidelines.LONGEST_NOTE),
        kind=payloads.choice(values, "kind", GuidelineKind.FUNCTIONAL, GuidelineKind),
        after=payloads.number(values, "after", highest=2**31 - 1) if has_after else None,
    )


def _acknowledge(project_id: int) -> int:
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.read")
        number = payloads.number(values, "version", highest=2**31 - 1)
        guidelines.acknowledge(session, user(), project, number)
        return number


def _preview(project_id: int, values: dict[str, Any]) -> str:
    """Show the form again with what it holds, and below what readers would see."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "guideline.publish")
        newest = guidelines.newest(session, project)
        text = payloads.text(values, "text", "", longest=guidelines.LONGEST + 10_000)
        text = text.replace("\r\n", "\n")
        digests = guidelines.pictures_of(session, project, text)
        query = sa.select(Media).where(Media.digest.in_(set(digests.values())))
        media = {row.digest: row for row in session.scalars(query)}
        shown = prose.html(text, lambda each: links.media(media[digests[each]]))
        compared = [] if newest is None else guidelines.changes(newest.text, text.strip())
        return _form(project, newest, values, shown=shown, changes=compared)


def _form(
    project: Project, newest: GuidelineVersion | None, values: dict[str, Any], **more: Any
) -> str:
    return render_template(
        "guidelines/edit.html",
        project=project,
        newest=newest,
        values=values,
        longest=guidelines.LONGEST,
        **more,
    )


def _table(project: Project, found: list[guidelines.Reader]) -> Response:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        [gettext("User name"), gettext("Name"), gettext("Read version"), gettext("Newest version")]
        + [gettext("Read at")]
    )
    for reader in found:
        at = "" if reader.read_at is None else reader.read_at.isoformat(timespec="seconds")
        names = [guarded(reader.user.username), guarded(reader.user.name)]
        rows.writerow([*names, reader.number or "", project.guideline_version or "", at])
    # With the mark by which Excel knows UTF-8.
    response = flask.Response("\ufeff" + out.getvalue(), mimetype="text/csv")
    name = f"guideline-{project.id}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _version(row: GuidelineVersion) -> dict[str, Any]:
    return {
        "version": row.number,
        "kind": row.kind,
        "text": row.text,
        "note": row.note,
        "published_by": row.published_by,
        "published_at": payloads.time(row.published_at),
    }


def _to(project_id: int) -> Response:
    address = flask.url_for("guidelines.show", project_id=project_id)
    back = request.form.get("back", "")
    if permissions.allows(user(), "task.claim") and back == "label":
        address = flask.url_for("assignments.label", project_id=project_id)
    return flask.redirect(address)  # type: ignore[return-value]
