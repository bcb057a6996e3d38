"""Uploaded files: Label Studio's API."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request

from ...datasets import errors, projects, uploads
from ...datasets.errors import _
from ...datasets.uploads import FileUpload
from .. import links, payloads
from ..auth import allows, installation, user

routes = Blueprint("uploads", __name__)
MOST = 10_000


@routes.get("/api/projects/<int:project_id>/file-uploads")
@allows("task.read")
def index(project_id: int) -> Response:
    """List a project's uploaded files: one's own, or `all`, or those of `ids`."""
    everybody = payloads.flag(request.args, "all")
    ids = payloads.numbers(request.args, "ids", MOST)
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.read")
        mine = None if everybody or ids else user()
        found = uploads.of_project(session, project, ids=ids, user=mine)
    return payloads.answer([upload(row) for row in found])


@routes.delete("/api/projects/<int:project_id>/file-uploads")
@allows("task.import")
def delete_many(project_id: int) -> Response:
    """Forget uploaded files; the tasks that came from them stay."""
    values = payloads.body()
    ids = payloads.ids(values, "file_upload_ids", MOST) if values else None
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.import")
        found = uploads.of_project(session, project, ids=ids)
        number = uploads.remove(session, user(), project, found)
    return payloads.answer({"deleted": number})


@routes.get("/api/import/file-upload/<int:upload_id>")
@allows("task.read")
def show(upload_id: int) -> Response:
    """Return an uploaded file's name and size."""
    with installation().database.read() as session:
        row, _project = uploads.get(session, user(), upload_id, "task.read")
    return payloads.answer(upload(row))


@routes.patch("/api/import/file-upload/<int:upload_id>")
@allows("task.import")
def change(upload_id: int) -> Response:
    """Refuse to change an uploaded file: its bytes are what was sent."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"id", "file", "size"})
    with installation().database.read() as session:
        row, _project = uploads.get(session, user(), upload_id, "task.import")
    if values.get("file") not in (None, upload(row)["file"]):
        raise errors.Invalid(_("an uploaded file cannot be changed"), place="file")
    return payloads.answer(upload(row))


@routes.delete("/api/import/file-upload/<int:upload_id>")
@allows("task.import")
def delete(upload_id: int) -> Response:
    """Forget an uploaded file; the tasks that came from it stay."""
    with installation().database.write() as session:
        row, project = uploads.get(session, user(), upload_id, "task.import")
        uploads.remove(session, user(), project, [row])
    return flask.Response(status=204)


def upload(row: FileUpload) -> dict[str, Any]:
    """Return an uploaded file."""
    address = links.stored(row.project_id, row.digest, row.name)
    return {"id": row.id, "file": address.removeprefix("/data/"), "size": row.size}
