"""The OpenAPI document of the API, and the page to read it."""

from __future__ import annotations

import json
from typing import Any

import flask
from flask import Blueprint, Flask, Response, render_template

from ... import VERSION
from .. import payloads
from ..auth import PUBLIC, allows
from . import chain, people, work
from .components import SCHEMAS
from .document import document

routes = Blueprint("openapi", __name__)
OPERATIONS = {**people.OPERATIONS, **work.OPERATIONS, **chain.OPERATIONS}


@routes.get("/api/openapi.json")
@allows(PUBLIC)
def show() -> Response:
    """Return the OpenAPI 3.1 document of this API."""
    return payloads.answer(of(flask.current_app, flask.request.host_url.rstrip("/")))


@routes.get("/docs/api")
@allows(PUBLIC)
def read() -> str:
    """Show what the API takes and gives, address by address."""
    told = of(flask.current_app, flask.request.host_url.rstrip("/"))
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            shown = {"path": path, "method": method.upper(), **operation}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            shown["sent"] = _shown(body)
            shown["answered"] = [
                (status, _shown(answer.get("content", {}).get("application/json")))
                for status, answer in operation["responses"].items()
                if status.startswith("2")
            ]
            groups.setdefault(operation["tags"][0], []).append(shown)
    return render_template("docs/api.html", document=told, groups=groups, schemas=SCHEMAS)


def of(app: Flask, address: str) -> dict[str, Any]:
    """Return the document of an application at an address."""
    return document(app, OPERATIONS, SCHEMAS, address, VERSION)


def _shown(content: dict[str, Any] | None) -> str:
    if not content or not content.get("schema"):
        return ""
    return json.dumps(content["schema"], ensure_ascii=False, indent=1)
