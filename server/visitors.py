"""Say who reads the public catalogue: a token in any protocol's form, or a session, or nobody."""

from __future__ import annotations

import base64
import binascii

import flask

from ..datasets import errors, people
from ..datasets.errors import _
from ..datasets.people import User
from . import auth
from .auth import installation


def token_of(request: flask.Request) -> str | None:
    """Return the token a client sent, in whichever form its protocol has.

    The forms are `Authorization: Bearer T`, `Authorization: Token T`, `Authorization: T` or
    `X-CKAN-API-Key: T`, `Authorization: Basic base64(user:T)`, and the cookie `m_session_id=T`.
    """
    given = request.headers.get("Authorization", "").strip()
    scheme, _space, rest = given.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return rest.strip() or None
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return given
        user, _colon, password = pair.partition(":")
        return password or user
    return given or request.headers.get("X-CKAN-API-Key") or request.cookies.get("m_session_id")


def visitor() -> User | None:
    """Return who is asking; None is a stranger. Asked once a request, kept after.

    Raises:
        errors.NotSignedIn: a token was sent that is not good.
    """
    if "visitor" not in flask.g:
        flask.g.visitor = _identified()
    found: User | None = flask.g.visitor
    return found


def _identified() -> User | None:
    settled: User | None = flask.g.get("user")
    if settled is not None:
        # Whoever signed in and has to choose a password or a second factor first is nobody yet.
        asked = flask.g.session
        if asked is not None and people.due(installation().settings, settled, asked.means):
            return None
        return settled
    secret = token_of(flask.request)
    if secret is None:
        return None
    with installation().database.read() as session:
        user = people.good_token(session, secret, auth.signing_key()).user
    if people.is_set_aside(installation().settings, user):
        raise errors.NotSignedIn(_("the token is not valid"))
    return user
