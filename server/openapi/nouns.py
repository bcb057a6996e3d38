"""Name the nouns of the API and put them in the order in which a reader meets them."""

from __future__ import annotations


def _(message: str) -> str:
    return message


NOUNS: dict[str, str] = {
    "projects": _("Projects"),
    "configs": _("Labelling configuration and templates"),
    "imports": _("Import"),
    "tasks": _("Tasks"),
    "views": _("Saved views"),
    "actions": _("Acts on chosen tasks"),
    "team": _("Members and assignments"),
    "assignments": _("Next task"),
    "annotations": _("Annotations of people"),
    "drafts": _("Drafts"),
    "reviews": _("Reviews"),
    "agreement": _("Agreement of annotators"),
    "added_labels": _("Labels that people add"),
    "comments": _("Remarks"),
    "predictions": _("Predictions of models"),
    "models": _("Models of a project"),
    "backends": _("Model backends"),
    "suggestions": _("Suggestions while labelling"),
    "ordering": _("The order of tasks"),
    "benefit": _("What pre-labels save"),
    "snapshots": _("Exports and snapshots of a project"),
    "versions": _("Versions"),
    "exports": _("Exports of a version"),
    "catalogue": _("Published datasets"),
    "storages": _("Storages"),
    "webhooks": _("Webhooks"),
    "jobs": _("Jobs"),
    "workers": _("Workers and queues"),
    "notices": _("Notices"),
    "users": _("People"),
    "organisations": _("Organisations"),
    "tokens": _("Tokens"),
    "about": _("This server"),
}
# Blueprints whose routes belong to another's noun.
_PART_OF = {"uploads": "imports", "token_exchange": "tokens", "health": "about"}


def noun_of(endpoint: str) -> str:
    """Return the noun that a route belongs to."""
    blueprint = endpoint.partition(".")[0].removesuffix("_api").removesuffix("_lists")
    return _PART_OF.get(blueprint, blueprint)
