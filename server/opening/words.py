"""Give applications their words: states, who applies, how the data is used."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import flask
from flask_babel import gettext
from markupsafe import Markup

from ...datasets import opening, permissions
from ...datasets.catalogue import Dataset, Openness
from ...datasets.opening import Application
from ...datasets.people import User
from ..auth import installation
from ..visitors import visitor


@dataclass(frozen=True)
class Stands:
    """Where the visitor stands with a dataset, and the applications that say so."""

    openness: str
    standing: str
    application: Application | None = None
    running: Application | None = None
    # Whether they may change what the catalogue says of it.
    manages: bool = False


def register(app: flask.Flask) -> None:
    """Make the words known to the templates."""
    app.jinja_env.filters.update(
        application_state=state,
        applicant_type=applicant_type,
        access_method=access_method,
        masked_name=opening.masked_name,
        masked_phone=opening.masked_phone,
        masked_email=opening.masked_email,
        due_day=due_day,
    )
    app.jinja_env.globals.update(standing_of=standing_of)


def standing_of(dataset: Dataset) -> Stands:
    """Return where the visitor stands with a dataset that a page shows."""
    who = visitor()
    manages = _manages(who, dataset)
    if dataset.openness == Openness.OPEN:
        return Stands(dataset.openness, opening.Standing.FREE, manages=manages)
    with installation().database.read() as session:
        standing = opening.standing(session, who, dataset)
        if who is None or standing in (opening.Standing.OWN, opening.Standing.STRANGER):
            return Stands(dataset.openness, standing, manages=manages)
        found = opening.find(session, dataset, who)
        return Stands(dataset.openness, standing, found, opening.running(session, dataset, who))


def _manages(who: User | None, dataset: Dataset) -> bool:
    own = who is not None and (
        permissions.is_everywhere(who) or who.organisation_id == dataset.organisation_id
    )
    return who is not None and own and permissions.allows(who, "dataset.publish")


def due_day(value: dt.datetime | None) -> Markup:
    """Write the day at whose end something is due."""
    if value is None:
        return Markup("—")
    day = (value - dt.timedelta(seconds=1)).astimezone(opening.ZONE).date().isoformat()
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), day)


def state(value: str) -> str:
    """Return the word for a state of an application."""
    return gettext(STATES.get(value, value))


def applicant_type(value: str | None) -> str:
    """Return the words for who applies."""
    return "—" if value is None else gettext(APPLICANTS.get(value, value))


def access_method(value: str | None) -> str:
    """Return the word for how the data is used."""
    return "—" if value is None else gettext(METHODS.get(value, value))


def _(message: str) -> str:
    return message


STATES = {
    "draft": _("Draft of an application"),
    "submitted": _("Waits for the provider"),
    "returned": _("Sent back to be completed"),
    "approved": _("Approved, to be signed"),
    "rejected": _("Application refused"),
    "agreement_signed": _("Signed, to be opened"),
    "released": _("Files open"),
    "usage_reported": _("Files open, use reported"),
    "expired": _("Term over"),
    "revoked": _("Access ended"),
}
APPLICANTS = {
    "natural_person": _("Natural person"),
    "legal_person": _("Legal person"),
    "unincorporated": _("Organisation without legal personality"),
}
METHODS = {
    "files": _("Files"),
    "api": _("Interface (API)"),
}
