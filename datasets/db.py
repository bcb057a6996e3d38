"""Open the database: SQLite in WAL mode or PostgreSQL, one set of queries."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session

from . import bulk, errors
from .errors import _

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# A connection that rested longer is asked whether it still stands before it is used again.
RESTED = 5.0  # seconds
MANY = 50  # rows from which on PostgreSQL takes a stream rather than statements
PREPARED = 300  # statements that one connection keeps prepared
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


def count_anew(session: Session, table: type[Base]) -> None:
    """Have the database look again at how much a table holds, after much was written at once.

    PostgreSQL would go on planning for the few rows that it last saw, and may then join two
    hundred thousand with two hundred thousand row by row; SQLite plans by the indexes.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text(f'ANALYZE "{table.__tablename__}"'))


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, leaving out those whose key is there; return how many were inserted.

    Where another transaction is about to insert the same key, its end is awaited. Rows in
    key order keep two callers from waiting for each other. All rows have the same keys.
    """
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into = Base.metadata.tables[table.__tablename__]
    insert = sqlite.insert(into) if on_sqlite else postgresql.insert(into)
    return bulk.insert(session, into, insert.on_conflict_do_nothing(), rows)


def insert_many(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    common: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows of the same keys by the driver's fastest way.

    `common` has what is the same in all rows. Defaults of the model do not apply.
    """
    into = Base.metadata.tables[table.__tablename__]
    if len(rows) < MANY or session.get_bind().dialect.name == "sqlite":
        bulk.insert(session, into, into.insert(), rows, common)
    else:
        bulk.copy(session, into, rows, common)


def insert_columns(session: Session, table: type[Base], columns: bulk.Columns) -> None:
    """Insert rows that are given as columns of the same length; as `insert_many` otherwise."""
    into = Base.metadata.tables[table.__tablename__]
    if session.get_bind().dialect.name == "sqlite":
        bulk.insert_columns(session, into, into.insert(), columns)
    else:
        bulk.copy_columns(session, into, columns)


class WriteTurn:
    """Let the writers of one SQLite file follow one another fairly, also across processes.

    Left alone, SQLite's writers try again after pauses of up to 100 ms, and who has just
    written tends to win. This is a courtesy, not a lock to rely on: SQLite's own keeps the
    data right, and whoever has waited `PATIENCE` seconds goes on without a turn.
    """

    PATIENCE = 30.0
    PAUSE = 0.0003  # seconds; a transaction takes one or two thousandths
    _GATE, _DOOR = 0, 1

    def __init__(self, path: Path) -> None:
        """Take turns by locks on a file of that path; it is made when it is needed."""
        self._path = path
        self._file: int | None = None
        self._threads = threading.Lock()
        self._mine = threading.local()

    def enter(self) -> None:
        """Wait for this thread's turn."""
        if getattr(self._mine, "entered", False):
            return
        end = time.monotonic() + self.PATIENCE
        if not self._threads.acquire(timeout=self.PATIENCE):
            return
        self._mine.entered = True
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Who waits at the door keeps the gate, so that the last writer cannot pass it by.
        if self._lock(self._GATE, end):
            self._lock(self._DOOR, end)
            self._unlock(self._GATE)

    def leave(self) -> None:
        """Let the next one in, if this thread has its turn."""
        if getattr(self._mine, "entered", False):
            self._mine.entered = False
            self._unlock(self._DOOR)
            self._threads.release()

    def close(self) -> None:
        """Give the file back."""
        with self._threads:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _lock(self, place: int, end: float) -> bool:
        while self._file is not None:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                return True
            except (BlockingIOError, PermissionError):
                if time.monotonic() > end:
                    return False
                time.sleep(self.PAUSE)
        return False

    def _unlock(self, place: int) -> None:
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)


