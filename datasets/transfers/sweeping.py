"""Find what nobody finished: quiet batches, whole uploads that lie about, and what lapsed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import now
from .rows import Transfer, TransferState

# A whole upload lapses that much later: only the host that has its bytes can put them away.
GRACE = dt.timedelta(days=1)
CHUNK = 500  # keys in one statement


@dataclass(frozen=True)
class IdleBatch:
    """What is stored of a batch for one target, and to which nothing came for a while."""

    user_id: int
    batch: str
    library_id: int | None
    project_id: int | None


def idle_batches(session: Session, before: dt.datetime, limit: int = 20) -> list[IdleBatch]:
    """List batches of which something is stored, and nothing has come since `before`.

    What is not stored yet holds nobody up: it is brought later. Those that rest longest come
    first, so that `pass_over` sends one that cannot be brought behind the others.
    """
    last = sa.func.max(Transfer.touched_at)
    query = (
        sa.select(Transfer.user_id, Transfer.batch, Transfer.library_id, Transfer.project_id)
        .where(
            Transfer.batch.is_not(None),
            Transfer.state.in_((TransferState.OPEN, TransferState.STORED)),
        )
        .group_by(Transfer.user_id, Transfer.batch, Transfer.library_id, Transfer.project_id)
        .having(last < before, sa.func.count(Transfer.digest) > 0)
        .order_by(last, Transfer.user_id, Transfer.batch)
        .limit(limit)
    )
    return [
        IdleBatch(user_id, batch, library_id, project_id)
        for user_id, batch, library_id, project_id in session.execute(query)
        if batch is not None
    ]


def pass_over(session: Session, idle: IdleBatch, *, forget: bool) -> int:
    """Let a batch that cannot be brought wait behind others; `forget` what of it lapsed.

    Returns how many uploads were forgotten. Their bytes are objects of the store.
    """
    mine = (
        Transfer.user_id == idle.user_id,
        Transfer.batch == idle.batch,
        Transfer.state == TransferState.STORED,
        Transfer.library_id.is_not_distinct_from(idle.library_id),
        Transfer.project_id.is_not_distinct_from(idle.project_id),
    )
    moment = now()
    query = sa.delete(Transfer).where(*mine, Transfer.expires_at < moment).returning(Transfer.id)
    gone = session.execute(query).all() if forget else []
    session.execute(
        sa.update(Transfer)
        .where(*mine)
        .values(touched_at=moment)
        .execution_options(synchronize_session=False)
    )
    return len(gone)


def whole(session: Session, before: dt.datetime, limit: int = CHUNK) -> list[str]:
    """List the keys of uploads whose bytes are all on some disk, untouched since `before`."""
    query = sa.select(Transfer.key).where(
        Transfer.state == TransferState.OPEN,
        Transfer.received >= Transfer.length,
        Transfer.touched_at < before,
    )
    return list(session.scalars(query.order_by(Transfer.touched_at, Transfer.id).limit(limit)))


def any_lapsed(session: Session) -> bool:
    """Look without writing whether `forget_lapsed` has something to do."""
    query = sa.select(Transfer.id).where(_has_lapsed(now())).limit(1)
    return session.execute(query).first() is not None


def forget_lapsed(session: Session, limit: int = CHUNK) -> list[str]:
    """Forget unfinished uploads, and brought ones whose time is over; return their keys.

    What is stored and waits for its batch never lapses here: it is brought, or passed over.
    One statement looks and deletes, so that a piece that comes meanwhile keeps its upload.
    The caller deletes the bytes of these keys after the commit.
    """
    moment = now()
    some = (
        sa.select(Transfer.id)
        .where(_has_lapsed(moment))
        .order_by(Transfer.expires_at)
        .limit(limit)
        .scalar_subquery()
    )
    # Said twice: PostgreSQL asks the row anew that it had to wait for.
    query = sa.delete(Transfer).where(Transfer.id.in_(some), _has_lapsed(moment))
    gone = session.scalars(
        query.returning(Transfer.key).execution_options(synchronize_session=False)
    )
    return list(gone)


def known(session: Session, keys: Iterable[str]) -> set[str]:
    """Return those of these keys whose uploads are still to be finished."""
    names = list(keys)
    found: set[str] = set()
    for start in range(0, len(names), CHUNK):
        query = sa.select(Transfer.key).where(
            Transfer.key.in_(names[start : start + CHUNK]), Transfer.state == TransferState.OPEN
        )
        found |= set(session.scalars(query))
    return found


def _has_lapsed(moment: dt.datetime) -> sa.ColumnElement[bool]:
    is_part = Transfer.received < Transfer.length
    return sa.or_(
        sa.and_(Transfer.state == TransferState.BROUGHT, Transfer.expires_at < moment),
        sa.and_(Transfer.state == TransferState.OPEN, is_part, Transfer.expires_at < moment),
        sa.and_(Transfer.state == TransferState.OPEN, Transfer.expires_at < moment - GRACE),
    )
