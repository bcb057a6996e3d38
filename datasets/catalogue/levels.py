"""Hold the level that is stated of a dataset against the levels of what its records came from.

A version inherits the highest level of its sources (GB/T 43697): it may be stated higher by
whoever publishes it, never lower.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..errors import Problem, _
from ..libraries import Asset, Library, TaskOrigin
from ..versions import Record, VersionRecord
from .facts import DataLevel

PLACE = "data_level"
SHOWN = 10  # libraries that are named
BATCH = 500
_RANKS = tuple(DataLevel)  # the lowest first
_RECORD = msgspec.json.Decoder(Record)
# By the level of the library and the one that is stated.
_REASONS = {
    (DataLevel.IMPORTANT, DataLevel.GENERAL): _(
        "records come from the library “%(library)s”, which holds important data: general is too "
        "low; state important, or have the library's level put right: %(address)s"
    ),
    (DataLevel.CORE, DataLevel.GENERAL): _(
        "records come from the library “%(library)s”, which holds core data: general is too low; "
        "core data is not published; have the library's level put right if it is wrong: %(address)s"
    ),
    (DataLevel.CORE, DataLevel.IMPORTANT): _(
        "records come from the library “%(library)s”, which holds core data: important is too low; "
        "core data is not published; have the library's level put right if it is wrong: %(address)s"
    ),
}
_LOST = _(
    "records came from a library, and from which one is not known any more, since their tasks or "
    "the library were deleted: freeze anew, or state a higher level"
)


def is_lowered(before: str | None, stated: str | None) -> bool:
    """Tell whether a level is stated that is lower than the one before, or one where none was."""
    if stated is None:
        return False
    return before is None or _RANKS.index(DataLevel(stated)) < _RANKS.index(DataLevel(before))


def too_low(session: Session, stated: str | None, version_ids: Collection[int]) -> list[Problem]:
    """Name the libraries of a higher level than is stated that records of versions come from.

    Where no level is stated there is nothing to hold against them: it is missing.
    """
    higher = _higher(stated)
    if stated is None or not higher or not version_ids:
        return []
    from_it = (
        sa.exists()
        .where(VersionRecord.version_id.in_(version_ids))
        .where(TaskOrigin.task_id == VersionRecord.task_id)
        .where(Asset.id == TaskOrigin.asset_id)
        .where(Asset.library_id == Library.id)
    )
    query = sa.select(Library.id, Library.title, Library.level).where(
        Library.level.in_(higher), from_it
    )
    return [
        Problem(
            PLACE,
            _REASONS[DataLevel(str(level)), DataLevel(stated)],
            {"library": title, "address": f"/libraries/{number}"},
        )
        for number, title, level in session.execute(query.order_by(Library.id).limit(SHOWN))
    ]


def lost(
    session: Session, stated: str | None, owner_id: int, version_ids: Collection[int]
) -> list[Problem]:
    """Say so where records came from libraries, and the proof of which is gone with their tasks.

    That speaks against a level only where the owner has a library of a higher one.
    """
    higher = _higher(stated)
    owned = sa.select(Library.id).where(
        Library.level.in_(higher), Library.organisation_id == owner_id
    )
    if not higher or session.scalar(owned.limit(1)) is None:
        return []
    for version_id in version_ids:
        if _has_lost(session, version_id):
            return [Problem(PLACE, _LOST)]
    return []


def _has_lost(session: Session, version_id: int) -> bool:
    position = -1
    query = (
        sa.select(VersionRecord.position, VersionRecord.line)
        .outerjoin(TaskOrigin, TaskOrigin.task_id == VersionRecord.task_id)
        .where(
            VersionRecord.version_id == version_id,
            TaskOrigin.task_id.is_(None),
            # A text may say it too: the line itself is asked below.
            VersionRecord.line.contains('"origin":', autoescape=True),
        )
        .order_by(VersionRecord.position)
        .limit(BATCH)
    )
    while rows := session.execute(query.where(VersionRecord.position > position)).all():
        position = rows[-1][0]
        if any(_RECORD.decode(line or "").origin is not msgspec.UNSET for _position, line in rows):
            return True
    return False


def _higher(stated: str | None) -> list[str]:
    """Return the levels above one; none where none is stated."""
    return [level.value for level in _RANKS if is_lowered(level, stated)]
