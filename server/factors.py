"""Second factors: set one up, enter its codes, take it away."""

from __future__ import annotations

import re

import flask
import segno
from flask import Blueprint, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people, permissions
from ..datasets.errors import _
from ..datasets.people import User
from . import payloads, signing
from .auth import PUBLIC, allows, in_browser, installation, user
from .errors import words

routes = Blueprint("factors", __name__)
NAME = "津标 Jinbiao"


@routes.get("/sign-in/code")
@allows(PUBLIC)
def ask() -> str | AnyResponse:
    """Ask who proved their password for the code of their second factor."""
    if signing.waiting() is None:
        return flask.redirect(flask.url_for("people.sign_in"))
    return render_template("people/code.html")


@routes.post("/sign-in/code")
@allows(PUBLIC)
def enter() -> AnyResponse | tuple[str, int]:
    """Take the code and sign in."""
    found = signing.waiting()
    if found is None:
        return flask.redirect(flask.url_for("people.sign_in"))
    try:
        secret = signing.try_code(found, _code())
    except (errors.Invalid, errors.LockedOut) as problem:
        page = render_template("people/code.html", problem=words(problem))
        return page, 429 if isinstance(problem, errors.LockedOut) else 400
    with installation().database.read() as session:
        who = session.get_one(User, found["user"])
    return signing.let_in(who, secret, found["means"], signing.own_path(found["next"]))


@routes.get("/account/second-factor")
@allows("account.use")
def show() -> AnyResponse:
    """Show the secret to enter into an app, or what there is to change."""
    in_browser()
    return _page()


@routes.post("/account/second-factor")
@allows("account.use")
def confirm() -> AnyResponse:
    """Switch the second factor on with a first code; show the recovery codes once."""
    here = in_browser()
    try:
        with installation().database.write() as session:
            me = people.get_user(session, user().username)
            codes = people.confirm_factor(
                session, installation().settings, me, _code(), here=here.digest
            )
            audit.record(session, me, "factor.add", f"user/{me.username}")
    except (errors.Invalid, errors.Refused) as problem:
        return _page(400, problem=words(problem))
    flask.g.user = me
    return _page(codes=codes)


@routes.post("/account/second-factor/codes")
@allows("account.use")
def renew() -> AnyResponse:
    """Make new recovery codes, for a code; show them once."""
    in_browser()

    def act(session: Session, me: User, _proved: str) -> list[str]:
        audit.record(session, me, "factor.codes", f"user/{me.username}")
        return people.renew_recovery_codes(session, me)

    try:
        codes = signing.for_a_code(user().id, _code(), act)
    except (errors.Invalid, errors.LockedOut) as problem:
        return _page(400, problem=words(problem))
    return _page(codes=codes)


@routes.post("/account/second-factor/remove")
@allows("account.use")
def remove() -> AnyResponse:
    """Take one's second factor away, for a code."""
    in_browser()

    def act(session: Session, me: User, _proved: str) -> None:
        people.remove_factor(session, me)
        audit.record(session, me, "factor.remove", f"user/{me.username}")

    try:
        signing.for_a_code(user().id, _code(), act)
    except (errors.Invalid, errors.LockedOut) as problem:
        return _page(400, problem=words(problem))
    return flask.redirect(flask.url_for("people.account"))


@routes.post("/people/<int:user_id>/second-factor/remove")
@allows("people.manage")
def take_away(user_id: int) -> AnyResponse:
    """Take away the second factor of somebody who lost it; all their sessions end."""
    in_browser()
    with installation().database.write() as session:
        found = session.get(User, user_id)
        everywhere = permissions.sees_everybody(user())
        if found is None or not (everywhere or found.organisation_id == user().organisation_id):
            raise errors.NotFound(_("there is no user %(id)s"), id=user_id)
        if not permissions.may_grant(user(), found.role, found.organisation_id):
            raise errors.Forbidden(_("you do not manage people of this role"))
        people.remove_factor(session, found)
        people.close_all(session, found)
        audit.record(session, user(), "factor.take_away", f"user/{found.username}")
    return flask.redirect(flask.url_for("staff.show", user_id=user_id))


def _code() -> str:
    return payloads.text(payloads.body(), "code", "", longest=100)


def _page(status: int = 200, **values: object) -> AnyResponse:
    settings = installation().settings
    secret, picture, left = "", "", 0
    if user().second_factor_at is None and settings.second_factor != "off":
        with installation().database.write() as session:
            me = people.get_user(session, user().username)
            secret = people.begin_factor(session, settings, me)
        address = people.factor_address(secret, user().username, NAME)
        picture = segno.make(address, error="m").svg_data_uri(scale=4, border=2)
    else:
        with installation().database.read() as session:
            left = people.recovery_codes_left(session, user())
    page = render_template(
        "people/second_factor.html",
        secret=" ".join(re.findall("....?", secret)),
        picture=picture,
        left=left,
        needed=people.needs_factor(settings, user()),
        off=settings.second_factor == "off",
        **values,
    )
    response = flask.make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response
