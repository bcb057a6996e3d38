"""Say who is asking, and stop routes that did not say what they allow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import flask
from flask import Request, request
from werkzeug.wrappers import Response

from ..datasets import audit, errors, people, permissions
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.people import User

Route = TypeVar("Route", bound=Callable[..., Any])

PUBLIC = "public"
ACTIVITY = dt.timedelta(minutes=10)
# Why a session is no more.
IDLE, CLOSED = "idle", "closed"
# What is open to somebody who has to choose a password or to set up a second factor: no more,
# for a token made meanwhile would be a way around both.
OPEN_WHILE_DUE = frozenset(
    {
        "people.account",
        "people.change_password",
        "people.change_language",
        "people.sign_out",
        "factors.show",
        "factors.confirm",
    }
)


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
    flask.g.session = None
    flask.g.refused = None
    secret = token_of(request)
    flask.g.by_token = secret is not None
    if secret is not None:
        _identify_by_token(secret)
    elif "session" in flask.session:
        _identify_by_session(flask.session["session"])
    _set_aside()
    note_activity()


def _set_aside() -> None:
    """Let nobody in, by whatever means, who is all administrators in one where they are three."""
    who: User | None = flask.g.user
    if who is not None and people.is_set_aside(installation().settings, who):
        flask.g.user = flask.g.session = None
        flask.g.refused = errors.NotSignedIn(
            _("the administrators are separate here: nobody is a platform administrator")
        )


def _identify_by_token(secret: str) -> None:
    try:
        with installation().database.glance() as session:
            token = people.good_token(session, secret, signing_key())
    except errors.NotSignedIn as problem:
        # Raised where the route is known: a public one is open all the same.
        flask.g.refused = problem
        return
    flask.g.user = token.user
    if token.last_used_at is None or token.last_used_at < now() - people.USED_EVERY:
        with installation().database.write() as session:
            people.token_used_now(session, token.id)


def _identify_by_session(secret: str) -> None:
    settings = installation().settings
    with installation().database.glance() as session:
        found = people.find_session(session, secret)
    if found is not None and people.is_idle(settings, found):
        with installation().database.write() as session:
            if people.close_idle(session, settings, found):
                who = found.user
                audit.record(session, who, "person.session_idle", f"user/{who.username}")
        found, why = None, IDLE
    else:
        why = CLOSED
    if found is None:
        # The sign-in page says why, whichever request comes to know of it first.
        flask.session.pop("session", None)
        flask.session["ended"] = why
        return
    flask.g.user, flask.g.session = found.user, found
    # What a page asks by itself while nobody is there keeps no session alive.
    polls = request.method == "GET" and "HX-Request" in request.headers
    if not polls and found.seen_at < now() - people.SEEN_EVERY:
        with installation().database.write() as session:
            people.seen_in_session(session, found)


def why_ended() -> errors.NotSignedIn | None:
    """Return what to tell somebody whose session ended since their last request, if it did."""
    why = flask.session.get("ended")
    if why == IDLE:
        minutes = installation().settings.session_idle_minutes
        return errors.NotSignedIn(
            _("you were signed out after %(minutes)s minutes without activity"), minutes=minutes
        )
    if why == CLOSED:
        return errors.NotSignedIn(_("your session has ended: please sign in again"))
    return None


def note_activity() -> None:
    """Write down that the asker is here, at most once in ten minutes."""
    who: User | None = flask.g.user
    if who is None:
        return
    if who.last_activity is None or who.last_activity < now() - ACTIVITY:
        with installation().database.write() as session:
            people.seen_now(session, who.id)


def check_route() -> Response | None:
    """Ask the permission table before a route runs.

    Who signed in and still has to choose a password or set up a second factor is sent there.

    Raises:
        errors.NotSignedIn: the route is not public and nobody is signed in, or the token
            that was sent is not good.
        errors.Forbidden: the role lacks the right everywhere, or something is due first.
    """
    view = flask.current_app.view_functions.get(request.endpoint or "")
    action = getattr(view, "jinbiao_action", None)
    if view is None:
        return None
    if action is None:
        raise errors.Forbidden(_("this route names no right"))
    if action == PUBLIC:
        return None
    if flask.g.refused is not None:
        raise flask.g.refused
    ended = why_ended()
    if flask.g.user is None and ended is not None:
        raise ended
    who = permissions.require(flask.g.user, action)
    if flask.g.session is None or request.endpoint in OPEN_WHILE_DUE:
        return None
    due = people.due(installation().settings, who, flask.g.session.means)
    return None if due is None else _send_to(due)


def _send_to(due: str) -> Response:
    """Lead somebody to what they have to do first; a script is told.

    Raises:
        errors.Forbidden: a script asked.
    """
    if due == people.PASSWORD_DUE:
        if request.path.startswith("/api/"):
            raise errors.Forbidden(_("choose a password of your own first"))
        return flask.redirect(flask.url_for("people.account"))
    if request.path.startswith("/api/"):
        raise errors.Forbidden(_("set up your second factor first"))
    return flask.redirect(flask.url_for("factors.show"))


def in_browser() -> people.WebSession:
    """Return the browser session of the request, for what no token may do.

    Raises:
        errors.Forbidden: a program asks.
    """
    found: people.WebSession | None = flask.g.session
    if found is None:
        raise errors.Forbidden(_("only somebody who is signed in with a browser can do this"))
    return found


def token_of(asked: Request) -> str | None:
    """Return the API token that a request carries: `Token`, `Bearer` or `X-API-Key`."""
    key = asked.headers.get("X-API-Key")
    if key:
        return key.strip()
    kind, _space, secret = asked.headers.get("Authorization", "").partition(" ")
    if kind.lower() in ("token", "bearer") and secret:
        return secret.strip()
    return None
