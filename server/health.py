"""Say whether the parts answer: for load balancers and for people."""

from __future__ import annotations

import hashlib
import shutil
from urllib.parse import urlsplit

import flask
from flask import Blueprint, Response, render_template

from ..datasets import permissions, workers
from ..datasets.errors import _
from ..datasets.installation import Installation
from . import links, parts, payloads
from .auth import PUBLIC, allows, installation, user

routes = Blueprint("health", __name__)
PARTS = {
    "database": _("Database"),
    "schema": _("Schema of the database"),
    "objects": _("Object storage"),
    "queue": _("Queue of jobs"),
}
# What the self-test of links fetches; the same bytes each time.
TEST_OBJECT = "Jinbiao 津标: a link that works shows this.\n".encode()
TEST_SECONDS = 300
# Share of the disk under the home that is to stay free.
LEAST_FREE = 0.1


@routes.get("/health")
@routes.get("/api/health", endpoint="api_health")
@allows(PUBLIC)
def show() -> Response:
    """Answer 200 when every part answers, else 503 with the part that does not."""
    found = parts.faults(installation())
    good = all(fault is None for fault in found.values())
    content = {
        "status": "UP" if good else "DOWN",
        "parts": {name: fault or "ok" for name, fault in found.items()},
    }
    return payloads.answer(content, 200 if good else 503)


@routes.get("/system")
@allows("job.read")
def system() -> Response:
    """Show people whether all parts answer, and whether jobs wait that nobody will do."""
    operates = permissions.allows(user(), "platform.operate")
    opened = installation()
    with opened.database.read() as session:
        states = workers.queue_states(session)
        alive = sum(not each.is_silent for each in workers.everyone(session))
    page = render_template(
        "health/show.html",
        parts=[(PARTS[name], fault) for name, fault in parts.faults(opened).items()],
        queues=states,
        unserved=[state for state in states if state.waiting and not state.workers],
        alive=alive,
        operates=operates,
        disk=shutil.disk_usage(opened.settings.home) if operates else None,
        least_free=LEAST_FREE,
        public=None if opened.settings.s3 is None else opened.settings.s3.public_endpoint,
        has_s3=opened.settings.s3 is not None,
    )
    response = flask.make_response(page)
    origin = _origin(opened)
    if origin:
        # The self-test fetches from where browsers are sent to.
        response.headers["Content-Security-Policy"] = _policy(origin)
    return response


@routes.post("/system/link")
@allows("job.read")
def link() -> Response:
    """Give the addresses that a browser gets of one stored object, for the self-test.

    `own` is the one that pages and the editor use, `direct` the signed one of the object
    storage that downloads are sent to (None where there is none).
    """
    store = installation().store
    stored = store.put_bytes(TEST_OBJECT)
    direct = store.link(
        stored.digest, file_name="link.txt", content_type="text/plain", seconds=TEST_SECONDS
    )
    told = {
        "own": links.address(stored.digest, "txt"),
        "direct": direct,
        "sha256": hashlib.sha256(TEST_OBJECT).hexdigest(),
        "size": len(TEST_OBJECT),
    }
    return payloads.answer(told)


def _origin(opened: Installation) -> str:
    """Return the origin of the object storage as browsers reach it, "" where there is none."""
    address = None if opened.settings.s3 is None else opened.settings.s3.public_endpoint
    if not address:
        return ""
    found = urlsplit(address)
    return f"{found.scheme}://{found.netloc}"


def _policy(origin: str) -> str:
    return (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"connect-src 'self' {origin}; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )
