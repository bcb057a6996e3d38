"""Take the rows of a removed library away, a batch at a time."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import jobs
from .cleaning import CleanedRecord
from .findings import Finding
from .jobs import Job
from .libraries import Asset, Library, TaskOrigin
from .people import User

KIND = "remove_library"
BATCH = 1000


def ask(session: Session, actor: User, library: Library) -> Job:
    """Write down the job that empties a library which was put away."""
    return jobs.add(
        session,
        actor,
        KIND,
        {"library": library.id},
        organisation_id=library.organisation_id,
    )


def empty(session: Session, library_id: int, limit: int = BATCH) -> int:
    """Delete so many assets of a removed library with all that hangs on them; return how many.

    Tasks that were made of them stay; their bytes stay until nothing else uses them.
    """
    removed = sa.select(Library.id).where(Library.id == library_id, Library.deleted_at.is_not(None))
    ids = list(
        session.scalars(
            sa.select(Asset.id).where(Asset.library_id.in_(removed)).order_by(Asset.id).limit(limit)
        )
    )
    if not ids:
        return 0
    tables: tuple[tuple[Any, Any], ...] = (
        (Finding, Finding.asset_id),
        (CleanedRecord, CleanedRecord.asset_id),
        (TaskOrigin, TaskOrigin.asset_id),
        (Asset, Asset.id),
    )
    for table, column in tables:
        session.execute(
            sa.delete(table).where(column.in_(ids)).execution_options(synchronize_session=False)
        )
    return len(ids)
