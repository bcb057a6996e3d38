"""Know which feeds have stopped: what they filled was removed, so they run no more."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..libraries import Library
from ..projects import Project
from .rows import Feed


def has_target() -> sa.ColumnElement[bool]:
    """Return the condition that a feed's library or project is still there."""
    return sa.or_(
        sa.exists().where(Library.id == Feed.library_id, Library.deleted_at.is_(None)),
        sa.exists().where(Project.id == Feed.project_id, Project.deleted_at.is_(None)),
    )


def stopped(session: Session, rows: Sequence[Feed]) -> set[int]:
    """Return the ids of those feeds whose library or project was removed."""
    query = sa.select(Feed.id).where(Feed.id.in_([row.id for row in rows]), ~has_target())
    return set(session.scalars(query))
