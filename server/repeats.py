"""Answer a POST that is sent twice under one `Idempotency-Key` as it was answered first."""

from __future__ import annotations

import hashlib
import io

import flask
from flask import Flask, Response, request

from ..datasets import repeats
from ..datasets.repeats import Act
from .auth import installation

HEADER = "Idempotency-Key"
LONGEST_READ = 64 * 1024**2  # bytes of a body that are compared


def register(app: Flask) -> None:
    """Look for a key before a route runs, keep the answer after it."""
    app.before_request(_recall)
    app.after_request(_keep)
    app.teardown_request(lambda _problem: repeats.begin(None))


def _recall() -> Response | None:
    """Return what was answered before; from here on what is done is noted under the key."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or flask.g.user is None:
        return None
    act = Act(flask.g.user.id, key, _asked())
    with installation().database.read() as session:
        found = repeats.find(session, act.user_id, act.key, act.asked)
    if found is None:
        flask.g.act = act
        repeats.begin(act)
        return None
    response = flask.Response(found.answer, status=found.status, mimetype="application/json")
    response.headers["Idempotent-Replay"] = "true"
    return response


def _asked() -> str:
    """Return a digest of the request: its address and, of JSON from a program, its body.

    Of files and of very long lists only the length counts: they are not read twice.
    """
    length = request.content_length
    told = hashlib.sha256(f"{request.full_path} {length}".encode())
    if flask.g.by_token and request.is_json and length is not None and length <= LONGEST_READ:
        body = request.environ["wsgi.input"].read(length)
        told.update(body)
        # Whoever reads the request finds it as it came.
        request.environ["wsgi.input"] = io.BytesIO(body)
    return told.hexdigest()


def _keep(response: Response) -> Response:
    act: Act | None = flask.g.pop("act", None)
    repeats.begin(None)
    if act is None or not act.is_noted or response.status_code >= 500:
        return response
    if response.is_sequence and response.mimetype == "application/json":
        answer = response.get_data(as_text=True)
        repeats.keep(installation().database, act, response.status_code, answer)
    return response
