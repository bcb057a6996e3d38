"""Hold what all routes of the hub share: who asks, which dataset, which revision, errors."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import flask
import msgspec
from sqlalchemy.orm import Session
from werkzeug.urls import iri_to_uri

from ...datasets import catalogue, errors, people
from ..auth import installation

routes = flask.Blueprint("hub", __name__)

_FULL_NAME = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}")


class HubError(Exception):
    """An answer that the clients turn into an exception of their own by its code."""

    def __init__(
        self, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep the answer; the message is ASCII, because it travels in a header."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})


def answer(data: Any, *, next_page: str | None = None) -> flask.Response:
    """Answer with JSON, and with a link to the next page if there is one."""
    response = flask.Response(msgspec.json.encode(data), content_type="application/json")
    if next_page is not None:
        response.headers["Link"] = f'<{next_page}>; rel="next"'
    return response


def token_of(request: flask.Request) -> str | None:
    """Return the token a client sent, in whichever form its protocol has.

    The forms are `Authorization: Bearer T`, `Authorization: T` or `X-CKAN-API-Key: T`,
    `Authorization: Basic base64(user:T)`, and the cookie `m_session_id=T`.
    """
    given = request.headers.get("Authorization", "").strip()
    scheme, _space, rest = given.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return given
        user, _colon, password = pair.partition(":")
        return password or user
    return given or request.headers.get("X-CKAN-API-Key") or request.cookies.get("m_session_id")


@routes.before_request
def check_token() -> None:
    """Refuse a token that is sent but not valid; no token at all is fine."""
    token = token_of(flask.request)
    flask.g.hub_user = None
    if token is None:
        return
    with installation().database.read() as session:
        user = people.user_of_token(session, token)
        if user is None:
            raise HubError(401, None, "Invalid credentials in Authorization header")
        flask.g.hub_user = {
            "name": user.username,
            "fullname": user.name,
            "organisation": user.organisation.slug,
        }


@routes.errorhandler(HubError)
def show_error(error: HubError) -> flask.Response:
    """Answer with the code and message where the clients look for them."""
    response = answer({"error": error.message})
    response.status_code = error.status
    response.headers.update(error.headers)
    response.headers["X-Error-Message"] = error.message
    if error.code:
        response.headers["X-Error-Code"] = error.code
    return response


@routes.errorhandler(errors.Unavailable)
@routes.errorhandler(errors.Damaged)
def show_failure(error: errors.JinbiaoError) -> flask.Response:
    """Answer with what failed on our side: clients try again after a 503."""
    flask.current_app.logger.error("hub: %s", error)
    unavailable = isinstance(error, errors.Unavailable)
    message = "The storage does not answer." if unavailable else "The stored file is damaged."
    return show_error(HubError(503 if unavailable else 500, None, message))


def repo_not_found() -> HubError:
    """Make the error for a missing dataset: 401 for strangers, 404 for those with a token."""
    if flask.g.hub_user is None:
        return HubError(401, "RepoNotFound", "Invalid username or password.")
    return HubError(404, "RepoNotFound", "Repository not found")


def find_dataset(session: Session, full_name: str) -> catalogue.Dataset:
    """Return a dataset, or answer RepoNotFound."""
    dataset = catalogue.find(session, full_name) if _FULL_NAME.fullmatch(full_name) else None
    if dataset is None:
        raise repo_not_found()
    return dataset


def find_release(session: Session, dataset: catalogue.Dataset, revision: str) -> catalogue.Release:
    """Return the release of a revision, or answer RevisionNotFound."""
    usable = len(revision) <= 200 and "\0" not in revision
    release = catalogue.resolve(session, dataset, revision) if usable else None
    if release is None:
        shown = revision[:80].encode("ascii", "replace").decode()
        shown = re.sub(r"[^ -~]", "?", shown)
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {shown}")
    return release


def split_revision(text: str) -> tuple[str, str]:
    """Split `revision/path` where the server or a proxy has decoded the revision's `%2F`.

    A tag holds no slash (it looks like v1.2.3), so a revision with one is `refs/heads/…` or
    `refs/tags/…`, and the longest known one is found without the undecoded address, which
    not every server passes on.
    """
    parts = text.split("/")
    length = 3 if parts[0] == "refs" else 1
    return "/".join(parts[:length]), "/".join(parts[length:]).strip("/")


def entry_not_found(release: catalogue.Release) -> HubError:
    """Make the error for a file or folder that the release does not have."""
    headers = {"X-Repo-Commit": release.commit_id}
    return HubError(404, "EntryNotFound", "Entry not found", headers)


def flag(values: Mapping[str, str], name: str) -> bool:
    """Tell whether a query or form value says yes: `true`, `True` or `1`."""
    return values.get(name, "").lower() in ("true", "1")


def page_size(default: int, largest: int) -> int:
    """Return the `limit` of the request, within bounds."""
    text = flask.request.args.get("limit", "")
    return max(1, min(int(text), largest)) if re.fullmatch(r"[0-9]{1,9}", text) else default


def after_cursor() -> list[Any] | None:
    """Return what the `cursor` of the request holds; None on the first page."""
    text = flask.request.args.get("cursor")
    if text is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=list[Any])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise HubError(400, None, "Invalid cursor") from error


def bad_cursor() -> HubError:
    """Make the error for a cursor that this list did not give out."""
    return HubError(400, None, "Invalid cursor")


def next_page(cursor: Sequence[Any]) -> str:
    """Return the absolute address of this request's next page."""
    request = flask.request
    given = [(k, v) for k, v in request.args.items(multi=True) if k != "cursor"]
    text = base64.urlsafe_b64encode(msgspec.json.encode(list(cursor))).decode()
    # base_url is percent-encoded again, so that Chinese folders fit into a header.
    address = urlsplit(request.base_url)._replace(query=urlencode([*given, ("cursor", text)]))
    return iri_to_uri(address.geturl())
