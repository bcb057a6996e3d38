"""Say which ways lead on from every page: at most seven, by what somebody may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import flask

from ..datasets import dashboards, permissions
from ..datasets.people import User

MOST = 7


def _(message: str) -> str:
    return message


def _everybody(user: User) -> bool:
    return True


def _who_may(action: str) -> Callable[[User], bool]:
    return lambda user: permissions.allows(user, action)


def _sees_teams(user: User) -> bool:
    # Requesters and managers reach them from a project, whose tasks they hand out.
    is_theirs = permissions.allows(user, "team.read") and not permissions.allows(
        user, "assignment.manage"
    )
    return is_theirs or permissions.allows(user, "people.manage") or user.role == "team_leader"


@dataclass(frozen=True)
class Way:
    """One entry of the navigation: where it leads, for whom, and whose pages are behind it."""

    endpoint: str
    icon: str
    words: str
    shown: Callable[[User], bool]
    # The blueprints of the pages behind it.
    parts: tuple[str, ...] = ()
    # Left out first where there would be more than seven: another page leads there too.
    is_spare: bool = False


WAYS = (
    Way("pages.home", "home", _("Home"), _everybody),
    Way(
        "projects.index",
        "project",
        _("Projects"),
        _who_may("project.read"),
        (
            "projects",
            "tasks",
            "assignments",
            "reviews",
            "versions",
            "models",
            "benefit",
            "quality",
            "curation",
            "config_changes",
            "guidelines",
            "exams",
            "flags",
            "access",
            "gold",
            "suspicions",
            "findings",
            "integrity",
            "review_stages",
        ),
    ),
    Way(
        "material.index",
        "material",
        _("Material"),
        _who_may("library.read"),
        ("material", "libraries", "recipes", "cleanings", "feeds", "library_findings", "holdings"),
    ),
    Way(
        "dashboards.index",
        "plot",
        _("Dashboards"),
        lambda user: bool(dashboards.open_to(user)),
        ("dashboards",),
    ),
    Way("jobs.index", "job", _("Jobs"), _who_may("job.read"), ("jobs",), True),
    Way("workers.index", "worker", _("Workers"), _who_may("job.read"), ("workers", "health"), True),
    Way(
        "catalogue.index",
        "dataset",
        _("Datasets"),
        _everybody,
        ("catalogue", "facts", "opening", "pushes"),
    ),
    Way("staff.index", "people", _("People"), _sees_teams, ("staff",)),
    Way(
        "staff.organisations",
        "home",
        _("Organisations"),
        _who_may("organisation.manage"),
        (),
        True,
    ),
    Way("pages.audit_trail", "audit", _("Audit"), _who_may("audit.read")),
)


def ways(user: User) -> list[Way]:
    """List the entries that somebody sees."""
    seen = [way for way in WAYS if way.shown(user)]
    for spare in [way for way in reversed(seen) if way.is_spare]:
        if len(seen) > MOST:
            seen.remove(spare)
    return seen


def is_here(way: Way) -> bool:
    """Tell whether the page that is shown is behind an entry."""
    asked = flask.request.endpoint or ""
    organisations = ("staff.organisations", "staff.organisation")
    if asked in organisations and any(
        each.endpoint == organisations[0] for each in ways(flask.g.user)
    ):
        return way.endpoint == organisations[0]
    return asked == way.endpoint or (flask.request.blueprint or "") in way.parts
