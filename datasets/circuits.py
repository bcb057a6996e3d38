"""Leave a service alone that keeps failing, and try it again by and by.

A circuit opens after MOST_FAILURES failures in a row. While it is open, nobody asks; then one
may try, and the answer to that closes the circuit or opens it for twice as long.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors
from .db import Base, insert_new, now
from .errors import _

MOST_FAILURES = 5  # in a row
SHORTEST = dt.timedelta(seconds=30)
LONGEST = dt.timedelta(minutes=15)
# Who was let through to try may die of it; then the next one may.
TRIAL = dt.timedelta(seconds=120)
LONGEST_REASON = 500  # characters


class LeftAlone(errors.Refused):
    """A service failed so often that it is not asked for now."""


class Circuit(Base):
    """How a service outside has answered lately; `name` is such as `backend/3`."""

    __tablename__ = "circuits"

    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    # In a row, since it last answered well.
    failures: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[dt.datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


def has_failed(session: Session, name: str) -> bool:
    """Tell whether a service has failed since it last answered; where not, nothing is to check."""
    return session.get(Circuit, name) is not None


def check(session: Session, name: str) -> None:
    """Let the caller ask a service, unless its circuit is open.

    Once the time of an open one is over, one caller is let through to try; for the others it
    stays open until that one tells. The session must be committed for them to know.

    Raises:
        LeftAlone: it is open; says until when and why (`until`, `reason`).
    """
    if not has_failed(session, name):
        return
    row = _locked(session, name)
    if row is None or row.open_until is None:
        return
    if row.open_until > now():
        raise LeftAlone(
            _("not asked before %(until)s UTC: %(number)s failures in a row, last: %(reason)s"),
            until=f"{row.open_until:%Y-%m-%d %H:%M:%S}",
            number=row.failures,
            reason=row.reason,
        )
    # Counted as a failure in advance: those who asked before it opened and tell of theirs only
    # now do not make it any longer.
    row.failures += 1
    row.open_until = row.updated_at = now() + TRIAL
    session.flush()


def failed(session: Session, name: str, reason: str) -> bool:
    """Write down that a service did not answer; tell whether its circuit is open now."""
    insert_new(session, Circuit, [{"name": name, "failures": 0, "reason": "", "updated_at": now()}])
    row = _locked(session, name)
    if row is None:
        return False
    at = now()
    if row.open_until is None or row.open_until <= at:
        row.failures += 1
    row.reason, row.updated_at = reason[:LONGEST_REASON], at
    if row.failures >= MOST_FAILURES:
        row.open_until = at + pause(row.failures)
    session.flush()
    return row.open_until is not None


def succeeded(session: Session, name: str) -> None:
    """Close a service's circuit: it has answered."""
    if has_failed(session, name):
        session.execute(sa.delete(Circuit).where(Circuit.name == name))


def left_alone(session: Session, names: Iterable[str]) -> dict[str, Circuit]:
    """Return name → circuit of those of the services that are not asked now."""
    query = sa.select(Circuit).where(Circuit.name.in_(list(names)), Circuit.open_until > now())
    return {row.name: row for row in session.scalars(query)}


def pause(failures: int) -> dt.timedelta:
    """Return how long to leave a service alone after so many failures in a row."""
    doubled = min(max(failures - MOST_FAILURES, 0), 16)
    longer: dt.timedelta = SHORTEST * (1 << doubled)
    return min(longer, LONGEST)


def _locked(session: Session, name: str) -> Circuit | None:
    """Return a circuit as it is now, which nobody else changes before this session ends."""
    query = sa.select(Circuit).where(Circuit.name == name).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))
