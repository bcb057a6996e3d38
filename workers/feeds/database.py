"""Read the rows of one SELECT for feeds: nothing can be written there, and no file is read."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import hashlib
import math
import sqlite3
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import psycopg
import sqlalchemy as sa

from ...datasets import errors, feeds, outside
from ...datasets.connections.stores import LOCAL_SETTING
from ...datasets.errors import _
from ...datasets.feeds import Feed
from ...datasets.settings import Settings
from .contract import Fetched, Found

ROWS_AT_ONCE = 500
CONNECT_SECONDS = 10
MOST_ADDRESSES = 3  # of a host, tried one after another
NO_FILE = "/dev/null/none"  # can never be there
LONGEST_VALUE = 16 * 1024**2  # bytes of one value, or of a row of SQLite
LONGEST_KEY = 500  # characters
# What a statement may do in SQLite: read tables and call plain functions, nothing else.
_READS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)
# Functions that tell where things lie in this process's memory, or bring code into it.
_REFUSED = frozenset({"fts3_tokenizer", "load_extension"})
_STEPS = 10_000  # of SQLite's machine between two looks at the clock


class DatabaseWay:
    """One query over a database outside, or over a file of SQLite that the operator allows."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; nothing is opened yet.

        Raises:
            errors.Invalid: the address or the query cannot be used.
        """
        given = feed.option_values
        self._settings = settings
        self._url = feeds.database_url(given["url"])
        self._password = feeds.secrets_of(settings, feed).get("password", "")
        self._query = feeds.check_query(given["query"])
        self._key: str = given["key_column"]
        self._most: int = given["most_rows"]
        self._seconds: int = given["seconds"]
        if self._url.drivername == "sqlite":
            _allowed_file(settings, self._url)
        else:
            host, port = str(self._url.host), self._url.port or 5432
            try:
                outside.reachable(settings.outside_allowed, host, port)
            except errors.NotFound:
                pass  # Asked again when it is connected to.

    def check(self) -> None:
        """Raise errors.Refused or Invalid unless the query gives rows with the key."""
        with closing(self._rows(1)) as rows:
            next(rows, None)

    def found(self) -> Generator[Found, None, None]:
        """Give the rows, each with the digest of its values as its form.

        Raises:
            errors.TooLarge: there are more rows than the feed takes.
        """
        with closing(self._rows(self._most + 1)) as rows:
            for number, row in enumerate(rows, 1):
                if number > self._most:
                    raise errors.TooLarge(
                        _("the query gives more than %(most)s rows"), most=self._most
                    )
                key = row[self._key]
                text = "" if key is None else str(key)
                content = msgspec.json.encode(row, order="sorted")
                yield Found(text[:LONGEST_KEY], hashlib.sha256(content).hexdigest(), text, {}, row)

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Write the row as a JSON line."""
        out.write(msgspec.json.encode(found.row) + b"\n")
        return Fetched("rows.jsonl")

    def _rows(self, most: int) -> Generator[dict[str, Any], None, None]:
        """Give at most so many rows as plain values, at constant memory."""
        with self._using():
            opened = self._sqlite if self._url.drivername == "sqlite" else self._postgresql
            with opened() as (columns, take):
                if self._key not in columns:
                    raise errors.Invalid(
                        _("the query gives no column “%(name)s”; it gives: %(columns)s"),
                        place="key_column",
                        name=self._key[:100],
                        columns=", ".join(columns)[:300],
                    )
                given = 0
                while given < most and (rows := take(min(ROWS_AT_ONCE, most - given))):
                    given += len(rows)
                    for row in rows:
                        yield {
                            name: _plain(value) for name, value in zip(columns, row, strict=True)
                        }

    @contextmanager
    def _sqlite(self) -> Iterator[tuple[list[str], Callable[[int], list[Any]]]]:
        path = _allowed_file(self._settings, self._url)
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)
        try:
            # A file that somebody made may hold views that call more than they say.
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.set_authorizer(
                lambda act, _first, name, *_rest: (
                    sqlite3.SQLITE_OK
                    if act in _READS and str(name).lower() not in _REFUSED
                    else sqlite3.SQLITE_DENY
                )
            )
            end = time.monotonic() + self._seconds
            connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
            cursor = connection.execute(self._query)
            yield [each[0] for each in cursor.description or ()], cursor.fetchmany
        finally:
            connection.close()

    @contextmanager
    def _postgresql(self) -> Iterator[tuple[list[str], Callable[[int], list[Any]]]]:
        url, host = self._url, str(self._url.host)
        port = url.port or 5432
        allowed = self._settings.outside_allowed
        # Connected to is what was checked: the name is not looked up again.
        found = outside.reachable(allowed, host, port)[:MOST_ADDRESSES]
        connection = psycopg.connect(
            host=",".join([host] * len(found)),
            hostaddr=",".join(found),
            port=port,
            user=url.username or "postgres",
            # Given even where it is empty, and no file of this host instead.
            password=self._password,
            passfile=NO_FILE,
            sslcertmode="disable",
            gssencmode="disable",
            dbname=url.database or url.username or "postgres",
            connect_timeout=CONNECT_SECONDS,
            application_name="Jinbiao",
            **_encryption(str(url.query.get("sslmode", "prefer"))),
        )
        try:
            connection.read_only = True
            milliseconds = self._seconds * 1000
            connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            connection.execute(
                f"SET LOCAL idle_in_transaction_session_timeout = {24 * 3600 * 1000}"
            )
            with connection.cursor("jinbiao_feed") as cursor:
                # A cursor is declared for a SELECT only, and gives some rows at a time.
                cursor.execute(self._query.encode())
                yield [each.name for each in cursor.description or ()], cursor.fetchmany
        finally:
            connection.close()

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Say in our words what a database says; never the password."""
        try:
            yield
        except errors.NotFound as problem:
            raise errors.Refused(problem.message, **problem.values) from problem
        except (psycopg.Error, sqlite3.Error, sqlite3.Warning) as problem:
            if isinstance(problem, psycopg.errors.QueryCanceled) or str(problem) == "interrupted":
                raise errors.Refused(
                    _("the query took more than %(seconds)s seconds"), seconds=self._seconds
                ) from problem
            reason = (str(problem).splitlines() or [type(problem).__name__])[0]
            if self._password:
                reason = reason.replace(self._password, "…")
            raise errors.Refused(
                _("the database says: %(reason)s"), reason=reason[:300]
            ) from problem


def _encryption(mode: str) -> dict[str, Any]:
    """Return what the driver is told of encryption; who is verified is known to the system."""
    return {"sslmode": mode, **({"sslrootcert": "system"} if mode == "verify-full" else {})}


def _allowed_file(settings: Settings, url: sa.URL) -> Path:
    """Return the file of a SQLite database below a folder that the operator allows.

    Raises:
        errors.Invalid: it is not there, or not below one of them.
    """
    if not settings.local_files:
        raise errors.Invalid(
            _("the operator allows no folder: %(setting)s is not set"),
            place="url",
            setting=LOCAL_SETTING,
        )
    try:
        path = Path(str(url.database)).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        path = None
    # One answer for both: who asks must not learn what else is on this host.
    below = path is not None and any(path.is_relative_to(top) for top in settings.local_files)
    if path is None or not below or not path.is_file():
        raise errors.Invalid(
            _("there is no such file below the folders of %(setting)s"),
            place="url",
            setting=LOCAL_SETTING,
        )
    return path


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return str(value)
