"""Hold what all of CKAN's actions share: names, arguments, the envelope, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import flask
import msgspec
from flask_babel import gettext
from sqlalchemy.orm import Session

from ...datasets import errors
from ...datasets.errors import _
from ...datasets.people import User
from ...exporters.distributions import Addresses
from ..auth import PUBLIC, allows, installation
from ..errors import faults, words
from ..visitors import visitor

routes = flask.Blueprint("ckan", __name__)

Arguments = Mapping[str, Any]
Action = Callable[[Session, Arguments], Any]
ACTIONS: dict[str, Action] = {}

LARGEST_BODY = 1_000_000  # bytes of a request
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,60}(?:\.[A-Za-z_$][\w$]{0,60}){0,5}", re.ASCII)
# What CKAN has for writing: refused as something that is known, not as a misspelling.
_WRITING = re.compile(
    r"(?:package|resource|resource_view|organization|group|user|tag|vocabulary|member|activity"
    r"|datastore|api_token)_(?:create|update|patch|delete|purge|revise|upsert|reorder"
    r"|owner_org_update|invite|revoke)"
)


class BareError(Exception):
    """An answer of 400 with nothing but a text, as CKAN gives it for what is no call at all."""


def action(run: Action) -> Action:
    """Make a function one of CKAN's actions, by its name."""
    ACTIONS[run.__name__] = run
    return run


def asker() -> User | None:
    """Return who asks; None where the answer is a script, for any page may load a script."""
    return None if _callback() else visitor()


def addresses() -> Addresses:
    """Return where our things are, as the asker reaches us."""
    public = installation().settings.public_url
    return Addresses(public or flask.request.host_url.rstrip("/"))


@routes.before_request
def check_token() -> None:
    """Refuse a token that is sent but not valid; no token at all is fine."""
    visitor()


@routes.get("/api/3")
@allows(PUBLIC)
def show_version() -> flask.Response:
    """Say which version of the API is spoken."""
    return _json({"version": 3})


@routes.route("/api/3/action/<action>", methods=["GET", "POST"])
@routes.route("/api/action/<action>", methods=["GET", "POST"])
@allows(PUBLIC)
def call(action: str) -> flask.Response:
    """Do one of CKAN's actions and answer with its envelope."""
    if flask.request.method in ("GET", "HEAD"):
        _callback()
    run = ACTIONS.get(action)
    if run is None:
        raise _no_action(action)
    given = _given()
    with installation().database.read() as session:
        result = run(session, given)
    return _wrapped({"help": _help(action), "success": True, "result": result})


def _no_action(name: str) -> Exception:
    if not _WRITING.fullmatch(name):
        return BareError(f"Bad request - Action name not known: {name[:80]}")
    if flask.request.method != "POST":
        return BareError(f"Bad request - {name} cannot be called with GET")
    return errors.Forbidden(_("this catalogue is read here, and written by publishing a version"))


def _help(name: str) -> str:
    return f"{addresses().base}/api/3/action/help_show?name={quote(name[:80])}"


def _given() -> dict[str, Any]:
    """Return the arguments of a call: the query, a form, or a JSON object."""
    request = flask.request
    if request.method != "POST":
        return _flat(request.args)
    request.max_content_length = LARGEST_BODY
    if request.form or request.files:
        return _flat(request.form)
    body = request.get_data(cache=False)
    if not body.strip():
        return {}
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BareError(
            f"Bad request - JSON Error: Error decoding JSON data. Error: {problem}"
        ) from problem
    if not isinstance(given, dict):
        raise BareError("Bad request - JSON Error: Request data must be in a JSON dictionary")
    if "\0" in body.decode("utf-8", "replace") or b"\\u0000" in body:
        raise errors.Invalid(_("must not hold a NUL character"), place="message")
    return given


def _flat(values: Any) -> dict[str, Any]:
    """Return a name given once with its value, given twice with the list of them."""
    given: dict[str, Any] = {}
    for name, many in values.lists():
        given[name] = many[0] if len(many) == 1 else many
    given.pop("callback", None)
    return given


def _callback() -> str | None:
    """Return the function that the answer is to call.

    Raises:
        BareError: it is more than a plain name.
    """
    name = flask.request.args.get("callback")
    if flask.request.method == "POST" or not name:
        return None
    if not _CALLBACK.fullmatch(name):
        raise BareError("Bad request - callback must be the plain name of a function")
    return name


