"""Name the nouns of the API and put them in the order in which a reader meets them."""

from __future__ import annotations


def _(message: str) -> str:
    return message


NOUNS: dict[str, str] = {
    "access": _("Who works on a project"),
    "flags": _("Flags"),
    "projects": _("Projects"),
    "configs": _("Labelling configuration and templates"),
    "imports": _("Import"),
    "tasks": _("Tasks"),
    "libraries": _("Libraries of raw material"),
    "transfers": _("Uploads in pieces"),
    "feeds": _("Feeds of material"),
    "recipes": _("Cleaning recipes"),
    "cleanings": _("Cleanings of libraries"),
    "holdings": _("Storage, quotas and deletions"),
    "findings": _("Findings of personal information"),
    "views": _("Saved views"),
    "actions": _("Acts on chosen tasks"),
    "team": _("Members and assignments"),
    "assignments": _("Next task"),
    "annotations": _("Annotations of people"),
    "drafts": _("Drafts"),
    "reviews": _("Reviews"),
    "agreement": _("Agreement of annotators"),
    "added_labels": _("Labels that people add"),
    "config_changes": _("Changes of labels"),
    "comments": _("Remarks"),
    "guidelines": _("Guidelines"),
    "exams": _("Examinations"),
    "predictions": _("Predictions of models"),
    "models": _("Models of a project"),
    "backends": _("Model backends"),
    "suggestions": _("Suggestions while labelling"),
    "ordering": _("The order of tasks"),
    "benefit": _("What pre-labels save"),
    "quality": _("Quality of labelled work"),
    "curation": _("Disagreements decided"),
    "snapshots": _("Exports and snapshots of a project"),
    "dashboards": _("Dashboards"),
    "versions": _("Versions"),
    "exports": _("Exports of a version"),
    "catalogue": _("Published datasets"),
    "opening": _("Applications for datasets under conditions"),
    "storages": _("Storages"),
    "webhooks": _("Webhooks"),
    "jobs": _("Jobs"),
    "workers": _("Workers and queues"),
    "notices": _("Notices"),
    "users": _("People"),
    "organisations": _("Organisations"),
    "teams": _("Teams"),
    "tokens": _("Tokens"),
    "hotkeys": _("Hotkeys"),
    "about": _("This server"),
}
# What has a page of its own: two hundred routes on one page are too long for a telephone.
PUBLISHED = frozenset({"versions", "exports", "catalogue", "opening"})
MATERIAL = frozenset(
    {
        "libraries",
        "transfers",
        "feeds",
        "recipes",
        "cleanings",
        "findings",
        "holdings",
        "storages",
    }
)
# Blueprints whose routes belong to another's noun.
_PART_OF = {
    "facts": "catalogue",
    "receipts": "catalogue",
    "scores": "catalogue",
    "records": "catalogue",
    "comparisons": "catalogue",
    "discussions": "catalogue",
    "pushes": "catalogue",
    "uploads": "imports",
    "token_exchange": "tokens",
    "health": "about",
    "review_stages": "reviews",
}


def noun_of(endpoint: str) -> str:
    """Return the noun that a route belongs to."""
    blueprint = endpoint.partition(".")[0].removesuffix("_api").removesuffix("_lists")
    return _PART_OF.get(blueprint, blueprint)
