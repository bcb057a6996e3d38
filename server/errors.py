"""Turn domain errors into HTTP: the one table, in Label Studio's form or as a page."""

import logging
import uuid
from typing import Any
from urllib.parse import urlsplit

import flask
from flask import Response
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from ..datasets import errors
from ..datasets.db import is_out_of_range
from . import auth, reasons, visitors
from .label_studio import LABEL_STUDIO_VERSION

log = logging.getLogger("jinbiao.server")

# The stable name of an error travels here: the body has exactly Label Studio's keys.
CODE_HEADER = "Jinbiao-Error"
NO_FIELD = "non_field_errors"

# Label Studio's SDK retries 409 and 5xx, so a rule that says no is a 400-like 422 never 409.
STATUS: dict[str, int] = {
    errors.Invalid.code: 400,
    errors.TooLarge.code: 413,
    errors.Refused.code: 422,
    errors.OwnWork.code: 403,
    errors.Stale.code: 412,
    errors.NotSignedIn.code: 401,
    errors.LockedOut.code: 429,
    errors.Forbidden.code: 403,
    errors.NotFound.code: 404,
    errors.Withdrawn.code: 451,
    errors.Away.code: 404,
    errors.Cancelled.code: 422,
    errors.Unavailable.code: 503,
    errors.Damaged.code: 500,
    errors.JinbiaoError.code: 500,
}


def words(error: errors.JinbiaoError) -> str:
    """Return the error's message in the reader's language."""
    values = error.values
    if error.problems and "first" in values:
        values = {**values, "first": _line(error.problems[0])}
    if error.problems and "every" in values:
        values = {**values, "every": "; ".join(_line(each) for each in error.problems[:20])}
    return reasons.sentence(error.message, values)


def problem(error: errors.JinbiaoError) -> dict[str, Any]:
    """Return what a page tells of an error, in the reader's language."""
    return {
        "title": gettext(_TITLES[error.code]),
        "status": STATUS[error.code],
        "detail": words(error),
        "code": error.code,
        "faults": faults(error),
        # What the asker's role does not allow.
        "action": error.values.get("action"),
    }


def faults(error: errors.JinbiaoError) -> dict[str, list[str]]:
    """Return field → what is wrong with it, as Label Studio says it; empty for other errors."""
    if not isinstance(error, errors.Invalid) and not error.place and not error.problems:
        return {}
    if error.place or not error.problems:
        return {error.place or NO_FIELD: [_line(each) for each in error.problems] or [words(error)]}
    found: dict[str, list[str]] = {}
    for each in error.problems:
        told = reasons.sentence(each.message, each.values)
        found.setdefault(each.place or NO_FIELD, []).append(told)
    return found


def body(status: int, detail: str, told: dict[str, list[str]]) -> dict[str, Any]:
    """Return an error as Label Studio answers it."""
    content: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "status_code": status,
        "version": LABEL_STUDIO_VERSION,
        "detail": detail,
        "exc_info": None,
    }
    if told:
        content["validation_errors"] = told
    return content


