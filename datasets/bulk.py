"""Hand many rows to the database's driver at once: as statements, or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

Columns = Mapping[str, Sequence[Any]]


def insert(
    session: Session,
    into: sa.Table,
    statement: sa.Insert,
    rows: Sequence[Mapping[str, Any]],
    common: Mapping[str, Any] | None = None,
) -> int:
    """Hand rows to the driver itself and return how many were inserted."""
    return insert_columns(session, into, statement, _columns(rows, common)) if rows else 0


def insert_columns(
    session: Session, into: sa.Table, statement: sa.Insert, given_columns: Columns
) -> int:
    """Hand columns of the same length to the driver itself; return how many rows were inserted.

    SQLAlchemy's care for each of them takes as long again.
    """
    session.flush()
    connection = session.connection()
    names, columns = _driver_columns(into, given_columns, connection.dialect)
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    given: Any
    if compiled.positional:
        order = [names.index(name) for name in compiled.positiontup or ()]
        given = list(zip(*(columns[place] for place in order), strict=True))
    else:
        given = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    done = connection.exec_driver_sql(
        str(compiled), given, execution_options={"preserve_rowcount": True}
    )
    return done.rowcount


def copy(
    session: Session,
    into: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    common: Mapping[str, Any] | None,
) -> None:
    """Stream rows to PostgreSQL, which takes them faster than statements."""
    copy_columns(session, into, _columns(rows, common))


def copy_columns(session: Session, into: sa.Table, given_columns: Columns) -> None:
    """Stream columns of the same length to PostgreSQL."""
    session.flush()
    connection = session.connection()
    names, columns = _driver_columns(into, given_columns, connection.dialect)
    quote = connection.dialect.identifier_preparer
    listed = ", ".join(quote.quote(into.c[name].name) for name in names)
    command = f"COPY {quote.format_table(into)} ({listed}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(command) as copy:
            for values in zip(*columns, strict=True):
                copy.write_row(values)
    except driver.Error as problem:
        # As SQLAlchemy would say it: what callers know to catch.
        raise sa.exc.DBAPIError.instance(
            command, None, problem, connection.dialect.loaded_dbapi.Error
        ) from problem


def _columns(
    rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] | None
) -> dict[str, list[Any]]:
    """Return the columns that rows fill."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return columns | {name: [value] * len(rows) for name, value in (common or {}).items()}


def _driver_columns(
    into: sa.Table, given: Columns, dialect: Dialect
) -> tuple[list[str], list[Sequence[Any]]]:
    """Return the names of columns, and their values in the driver's form."""
    names, columns = list(given), list(given.values())
    for place, name in enumerate(names):
        prepare = into.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if prepare is not None:
            columns[place] = _prepared(columns[place], prepare)
    return names, columns


def _prepared(values: Sequence[Any], prepare: Callable[[Any], Any]) -> list[Any]:
    """Bring a column into the driver's form; neighbours are often the very same value."""
    found: list[Any] = []
    last: Any = None
    last_prepared: Any = prepare(None)
    for value in values:
        if value is not last:
            last, last_prepared = value, prepare(value)
        found.append(last_prepared)
    return found
