"""Say who is asking, and stop routes that did not say what they allow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import flask
from flask import Request, request
from werkzeug.wrappers import Response

from ..datasets import errors, people, permissions
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.people import User

Route = TypeVar("Route", bound=Callable[..., Any])

PUBLIC = "public"
ACTIVITY = dt.timedelta(minutes=10)


def installation() -> Installation:
    """Return the installation that this app serves."""
    opened: Installation = flask.current_app.extensions["jinbiao"]
    return opened


def allows(action: str) -> Callable[[Route], Route]:
    """Name the action of a route: one of permissions.ACTIONS, or PUBLIC.

    The role is asked before the route runs; the thing itself is asked in the domain,
    where it is known. A test finds routes without this.
    """
    if action != PUBLIC and action not in permissions.ACTIONS:
        raise KeyError(action)

    def mark(route: Route) -> Route:
        route.jinbiao_action = action  # type: ignore[attr-defined]
        return route

    return mark


def signing_key() -> str:
    """Return the key that signs tokens and links of this installation."""
    return str(flask.current_app.config["SECRET_KEY"])


def user() -> User:
    """Return who is signed in.

    Raises:
        errors.NotSignedIn: nobody is.
    """
    found: User | None = flask.g.user
    if found is None:
        raise errors.NotSignedIn(_("please sign in first"))
    return found


def identify() -> None:
    """Find out who is asking, by token or by session, once a request."""
    flask.g.user = None
    flask.g.by_token = False
    secret = token_of(request)
    if secret is not None:
        with installation().database.read() as session:
            flask.g.user = people.user_of_token(session, secret, signing_key())
        flask.g.by_token = True
        note_activity()
        return
    secret = flask.session.get("session")
    if secret is not None:
        with installation().database.read() as session:
            flask.g.user = people.user_of_session(session, secret)
        note_activity()


def note_activity() -> None:
    """Write down that the asker is here, at most once in ten minutes."""
    who: User | None = flask.g.user
    if who is None or request.method in ("GET", "HEAD"):
        return
    if who.last_activity is None or who.last_activity < now() - ACTIVITY:
        with installation().database.write() as session:
            people.seen_now(session, who.id)


def check_route() -> Response | None:
    """Ask the permission table before a route runs.

    Somebody who signed in with a one-time password is sent to choose one of their own.

    Raises:
        errors.NotSignedIn: the route is not public and nobody is signed in, or the token
            that was sent is not good.
        errors.Forbidden: the role lacks the right everywhere, or the password is still the
            one-time one.
    """
    view = flask.current_app.view_functions.get(request.endpoint or "")
    action = getattr(view, "jinbiao_action", None)
    if view is None:
        return None
    if action is None:
        raise errors.Forbidden(_("this route names no right"))
    if action == PUBLIC:
        return None
    if flask.g.by_token and flask.g.user is None:
        raise errors.NotSignedIn(_("the token is not valid"))
    who = permissions.require(flask.g.user, action)
    if who.password_is_temporary and not flask.g.by_token and action != "account.use":
        if request.path.startswith("/api/"):
            raise errors.Forbidden(_("choose a password of your own first"))
        return flask.redirect(flask.url_for("people.account"))
    return None


def token_of(asked: Request) -> str | None:
    """Return the API token that a request carries: `Token`, `Bearer` or `X-API-Key`."""
    key = asked.headers.get("X-API-Key")
    if key:
        return key.strip()
    kind, _space, secret = asked.headers.get("Authorization", "").partition(" ")
    if kind.lower() in ("token", "bearer") and secret:
        return secret.strip()
    return None
