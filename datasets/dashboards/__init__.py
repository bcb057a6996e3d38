"""Sum up work for those who do it, lead it, order it and answer for it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from .. import errors, permissions
from ..errors import _
from ..people import User
from . import company, district, operation, orders, team, work
from .panels import LONGEST_DAYS, Asked, Column, Dashboard, Kind, Label, Panel, Said, to_csv

__all__ = [
    "DASHBOARDS",
    "LONGEST_DAYS",
    "Asked",
    "Column",
    "Dashboard",
    "Kind",
    "Label",
    "Panel",
    "Said",
    "made",
    "open_to",
    "to_csv",
]

# In the order in which a person who may see several is offered them.
DASHBOARDS: dict[str, Dashboard] = {
    each.name: each
    for each in (
        Dashboard("orders", _("Orders"), "project.change", orders.panels),
        # Who only keeps accounts has teams to manage, but no work to look at.
        Dashboard("company", _("Company"), "team.manage", company.panels, besides="project.read"),
        Dashboard("team", _("Team"), "assignment.manage", team.panels),
        Dashboard("work", _("My work"), "task.claim", work.panels),
        Dashboard(
            "district",
            _("Industry"),
            "statistics.read",
            district.panels,
            filters=("district", "industry"),
        ),
        Dashboard("operation", _("Operation"), "platform.operate", operation.panels),
    )
}


def open_to(user: User) -> list[Dashboard]:
    """List the dashboards that somebody may see."""
    return [
        each
        for each in DASHBOARDS.values()
        if all(permissions.allows(user, right) for right in (each.action, each.besides))
    ]


def made(session: Session, user: User, name: str, asked: Asked) -> tuple[Dashboard, list[Panel]]:
    """Return a dashboard and its panels as they are now.

    Raises:
        errors.NotFound: there is no such dashboard.
        errors.Forbidden: it is not for this person.
    """
    found = DASHBOARDS.get(name)
    if found is None:
        raise errors.NotFound(_("there is no dashboard “%(name)s”"), name=name[:80])
    for right in (found.action, found.besides):
        permissions.require(user, right)
    return found, found.panels(session, user, asked)
