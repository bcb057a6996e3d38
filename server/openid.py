"""OpenID Connect: leave for the provider, come back, be let in or linked."""

from __future__ import annotations

from dataclasses import asdict

import flask
from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people
from ..datasets.errors import _
from ..datasets.people import User
from ..datasets.settings import OpenIDSettings
from . import signing
from .auth import PUBLIC, allows, in_browser, installation, user
from .errors import words

routes = Blueprint("openid", __name__)
MEANS = "openid"


@routes.get("/sign-in/outside")
@allows(PUBLIC)
def leave() -> AnyResponse | tuple[str, int]:
    """Send the browser to the provider; what must come back the same goes into its cookie."""
    target = signing.own_path(request.args.get("next"))
    linking = request.args.get("link", "")
    # Nobody else knows the mark of one's session: no other page can begin to link.
    if linking and (flask.g.session is None or linking != flask.g.session.mark):
        raise errors.Forbidden(_("begin on your account page"))
    try:
        chosen = _chosen()
        provider = people.openid.discover(_allowed(), chosen)
        leaving = people.openid.depart()
        address = people.openid.address_of(provider, chosen, leaving, _return_address())
    except (errors.Refused, errors.Unavailable) as problem:
        if flask.g.user is not None:
            raise
        status = 503 if isinstance(problem, errors.Unavailable) else 400
        given = installation().settings.openid
        page = render_template(
            "people/sign_in.html", next=target, openid=given, problem=words(problem)
        )
        return page, status
    flask.session["outside"] = {**asdict(leaving), "next": target, "link": linking}
    return flask.redirect(address)


@routes.get("/sign-in/outside/return")
@allows(PUBLIC)
def come_back() -> AnyResponse:
    """Take what the provider says of who came back."""
    # Once only: the same answer is worth nothing a second time.
    kept = flask.session.pop("outside", None)
    if kept is None:
        return flask.redirect(flask.url_for("people.sign_in"))
    leaving = people.openid.Departure(
        **{name: kept[name] for name in ("state", "nonce", "verifier", "at")}
    )
    target = signing.own_path(kept["next"])
    try:
        answer = request.args.to_dict()
        claims = people.openid.arrive(_allowed(), _chosen(), leaving, answer, _return_address())
        if kept["link"]:
            return _link(claims, kept["link"])
        with installation().database.write() as session:
            who, how = people.admit(session, _chosen(), claims)
            if how != "known":
                detail = {"issuer": claims.issuer, "how": how}
                audit.record(session, who, "identity.link", f"user/{who.username}", **detail)
            asked = people.has_factor(installation().settings, who)
            secret = "" if asked else signing.open_browser(session, who, MEANS)
    except (errors.Refused, errors.Unavailable, errors.NotFound, errors.LockedOut) as problem:
        if flask.g.user is not None:
            raise
        # On a page of its own: the address of this one holds the code.
        flask.session["refused"] = words(problem)
        return flask.redirect(flask.url_for("people.sign_in", next=target))
    if asked:
        return signing.wait_for_code(who, MEANS, target)
    return signing.let_in(who, secret, MEANS, target)


@routes.post("/account/identities/<int:identity_id>/unlink")
@allows("account.use")
def unlink(identity_id: int) -> AnyResponse:
    """Take one of one's identities away."""
    in_browser()
    with installation().database.write() as session:
        me = session.get_one(User, user().id)
        people.unlink_identity(session, me, identity_id)
        audit.record(session, me, "identity.unlink", f"user/{me.username}")
    return flask.redirect(flask.url_for("people.account", _anchor="identities"))


def _link(claims: people.openid.Claims, mark: str) -> AnyResponse:
    """Link the identity to whoever began this, if they are still the one who is signed in.

    Raises:
        errors.Refused: they are not, or somebody else has this identity.
    """
    if flask.g.session is None or flask.g.session.mark != mark:
        raise errors.Refused(_("this way of signing in is over: begin again"))
    with installation().database.write() as session:
        me = session.get_one(User, user().id)
        people.link_identity(session, me, claims)
        detail = {"issuer": claims.issuer, "how": "by hand"}
        audit.record(session, me, "identity.link", f"user/{me.username}", **detail)
    return flask.redirect(flask.url_for("people.account", _anchor="identities"))


def _chosen() -> OpenIDSettings:
    chosen = installation().settings.openid
    if chosen is None:
        raise errors.Refused(_("no outside sign-in service is set up here"))
    return chosen


def _allowed() -> tuple[str, ...]:
    return installation().settings.outside_allowed


def _return_address() -> str:
    public = installation().settings.public_url or request.host_url.rstrip("/")
    return public + flask.url_for("openid.come_back")
