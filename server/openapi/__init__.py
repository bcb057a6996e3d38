"""The OpenAPI document of the API, and the page to read it."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Flask, Response, render_template
from markupsafe import Markup

from ... import VERSION
from .. import payloads
from ..auth import PUBLIC, allows
from . import (
    added_labels,
    agreement,
    assigning,
    benefit,
    chain,
    components,
    config_changes,
    conversations,
    dashboards,
    feeds,
    findings,
    guidelines,
    holdings,
    loop,
    material,
    models,
    opening,
    people,
    pushes,
    quality,
    recipes,
    reviews,
    work,
)
from .document import document
from .nouns import MATERIAL, NOUNS, PUBLISHED
from .reading import THINGS, brief

routes = Blueprint("openapi", __name__)
CATALOGUE = "/docs/api/catalogue"
# Which nouns each page of the API is about.
PAGES = {
    "work": frozenset(NOUNS) - PUBLISHED - MATERIAL,
    "published": PUBLISHED,
    "material": MATERIAL,
}
OPERATIONS = {
    **people.OPERATIONS,
    **work.OPERATIONS,
    **reviews.OPERATIONS,
    **guidelines.OPERATIONS,
    **added_labels.OPERATIONS,
    **agreement.OPERATIONS,
    **assigning.OPERATIONS,
    **config_changes.OPERATIONS,
    **dashboards.OPERATIONS,
    **models.OPERATIONS,
    **loop.OPERATIONS,
    **benefit.OPERATIONS,
    **quality.OPERATIONS,
    **chain.OPERATIONS,
    **conversations.OPERATIONS,
    **opening.OPERATIONS,
    **pushes.OPERATIONS,
    **feeds.OPERATIONS,
    **recipes.OPERATIONS,
    **holdings.OPERATIONS,
    **material.OPERATIONS,
    **findings.OPERATIONS,
}
SCHEMAS = {
    **components.SCHEMAS,
    **conversations.SCHEMAS,
    **opening.SCHEMAS,
    **pushes.SCHEMAS,
    **feeds.SCHEMAS,
    **recipes.SCHEMAS,
    **holdings.SCHEMAS,
    **material.SCHEMAS,
    **findings.SCHEMAS,
}


@routes.get("/api/openapi.json")
@allows(PUBLIC)
def show() -> Response:
    """Return the OpenAPI 3.1 document of this API."""
    return payloads.answer(of(flask.current_app, flask.request.host_url.rstrip("/")))


@routes.get("/docs/api")
@allows(PUBLIC)
def read() -> str:
    """Show what the API takes and gives, noun by noun; two fields have pages of their own."""
    return _page("work")


@routes.get(CATALOGUE)
@allows(PUBLIC)
def read_catalogue() -> str:
    """Show what the API takes and gives of versions and published datasets."""
    return _page("published")


@routes.get("/docs/api/material")
@allows(PUBLIC)
def read_material() -> str:
    """Show what the API takes and gives of raw material."""
    return _page("material")


def _page(part: str) -> str:
    told = of(flask.current_app, flask.request.host_url.rstrip("/"))
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in told["tags"]}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] in PAGES[part]:
                groups.setdefault(operation["tags"][0], []).append(_row(path, method, operation))
    return render_template(
        "docs/api.html", document=told, groups=groups, things=len(SCHEMAS), part=part
    )


@routes.get(THINGS)
@allows(PUBLIC)
def things() -> str:
    """Show the schemas of what the API sends and takes."""
    found = {name: brief(schema) for name, schema in sorted(SCHEMAS.items())}
    return render_template("docs/things.html", things=found)


def of(app: Flask, address: str) -> dict[str, Any]:
    """Return the document of an application at an address."""
    return document(app, OPERATIONS, SCHEMAS, address, VERSION)


def _row(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    answers = operation["responses"].items()
    return {
        **operation,
        "path": path,
        "method": method.upper(),
        # The first part of the name is enough to lead here.
        "anchor": operation["operationId"].partition(f"_{method}_api_")[0] + f"-{method}",
        "sent": _schema(operation.get("requestBody", {})),
        "answered": [(status, _schema(each)) for status, each in answers if status < "3"],
    }


def _schema(told: dict[str, Any]) -> Markup | None:
    """Return the schema of what is sent or answered as JSON, if there is one."""
    schema = told.get("content", {}).get("application/json", {}).get("schema")
    return brief(schema) if schema else None
