"""Both databases keep times, transactions and orders the same way."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets import db
from jinbiao.datasets.db import Database, insert_new, now
from jinbiao.datasets.errors import Invalid, Unavailable
from jinbiao.datasets.people import Organisation
from jinbiao.datasets.tasks import Media


def test_times_are_utc_and_aware(database: Database) -> None:
    beijing = dt.datetime(2026, 1, 1, 8, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    with database.write() as session:
        session.add(Organisation(slug="a", name="a", created_at=beijing))
    with database.read() as session:
        found = session.scalars(sa.select(Organisation)).one().created_at
    assert found == beijing and found.tzinfo is dt.UTC
    with pytest.raises(sa.exc.StatementError, match="zone"), database.write() as session:
        session.add(Organisation(slug="b", name="b", created_at=dt.datetime(2026, 1, 1)))
    assert now().tzinfo is dt.UTC


def test_a_transaction_is_whole_or_not_there(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.add(Organisation(slug="a", name="a"))
        session.flush()
        raise RuntimeError
    with database.read() as session:
        session.add(Organisation(slug="b", name="b"))
        session.flush()
    with database.read() as session:
        assert session.scalars(sa.select(Organisation)).all() == []


def test_a_glance_sees_what_others_have_just_done_and_changes_nothing(database: Database) -> None:
    names = sa.select(Organisation.name).order_by(Organisation.name)
    with database.glance() as glance:
        assert glance.scalars(names).all() == []
        glance.add(Organisation(slug="b", name="b"))
        assert glance.scalars(names).all() == []
    with database.write() as session:
        session.add(Organisation(slug="a", name="a"))
    with database.glance() as session:
        assert session.scalars(names).all() == ["a"]
    # Whoever writes with the same connection next is in a transaction again.
    with pytest.raises(RuntimeError), database.write() as session:
        session.add(Organisation(slug="c", name="c"))
        session.flush()
        raise RuntimeError
    with database.read() as session:
        assert session.scalars(names).all() == ["a"]


@pytest.mark.parametrize("rested", [0.0, 60.0])
def test_ended_connections_are_not_used_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, rested: float
) -> None:
    """A server that was restarted costs nobody an error, whether they are asked or looked at."""
    if database.is_sqlite:
        pytest.skip("it has no connections that somebody else could end")
    monkeypatch.setattr(db, "RESTED", rested)
    with database.read() as one, database.read() as two:
        ended = {session.scalar(sa.text("SELECT pg_backend_pid()")) for session in (one, two)}
    other = Database(database.url.render_as_string(hide_password=False))
    with other.write() as session:
        for pid in ended:
            session.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.close()
    for give in (database.glance, database.read, database.write):
        with give() as session:
            assert session.scalar(sa.text("SELECT pg_backend_pid()")) not in ended


def test_writers_that_read_first_wait_for_each_other(database: Database) -> None:
    """A counter kept by reading and writing back loses nothing where the row is locked."""
    with database.write() as session:
        session.add(Organisation(slug="counter", name="0"))

    def count(_number: int) -> None:
        with database.write() as session:
            row = session.scalars(sa.select(Organisation).with_for_update()).one()
            row.name = str(int(row.name) + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    with database.read() as session:
        assert session.scalars(sa.select(Organisation.name)).one() == "40"


def row(digest: str, size: int = 1) -> dict[str, object]:
    return {"digest": digest, "size": size, "content_type": "image/png", "extension": ".png"}


def test_new_rows_only(database: Database) -> None:
    with database.write() as session:
        assert insert_new(session, Media, []) == 0
        assert insert_new(session, Media, [row("a"), row("b"), row("a", 2)]) == 2
        assert insert_new(session, Media, [row("b", 3), row("c")]) == 1
    with database.read() as session:
        found = session.execute(sa.select(Media.digest, Media.size).order_by(Media.digest)).all()
    assert [tuple(one) for one in found] == [("a", 1), ("b", 1), ("c", 1)]


def test_new_rows_of_many_at_once(database: Database) -> None:
    start = threading.Barrier(5)

    def insert(number: int) -> int:
        start.wait()
        with database.write() as session:
            return insert_new(session, Media, [row(f"{n:03}", number) for n in range(50)])

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(insert, range(5))) == 50


@pytest.mark.parametrize("url", ["", "mysql://x/y", "postgresql+asyncpg://x/y", "postgresql"])
def test_addresses_of_other_databases(url: str) -> None:
    with pytest.raises(Invalid, match="JINBIAO_DATABASE_URL"):
        Database(url)


def test_a_database_that_is_away() -> None:
    away = Database("postgres://li:hidden@127.0.0.1:1/x")
    with pytest.raises(Unavailable) as refused:
        away.check()
    assert "hidden" not in str(refused.value) and "127.0.0.1" in str(refused.value)
    away.close()
