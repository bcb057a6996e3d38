"""Sessions: end those that one left open elsewhere."""

from __future__ import annotations

import flask
from flask import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, people
from .auth import allows, in_browser, installation, user

routes = Blueprint("sessions", __name__)


@routes.post("/account/sessions/<mark>/end")
@allows("account.use")
def end(mark: str) -> AnyResponse:
    """End one of one's own sessions."""
    in_browser()
    with installation().database.write() as session:
        found = people.close_one(session, user(), mark)
        who = user()
        audit.record(
            session, who, "person.session_end", f"user/{who.username}", address=found.address
        )
    return flask.redirect(flask.url_for("people.account", _anchor="sessions"))


@routes.post("/account/sessions/end-others")
@allows("account.use")
def end_others() -> AnyResponse:
    """End all one's sessions but this one."""
    here = in_browser()
    with installation().database.write() as session:
        ended = people.close_all(session, user(), but=here.digest)
        who = user()
        audit.record(session, who, "person.session_end", f"user/{who.username}", number=ended)
    return flask.redirect(flask.url_for("people.account", _anchor="sessions"))