def register(app: flask.Flask) -> None:
    """Let the app answer every error in one of the two forms."""
    app.register_error_handler(errors.JinbiaoError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Tell whether the asker is a program rather than a page."""
    path = flask.request.path
    if path.startswith("/api/"):
        return True
    accepted = flask.request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"]) == "application/json"


def _domain(error: errors.JinbiaoError) -> Response:
    told = problem(error)
    if told["status"] >= 500:
        log.error("%s: %s", flask.request.path, error)
    return _answer(told, error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return flask.make_response(error.get_response())
    title, detail = _HTTP.get(status, (error.name, error.description or error.name))
    if isinstance(error, CSRFError):
        title, detail = _CSRF
    told = {
        "title": gettext(title),
        "status": status,
        "detail": gettext(detail),
        "code": f"http_{status}",
        "faults": {},
    }
    response = _answer(told, None)
    for name in ("Allow", "Retry-After"):
        value = error.get_response().headers.get(name)
        if value:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    if is_out_of_range(error):
        # Whoever reads a number bounds it; this is for a bound that was forgotten.
        return _domain(errors.Invalid(_("a number is larger than can be kept")))
    log.exception("unexpected error at %s", flask.request.path)
    return _domain(errors.JinbiaoError(_("an internal error; it has been logged")))


def _answer(told: dict[str, Any], error: errors.JinbiaoError | None) -> Response:
    if wants_json():
        response = flask.jsonify(body(told["status"], told["detail"], told["faults"]))
    elif _is_led_to_sign_in(error):
        return _to_sign_in()
    else:
        response = flask.make_response(flask.render_template("error.html", problem=told))
    response.status_code = int(told["status"])
    response.headers[CODE_HEADER] = told["code"]
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Token"
    return response


def _is_led_to_sign_in(error: errors.JinbiaoError | None) -> bool:
    """Tell whether somebody at a browser asks, who can sign in.

    A program would follow the redirect and keep the sign-in page for what it had asked for.
    """
    if not isinstance(error, errors.NotSignedIn) or isinstance(error, errors.LockedOut):
        return False
    request = flask.request
    if auth.token_of(request) is not None or visitors.token_of(request) is not None:
        return False
    names_pages = any(kind == "text/html" and q > 0 for kind, q in request.accept_mimetypes)
    # The parts of a page are asked by its scripts, which take anything.
    return names_pages or "HX-Request" in request.headers


def _to_sign_in() -> Response:
    """Lead to the sign-in page, and from there back to the page that somebody was on."""
    request = flask.request
    if "HX-Request" in request.headers:
        # A part of a page asks: the whole page is loaded again and led there.
        response = flask.make_response("", 401)
        response.headers["HX-Refresh"] = "true"
        return response
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    if request.method != "GET" and request.referrer:
        came = urlsplit(request.referrer)
        if came.netloc == request.host:
            here = came.path + (f"?{came.query}" if came.query else "")
    return flask.make_response(flask.redirect(flask.url_for("people.sign_in", next=here)))


def _line(problem: errors.Problem) -> str:
    told = reasons.sentence(problem.message, problem.values)
    return f"{reasons.place(problem.place)}: {told}" if problem.place else told


def _(message: str) -> str:
    return message


_HTTP: dict[int, tuple[str, str]] = {
    400: (_("The request is not usable"), _("the request is malformed")),
    404: (_("Not found"), _("there is nothing at this address")),
    405: (_("Not possible"), _("this address does not take requests of this method")),
    406: (_("Not possible"), _("this is told in none of the forms that were asked for")),
    413: (_("Too large"), _("the request is larger than this server takes")),
    415: (_("The request is not usable"), _("the request is in a form that is not read here")),
    416: (_("Not possible"), _("the range lies beyond the end")),
    429: (_("Too many at once"), _("too many ask for this at the same moment: try again shortly")),
}
_CSRF = (
    _("The form has expired"),
    _("the request did not come from a fresh page: load the page again and repeat"),
)
_TITLES = {
    errors.Invalid.code: _("The request is not usable"),
    errors.TooLarge.code: _("Too large"),
    errors.Refused.code: _("Not possible"),
    errors.OwnWork.code: _("Not your own work"),
    errors.Stale.code: _("Changed in the meantime"),
    errors.NotSignedIn.code: _("Please sign in"),
    errors.LockedOut.code: _("Locked for a while"),
    errors.Forbidden.code: _("Not allowed"),
    errors.NotFound.code: _("Not found"),
    errors.Withdrawn.code: _("Withdrawn"),
    errors.Away.code: _("The bytes are away"),
    errors.Cancelled.code: _("Cancelled"),
    errors.Unavailable.code: _("Not available at the moment"),
    errors.Damaged.code: _("Stored data are damaged"),
    errors.JinbiaoError.code: _("Internal error"),
}
