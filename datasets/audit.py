"""Keep a chain of audit events that shows any edit or gap.

Each event's hash covers the event and the hash before it; the head row keeps the length
and the last hash. Events are written just before the commit of the transaction that they
describe, so that the lock on the head is held as briefly as possible.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from .db import Base, Id, now
from .people import User

FIRST_HASH = "0" * 64


class AuditEvent(Base):
    """One state change: who did what to which thing, when."""

    __tablename__ = "audit_events"

    number: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(sa.String(32))
    actor: Mapped[str] = mapped_column(sa.String(80))
    action: Mapped[str] = mapped_column(sa.String(60))
    subject: Mapped[str] = mapped_column(sa.String(120), index=True)
    detail: Mapped[str]
    hash: Mapped[str] = mapped_column(sa.String(64))


class AuditHead(Base):
    """The end of the chain; one row."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    length: Mapped[int] = mapped_column(Id)
    hash: Mapped[str] = mapped_column(sa.String(64))


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: the number of good events, and the first fault or None."""

    events: int
    head: str
    fault: str | None


def record(session: Session, actor: User | str, action: str, subject: str, **detail: Any) -> None:
    """Note a state change; it is written when, and only when, this session commits.

    `subject` is like `project/3`; `detail` holds plain JSON values and never a secret.
    """
    name = actor if isinstance(actor, str) else actor.username
    session.info.setdefault("audit", []).append(
        {
            "at": now().isoformat(timespec="microseconds"),
            "actor": name,
            "action": action,
            "subject": subject,
            "detail": msgspec.json.encode(detail, order="sorted").decode(),
        }
    )


def verify(session: Session) -> Verdict:
    """Walk the whole chain at constant memory and say whether it holds.

    Events that others write meanwhile are not looked at.
    """
    length, last = _head(session)
    walked = _walk(session, length)
    if walked.fault is not None:
        return walked
    # Read before the head is read again: an event beyond it is then no event of the chain.
    beyond = session.scalar(sa.select(sa.func.max(AuditEvent.number))) or 0
    fault = None
    if (length, last) != (walked.events, walked.head):
        fault = f"the chain ends at event {walked.events}, its head says {length}"
    elif beyond > _head(session)[0]:
        fault = f"event {beyond} lies beyond the head"
    return replace(walked, fault=fault)


def events(
    session: Session, *, before: int | None = None, subject: str | None = None, limit: int = 50
) -> list[AuditEvent]:
    """List events, newest first, older than number `before`."""
    query = sa.select(AuditEvent).order_by(AuditEvent.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEvent.number < before)
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    return list(session.scalars(query))


def _walk(session: Session, length: int) -> Verdict:
    expected, previous = 0, FIRST_HASH
    query = sa.select(AuditEvent).where(AuditEvent.number <= length).order_by(AuditEvent.number)
    found = session.execute(query.execution_options(yield_per=1000))
    with closing(found):
        for row in found.scalars():
            expected += 1
            if row.number != expected:
                return Verdict(expected - 1, previous, f"event {expected} is missing")
            if _hash(previous, row.number, _fields(row)) != row.hash:
                return Verdict(expected - 1, previous, f"event {row.number} was changed")
            previous = row.hash
            session.expunge(row)
    return Verdict(expected, previous, None)


def _head(session: Session) -> tuple[int, str]:
    row = session.execute(sa.select(AuditHead.length, AuditHead.hash)).first()
    return (0, "") if row is None else (row.length, row.hash)


def _fields(row: AuditEvent) -> dict[str, str]:
    return {
        "at": row.at,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }


def _hash(previous: str, number: int, fields: dict[str, str]) -> str:
    text = msgspec.json.encode([previous, number, fields], order="sorted")
    return hashlib.sha256(text).hexdigest()


_LOCKED_HEAD = (
    sa.select(AuditHead.length, AuditHead.hash).where(AuditHead.id == 1).with_for_update()
)
_EVENTS, _HEADS = (Base.metadata.tables[table.__tablename__] for table in (AuditEvent, AuditHead))
_NEW_EVENTS = _EVENTS.insert()
_MOVED_HEAD = (
    _HEADS.update()
    .where(_HEADS.c.id == 1)
    .values(length=sa.bindparam("new_length"), hash=sa.bindparam("new_hash"))
)
_NEW_EVENT_AND_HEAD = _NEW_EVENTS.values(
    {column.name: sa.bindparam(f"of_{column.name}") for column in _EVENTS.c}
).add_cte(_MOVED_HEAD.cte("moved"))


@event.listens_for(Session, "before_commit")
def _write_pending(session: Session) -> None:
    pending = session.info.pop("audit", [])
    if not pending:
        return
    session.flush()
    # Past the ORM: this is asked in every transaction, and nothing of it is kept.
    connection = session.connection()
    length, previous = connection.execute(_LOCKED_HEAD).one()
    rows = []
    for fields in pending:
        length += 1
        previous = _hash(previous, length, fields)
        rows.append({"number": length, "hash": previous, **fields})
    _append(connection, rows)


def _append(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write events behind the locked head and move it to the last of them."""
    head = {"new_length": rows[-1]["number"], "new_hash": rows[-1]["hash"]}
    if len(rows) == 1 and connection.dialect.name != "sqlite":
        # Everybody who changes something waits for this lock: there one round trip less with it.
        connection.execute(_NEW_EVENT_AND_HEAD, head | {f"of_{k}": v for k, v in rows[0].items()})
        return
    connection.execute(_NEW_EVENTS, rows)
    connection.execute(_MOVED_HEAD, head)


@event.listens_for(Session, "after_rollback")
def _forget_pending(session: Session) -> None:
    session.info.pop("audit", None)
