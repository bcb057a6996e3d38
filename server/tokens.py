"""Tokens of programs: Label Studio's API of both kinds."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, request

from ..datasets import audit, errors, people, permissions
from ..datasets.errors import _
from ..datasets.people import TokenKind
from . import payloads
from .auth import PUBLIC, allows, installation, signing_key, token_of, user

routes = Blueprint("tokens", __name__)
# What is exchanged carries its own proof: nobody need be signed in, no cookie counts.
exchange = Blueprint("token_exchange", __name__)
LONGEST_TOKEN = 4000


@routes.get("/api/token/")
@allows("account.use")
def index() -> Response:
    """List one's refresh tokens; what was shown once is not kept, so only names can be told."""
    with installation().database.read() as session:
        found = people.tokens(session, user(), TokenKind.REFRESH)
    return payloads.answer([{"token": f"{token.name}-{token.id}"} for token in found])


@routes.post("/api/token/")
@allows("account.use")
def create() -> Response:
    """Make a refresh token; `scopes`, `days` and `name` may limit and name it."""
    values = payloads.body()
    days = payloads.number(values, "days", 0, highest=people.LONGEST_DAYS)
    scopes = permissions.checked_scopes(payloads.words(values, "scopes"))
    with installation().database.write() as session:
        token, secret = people.add_refresh_token(
            session,
            signing_key(),
            user(),
            payloads.optional_text(values, "name") or "api",
            days or None,
            scopes,
        )
        audit.record(session, user(), "token.create", f"token/{token.id}", name=token.name)
    return payloads.answer({"token": secret}, 201)


@exchange.post("/api/token/refresh/")
@allows(PUBLIC)
def refresh() -> Response:
    """Exchange a refresh token for an access token of five minutes."""
    with installation().database.read() as session:
        access = people.access_token(session, signing_key(), _refresh())
    return payloads.answer({"access": access})


@exchange.post("/api/token/rotate/")
@allows(PUBLIC)
def rotate() -> Response:
    """Replace a refresh token by a new one."""
    with installation().database.write() as session:
        token, secret = people.rotate_token(session, signing_key(), _refresh())
        audit.record(session, token.user, "token.rotate", f"token/{token.id}")
    return payloads.answer({"refresh": secret})


@exchange.post("/api/token/blacklist/")
@allows(PUBLIC)
def blacklist() -> Response:
    """Make a refresh token worthless."""
    with installation().database.write() as session:
        token = people.blacklist_token(session, signing_key(), _refresh())
        audit.record(session, token.user, "token.revoke", f"token/{token.id}")
    return flask.Response(status=204)


@routes.get("/api/current-user/token")
@allows("account.use")
def present() -> Response:
    """Return the plain token that the request came with: no other is known here."""
    secret = token_of(request)
    if secret is None or "." in secret:
        raise errors.NotFound(_("tokens are kept as digests only: make a new one"))
    return payloads.answer({"token": secret})


@routes.post("/api/current-user/reset-token/")
@allows("account.use")
def reset() -> Response:
    """Make all one's plain tokens worthless and return a new one."""
    with installation().database.write() as session:
        people.revoke_plain_tokens(session, user())
        token, secret = people.add_token(session, user())
        audit.record(session, user(), "token.reset", f"token/{token.id}")
    return payloads.answer({"token": secret}, 201)


@routes.get("/api/jwt/settings")
@allows("account.use")
def kinds() -> Response:
    """Tell which kinds of tokens are taken: both."""
    return payloads.answer({"api_tokens_enabled": True, "legacy_api_tokens_enabled": True})


def _refresh() -> str:
    return payloads.text(payloads.body(), "refresh", longest=LONGEST_TOKEN)
