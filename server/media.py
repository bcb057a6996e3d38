"""Show stored media to whoever holds a signed address."""

from __future__ import annotations

import uuid

import flask
from flask import Blueprint, Response, request

from ..datasets import errors, findings, media, projects
from ..datasets.errors import _
from ..datasets.tasks import Media
from . import files, links
from .auth import PUBLIC, allows, installation, user

routes = Blueprint("media", __name__)


@routes.get("/media/<digest>.<extension>")
@allows(PUBLIC)
def show(digest: str, extension: str) -> Response:
    """Send a medium; its address carries the right to see it.

    Always from here, never by way of an S3 link: pages only show what is of their origin.
    """
    expires = request.args.get("expires", 0, type=int)
    links.check(digest, extension, expires, request.args.get("signature", ""))
    store = installation().store
    size = store.size(digest)
    name = f"{digest[:12]}.{extension}"
    response = files.send(
        store,
        digest,
        size or 0,
        content_type=files.content_type_of(name),
        file_name=name,
        etag=digest,
    )
    if response.status_code == 200:
        response.headers["Cache-Control"] = "private, max-age=3600, immutable"
    return response


@routes.get("/data/upload/<int:project_id>/<digest>-<signature>/<name>")
@allows("task.read")
def upload(project_id: int, digest: str, signature: str, name: str) -> Response:
    """Send a medium of a project to somebody who sees the project."""
    links.check_stored(project_id, digest, signature)
    with installation().database.read() as session:
        projects.get(session, user(), project_id, "task.read")
        row = session.get(Media, digest)
        is_withheld = findings.is_withheld(session, project_id, digest)
    if row is None or is_withheld:
        raise errors.NotFound(_("there is nothing at this address"))
    shown = row.display_digest or digest
    extension = row.display_extension if row.display_digest else row.extension
    response = files.send(
        installation().store,
        shown,
        (row.display_size if row.display_digest else row.size) or 0,
        content_type=files.content_type_of(f"{digest[:12]}{extension}"),
        file_name=name,
        etag=shown,
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@routes.get("/thumbnails/<digest>")
@allows(PUBLIC)
def thumbnail(digest: str) -> Response:
    """Send a small copy of a picture, made on first use and kept on this host."""
    expires = request.args.get("expires", 0, type=int)
    links.check(digest, "thumbnail", expires, request.args.get("signature", ""))
    kept = installation().settings.home / "cache" / "thumbnails" / digest[:2] / f"{digest}.webp"
    if not kept.is_file():
        with installation().store.open(digest) as stream:
            content = media.thumbnail(stream)
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f"{digest}.{uuid.uuid4().hex}")
        draft.write_bytes(content)
        draft.rename(kept)
    response = flask.send_file(kept, mimetype=media.THUMBNAIL_TYPE, conditional=True)
    response.headers["Cache-Control"] = "private, max-age=3600, immutable"
    return response
