"""Let two transactions meet: one begins while another has done its work and not ended yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jinbiao.datasets.db import Database

First = TypeVar("First")
Second = TypeVar("Second")
LONGEST = 60.0  # seconds

_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def meanwhile(
    database: Database,
    first: Callable[[Session], First],
    second: Callable[[Session], Second],
    then: Callable[[Session], object] = lambda _session: None,
) -> tuple[First, Second | Exception]:
    """Do `second` in a transaction of its own before that of `first` ends, which does `then`.

    Either it ends before, or it waits for the other. Returns what both return; what `second`
    raises in its stead.
    """
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            done = first(session)
            session.flush()
            other = pool.submit(_do, database, second)
            _wait(database, other)
            then(session)
        return done, other.result(LONGEST)


def _do(database: Database, act: Callable[[Session], Second]) -> Second | Exception:
    try:
        with database.write() as session:
            return act(session)
    except Exception as problem:
        return problem


def _wait(database: Database, other: Future[Second | Exception]) -> None:
    """Return when the other transaction has ended, or waits for a lock."""
    end = time.monotonic() + LONGEST
    while not other.done():
        with database.glance() as session:
            if session.scalar(_WAITING):
                return
        assert time.monotonic() < end, "it neither ends nor waits"
        time.sleep(0.01)
