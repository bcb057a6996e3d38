"""Hold every answer of the API against the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from jinbiao.server import openapi
from jinbiao.server.openapi.chain import OTHER_PROTOCOLS
from jinbiao.server.openapi.document import ERROR, REFUSALS, operation_of


@cache
def validator(schema: str) -> Draft202012Validator:
    """Return what checks values against a schema of the document."""
    components = {"schemas": {"Error": ERROR, **openapi.SCHEMAS}}
    return Draft202012Validator({**json.loads(schema), "components": components})


def check(app: Flask, method: str, path: str, answer: TestResponse) -> None:
    """Raise AssertionError for an answer that the document does not announce."""
    told = answer.json if answer.is_json and answer.data else None
    kind = answer.mimetype if answer.data else ""
    check_told(app, method, path, answer.status_code, kind, told)


def check_told(app: Flask, method: str, path: str, status: int, kind: str, told: Any) -> bool:
    """Do the same for an answer in parts: its type (none of an empty one) and its JSON.

    Return whether the document speaks of the address.
    """
    place = urlsplit(path).path
    if not place.startswith("/api/"):
        return False
    try:
        rule, _values = app.url_map.bind("localhost").match(place, method, return_rule=True)
    except HTTPException:
        return False
    if rule.endpoint.startswith(OTHER_PROTOCOLS) or rule.endpoint == "openapi.show":
        return False
    operation = operation_of(openapi.OPERATIONS, rule, method)
    assert operation is not None, f"{rule.endpoint} is not in the document"
    where = f"{method} {rule} → {status} {kind}: {json.dumps(told, ensure_ascii=False)[:1500]}"
    schema = operation.answers.get(status)
    if status not in operation.answers:
        assert status in REFUSALS, where
        schema = {"$ref": "#/components/schemas/Error"}
    elif schema is None:
        assert not kind, where
        return True
    if method == "HEAD":
        assert told is None and not kind, where
    elif kind == "application/json":
        fault = next(validator(json.dumps(schema)).iter_errors(told), None)
        assert fault is None, f"{fault.message[:500]} at {fault.json_path}: {where}"
    else:
        assert kind in operation.content_types, where
    return True