class Database:
    """One engine and the two ways to use it: `read()` and `write()`."""

    def __init__(self, url: str) -> None:
        """Prepare an engine for the URL; nothing is opened yet.

        Raises:
            errors.Invalid: the URL is not one of SQLite or PostgreSQL (psycopg 3).
        """
        self.url = _usable_url(url)
        self.turn = _turn(self.url)
        self.engine: Engine = _engine(self.url, self.turn)
        self._writing = self.engine.execution_options(jinbiao_writes=True)
        self._glancing = _without_transactions(self.engine)

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
    def glance(self) -> Iterator[Session]:
        """Give a session for one or two reads that need not see the same moment.

        What PostgreSQL sees in `read` differs from statement to statement as well; here it is
        spared the round trips that begin and end a transaction. Nothing is ever changed in it.
        """
        with Session(self._glancing, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def moment(self) -> Iterator[Session]:
        """Give a session that sees one moment only, however long it reads.

        SQLite's readers always do; PostgreSQL must be asked to.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            if not self.is_sqlite:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session in one transaction: committed at the end, or rolled back whole.

        SQLite takes its write lock at the start (BEGIN IMMEDIATE), so that a transaction
        that read first never fails half-way with "database is locked".

        Raises:
            errors.NotFound: what a new row belongs to was deleted at the same moment.
            errors.Refused: what is to be deleted was given something at the same moment.
        """
        try:
            with Session(self._writing, expire_on_commit=False) as session, session.begin():
                yield session
        except sa.exc.IntegrityError as problem:
            met = _met(problem)
            if met is None:
                raise
            raise met from problem
        finally:
            if self.turn is not None:
                self.turn.leave()

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
        if self.turn is not None:
            self.turn.close()


def is_out_of_range(problem: Exception) -> bool:
    """Tell whether a number is larger than the column that it is for, or compared with, holds.

    PostgreSQL says so; SQLite compares and keeps any whole number of 64 bits.
    """
    return (
        isinstance(problem, sa.exc.DataError) and getattr(problem.orig, "sqlstate", "") == "22003"
    )


def _met(problem: sa.exc.IntegrityError) -> errors.JinbiaoError | None:
    """Return what to say where another transaction deleted what this one refers to, or the
    other way about; None for what two transactions alone cannot bring about.

    Only PostgreSQL has two writers: on SQLite a broken reference is a fault of ours.
    """
    if getattr(problem.orig, "sqlstate", None) != "23503":
        return None
    if str(problem.orig).startswith("insert"):
        return errors.NotFound(_("what this belongs to was deleted at the same moment"))
    return errors.Refused(
        _("what you delete was used by somebody at the same moment: please try again")
    )


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


def _turn(url: sa.URL) -> WriteTurn | None:
    if url.drivername != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return WriteTurn(Path(f"{url.database}-turn"))


def _without_transactions(engine: Engine) -> Engine:
    """Return the engine whose every statement stands alone, where that spares round trips."""
    if engine.dialect.name == "sqlite":
        # Its transactions cost no round trip, and `_begin` below minds them.
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _postgresql_engine(url: sa.URL) -> Engine:
    """Return an engine that notices lost connections without asking each time it takes one.

    The one used last is taken first: its process has the statements prepared, and its memory
    is still warm. What the server or the network closed can be seen at the socket, which has
    something to read then; whatever rested longer is asked, for a network may lose it silently.
    """
    engine = sa.create_engine(url, pool_use_lifo=True, pool_size=16, max_overflow=16)

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # More than the driver's hundred, so that lists of any length do not push out, at the
        # price of a round trip each, what is asked with every task.
        connection.prepared_max = PREPARED

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: Any) -> None:
        record.info["rests since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _stands(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("rests since")
        if since is None:
            return
        if time.monotonic() - since < RESTED and not _has_something_to_read(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as problem:
            raise sa.exc.InvalidatePoolError from problem

    return engine


def _has_something_to_read(connection: Any) -> bool:
    """Tell whether a resting connection was closed from afar, or is told something."""
    if connection.closed:
        return True
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))


def _engine(url: sa.URL, turn: WriteTurn | None) -> Engine:
    if url.drivername != "sqlite":
        return _postgresql_engine(url)
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
        # Imports write the same pages again and again: put them in their place less often.
        cursor.execute("PRAGMA wal_autocheckpoint=4000")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("jinbiao_writes")
        if writes and turn is not None:
            turn.enter()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
