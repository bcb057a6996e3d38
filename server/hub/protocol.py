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

from ...datasets import catalogue, errors, permissions
from ...datasets.people import User
from .. import errors as answers
from ..visitors import visitor

routes = flask.Blueprint("hub", __name__)

# What clients compare to the letter, to tell a bad token from a missing dataset.
BAD_TOKEN = "Invalid credentials in Authorization header"
NOBODY = "Invalid username or password."
LARGEST_BODY = 1 << 20  # bytes of what is sent to change something
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


@routes.before_request
def check_token() -> None:
    """Refuse a token that is sent but not valid; no token at all is fine."""
    try:
        visitor()
    except errors.NotSignedIn as error:
        raise HubError(401, None, BAD_TOKEN) from error


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


@routes.errorhandler(errors.JinbiaoError)
def show_refusal(error: errors.JinbiaoError) -> flask.Response:
    """Answer with what the domain says, in the reader's language where it is no header."""
    told = answers.problem(error)
    # The Hub has no 422: what a rule forbids is a bad request there.
    status = 400 if told["status"] == 422 else told["status"]
    response = show_error(HubError(status, None, ascii_of(str(error))))
    faults = [f"{field}: {each}" for field, lines in told["faults"].items() for each in lines]
    body = {"error": told["detail"], "errors": [{"message": fault} for fault in faults]}
    response.set_data(msgspec.json.encode(body))
    return response


def ascii_of(text: str) -> str:
    """Return a text as it may stand in a header: one line, no other letters than ASCII."""
    return re.sub(r"[^ -~]", "?", text)[:300]


def writer() -> User:
    """Return who asks for a change.

    The token has to come in a header: cookies are sent along by pages of other sites too.

    Raises:
        HubError: nobody is known, or only by a cookie.
    """
    user = visitor()
    if user is None:
        raise HubError(401, None, NOBODY)
    headers = flask.request.headers
    by_header = any(name in headers for name in ("Authorization", "X-API-Key", "X-CKAN-API-Key"))
    # A session counts for nothing here, whatever header stands beside its cookie.
    if not by_header or flask.g.session is not None:
        raise HubError(403, None, "A change needs a token in the Authorization header")
    return user


def may_publish(user: User, dataset: catalogue.Dataset) -> bool:
    """Tell whether the user may change a dataset: its publishers, and the platform's."""
    home = user.organisation_id == dataset.organisation_id
    return permissions.allows(user, "dataset.publish") and (home or permissions.is_everywhere(user))


def sent() -> dict[str, Any]:
    """Return the object that was sent as JSON or as a form; empty for no body.

    Raises:
        HubError: it is not an object.
    """
    request = flask.request
    request.max_content_length = LARGEST_BODY
    if request.form:
        return request.form.to_dict()
    if not request.data:
        return {}
    try:
        return msgspec.json.decode(request.data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise HubError(400, None, "The body must be a JSON object") from error


def repo_not_found() -> HubError:
    """Make the error for a missing dataset: 401 for strangers, 404 for those with a token."""
    if visitor() is None:
        return HubError(401, "RepoNotFound", NOBODY)
    return HubError(404, "RepoNotFound", "Repository not found")


def find_dataset(session: Session, full_name: str) -> catalogue.Dataset:
    """Return a dataset, or answer RepoNotFound."""
    usable = _FULL_NAME.fullmatch(full_name)
    dataset = catalogue.find(session, full_name, visitor()) if usable else None
    if dataset is None:
        raise repo_not_found()
    return dataset


def find_release(session: Session, dataset: catalogue.Dataset, revision: str) -> catalogue.Release:
    """Return the release of a revision, or answer RevisionNotFound."""
    usable = len(revision) <= 200 and "\0" not in revision
    release = catalogue.resolve(session, dataset, revision) if usable else None
    if release is None:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {ascii_of(revision[:80])}")
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


def gated_repo(dataset: catalogue.Dataset) -> HubError:
    """Make the error for files under conditions that the asker has not met."""
    place = f"{flask.request.host_url}datasets/{dataset.full_name}"
    if visitor() is None:
        told = "You must have access to it and be authenticated to access it. Please log in."
        return HubError(
            401, "GatedRepo", f"Access to dataset {dataset.full_name} is restricted. {told}"
        )
    told = f"you are not in the authorized list. Visit {place} to ask for access."
    return HubError(
        403,
        "GatedRepo",
        ascii_of(f"Access to dataset {dataset.full_name} is restricted and {told}"),
    )


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
        held = msgspec.json.decode(base64.urlsafe_b64decode(text), type=list[Any])
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError) as error:
        raise bad_cursor() from error
    for each in held:
        # Yes and no are numbers to Python; and no database takes one of more than 64 bits.
        if isinstance(each, bool) or (isinstance(each, int) and abs(each) >= 2**63):
            raise bad_cursor()
    return held


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
