"""People: signing in and out, one's account, tokens, and who belongs to the organisation."""

from __future__ import annotations

import flask
from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people, permissions
from ..datasets.errors import _
from ..datasets.people import TokenKind
from . import payloads, signing
from .auth import PUBLIC, allows, in_browser, installation, signing_key, user, why_ended
from .errors import words

routes = Blueprint("people", __name__)


@routes.get("/sign-in")
@allows(PUBLIC)
def sign_in() -> str:
    """Show the sign-in form."""
    ended = why_ended()
    told = {} if ended is None else {"ended": words(ended)}
    if "refused" in flask.session:
        told["problem"] = flask.session.pop("refused")
    return _sign_in(signing.own_path(request.args.get("next")), **told)


@routes.post("/sign-in")
@allows(PUBLIC)
def sign_in_now() -> AnyResponse | tuple[str, int]:
    """Sign in with a name and password; failures are counted and lock."""
    values = payloads.body()
    target = signing.own_path(payloads.text(values, "next", "", longest=4000))
    username = payloads.text(values, "username", "")
    try:
        found = signing.try_password(username, payloads.text(values, "password", "", longest=1000))
    except (errors.Invalid, errors.LockedOut) as problem:
        page = _sign_in(target, problem=words(problem), username=username)
        return page, 429 if isinstance(problem, errors.LockedOut) else 400
    if people.has_factor(installation().settings, found):
        return signing.wait_for_code(found, "password", target)
    with installation().database.write() as session:
        secret = signing.open_browser(session, found, "password")
    return signing.let_in(found, secret, "password", target)


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
def account() -> AnyResponse:
    """Show one's account: password, tokens, language."""
    return _account()


@routes.post("/account/password")
@allows("account.use")
def change_password() -> AnyResponse | tuple[AnyResponse, int]:
    """Change one's password; all other sessions end."""
    here = in_browser()
    values = payloads.body()
    rules = people.rules_of(installation().settings)
    try:
        # Who came by another means and never had a password has none to tell.
        if user().password_hash:
            _prove_again(payloads.text(values, "old", "", longest=1000))
        with installation().database.read() as session:
            me = people.get_user(session, user().username)
            chosen = payloads.text(values, "new", "", longest=1000)
            new = people.new_password(session, me, chosen, rules)
        with installation().database.write() as session:
            me = people.get_user(session, user().username)
            people.keep_password(session, me, new, rules)
            secret = signing.new_session(session, me, here.means)
            audit.record(session, me, "person.password", f"user/{me.username}")
            flask.g.session = people.find_session(session, secret)
    except (errors.Invalid, errors.LockedOut, errors.Stale) as problem:
        return _account(problem=words(problem), place=problem.place), 400
    flask.session["session"] = secret
    flask.g.user = me
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
def add_token() -> AnyResponse:
    """Make an API token and show it once."""
    values = payloads.body()
    name = payloads.text(values, "name", "api") or "api"
    days = payloads.number(values, "days", 0, highest=3650) or None
    scope = payloads.text(values, "scope", "all")
    scopes = permissions.checked_scopes([scope])
    kind = payloads.choice(values, "kind", TokenKind.PLAIN, list(TokenKind))
    with installation().database.write() as session:
        me = people.get_user(session, user().username)
        me.limit(user().scopes)
        if kind == TokenKind.PLAIN:
            token, secret = people.add_token(session, me, name, days, scopes)
        else:
            token, secret = people.add_refresh_token(session, signing_key(), me, name, days, scopes)
        audit.record(
            session, me, "token.create", f"token/{token.id}", name=token.name, scopes=token.scopes
        )
    return _account(secret=secret)


@routes.post("/account/tokens/<int:token_id>/revoke")
@allows("account.use")
def revoke_token(token_id: int) -> AnyResponse:
    """Make one's token worthless."""
    with installation().database.write() as session:
        people.revoke_token(session, user(), token_id)
        audit.record(session, user(), "token.revoke", f"token/{token_id}")
    return flask.redirect(flask.url_for("people.account"))


def _account(**values: object) -> AnyResponse:
    settings = installation().settings
    with installation().database.read() as session:
        values |= {
            "tokens": people.tokens(session, user()),
            "sessions": people.sessions_of(session, user()),
            "identities": people.identities_of(session, user()),
        }
    page = render_template(
        "people/account.html",
        scopes=[*permissions.SCOPES],
        own_session=flask.g.session,
        settings=settings,
        due=people.due(settings, user(), getattr(flask.g.session, "means", "")),
        browser_name=signing.browser_name,
        **values,
    )
    response = flask.make_response(page)
    # What is shown once is in no cache.
    response.headers["Cache-Control"] = "no-store"
    return response


def _sign_in(target: str, **values: object) -> str:
    openid = installation().settings.openid
    return render_template("people/sign_in.html", next=target, openid=openid, **values)


def _prove_again(password: str) -> None:
    """Ask for the present password; guesses count as they do when signing in.

    Raises:
        errors.Invalid: it is wrong.
        errors.LockedOut: too many failures.
    """
    try:
        signing.try_password(user().username, password)
    except errors.Invalid as problem:
        raise errors.Invalid(_("the present password is wrong"), place="old") from problem
