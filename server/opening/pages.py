"""Applications for datasets under conditions, as pages: apply, follow, sign, report, decide."""

from __future__ import annotations

from typing import Any

import flask
from flask import Response, render_template, request

from ...datasets import opening
from ...datasets.catalogue import Openness
from ...datasets.opening import Application
from .. import payloads
from ..auth import allows, installation, user
from . import routing
from .api import after
from .routing import PAGE, routes

# What the provider's lists show besides what waits.
LISTS = {
    "waiting": opening.WAITING,
    "returned": frozenset({opening.State.RETURNED}),
    "approved": frozenset({opening.State.APPROVED}),
    "running": opening.RUNNING,
    "ended": opening.ENDED,
}


@routes.get("/datasets/<organisation>/<name>/apply")
@allows("dataset.apply")
def apply(organisation: str, name: str) -> str | Response:
    """Show the form to apply with, filled with what is known; one under way is shown instead."""
    with installation().database.read() as session:
        dataset = routing.dataset_of(session, f"{organisation}/{name}")
        found = opening.find(session, dataset, user())
        opening.check_may_apply(user(), dataset)
    editable = found is not None and found.state in (opening.State.DRAFT, opening.State.RETURNED)
    if found is not None and found.current in opening.UNDECIDED and not editable:
        return _see(found)
    return render_template(
        "opening/apply.html",
        dataset=dataset,
        application=found if editable else None,
        known=_known(found),
        commitment=(opening.COMMITMENT_ZH, opening.COMMITMENT_EN),
        applicants=[*opening.ApplicantType],
        methods=[*opening.AccessMethod],
        longest_term=opening.LONGEST_TERM,
        working_days=routing.working_days(),
    )


@routes.post("/datasets/<organisation>/<name>/apply")
@allows("dataset.apply")
def send(organisation: str, name: str) -> Response:
    """Send the application, or keep it as a draft."""
    return _see(routing.send(f"{organisation}/{name}", payloads.body()))


@routes.get("/applications")
@allows("dataset.apply")
def mine() -> str:
    """Show one's own applications, newest first."""
    with installation().database.read() as session:
        found = opening.mine(session, user(), before=payloads.before(), limit=PAGE + 1)
    return render_template(
        "opening/mine.html",
        applications=found[:PAGE],
        next_before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@routes.get("/applications/queue")
@allows("dataset.open")
def queue() -> str:
    """Show what waits for one's organisation, the most urgent first, and what was decided."""
    chosen = payloads.choice(request.args, "list", "waiting", LISTS)
    with installation().database.read() as session:
        if chosen == "waiting":
            found = opening.waiting(session, user(), after=after(), limit=PAGE + 1)
        else:
            found = opening.decided(
                session, user(), LISTS[chosen], before=payloads.before(), limit=PAGE + 1
            )
        counts = opening.counts(session, user())
    more: dict[str, Any] | None = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        urgent = {"after": f"{last.due_at.isoformat() if last.due_at else ''},{last.id}"}
        more = urgent if chosen == "waiting" else {"before": last.id}
    return render_template(
        "opening/queue.html",
        applications=found[:PAGE],
        chosen=chosen,
        lists=[*LISTS],
        counts=counts,
        next=more,
    )


@routes.get("/applications/<int:application_id>")
@allows("account.use")
def show(application_id: int) -> str:
    """Show an application to whoever made it or decides on it, with what they can do now."""
    with installation().database.read() as session:
        found = opening.get(session, user(), application_id)
        steps = opening.steps(session, found)
        decides = opening.may_decide(user(), found.owner_id)
    text = found.agreement or opening.agreement_text(found, found.dataset)
    fresh = opening.agreement_text(found, found.dataset)
    return render_template(
        "opening/show.html",
        application=found,
        state=found.current,
        steps=steps,
        own=found.applicant_id == user().id,
        decides=decides and found.applicant_id != user().id,
        is_conditional=found.dataset.openness == Openness.CONDITIONAL,
        agreement=fresh if found.current == opening.State.APPROVED else text,
        digest=opening.digest(fresh),
    )


@routes.post("/applications/<int:application_id>/sign")
@allows("dataset.apply")
def sign(application_id: int) -> Response:
    """Sign the agreement."""
    return _see(routing.sign(application_id, payloads.body()))


@routes.post("/applications/<int:application_id>/report")
@allows("dataset.apply")
def report(application_id: int) -> Response:
    """Say what came of the use."""
    return _see(routing.report(application_id, payloads.body()))


@routes.post("/applications/<int:application_id>/take-back")
@allows("dataset.apply")
def take_back(application_id: int) -> Response:
    """Take an application back into a draft."""
    return _see(routing.take_back(application_id))


@routes.post("/applications/<int:application_id>/discard")
@allows("dataset.apply")
def discard(application_id: int) -> Response:
    """Delete a draft."""
    routing.discard(application_id)
    return flask.redirect(flask.url_for("opening.mine"))  # type: ignore[return-value]


@routes.post("/applications/<int:application_id>/decide")
@allows("dataset.open")
def decide(application_id: int) -> Response:
    """Decide on an application."""
    values = payloads.body()
    # A tick that is not set is not sent by a form.
    values["opens_on_signing"] = str(values.get("opens_on_signing") or "false")
    return _see(routing.decide(application_id, values))


def _see(application: Application) -> Response:
    where = flask.url_for("opening.show", application_id=application.id)
    return flask.redirect(where)  # type: ignore[return-value]


def _known(found: Application | None) -> dict[str, Any]:
    """Return what the form begins with: what was said before, else what the account knows."""
    if found is not None and not found.is_granted:
        return {name: getattr(found, name) for name in opening.Form.__dataclass_fields__}
    who = user()
    home = who.organisation
    return {
        "applicant_type": opening.ApplicantType.LEGAL_PERSON,
        "organisation_name": home.name,
        "organisation_code": home.credit_code,
        "contact_name": who.name,
        "contact_phone": who.phone,
        "contact_email": who.email,
    }
