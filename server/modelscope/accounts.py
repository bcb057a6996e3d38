"""Sign in with a token, and answer what the SDK asks on the way to a download."""

from __future__ import annotations

import datetime as dt

import flask
import msgspec

from ...datasets import errors, people
from ...datasets.errors import _
from .. import auth
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .protocol import answer, find_dataset, routes

# How long the SDK keeps the cookie; the token inside may end before.
COOKIE_AGE = dt.timedelta(days=30)
LARGEST_BODY = 10_000  # bytes; a token is short


class _SignIn(msgspec.Struct):
    AccessToken: str


@routes.post("/api/v1/login")
@allows(PUBLIC)
def sign_in() -> flask.Response:
    """Take a token and give it back as the cookie that the SDK sends from then on.

    Nothing is kept here: whoever has the cookie has the token, and it ends with the token.

    Raises:
        errors.Invalid: the body is not JSON with an AccessToken.
        errors.NotSignedIn: the token is not good.
    """
    if flask.request.mimetype != "application/json":
        # What a form of another site cannot send without asking first.
        raise errors.Invalid(_("the body must be JSON"))
    flask.request.max_content_length = LARGEST_BODY
    try:
        token = msgspec.json.decode(flask.request.data, type=_SignIn).AccessToken.strip()
    except msgspec.DecodeError as error:
        raise errors.Invalid(_("is needed"), place="AccessToken") from error
    with installation().database.read() as session:
        user = people.good_token(session, token, auth.signing_key()).user
    if people.is_set_aside(installation().settings, user):
        raise errors.NotSignedIn(_("the token is not valid"))
    response = answer(
        {"AccessToken": token, "Username": user.username, "Email": user.email or "", "Id": user.id}
    )
    response.set_cookie(
        "m_session_id",
        token,
        max_age=COOKIE_AGE,
        secure=installation().settings.secure_cookies,
        httponly=True,
        samesite="Strict",
    )
    return response


@routes.get("/openapi/v1/users/me")
@allows(PUBLIC)
def show_user() -> flask.Response:
    """Say whose token was sent."""
    user = visitor()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    return answer({"id": user.id, "username": user.username, "email": user.email or ""})


@routes.get("/api/v1/repos/internalAccelerationInfo")
@allows(PUBLIC)
def show_acceleration() -> flask.Response:
    """Say that there is no nearer store to ask for."""
    return answer({"InternalRegionQueryAddress": ""})


@routes.post("/api/v1/datasets/<owner>/<name>/download/increase")
@routes.post("/api/v1/datasets/<owner>/<name>/download/uv/<channel>")
@allows(PUBLIC)
def note_download(owner: str, name: str, channel: str = "") -> flask.Response:
    """Take notice of a download without counting: each file that goes out is counted."""
    with installation().database.read() as session:
        find_dataset(session, owner, name)
    return answer({})
