"""Keep what is to be told until it was told: written with the change itself, sent later.

`emit` only notes what happened. Just before the commit one query asks who wants to hear of it;
where nobody does, nothing else happens. What is written are numbers: the message is made when
it is sent, of what is there then.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..db import Base, Id, now
from .actions import ACTIONS
from .hooks import Place, Webhook

TRIES = 5
# After the first try, the second …: seconds until the next one.
PAUSES = (10, 60, 600, 3600)
# What a worker took and did not settle is taken again.
LEASE = dt.timedelta(seconds=150)
LONGEST_WAIT = dt.timedelta(days=3)
KEPT = dt.timedelta(days=7)
TOGETHER = 100  # ids in one message
_NOTED = "webhook_events"


class DeliveryState(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Base):
    """One message to one webhook; `key` stays the same however often it is sent."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.Index("ix_webhook_deliveries_due", "state", "next_at", "webhook_id"),
        sa.Index("ix_webhook_deliveries_of_hook", "webhook_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(36))
    webhook_id: Mapped[int] = mapped_column(sa.ForeignKey("webhooks.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(Id)
    action: Mapped[str] = mapped_column(sa.String(40))
    # JSON: the numbers of what it is about; and what the caller gave to tell of it, or None.
    ids: Mapped[str]
    payload: Mapped[str | None]
    state: Mapped[str] = mapped_column(sa.String(20), default=DeliveryState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[dt.datetime] = mapped_column(default=now)
    # The status that the last try got, or why it got none.
    code: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]

    @property
    def id_list(self) -> list[int]:
        """Return the numbers of what it is about."""
        return list(msgspec.json.decode(self.ids))


@dataclass
class _Event:
    """What happened in one project in one transaction."""

    organisation_id: int
    project_id: int
    action: str
    ids: dict[int, None] = field(default_factory=dict)
    payload: str | None = None


@dataclass(frozen=True)
class Claimed:
    """A webhook and the messages that this worker is to send to it, in order."""

    hook: Webhook
    deliveries: Sequence[Delivery]


def emit(
    session: Session,
    project: Place,
    action: str,
    ids: Iterable[int] = (),
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Note what happened to these things of a project; who listens is told after the commit.

    `action` is one of ACTIONS; noted twice in one transaction, a thing is told once. Nothing is
    asked of the database here. `payload` is sent as it is, for things that messages do not know.
    """
    if action not in ACTIONS:
        raise KeyError(action)
    noted: dict[tuple[int, str], _Event] = session.info.setdefault(_NOTED, {})
    found = noted.setdefault(
        (project.id, action), _Event(project.organisation_id, project.id, action)
    )
    found.ids.update(dict.fromkeys(ids))
    if payload is not None:
        found.payload = msgspec.json.encode(payload).decode()


def any_due(session: Session) -> bool:
    """Tell whether `claim` may find something."""
    query = (
        sa.select(Delivery.id)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(_is_due(now()), _is_ready(now()))
    )
    return session.scalar(query.limit(1)) is not None


def claim(session: Session, hooks: int = 16, each: int = 10) -> list[Claimed]:
    """Take messages that are due, of several webhooks; nobody else gets them for a while."""
    at = now()
    wanted = session.scalars(
        sa.select(Delivery.webhook_id)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(_is_due(at), _is_ready(at))
        .group_by(Delivery.webhook_id)
        .order_by(sa.func.min(Delivery.id))
        .limit(hooks)
    ).all()
    taken = []
    for webhook_id in wanted:
        rows = session.scalars(
            sa.select(Delivery)
            .where(Delivery.webhook_id == webhook_id, _is_due(at))
            .order_by(Delivery.id)
            .limit(each)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.next_at = at + LEASE
        if rows:
            taken.append(Claimed(session.get_one(Webhook, webhook_id), rows))
    session.flush()
    return taken


def settle(
    session: Session,
    claimed: Claimed,
    results: Mapping[int, tuple[int | None, str | None]],
) -> None:
    """Write down how messages went: delivery id → (status, error); others are given back.

    A webhook that does not answer at all is left alone for a while, and longer each time.
    """
    at = now()
    hook = session.get(Webhook, claimed.hook.id)
    if hook is None:
        return
    ids = [delivery.id for delivery in claimed.deliveries]
    query = sa.select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id)
    for row in session.scalars(query.with_for_update()):
        if row.state != DeliveryState.WAITING:
            continue
        if row.id not in results:
            row.next_at = at
            continue
        row.code, row.error = results[row.id]
        row.tries += 1
        if row.code is not None and 200 <= row.code < 300:
            row.state, row.ended_at = DeliveryState.DELIVERED, at
            hook.failures, hook.rests_until = 0, None
            continue
        if row.tries >= TRIES:
            row.state, row.ended_at = DeliveryState.FAILED, at
        else:
            row.next_at = at + dt.timedelta(seconds=PAUSES[row.tries - 1])
        if row.code is None or row.code >= 500 or row.code == 429:
            hook.failures += 1
            rest = min(5 * 2 ** min(hook.failures, 8), 300)
            hook.rests_until = at + dt.timedelta(seconds=rest)
    session.flush()


def deliveries(session: Session, hook: Webhook, limit: int = 100) -> list[Delivery]:
    """List what a webhook was and is to be told, the newest first."""
    query = sa.select(Delivery).where(Delivery.webhook_id == hook.id)
    return list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


def prune(session: Session) -> int:
    """Forget messages that ended long ago, and end those that wait too long; return how many.

    The latter happens where a webhook is switched off or never answers.
    """
    _give_up(session, now())
    old = sa.and_(Delivery.state != DeliveryState.WAITING, Delivery.next_at < now() - KEPT)
    chosen = sa.select(Delivery.id).where(old).limit(10_000)
    done = session.execute(
        sa.delete(Delivery)
        .where(Delivery.id.in_(chosen))
        .execution_options(synchronize_session=False)
    )
    assert isinstance(done, sa.CursorResult)
    return done.rowcount


def _is_due(at: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Delivery.state == DeliveryState.WAITING, Delivery.next_at <= at)


def _is_ready(at: dt.datetime) -> sa.ColumnElement[bool]:
    """Say which webhooks are told things: switched on, and not left alone for a while."""
    rested = sa.or_(Webhook.rests_until.is_(None), Webhook.rests_until <= at)
    return sa.and_(Webhook.is_active, rested)


def _give_up(session: Session, at: dt.datetime) -> None:
    session.execute(
        sa.update(Delivery)
        .where(Delivery.state == DeliveryState.WAITING, Delivery.next_at < at - LONGEST_WAIT)
        .values(state=DeliveryState.FAILED, ended_at=at)
        .execution_options(synchronize_session=False)
    )


_HOOKS = Base.metadata.tables[Webhook.__tablename__].c
# Asked with every change of work, and as a rule nobody listens: past the ORM.
_HEARD = sa.select(_HOOKS.id).where(
    _HOOKS.organisation_id == sa.bindparam("home"), _HOOKS.is_active
)
_LISTENING = sa.select(Webhook).where(
    Webhook.organisation_id.in_(sa.bindparam("homes", expanding=True)), Webhook.is_active
)


@event.listens_for(Session, "before_commit", insert=True)
def _write_deliveries(session: Session) -> None:
    noted: dict[tuple[int, str], _Event] | None = session.info.pop(_NOTED, None)
    if not noted:
        return
    session.flush()
    connection = session.connection()
    homes = [
        home
        for home in {one.organisation_id for one in noted.values()}
        if connection.execute(_HEARD, {"home": home}).first() is not None
    ]
    if not homes:
        return
    hooks = session.scalars(_LISTENING, {"homes": homes}).all()
    rows = [
        {
            "key": str(uuid.uuid4()),
            "webhook_id": hook.id,
            "project_id": one.project_id,
            "action": one.action,
            "ids": msgspec.json.encode(ids).decode(),
            "payload": one.payload,
        }
        for hook in hooks
        for one in noted.values()
        if hook.organisation_id == one.organisation_id and hook.hears(one.project_id, one.action)
        for ids in _messages(one)
    ]
    if rows:
        session.execute(sa.insert(Delivery), rows)


def _messages(one: _Event) -> list[list[int]]:
    """Return the ids of each message: many together, or each by itself."""
    ids = list(one.ids)
    if not ids:
        return [[]]
    size = TOGETHER if ACTIONS[one.action].many else 1
    return [ids[start : start + size] for start in range(0, len(ids), size)]


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_NOTED, None)
