"""Open the database: SQLite in WAL mode or PostgreSQL, one set of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session

from . import errors
from .errors import _

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# Paths and keys are ordered by their bytes in both databases, whatever the locale.
Path500 = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")


class UTCDateTime(sa.types.TypeDecorator[dt.datetime]):
    """A point in time: aware in Python, stored as UTC in both databases."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """Turn an aware time into naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time without a zone must not reach the database")
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """Turn the stored naive UTC into an aware time."""
        return None if value is None else value.replace(tzinfo=dt.UTC)


class Base(DeclarativeBase):
    """The one registry of tables."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dt.datetime: UTCDateTime(), str: sa.Text()}


def now() -> dt.datetime:
    """Return the current time, UTC, aware."""
    return dt.datetime.now(dt.UTC)


class Database:
    """One engine and the two ways to use it: `read()` and `write()`."""

    def __init__(self, url: str) -> None:
        """Prepare an engine for the URL; nothing is opened yet.

        Raises:
            errors.Invalid: the URL is not one of SQLite or PostgreSQL (psycopg 3).
        """
        self.url = _usable_url(url)
        self.engine: Engine = _engine(self.url)
        self._writing = self.engine.execution_options(jinbiao_writes=True)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is SQLite; only dialect-only speed-ups may ask."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session whose changes are thrown away; what it read stays readable."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session in one transaction: committed at the end, or rolled back whole.

        SQLite takes its write lock at the start (BEGIN IMMEDIATE), so that a transaction
        that read first never fails half-way with "database is locked".
        """
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def check(self) -> None:
        """Raise errors.Unavailable when the database does not answer."""
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except sa.exc.OperationalError as problem:
            raise errors.Unavailable(
                _("the database %(url)s does not answer: %(reason)s"),
                url=self.url.render_as_string(hide_password=True),
                reason=str(problem.orig).splitlines()[0],
            ) from problem

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _usable_url(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as problem:
        raise errors.Invalid(_("JINBIAO_DATABASE_URL is not a database address")) from problem
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise errors.Invalid(
            _("JINBIAO_DATABASE_URL must start with sqlite: or postgresql:, not %(given)s"),
            given=url.drivername,
        )
    return url


def _engine(url: sa.URL) -> Engine:
    if url.drivername != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=16, max_overflow=16)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=16, max_overflow=16
    )

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `_begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an acknowledged write is on the disk even when the power fails.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("jinbiao_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
