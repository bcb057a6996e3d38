"""People: signing in and out, one's account, tokens, and who belongs to the organisation."""

from __future__ import annotations

from urllib.parse import urlsplit

import flask
from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people, permissions
from ..datasets.errors import _
from ..datasets.people import Role, TokenKind
from . import payloads, users
from .auth import PUBLIC, allows, installation, signing_key, user
from .errors import words

routes = Blueprint("people", __name__)


@routes.get("/sign-in")
@allows(PUBLIC)
def sign_in() -> str:
    """Show the sign-in form."""
    return render_template("people/sign_in.html", next=_own_path(request.args.get("next")))


@routes.post("/sign-in")
@allows(PUBLIC)
def sign_in_now() -> AnyResponse | tuple[str, int]:
    """Sign in with a name and password; failures are counted and lock."""
    values = payloads.body()
    target = _own_path(payloads.text(values, "next", "", longest=4000))
    username = payloads.text(values, "username", "")
    password = payloads.text(values, "password", "", longest=1000)
    try:
        with installation().database.read() as session:
            proof = people.prove(session, username, password)
        with installation().database.write() as session:
            found = people.sign_in(session, installation().settings, username, proof)
            secret = None
            if found is not None:
                secret = people.open_session(session, installation().settings, found)
            act = "person.sign_in" if found else "person.sign_in_failed"
            audit.record(session, username[:80] or "?", act, f"user/{username[:80]}")
        if found is None or secret is None:
            raise errors.Invalid(_("the name or the password is wrong"))
    except (errors.Invalid, errors.LockedOut) as problem:
        page = render_template("people/sign_in.html", next=target, problem=words(problem))
        return page, 429 if isinstance(problem, errors.LockedOut) else 400
    flask.session.clear()
    flask.session["session"] = secret
    flask.session.permanent = True
    if found.password_is_temporary:
        return flask.redirect(flask.url_for("people.account"))
    return flask.redirect(target)


@routes.post("/sign-out")
@allows("account.use")
def sign_out() -> AnyResponse:
    """End this browser's session."""
    secret = flask.session.pop("session", None)
    if secret:
        with installation().database.write() as session:
            people.close_session(session, secret)
            audit.record(session, user(), "person.sign_out", f"user/{user().username}")
    flask.session.clear()
    return flask.redirect(flask.url_for("pages.home"))


@routes.get("/account")
@allows("account.use")
def account() -> str:
    """Show one's account: password, tokens, language."""
    return _account()


@routes.post("/account/password")
@allows("account.use")
def change_password() -> str | tuple[str, int]:
    """Change one's password; all other sessions end."""
    values = payloads.body()
    try:
        with installation().database.write() as session:
            me = people.get_user(session, user().username)
            if not people.password_matches(me, payloads.text(values, "old", "", longest=1000)):
                raise errors.Invalid(_("the present password is wrong"), place="old")
            people.set_password(session, me, payloads.text(values, "new", "", longest=1000))
            flask.session["session"] = people.open_session(session, installation().settings, me)
            audit.record(session, me, "person.password", f"user/{me.username}")
    except errors.Invalid as problem:
        return _account(problem=words(problem), place=problem.place), 400
    return _account(done=True)


@routes.post("/account/language")
@allows("account.use")
def change_language() -> AnyResponse:
    """Choose the language of one's pages."""
    chosen = payloads.text(payloads.body(), "language", "zh")
    with installation().database.write() as session:
        me = people.get_user(session, user().username)
        me.language = chosen if chosen in ("zh", "en") else "zh"
    response = flask.redirect(flask.url_for("people.account"))
    response.delete_cookie("language")
    return response


@routes.post("/account/tokens")
@allows("account.use")
def add_token() -> str:
    """Make an API token and show it once."""
    values = payloads.body()
    name = payloads.text(values, "name", "api") or "api"
    days = payloads.number(values, "days", 0, highest=3650) or None
    scope = payloads.text(values, "scope", "all")
    scopes = permissions.checked_scopes([scope])
    kind = payloads.choice(values, "kind", TokenKind.PLAIN, list(TokenKind))
    with installation().database.write() as session:
        me = people.get_user(session, user().username)
        if kind == TokenKind.PLAIN:
            token, secret = people.add_token(session, me, name, days, scopes)
        else:
            token, secret = people.add_refresh_token(session, signing_key(), me, name, days, scopes)
        audit.record(session, me, "token.create", f"token/{token.id}", name=token.name)
    return _account(secret=secret)


@routes.post("/account/tokens/<int:token_id>/revoke")
@allows("account.use")
def revoke_token(token_id: int) -> AnyResponse:
    """Make one's token worthless."""
    with installation().database.write() as session:
        people.revoke_token(session, user(), token_id)
        audit.record(session, user(), "token.revoke", f"token/{token_id}")
    return flask.redirect(flask.url_for("people.account"))


@routes.get("/people")
@allows("people.manage")
def index() -> str:
    """Show who belongs to one's organisation (or, for the administrator, everybody)."""
    return _people()


@routes.post("/people")
@allows("people.manage")
def add() -> str | tuple[str, int]:
    """Add a person; their one-time password is shown once."""
    values = payloads.body()
    try:
        with installation().database.write() as session:
            added, password = users.add(session, values)
    except errors.Invalid as problem:
        return _people(problem=words(problem), place=problem.place, values=values), 400
    return _people(added=added, password=password)


def _people(**values: object) -> str:
    with installation().database.read() as session:
        found = people.users(session, users.own_organisation())
        organisations = people.organisations(session)
    return render_template(
        "people/index.html", people=found, organisations=organisations, roles=list(Role), **values
    )


def _account(**values: object) -> str:
    with installation().database.read() as session:
        tokens = people.tokens(session, user())
    return render_template(
        "people/account.html", tokens=tokens, scopes=[*permissions.SCOPES], **values
    )


def _own_path(target: str | None) -> str:
    """Return the target if it is a path of ours, else the home page."""
    text = target or ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return flask.url_for("pages.home")
    good = text.startswith("/") and not parts.netloc and not parts.scheme
    usable = good and not text.startswith("//") and text.isprintable() and "\\" not in text
    return text if usable else flask.url_for("pages.home")
