"""Take away assets that their library keeps no longer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..cleaning import CleanedRecord
from ..db import insert_many, now
from ..findings import Finding
from ..holdings import DeletionLine, DeletionReport
from ..libraries import Asset, AssetState, Library, TaskOrigin, count

BATCH = 1000


def libraries(session: Session) -> list[int]:
    """List the libraries that keep their assets for a time only."""
    query = sa.select(Library.id).where(
        Library.retention_days.is_not(None), Library.deleted_at.is_(None)
    )
    return list(session.scalars(query.order_by(Library.id)))


def lapse(
    session: Session, report: DeletionReport, library_id: int, after: int, *, is_dry: bool
) -> int | None:
    """Delete the next assets of a library whose time is over, and note each in the report.

    Returns the id to go on after, or None at the end. What tasks were made of stays until the
    tasks are gone: it is the proof of where they come from. A dry look only notes them.
    """
    # The library's row before its assets, as whoever fills it.
    locked = None if is_dry else {"key_share": True}
    library = session.get(Library, library_id, with_for_update=locked, populate_existing=True)
    if library is None or library.deleted_at is not None or library.retention_days is None:
        return None
    before = now() - dt.timedelta(days=library.retention_days)
    query = (
        sa.select(Asset.id, Asset.digest, Asset.size, Asset.created_at, Asset.state)
        .where(Asset.library_id == library_id, Asset.id > after, Asset.created_at < before)
        .order_by(Asset.id)
        .limit(BATCH)
    )
    # Whoever withdraws one, or makes a task of it, is waited for.
    rows = session.execute(query if is_dry else query.with_for_update()).all()
    if not rows:
        return None
    made = sa.select(TaskOrigin.asset_id).where(TaskOrigin.asset_id.in_([row[0] for row in rows]))
    has_task = set(session.scalars(made))
    lapsed = [row for row in rows if row[0] not in has_task]
    _note(session, report, library, lapsed)
    if not is_dry and lapsed:
        _delete(session, [row[0] for row in lapsed])
        held = [row for row in lapsed if row[4] == AssetState.HELD]
        count(session, library, -len(held), -sum(row[2] for row in held))
    return int(rows[-1][0])


def _note(session: Session, report: DeletionReport, library: Library, rows: list[Any]) -> None:
    lines = [
        {
            "report_id": report.id,
            "kind": "asset",
            "digest": digest,
            "size": size,
            "reason": "retention",
            "since": created_at,
            "organisation_id": library.organisation_id,
            "library_id": library.id,
            "at": now(),
        }
        for _id, digest, size, created_at, _state in rows
    ]
    insert_many(session, DeletionLine, lines)
    report.assets += len(lines)


def _delete(session: Session, ids: list[int]) -> None:
    tables: tuple[tuple[Any, Any], ...] = (
        (Finding, Finding.asset_id),
        (CleanedRecord, CleanedRecord.asset_id),
        (Asset, Asset.id),
    )
    for table, column in tables:
        session.execute(
            sa.delete(table).where(column.in_(ids)).execution_options(synchronize_session=False)
        )
