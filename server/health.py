"""Say whether the parts answer: for load balancers and for people."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from ..datasets import errors, migrations
from ..datasets.installation import Installation
from ..workers import queues
from . import payloads
from .auth import PUBLIC, allows, installation

routes = Blueprint("health", __name__)


@routes.get("/health")
@routes.get("/api/health", endpoint="api_health")
@allows(PUBLIC)
def show() -> Response:
    """Answer 200 when every part answers, else 503 with the part that does not."""
    found = parts(installation())
    good = all(fault is None for fault in found.values())
    content = {
        "status": "UP" if good else "DOWN",
        "parts": {name: fault or "ok" for name, fault in found.items()},
    }
    return payloads.answer(content, 200 if good else 503)


def parts(opened: Installation) -> dict[str, str | None]:
    """Ask each part; the answer maps its name to its fault or None."""
    checks: dict[str, Callable[[], None]] = {
        "database": opened.database.check,
        "schema": lambda: migrations.check(opened.database),
        "objects": opened.store.check,
        "queue": lambda: queues.check(opened.settings),
    }
    found: dict[str, str | None] = {}
    for name, check in checks.items():
        try:
            check()
            found[name] = None
        except errors.JinbiaoError as problem:
            found[name] = str(problem)
    return found
