"""Write the OpenAPI 3.1 document of the whole API from the routes and their descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from flask_babel import gettext
from werkzeug.routing import Rule

from ..errors import STATUS
from ..label_studio import LABEL_STUDIO_VERSION
from .nouns import NOUNS, noun_of
from .operations import JSON, Operation
from .schemas import INTEGER, TEXT, Schema, listed, mapping, maybe, record, ref

# Files of a form; the names of the fields are free, as Label Studio has it.
FILES: Schema = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ERROR: Schema = record(
    ("validation_errors",),
    id=TEXT,
    status_code=INTEGER,
    version=TEXT,
    detail=TEXT,
    exc_info=maybe(TEXT),
    validation_errors=mapping(listed(TEXT)),
)
# What any address may answer when it cannot do as it was asked.
REFUSALS = sorted({*STATUS.values(), 405, 415, 416} - {500})
_PART = re.compile(r"<(?:(?P<kind>[^:<>]+):)?(?P<name>[^<>]+)>")


def described(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Give each (rule, method) that the document holds: everything under /api/."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: str(rule)):
        if str(rule).startswith("/api/"):
            for method in METHODS:
                if method in (rule.methods or ()):
                    yield rule, method


def document(
    app: Flask,
    operations: Mapping[str, Operation],
    schemas: Mapping[str, Schema],
    address: str,
    version: str,
) -> dict[str, Any]:
    """Return the document, its texts in the reader's language.

    `operations` maps `<endpoint>` to what it does; an endpoint with several methods is
    named `<endpoint> <METHOD>`.
    """
    paths: dict[str, dict[str, Any]] = {}
    for rule, method in described(app):
        found = operation_of(operations, rule, method)
        if found is None:
            continue
        path = _PART.sub(lambda part: "{" + part["name"] + "}", str(rule))
        paths.setdefault(path, {})[method.lower()] = _operation(app, rule, method, found)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": gettext("Jinbiao API"),
            "version": version,
            "description": gettext(
                "Compatible with Label Studio %(version)s where it has the noun.",
                version=LABEL_STUDIO_VERSION,
            ),
        },
        "servers": [{"url": address}],
        "security": [{"token": []}, {"bearer": []}, {"key": []}],
        "tags": [{"name": name, "description": gettext(told)} for name, told in NOUNS.items()],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR, **schemas},
            "responses": {"Error": _content("Error", ref("Error"))},
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def operation_of(operations: Mapping[str, Operation], rule: Rule, method: str) -> Operation | None:
    """Return the description of a route's method, None where nobody wrote one."""
    return operations.get(f"{rule.endpoint} {method}") or operations.get(rule.endpoint)


def _operation(app: Flask, rule: Rule, method: str, found: Operation) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    words = inspect.getdoc(view) or ""
    content: dict[str, Any] = {
        "operationId": f"{rule.endpoint}_{method.lower()}_{_mark(rule)}".replace(".", "_"),
        "tags": [noun_of(rule.endpoint)],
        "summary": gettext(words.partition("\n")[0]),
        "parameters": [*_places(rule), *_queries(found)],
        "responses": _answers(found),
    }
    if found.public:
        content["security"] = []
    forms: dict[str, Any] = {}
    if found.body is not None and method != "GET":
        forms[JSON] = {"schema": found.body}
    elif found.takes_files:
        # The bytes themselves, where there is nothing else to say.
        forms["application/octet-stream"] = {"schema": {}}
    if found.takes_files:
        forms["multipart/form-data"] = {"schema": FILES}
    if forms:
        content["requestBody"] = {"required": False, "content": forms}
    return content


def _mark(rule: Rule) -> str:
    return re.sub(r"\W+", "_", str(rule)).strip("_")


def _places(rule: Rule) -> list[dict[str, Any]]:
    return [
        {
            "name": part["name"],
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0} if part["kind"] == "int" else TEXT,
        }
        for part in _PART.finditer(str(rule))
    ]


def _queries(found: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in found.query.items()
    ]


def _answers(found: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, schema in found.answers.items():
        if schema is None and not found.content_types:
            answers[str(status)] = {"description": gettext("Done")}
            continue
        content: dict[str, Any] = {kind: {"schema": {}} for kind in found.content_types}
        if schema is not None:
            content[JSON] = {"schema": schema}
        answers[str(status)] = {"description": gettext("The answer"), "content": content}
    for status in REFUSALS:
        answers.setdefault(str(status), {"$ref": "#/components/responses/Error"})
    return answers


def _content(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema}}}
