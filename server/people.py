"""People: signing in and out, one's account, tokens, and who belongs to the organisation."""

from __future__ import annotations

from urllib.parse import urlsplit

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people
from ..datasets.errors import _
from ..datasets.people import Role, User
from . import payloads
from .auth import PUBLIC, allows, installation, user
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
        return _account(problem=words(problem)), 400
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
    with installation().database.write() as session:
        me = people.get_user(session, user().username)
        days = payloads.number(values, "days", 0, highest=3650)
        token, secret = people.add_token(
            session, me, payloads.text(values, "name", "api") or "api", days or None
        )
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
            added, password = _add(session, values)
    except errors.Invalid as problem:
        return _people(problem=words(problem), place=problem.place, values=values), 400
    return _people(added=added, password=password)


@routes.get("/api/current-user/whoami")
@allows("account.use")
def api_whoami() -> Response:
    """Return who is asking."""
    return payloads.answer(payloads.user(user()))


@routes.get("/api/users/")
@allows("people.manage")
def api_index() -> Response:
    """List the people of one's organisation."""
    with installation().database.read() as session:
        found = people.users(session, _own_organisation())
    return payloads.answer([payloads.user(each) for each in found])


@routes.post("/api/users/")
@allows("people.manage")
def api_add() -> Response:
    """Add a person; the answer holds their one-time password, once."""
    with installation().database.write() as session:
        added, password = _add(session, payloads.body())
    return payloads.answer({**payloads.user(added), "password": password}, 201)


def _add(session: Session, values: dict[str, object]) -> tuple[User, str | None]:
    slug = payloads.optional_text(values, "organization") or user().organisation.slug
    role = payloads.text(values, "role", "")
    if user().role != Role.PLATFORM_ADMIN and (
        slug != user().organisation.slug
        or role not in (Role.ANNOTATOR, Role.REVIEWER, Role.VENDOR_ADMIN)
    ):
        raise errors.Forbidden(_("you can add annotators and reviewers of your organisation"))
    organisation = people.find_organisation(session, slug)
    if organisation is None:
        if user().role != Role.PLATFORM_ADMIN:
            raise errors.NotFound(_("there is no organisation “%(slug)s”"), slug=slug[:80])
        name = payloads.text(values, "organization_name", slug)
        organisation = people.add_organisation(session, slug, name)
        audit.record(session, user(), "organisation.create", f"organisation/{slug}")
    added, password = people.add_user(
        session,
        payloads.text(values, "username", ""),
        role=role,
        organisation=organisation,
        name=payloads.text(values, "name", ""),
    )
    audit.record(
        session, user(), "person.create", f"user/{added.username}", role=role, organisation=slug
    )
    return added, password


def _people(**values: object) -> str:
    with installation().database.read() as session:
        found = people.users(session, _own_organisation())
        organisations = people.organisations(session)
    return render_template(
        "people/index.html", people=found, organisations=organisations, roles=list(Role), **values
    )


def _account(**values: object) -> str:
    with installation().database.read() as session:
        tokens = people.tokens(session, user())
    return render_template("people/account.html", tokens=tokens, **values)


def _own_organisation() -> int | None:
    return None if user().role == Role.PLATFORM_ADMIN else user().organisation_id


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
