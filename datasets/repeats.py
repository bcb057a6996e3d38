"""Do once what is asked twice under one key: what was done is noted in its own transaction.

Whoever asks names a key. The first transaction that commits meanwhile notes it, so that
neither a lost answer nor a killed process lets the same thing be done again.
"""

from __future__ import annotations

import datetime as dt
from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors
from .db import Base, Database, insert_new, now
from .errors import _

LONGEST_KEY = 200  # characters
LONGEST_ANSWER = 1024**2  # characters that are kept of an answer
KEPT = dt.timedelta(hours=24)


class KeyedAct(Base):
    """Something that somebody asked for under a key, and what was answered."""

    __tablename__ = "keyed_acts"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(LONGEST_KEY), primary_key=True)
    # What was asked for, so that a key is not used for something else.
    asked: Mapped[str] = mapped_column(sa.String(64))
    # None until the answer is known, or where it is too long to be kept.
    status: Mapped[int | None]
    answer: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)


@dataclass
class Act:
    """What is being done under a key; `is_noted` once a transaction has said so."""

    user_id: int
    key: str
    asked: str
    is_noted: bool = False


_current: ContextVar[Act | None] = ContextVar("act", default=None)


def find(session: Session, user_id: int, key: str, asked: str) -> KeyedAct | None:
    """Return what was done before under a key, None where nothing was.

    Raises:
        errors.Invalid: the key is too long, or was used for something else.
        errors.Refused: it was done, but its answer is not kept.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"),
            place="Idempotency-Key",
            longest=LONGEST_KEY,
        )
    found = session.get(KeyedAct, (user_id, key))
    if found is None or found.created_at < now() - KEPT:
        return None
    if found.asked != asked:
        raise errors.Invalid(_("this key was used for another request"), place="Idempotency-Key")
    if found.status is None:
        raise errors.Refused(_("this request was done before; its answer is not known any more"))
    return found


def begin(act: Act | None) -> None:
    """Note what is committed from now on under a key; None ends it."""
    _current.set(act)


def keep(database: Database, act: Act, status: int, answer: str) -> None:
    """Keep what was answered, for whoever asks again."""
    if len(answer) > LONGEST_ANSWER:
        return
    with database.write() as session:
        found = session.get(KeyedAct, (act.user_id, act.key))
        if found is not None:
            found.status, found.answer = status, answer


def forget(session: Session) -> int:
    """Delete what nobody will ask for again; return how many."""
    done = session.execute(sa.delete(KeyedAct).where(KeyedAct.created_at < now() - KEPT))
    assert isinstance(done, sa.CursorResult)
    return done.rowcount


def any_old(session: Session) -> bool:
    """Tell whether `forget` would find anything."""
    query = sa.select(KeyedAct.key).where(KeyedAct.created_at < now() - KEPT)
    return session.scalar(query.limit(1)) is not None


@event.listens_for(Session, "before_commit")
def _note(session: Session) -> None:
    act = _current.get()
    if act is None or act.is_noted:
        return
    row = {
        "user_id": act.user_id,
        "key": act.key,
        "asked": act.asked,
        "status": None,
        "answer": None,
        "created_at": now(),
    }
    old = sa.delete(KeyedAct).where(
        KeyedAct.user_id == act.user_id,
        KeyedAct.key == act.key,
        KeyedAct.created_at < now() - KEPT,
    )
    session.execute(old)
    if not insert_new(session, KeyedAct, [row]):
        # Its double is just being answered: asked again, the answer will be there.
        raise errors.Unavailable(_("the same request is just being done"))
    act.is_noted = True
    session.info["noted act"] = act


@event.listens_for(Session, "after_rollback")
def _unnote(session: Session) -> None:
    # Only where this very transaction had noted it: another one's word stands.
    act: Act | None = session.info.pop("noted act", None)
    if act is not None:
        act.is_noted = False


@event.listens_for(Session, "after_commit")
def _stands(session: Session) -> None:
    session.info.pop("noted act", None)
