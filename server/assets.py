"""Send our own files: styles, scripts, the editor; compressed where a copy lies beside them."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

import flask
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from .auth import PUBLIC, allows

routes = Blueprint("assets", __name__)

UI = Path(__file__).parent.parent / "ui"
# What browsers need to be told, whatever this machine's own table of types says.
TYPES = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}


def asset(path: str) -> str:
    """Return the address of one of our files, which changes when its content changes."""
    folder, _slash, name = path.partition("/")
    if folder == "scripts":
        return flask.url_for("assets.script", name=name, v=_digest(f"scripts/{name}"))
    return flask.url_for("assets.static", name=path, v=_digest(f"static/{path}"))


@routes.get("/static/<path:name>")
@allows(PUBLIC)
def static(name: str) -> Response:
    """Send a style, a picture, a part of the editor."""
    return _send("static", name)


@routes.get("/scripts/<path:name>")
@allows(PUBLIC)
def script(name: str) -> Response:
    """Send one of our scripts."""
    return _send("scripts", name)


def _send(folder: str, name: str) -> Response:
    path = safe_join(str(UI / folder), name)
    if path is None or not Path(path).is_file():
        raise NotFound
    compressed = Path(f"{path}.gz")
    kind = TYPES.get(Path(path).suffix) or mimetypes.guess_type(name)[0]
    if request.accept_encodings["gzip"] > 0 and compressed.is_file():
        response = flask.send_file(compressed, mimetype=kind, conditional=True)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = flask.send_file(path, mimetype=kind, conditional=True)
    response.headers["Vary"] = "Accept-Encoding"
    if request.args.get("v"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@cache
def _digest(path: str) -> str:
    file = UI / path
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else "0"
