"""Tell people what happened that they should know: a line with a link, read or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors
from .db import Base, Id, now

MOST_KEPT = 300  # of one person; older ones go
MOST_COUNTED = 99  # unread


class Notice(Base):
    """One line for one person; `message` is what `errors.to_json` writes, to be translated."""

    __tablename__ = "notices"
    __table_args__ = (sa.Index("ix_notices_user", "user_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(sa.String(40))
    message: Mapped[str]
    # A path of our own pages.
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    read_at: Mapped[dt.datetime | None]

    @property
    def said(self) -> errors.JinbiaoError:
        """Return what it says, to be put into the reader's language."""
        return errors.from_json(self.message)


def add(
    session: Session,
    user_id: int,
    kind: str,
    message: str,
    values: Mapping[str, Any],
    address: str = "",
) -> Notice:
    """Tell somebody something; `message` is one of `_()`, `values` fill it."""
    told = errors.to_json(errors.JinbiaoError(message, **values))
    notice = Notice(user_id=user_id, kind=kind, message=told, address=address)
    session.add(notice)
    session.flush()
    oldest = (
        sa.select(Notice.id)
        .where(Notice.user_id == user_id)
        .order_by(Notice.id.desc())
        .offset(MOST_KEPT)
        .limit(1)
        .scalar_subquery()
    )
    # What others let go of at the moment is theirs to: of two who tell the same people in
    # another order neither waits for the other.
    gone = sa.select(Notice.id).where(Notice.user_id == user_id, Notice.id <= oldest)
    session.execute(
        sa.delete(Notice)
        .where(Notice.id.in_(gone.with_for_update(skip_locked=True)))
        .execution_options(synchronize_session=False)
    )
    return notice


def unread_count(session: Session, user_id: int) -> int:
    """Count what somebody has not read yet, up to MOST_COUNTED."""
    unread = (
        sa.select(Notice.id)
        .where(Notice.user_id == user_id, Notice.read_at.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return int(session.scalar(sa.select(sa.func.count()).select_from(unread)) or 0)


def listing(
    session: Session, user_id: int, *, before: int | None = None, limit: int = 50
) -> list[Notice]:
    """List what somebody was told, newest first; `before` an id gives the next page."""
    query = sa.select(Notice).where(Notice.user_id == user_id)
    if before is not None:
        query = query.where(Notice.id < before)
    return list(session.scalars(query.order_by(Notice.id.desc()).limit(limit)))


def mark_read(session: Session, user_id: int, ids: Sequence[int] | None = None) -> int:
    """Note that somebody has read these of their notices, or all; return how many were new."""
    query = sa.update(Notice).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    if ids is not None:
        query = query.where(Notice.id.in_(ids))
    done = session.execute(
        query.values(read_at=now())
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
