"""Say who may touch a project's connections: the owner's people, not those who work on it.

A connection sends a project's data to wherever it points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from .. import permissions
from ..people import User
from ..projects import Project

RIGHT = "connection.manage"


@dataclass(frozen=True)
class _Home:
    organisation_id: int
    vendor_id: int | None = None


def require(user: User | None, project: Project) -> User:
    """Return the user if they may manage what the project is connected to.

    Raises:
        errors.NotFound: they do not belong to the owner.
        errors.Forbidden: their role does not have the right.
    """
    return permissions.require(user, RIGHT, _Home(project.organisation_id))


def limited(query: sa.Select[Any], user: User) -> sa.Select[Any]:
    """Limit a query over projects to those whose connections somebody may manage."""
    permissions.require(user, RIGHT)
    if permissions.is_everywhere(user):
        return query
    return query.where(Project.organisation_id == user.organisation_id)
