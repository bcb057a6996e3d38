"""Show stored media to whoever holds a signed address."""

from __future__ import annotations

from flask import Blueprint, Response, request

from . import files, links
from .auth import PUBLIC, allows, installation

routes = Blueprint("media", __name__)


@routes.get("/media/<digest>.<extension>")
@allows(PUBLIC)
def show(digest: str, extension: str) -> Response:
    """Send a medium; its address carries the right to see it."""
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
        link_seconds=300,
    )
    if response.status_code == 200:
        response.headers["Cache-Control"] = "private, max-age=3600, immutable"
    return response
