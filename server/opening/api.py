"""Applications for datasets under conditions, as JSON."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...datasets import opening
from ...datasets.opening import Application
from .. import payloads
from ..auth import allows, installation, user
from . import routing
from .routing import FIELDS, PAGE, routes

_BASE = "/api/datasets-applications/"


@routes.get(_BASE)
@allows("dataset.apply")
def api_mine() -> Response:
    """List one's own applications, newest first; `before` an id gives the next page."""
    with installation().database.read() as session:
        found = opening.mine(session, user(), before=payloads.before(), limit=PAGE)
    return payloads.answer([summary(each) for each in found])


@routes.post(_BASE)
@allows("dataset.apply")
def api_ask() -> Response:
    """Apply for the dataset `dataset`; with `act` "draft", keep a draft."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("dataset", "act", *FIELDS))
    found = routing.send(payloads.text(values, "dataset", ""), values)
    return payloads.answer(_shown(found.id), 201)


@routes.get(f"{_BASE}queue/")
@allows("dataset.open")
def api_queue() -> Response:
    """List what waits for one's organisation, the most urgent first; other states by `state`."""
    state = payloads.choice(request.args, "state", "", ("", *opening.State))
    with installation().database.read() as session:
        if state:
            found = opening.decided(session, user(), state, before=payloads.before(), limit=PAGE)
        else:
            found = opening.waiting(session, user(), after=after(), limit=PAGE)
        counts = opening.counts(session, user())
    return payloads.answer({"counts": counts, "results": [summary(each) for each in found]})


@routes.get(f"{_BASE}<int:application_id>/")
@allows("account.use")
def api_show(application_id: int) -> Response:
    """Return an application that one made or decides on, with its agreement and steps."""
    return payloads.answer(_shown(application_id))


@routes.delete(f"{_BASE}<int:application_id>/")
@allows("dataset.apply")
def api_discard(application_id: int) -> Response:
    """Delete a draft."""
    routing.discard(application_id)
    return Response(status=204)


@routes.post(f"{_BASE}<int:application_id>/decide")
@allows("dataset.open")
def api_decide(application_id: int) -> Response:
    """Decide: `decision` is approve, return, reject or revoke; all but the first need a `reason`.

    Approving one whose agreement is signed opens the files.
    """
    found = routing.decide(application_id, payloads.body())
    return payloads.answer(_shown(found.id))


@routes.post(f"{_BASE}<int:application_id>/sign")
@allows("dataset.apply")
def api_sign(application_id: int) -> Response:
    """Sign: `digest` is that of the agreement shown, `signature` the contact's name."""
    return payloads.answer(_shown(routing.sign(application_id, payloads.body()).id))


@routes.post(f"{_BASE}<int:application_id>/report")
@allows("dataset.apply")
def api_report(application_id: int) -> Response:
    """Say what came of the use: `usage_report`."""
    return payloads.answer(_shown(routing.report(application_id, payloads.body()).id))


@routes.post(f"{_BASE}<int:application_id>/take-back")
@allows("dataset.apply")
def api_take_back(application_id: int) -> Response:
    """Take an application that nobody has decided back into a draft."""
    return payloads.answer(_shown(routing.take_back(application_id).id))


def after() -> tuple[Any, int] | None:
    """Return the (due_at, id) that the address gives as the last one seen, or None."""
    mark = payloads.text(request.args, "after", "")
    if not mark:
        return None
    at, _comma, number = mark.partition(",")
    return payloads.moment("after", at), payloads.number({"after": number}, "after")


def summary(application: Application) -> dict[str, Any]:
    """Return an application as a line of a list: the person masked."""
    return {
        "id": application.id,
        "dataset": application.dataset.full_name,
        "state": application.current,
        "is_overdue": application.is_overdue,
        "is_granted": application.is_granted,
        "applicant_type": application.applicant_type,
        "organisation_name": application.organisation_name,
        "contact_name": opening.masked_name(application.contact_name),
        "contact_phone": opening.masked_phone(application.contact_phone),
        "contact_email": opening.masked_email(application.contact_email),
        "purpose": application.purpose,
        "term_days": application.term_days,
        "submitted_at": payloads.time(application.submitted_at),
        "due_at": payloads.time(application.due_at),
        "released_at": payloads.time(application.released_at),
        "expires_at": payloads.time(application.expires_at),
    }


def _shown(application_id: int) -> dict[str, Any]:
    with installation().database.read() as session:
        found = opening.get(session, user(), application_id)
        steps = opening.steps(session, found)
        agreement = found.agreement or opening.agreement_text(found, found.dataset)
    whole = {name: getattr(found, name) for name in opening.Form.__dataclass_fields__}
    # Which officer decided is the provider's own business.
    insider = opening.may_decide(user(), found.owner_id)
    return {
        **summary(found),
        **whole,
        "applicant": found.applicant.username,
        "opens_on_signing": found.opens_on_signing,
        "agreement": agreement,
        "agreement_digest": opening.digest(agreement),
        "signature": found.signature,
        "signed_at": payloads.time(found.signed_at),
        "decided_at": payloads.time(found.decided_at),
        "reason": found.reason,
        "usage_report": found.usage_report,
        "reported_at": payloads.time(found.reported_at),
        "steps": [
            {
                "state": step.state,
                "by": who.username if who and (insider or who.id == user().id) else None,
                "reason": step.reason,
                "at": payloads.time(step.at),
            }
            for step, who in steps
        ],
    }