def _wrapped(told: Any, status: int = 200) -> flask.Response:
    response = _json(told, status)
    name = _callback()
    if name:
        # The comment keeps the answer from being taken for anything else than a script.
        response.set_data(b"/**/%s(%s);" % (name.encode(), response.get_data()))
        response.content_type = "application/javascript;charset=utf-8"
    return response


def _json(told: Any, status: int = 200) -> flask.Response:
    # Line separators end a line in old scripts, but not in JSON.
    body = msgspec.json.encode(told)
    body = body.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")
    response = flask.Response(body, status, content_type="application/json;charset=utf-8")
    # What is told depends on who asks.
    response.headers["Cache-Control"] = "no-cache" if visitor_is_nobody() else "private, no-store"
    response.headers["Vary"] = "Authorization, X-CKAN-API-Key, Cookie"
    return response


def visitor_is_nobody() -> bool:
    """Tell whether a stranger asks; whoever's token is not good counts as somebody."""
    try:
        return visitor() is None
    except errors.NotSignedIn:
        return False


@routes.errorhandler(BareError)
def _bare(error: BareError) -> flask.Response:
    return _json(str(error), 400)


@routes.errorhandler(errors.JinbiaoError)
def _refuse(error: errors.JinbiaoError) -> flask.Response:
    """Answer with the error that CKAN has for it."""
    told: dict[str, Any]
    if isinstance(error, errors.Invalid):
        status, kind, told = 409, "Validation Error", dict(faults(error))
    elif isinstance(error, errors.NotFound):
        status, kind, told = 404, "Not Found Error", {"message": f"Not found: {words(error)}"}
    elif isinstance(error, errors.NotSignedIn | errors.Forbidden | errors.Refused):
        message = f"Access denied: {words(error)}"
        status, kind, told = 403, "Authorization Error", {"message": message}
    else:
        flask.current_app.logger.error("ckan: %s", error)
        status = 503 if isinstance(error, errors.Unavailable) else 500
        kind, told = "Internal Server Error", {"message": gettext("an internal error")}
    address = _help((flask.request.view_args or {}).get("action", ""))
    told = {"help": address, "success": False, "error": {"__type": kind, **told}}
    return _json(told, status)


def whole(
    given: Arguments, name: str, otherwise: int, most: int, *, is_capped: bool = False
) -> int:
    """Return a whole number of the arguments, from 0.

    Raises:
        errors.Invalid: it is none, or above `most` where that is not simply taken instead.
    """
    value = given.get(name)
    if value is None or value == "":
        return otherwise
    said = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,12}", said, re.ASCII):
        raise errors.Invalid(
            _("must be a whole number from 0 to %(limit)s"), place=name, limit=most
        )
    number = int(said)
    if number > most and not is_capped:
        raise errors.Invalid(_("must be at most %(limit)s"), place=name, limit=most)
    return min(number, most)


def line(given: Arguments, *names: str, otherwise: str | None = None) -> str:
    """Return a text of the arguments, under any of the names.

    Raises:
        errors.Invalid: it is missing and nothing stands for it, or it is no text.
    """
    for name in names:
        value = given.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            raise errors.Invalid(_("must be a text"), place=name)
    if otherwise is None:
        raise errors.Invalid(_("Missing value"), place=names[0])
    return otherwise


def flag(given: Arguments, name: str, otherwise: bool = False) -> bool:
    """Tell whether an argument says yes, in any of CKAN's ways."""
    value = given.get(name)
    if value is None:
        return otherwise
    return str(value).strip().lower() in ("true", "yes", "t", "y", "on", "1")


def listed(given: Arguments, name: str) -> list[str]:
    """Return a list of texts: a JSON list, the text of one, or a single text.

    Raises:
        errors.Invalid: it is something else.
    """
    value = given.get(name)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as problem:
            raise errors.Invalid(_("must be a list of texts"), place=name) from problem
    if value is None or value == "":
        return []
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, list) or not all(isinstance(each, str) for each in many):
        raise errors.Invalid(_("must be a list of texts"), place=name)
    return many[:100]
