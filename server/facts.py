"""Show and change the facts of a dataset in the national terms, and give them their words."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template
from flask_babel import gettext
from sqlalchemy.orm import Session

from ..datasets import catalogue, errors, projects
from ..datasets.catalogue import Dataset
from ..datasets.errors import _
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("facts", __name__)


@routes.get("/datasets/<organisation>/<name>/facts")
@allows("dataset.publish")
def show(organisation: str, name: str) -> str:
    """Show the facts of a dataset, to change them."""
    with installation().database.read() as session:
        dataset, _project = _own(session, organisation, name)
    return render_template("facts/show.html", dataset=dataset, facts=catalogue.facts_of(dataset))


@routes.post("/datasets/<organisation>/<name>/facts")
@allows("dataset.publish")
def change_here(organisation: str, name: str) -> Response:
    """Change the facts of a dataset, from the page."""
    _change(organisation, name)
    where = flask.url_for("catalogue.show", organisation=organisation, name=name)
    return flask.redirect(where)  # type: ignore[return-value]


@routes.get("/api/catalogue/<organisation>/<name>/facts/")
@allows("dataset.publish")
def api_show(organisation: str, name: str) -> Response:
    """Return the facts of a dataset, and what is missing to publish it again."""
    with installation().database.read() as session:
        dataset, _project = _own(session, organisation, name)
    return payloads.answer(_payload(dataset))


@routes.patch("/api/catalogue/<organisation>/<name>/facts/")
@allows("dataset.publish")
def api_change(organisation: str, name: str) -> Response:
    """Change the facts that are sent; null takes one away. Closing takes effect at once."""
    return payloads.answer(_payload(_change(organisation, name)))


def register(app: flask.Flask) -> None:
    """Make the words of the facts known to the templates."""
    app.jinja_env.filters.update(fact=fact, fact_name=fact_name)
    app.jinja_env.globals.update(
        fact_choices=catalogue.CHOICES, fact_needed=catalogue.NEEDED, no_facts=catalogue.Facts()
    )


def fact(value: str | None, name: str) -> str:
    """Return the word for a value of a fact; a dash where it is not known."""
    if value is None:
        return "—"
    return gettext(WORDS.get(name, {}).get(value, value))


def fact_name(name: str) -> str:
    """Return the word for a fact."""
    return gettext(NAMES.get(name, name))


def _own(session: Session, organisation: str, name: str) -> tuple[Dataset, Project]:
    """Return a dataset whose facts the person may change.

    Raises:
        errors.NotFound: there is none, or it is another organisation's.
        errors.Forbidden: only the owner's people do.
    """
    dataset = catalogue.find(session, f"{organisation}/{name}", user())
    if dataset is None:
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    return dataset, projects.get(session, user(), dataset.project_id, "dataset.publish")


def _change(organisation: str, name: str) -> Dataset:
    values = payloads.body()
    payloads.refuse_unknown(values, catalogue.NAMES)
    with installation().database.write() as session:
        dataset, _project = _own(session, organisation, name)
        return catalogue.describe(session, user(), dataset, values)


def _payload(dataset: Dataset) -> dict[str, Any]:
    facts = catalogue.facts_of(dataset)
    return {
        "dataset": dataset.full_name,
        **catalogue.as_json(facts),
        "missing": catalogue.missing(facts),
    }


NAMES = {
    "provider": _("Provider"),
    "provider_code": _("Credit code of the provider"),
    "domain": _("Domain"),
    "update_cycle": _("Brought up to date"),
    "openness": _("Openness"),
    "data_level": _("Data level"),
    "rights_basis": _("Rights basis"),
    "open_condition": _("Conditions of opening"),
    "dataset_class": _("Class of the dataset"),
    "region": _("Region"),
    "covers_from": _("Covers from"),
    "covers_to": _("Covers to"),
    "contact_name": _("Contact"),
    "contact_email": _("E-mail of the contact"),
    "resource_code": _("Resource code"),
    "sheet": _("Datasheet"),
}
WORDS: dict[str, dict[str, str]] = {
    "openness": {
        "open": _("Open without conditions"),
        "conditional": _("Open under conditions"),
        "closed": _("Not opened"),
    },
    "data_level": {
        "general": _("General data"),
        "important": _("Important data"),
        "core": _("Core data"),
    },
    "rights_basis": {
        "self_produced": _("Produced by the provider"),
        "collected": _("Collected according to law"),
        "agreement": _("Acquired by agreement"),
        "authorised": _("Operated under authorisation"),
    },
    "update_cycle": {
        "real_time": _("In real time"),
        "daily": _("Daily"),
        "weekly": _("Weekly"),
        "monthly": _("Monthly"),
        "quarterly": _("Quarterly"),
        "half_yearly": _("Half-yearly"),
        "yearly": _("Yearly"),
        "irregular": _("Irregularly"),
        "never": _("Not brought up to date"),
    },
    "dataset_class": {
        "general_knowledge": _("General knowledge"),
        "industry_general": _("Knowledge of an industry"),
        "industry_specialised": _("Special knowledge of an industry"),
    },
    "domain": {
        "industry": _("Manufacturing and industry"),
        "technology": _("Science and technology"),
        "transport": _("Transport and traffic"),
        "market": _("Commerce"),
        "education": _("Education and culture"),
        "health": _("Health"),
        "environment": _("Environment"),
        "agriculture": _("Agriculture"),
        "energy": _("Energy"),
        "finance": _("Financial services"),
        "culture": _("Culture and tourism"),
        "city": _("City administration"),
        "safety": _("Safety"),
        "credit": _("Social credit"),
        "society": _("Society"),
        "employment": _("Employment and insurance"),
        "weather": _("Weather"),
        "law": _("Law"),
        "other": _("Other domains"),
    },
}
