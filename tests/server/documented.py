"""Hold every answer of the API against the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
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
    place = urlsplit(path).path
    if not place.startswith("/api/"):
        return
    try:
        rule, _values = app.url_map.bind("localhost").match(place, method, return_rule=True)
    except HTTPException:
        return
    if rule.endpoint.startswith(OTHER_PROTOCOLS) or rule.endpoint == "openapi.show":
        return
    operation = operation_of(openapi.OPERATIONS, rule, method)
    assert operation is not None, f"{rule.endpoint} is not in the document"
    where = (
        f"{method} {rule} → {answer.status_code}: {answer.text[:1500] if answer.is_json else ''}"
    )
    schema = operation.answers.get(answer.status_code)
    if answer.status_code not in operation.answers:
        assert answer.status_code in REFUSALS, where
        schema = {"$ref": "#/components/schemas/Error"}
    elif schema is None:
        assert not answer.data, where
        return
    if answer.is_json:
        fault = next(validator(json.dumps(schema)).iter_errors(answer.json), None)
        assert fault is None, f"{fault.message[:500]} at {fault.json_path}: {where}"
    else:
        assert answer.mimetype in operation.content_types, where
