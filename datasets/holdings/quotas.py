"""Say how much an organisation may store, and refuse what is more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..db import insert_new
from ..errors import _
from ..people import Organisation, User
from ..settings import Settings
from .rows import StorageCount, StorageUsage

MOST_QUOTA = 2**53


@dataclass(frozen=True)
class Standing:
    """How an organisation stands: bytes used, and the limit (None: there is none)."""

    used: int
    limit: int | None

    @property
    def share(self) -> float | None:
        """Return the share of the quota that is used; None without one."""
        return self.used / self.limit if self.limit else None


def standing(session: Session, settings: Settings, organisation_id: int) -> Standing:
    """Return how an organisation stands: one read by the primary key."""
    row = session.execute(
        sa.select(StorageUsage.quota, StorageUsage.counted, StorageUsage.taken).where(
            StorageUsage.organisation_id == organisation_id
        )
    ).first()
    quota, counted, taken = row or (None, 0, 0)
    return _standing(settings, quota, counted + taken)


def standing_of(settings: Settings, row: StorageUsage | None) -> Standing:
    """Return how an organisation stands by what was counted of it; None: nothing was yet."""
    return _standing(settings, row.quota if row else None, row.used if row else 0)


def check(session: Session, settings: Settings, organisation_id: int, more: int = 1) -> None:
    """Let `more` bytes pass, or say why not; asked before anything is accepted.

    Raises:
        errors.TooLarge: the organisation's quota does not hold them; names used and limit.
    """
    found = standing(session, settings, organisation_id)
    if found.limit is not None and found.used + more > found.limit:
        raise errors.TooLarge(
            _(
                "the storage quota is full: %(used_bytes)s of %(limit_bytes)s used,"
                " %(more_bytes)s more wanted"
            ),
            place="quota",
            used_bytes=found.used,
            limit_bytes=found.limit,
            more_bytes=more,
        )


def take(session: Session, settings: Settings, organisation_id: int, size: int) -> None:
    """Count bytes that are written in this transaction, if the quota holds them.

    What was there already is counted once more until the next count at night.

    Raises:
        errors.TooLarge: the organisation's quota does not hold them.
    """
    if size <= 0:
        return
    lock(session, organisation_id)
    check(session, settings, organisation_id, size)
    add(session, organisation_id, size)


def lock(session: Session, organisation_id: int) -> None:
    """Let those who fill an organisation's quota follow one another until the commit."""
    query = sa.select(StorageUsage.taken).where(StorageUsage.organisation_id == organisation_id)
    query = query.with_for_update(key_share=True)
    if session.execute(query).first() is None:
        _begin(session, organisation_id)
        session.execute(query)


def add(session: Session, organisation_id: int, size: int) -> None:
    """Count bytes that are there already, whatever the quota says, until the next count."""
    added = (
        sa.update(StorageUsage)
        .where(StorageUsage.organisation_id == organisation_id)
        .values(taken=StorageUsage.taken + size)
        .execution_options(synchronize_session=False)
    )
    if not session.execute(added).rowcount:  # type: ignore[attr-defined]
        _begin(session, organisation_id)
        session.execute(added)


def change(
    session: Session, actor: User, organisation: Organisation, quota: int | None
) -> StorageUsage:
    """Give an organisation a quota of its own in bytes, 0 for none; None: as all others.

    Raises:
        errors.Forbidden: the actor does not manage storage.
        errors.Invalid: the quota is no such number.
    """
    permissions.require(actor, "storage.manage")
    if quota is not None and not 0 <= quota <= MOST_QUOTA:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="quota",
            lowest=0,
            highest=MOST_QUOTA,
        )
    _begin(session, organisation.id)
    row = session.get_one(StorageUsage, organisation.id)
    row.quota = quota
    session.flush()
    audit.record(session, actor, "storage.quota", f"organisation/{organisation.id}", quota=quota)
    return row


def usage(session: Session, organisation_id: int) -> StorageUsage | None:
    """Return what was counted of an organisation; None before the first count."""
    return session.get(StorageUsage, organisation_id)


def parts(session: Session, organisation_id: int, limit: int = 20) -> list[StorageCount]:
    """List what an organisation stores by kind, the largest first."""
    return _counts(session, organisation_id, StorageCount.subject.is_(None), limit)


def largest(session: Session, organisation_id: int, limit: int = 20) -> list[StorageCount]:
    """List the libraries and projects of an organisation that store most."""
    return _counts(session, organisation_id, StorageCount.subject.is_not(None), limit)


def everyone(
    session: Session, *, after: int | None = None, limit: int = 100
) -> list[tuple[Organisation, StorageUsage | None]]:
    """List organisations with what was counted of them, the largest first, in pages.

    `after` is the id of the last organisation of the page before.

    Raises:
        errors.NotFound: there is no such organisation.
    """
    used = sa.func.coalesce(StorageUsage.counted + StorageUsage.taken, 0)
    rows = sa.select(Organisation, StorageUsage).outerjoin(
        StorageUsage, StorageUsage.organisation_id == Organisation.id
    )
    query = rows.order_by(used.desc(), Organisation.id)
    if after is not None:
        last = session.execute(rows.where(Organisation.id == after)).first()
        if last is None:
            raise errors.NotFound(_("there is no such thing here"))
        size = last[1].used if last[1] else 0
        query = query.where(sa.or_(used < size, sa.and_(used == size, Organisation.id > after)))
    return [(home, row) for home, row in session.execute(query.limit(limit))]


def _standing(settings: Settings, quota: int | None, used: int) -> Standing:
    return Standing(used, settings.quota_bytes if quota is None else quota or None)


def _counts(
    session: Session, organisation_id: int, which: sa.ColumnElement[bool], limit: int
) -> list[StorageCount]:
    query = sa.select(StorageCount).where(StorageCount.organisation_id == organisation_id, which)
    rows: Sequence[StorageCount] = session.scalars(
        query.order_by(StorageCount.size.desc(), StorageCount.id).limit(limit)
    ).all()
    return list(rows)


def _begin(session: Session, organisation_id: int) -> None:
    row = {
        "organisation_id": organisation_id,
        "quota": None,
        "counted": 0,
        "taken": 0,
        "counted_at": None,
    }
    insert_new(session, StorageUsage, [row])
