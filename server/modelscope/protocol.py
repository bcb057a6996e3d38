"""Hold what all routes of the ModelScope protocol share: the envelope, errors, what is asked."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import flask
import msgspec
from sqlalchemy.orm import Session

from ...datasets import catalogue, errors
from ...datasets.errors import _
from .. import errors as answers
from ..visitors import visitor

routes = flask.Blueprint("modelscope", __name__)

OPENAPI = "/openapi/"
# The names that the newer interface has for what went wrong.
_CODES = {
    400: "InputParameterError",
    401: "InvalidAuthentication",
    403: "OperationNotAllowed",
    404: "ResourceNotFound",
    451: "OperationNotAllowed",
    503: "ServiceUnavailable",
}


def answer(data: Any, **beside: Any) -> flask.Response:
    """Answer with data in the envelope of the interface that was asked."""
    if flask.request.path.startswith(OPENAPI):
        return _json({"success": True, "request_id": _request_id(), "data": data, **beside})
    told = {"Code": 200, "Success": True, "Message": "success", "RequestId": _request_id()}
    return _json({**told, "Data": data, **beside})


def refuse(status: int, message: str) -> flask.Response:
    """Answer with an error in the form of the interface that was asked."""
    told: dict[str, Any]
    if flask.request.path.startswith(OPENAPI):
        code = _CODES.get(status, "InternalServerError" if status >= 500 else _CODES[400])
        told = {"success": False, "request_id": _request_id(), "code": code, "message": message}
    else:
        told = {"Code": status, "Success": False, "Message": message, "RequestId": _request_id()}
    response = _json(told)
    response.status_code = status
    return response


@routes.before_request
def check_token() -> None:
    """Refuse a token that is sent but not valid; no token at all is fine."""
    visitor()


@routes.errorhandler(errors.JinbiaoError)
def show_error(error: errors.JinbiaoError) -> flask.Response:
    """Answer with what the domain says, in the reader's language."""
    told = answers.problem(error)
    if told["status"] >= 500:
        flask.current_app.logger.error("modelscope: %s", error)
    detail = f"{error.place}: {told['detail']}" if error.place else told["detail"]
    return refuse(told["status"], detail)


def find_dataset(session: Session, owner: str, name: str) -> catalogue.Dataset:
    """Return a dataset by its name.

    Raises:
        errors.NotFound: there is none that the visitor may know of.
    """
    found = catalogue.find(session, f"{owner}/{name}", visitor())
    if found is None:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=f"{owner}/{name}"[:120])
    return found


def find_numbered(session: Session, dataset_id: int) -> catalogue.Dataset:
    """Return a dataset by the number that its information tells.

    Raises:
        errors.NotFound: there is none that the visitor may know of.
    """
    found = catalogue.numbered(session, dataset_id, visitor())
    if found is None:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=str(dataset_id))
    return found


def find_release(session: Session, dataset: catalogue.Dataset) -> catalogue.Release:
    """Return the release of the `Revision` that is asked for; `master` is the newest.

    Raises:
        errors.NotFound: the dataset has no such revision.
    """
    revision = flask.request.args.get("Revision") or "master"
    found = catalogue.resolve(session, dataset, revision) if len(revision) <= 200 else None
    if found is None:
        raise errors.NotFound(
            _("the dataset has no revision “%(revision)s”"), revision=revision[:60]
        )
    return found


def number(name: str, default: int, highest: int) -> int:
    """Return a whole number of the query, at least 1.

    Raises:
        errors.Invalid: it is none, or more than `highest`.
    """
    text = flask.request.args.get(name, "")
    if not text:
        return default
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if not 1 <= value <= highest:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place=name,
            lowest=1,
            highest=highest,
        )
    return value


def seconds(at: dt.datetime) -> int:
    """Write a time as the SDK reads it: seconds since 1970."""
    return int(at.timestamp())


def _json(told: dict[str, Any]) -> flask.Response:
    return flask.Response(msgspec.json.encode(told), content_type="application/json")


def _request_id() -> str:
    """Return the id that the client gave the request, or a new one."""
    given = flask.request.headers.get("X-Request-ID", "")
    return given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else uuid.uuid4().hex
