"""Exports: starting one, listing files, downloading one file or all as a ZIP."""

from __future__ import annotations

import flask
from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ..datasets import errors, exports, versions
from ..datasets.errors import _
from ..datasets.exports import Export
from ..datasets.jobs import Job
from ..exporters import archive
from ..exporters.formats import FORMATS
from . import jobs, payloads
from .auth import allows, installation, user

routes = Blueprint("exports", __name__)


@routes.post("/versions/<int:version_id>/exports")
@allows("version.export")
def create(version_id: int) -> Response:
    """Start an export, from the page."""
    return flask.redirect(flask.url_for("jobs.show", job_id=_start(version_id).id))  # type: ignore[return-value]


@routes.post("/api/versions/<int:version_id>/exports/")
@allows("version.export")
def api_create(version_id: int) -> Response:
    """Start an export in `format`; the job's result names it."""
    return payloads.answer(payloads.job(_start(version_id)), 202)


@routes.get("/api/versions/<int:version_id>/exports/")
@allows("version.read")
def api_index(version_id: int) -> Response:
    """List the exports of a version."""
    with installation().database.read() as session:
        version, _project = versions.get(session, user(), version_id, "version.read")
        rows = exports.of_version(session, version)
    return payloads.answer([payloads.export(row) for row in rows])


@routes.get("/api/exports/<int:export_id>/files")
@allows("version.read")
def api_files(export_id: int) -> Response:
    """List an export's files with their digests."""
    with installation().database.read() as session:
        export = _export(session, export_id)
        written = exports.files(session, export)
    return payloads.answer(
        [{"path": file.path, "sha256": file.digest, "size": file.size} for file in written]
    )


@routes.get("/exports/<int:export_id>.zip")
@routes.get("/api/exports/<int:export_id>/download", endpoint="api_download")
@allows("version.read")
def download(export_id: int) -> Response:
    """Send an export as one ZIP, streamed, the same bytes every time."""
    with installation().database.read() as session:
        export = _export(session, export_id)
        version = session.get_one(versions.Version, export.version_id)
        written = exports.files(session, export)
    response = flask.Response(
        archive.stream_zip(installation().store, written), mimetype="application/zip"
    )
    response.content_length = archive.zip_size(written)
    name = f"{export.format}-{version.tag}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _export(session: Session, export_id: int) -> Export:
    export = session.get(Export, export_id)
    if export is None:
        raise errors.NotFound(_("there is no export %(id)s"), id=export_id)
    # Asks whether the person may see the version.
    versions.get(session, user(), export.version_id, "version.read")
    return export


def _start(version_id: int) -> Job:
    values = payloads.body()
    with installation().database.read() as session:
        version, project = versions.get(session, user(), version_id, "version.export")
    asked = {"version": version.id, "format": payloads.choice(values, "format", "", FORMATS)}
    return jobs.start(project.id, "export", "version.export", asked)
