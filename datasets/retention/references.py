"""Gather every reference to stored bytes that any table makes, outside the process's memory."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import Base, Database
from ..scratch import ScratchTables
from ..storage import ListedObject
from ..tasks import MEDIA_PREFIX
from .away import away

BATCH = 2000
# Long runs of hexadecimal digits are no names of objects.
_LONGEST_RUN = 200
_RUN = re.compile(r"[0-9a-f]{64,}")
# Facts about bytes, and what is told of bytes that may be gone, hold nobody to them.
_SAYS_NOTHING = frozenset(
    {
        "audit_events",
        "deletion_lines",
        "feed_objects",
        "media",
        "media_references",
        "object_checksums",
        "object_crcs",
        "unused_objects",
        "withheld_media",
    }
)
# What each table's references are for; others are of kind "other".
KINDS = {
    "assets": "originals",
    "cleaned_records": "cleaned",
    "tasks": "labelling",
    "file_uploads": "uploads",
    "transfers": "uploads",
    "jobs": "jobs",
    "versions": "versions",
    "version_records": "versions",
    "exports": "versions",
    "export_files": "versions",
    "releases": "published",
    "release_files": "published",
    "snapshots": "versions",
    "trained_models": "models",
    "project_models": "models",
    "guideline_versions": "labelling",
}
# Tables whose texts are put together here.
_WRITTEN_BY_US = frozenset(KINDS) - {"assets", "cleaned_records", "tasks", "guideline_versions"}
_TABLES = """
CREATE TABLE refs (digest TEXT, organisation INTEGER, kind TEXT, subject TEXT,
    PRIMARY KEY (digest, organisation, kind, subject)) WITHOUT ROWID;
CREATE TABLE displays (digest TEXT PRIMARY KEY, display TEXT) WITHOUT ROWID;
CREATE TABLE away (digest TEXT, subject TEXT, PRIMARY KEY (digest, subject)) WITHOUT ROWID;
CREATE TABLE objects (digest TEXT PRIMARY KEY, size INTEGER, put_at REAL) WITHOUT ROWID;
"""
# What somebody only refers to is counted for those who stored it, not for them.
_HELD = (
    "NOT (kind IN ('originals', 'labelling') AND EXISTS (SELECT 1 FROM away"
    " WHERE away.digest = refs.digest AND away.subject = refs.subject))"
)
Beat = Callable[[], None]


class References(ScratchTables):
    """What refers to which stored bytes, and which bytes there are."""

    def __init__(self) -> None:
        """Begin with empty tables."""
        super().__init__(_TABLES)

    def gather(
        self, database: Database, finished: dt.datetime, forgotten: dt.datetime, beat: Beat
    ) -> None:
        """Read every text of every table and note each digest in it, with who holds it.

        What a job was given is not looked at once it was done before `finished`; nor are the
        tasks and uploads of projects that were deleted before `forgotten`.
        """
        with database.read() as session:
            homes = _Homes(session.connection(), forgotten)
            for table in Base.metadata.sorted_tables:
                if table.name in _SAYS_NOTHING:
                    continue
                for batch in _rows(session.connection(), table):
                    self.add(_references(table, batch, homes, finished))
                    beat()
            self._add_displays(session.connection())
            self._add_away(session)

    def add(self, rows: Iterable[tuple[str, int, str, str]]) -> None:
        """Note (digest, organisation or 0, kind, thing or "")."""
        self.tables.executemany("INSERT OR IGNORE INTO refs VALUES (?,?,?,?)", rows)

    def list_objects(self, listing: Iterable[ListedObject], beat: Beat) -> None:
        """Note which bytes there are."""
        rows = ((each.digest, each.size, each.put_at.timestamp()) for each in listing)
        while batch := [row for _number, row in zip(range(BATCH), rows, strict=False)]:
            self.tables.executemany("INSERT OR REPLACE INTO objects VALUES (?,?,?)", batch)
            beat()

    def unused(self) -> Iterator[tuple[str, int, float]]:
        """List (digest, size, put at) of bytes that nothing refers to, by digest."""
        return iter(
            self.tables.execute(
                "SELECT digest, size, put_at FROM objects WHERE NOT EXISTS"
                " (SELECT 1 FROM refs WHERE refs.digest = objects.digest) ORDER BY digest"
            )
        )

    def used(self, names: Iterable[str]) -> list[str]:
        """List those of these bytes that something refers to, or that are not there."""
        marks = self.tables.execute(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT digest FROM objects)"
            " OR value IN (SELECT digest FROM refs)",
            (json.dumps(list(names)),),
        )
        return [str(row[0]) for row in marks]

    def needed(self, names: Iterable[str]) -> set[str]:
        """Return those of these bytes that something refers to, whether they are here or not."""
        found = self.tables.execute(
            "SELECT value FROM json_each(?) WHERE value IN (SELECT digest FROM refs)",
            (json.dumps(list(names)),),
        )
        return {str(row[0]) for row in found}

    def sums(self) -> dict[int, list[tuple[str, str | None, int, int]]]:
        """Return organisation → (kind, thing or None, objects, bytes).

        Of an organisation each object counts once, under the first kind by the order of KINDS.
        """
        order = {kind: place for place, kind in enumerate(dict.fromkeys(KINDS.values()))}
        self.tables.create_function("place", 1, lambda kind: order.get(kind, len(order)))
        self.tables.create_function(
            "named", 1, lambda place: dict(enumerate(order)).get(place, "other")
        )
        found: dict[int, list[tuple[str, str | None, int, int]]] = {}
        by_kind = (
            "SELECT organisation, named(first), count(*), sum(size) FROM (SELECT organisation,"
            f" digest, min(place(kind)) AS first FROM refs WHERE organisation > 0 AND {_HELD}"
            " GROUP BY organisation, digest) JOIN objects USING (digest) GROUP BY organisation,"
            " first"
        )
        for home, kind, number, size in self.tables.execute(by_kind):
            found.setdefault(home, []).append((kind, None, number, size))
        by_thing = (
            "SELECT organisation, subject, count(*), sum(size) FROM (SELECT DISTINCT organisation,"
            f" subject, digest FROM refs WHERE organisation > 0 AND subject <> '' AND {_HELD})"
            " JOIN objects USING (digest) GROUP BY organisation, subject"
        )
        for home, subject, number, size in self.tables.execute(by_thing):
            kind = subject.partition("/")[0]
            found.setdefault(home, []).append((kind, subject, number, size))
        return found

    def _add_displays(self, connection: sa.Connection) -> None:
        """What is shown instead of an object that is held is held as well."""
        media = Base.metadata.tables["media"]
        query = sa.select(media.c.digest, media.c.display_digest).where(
            media.c.display_digest.is_not(None)
        )
        rows = (tuple(row) for row in connection.execution_options(yield_per=BATCH).execute(query))
        self.tables.executemany("INSERT OR IGNORE INTO displays VALUES (?,?)", rows)
        self.tables.execute(
            "INSERT OR IGNORE INTO refs SELECT display, organisation, kind, subject FROM displays"
            " JOIN refs USING (digest)"
        )

    def _add_away(self, session: Session) -> None:
        """Note which things hold bytes only as what a feed refers to."""
        for rows in away(session):
            self.tables.executemany("INSERT OR IGNORE INTO away VALUES (?,?)", rows)


class _Homes:
    """Whose the rows of tables are: organisation by project, library, version …"""

    def __init__(self, connection: sa.Connection, forgotten: dt.datetime) -> None:
        def pairs(query: str) -> dict[int, int]:
            return {int(key): int(home) for key, home in connection.execute(sa.text(query))}

        projects = pairs("SELECT id, organisation_id FROM projects")
        libraries = pairs("SELECT id, organisation_id FROM libraries")
        of_project = "SELECT t.id, p.organisation_id FROM {} t JOIN projects p ON p.id ="
        versions = pairs(of_project.format("versions") + " t.project_id")
        self.by_column: dict[str, Mapping[int, int]] = {
            "project_id": projects,
            "library_id": libraries,
            "version_id": versions,
            "cleaning_id": pairs(
                "SELECT c.id, l.organisation_id FROM cleanings c"
                " JOIN libraries l ON l.id = c.library_id"
            ),
            "export_id": pairs(
                "SELECT e.id, p.organisation_id FROM exports e JOIN versions v ON"
                " v.id = e.version_id JOIN projects p ON p.id = v.project_id"
            ),
            "release_id": pairs(
                "SELECT r.id, p.organisation_id FROM releases r JOIN versions v ON"
                " v.id = r.version_id JOIN projects p ON p.id = v.project_id"
            ),
        }
        table = Base.metadata.tables["projects"]
        gone = sa.select(table.c.id).where(table.c.deleted_at < forgotten)
        self.forgotten = set(connection.scalars(gone))
        cleanings = sa.text("SELECT id, library_id FROM cleanings")
        self.library_of = {key: library for key, library in connection.execute(cleanings)}

    def of(self, row: Mapping[str, Any]) -> tuple[int, str]:
        """Return the organisation of a row, 0 where none can be told, and its thing or ""."""
        subject = ""
        if row.get("project_id"):
            subject = f"project/{row['project_id']}"
        elif row.get("library_id"):
            subject = f"library/{row['library_id']}"
        elif row.get("cleaning_id") in self.library_of:
            subject = f"library/{self.library_of[row['cleaning_id']]}"
        if row.get("organisation_id"):
            return int(row["organisation_id"]), subject
        for column, homes in self.by_column.items():
            if row.get(column) in homes:
                return homes[row[column]], subject
        return 0, subject


def _references(
    table: sa.Table, batch: Iterable[Mapping[str, Any]], homes: _Homes, finished: dt.datetime
) -> Iterator[tuple[str, int, str, str]]:
    kind = KINDS.get(table.name, "other")
    for row in batch:
        if table.name in ("tasks", "file_uploads") and row["project_id"] in homes.forgotten:
            continue
        given = _given_up(row, finished) if table.name == "jobs" else ()
        home, subject = None, ""
        for name, value in row.items():
            if not isinstance(value, str) or len(value) < 64 or name in given:
                continue
            for digest in digests(value):
                if home is None:
                    home, subject = homes.of(row)
                if _is_ours(table, name, value, digest):
                    yield digest, home, kind, subject
                else:
                    # Held, but counted for nobody: who wrote it may only have guessed the name,
                    # and would see by the sum that somebody stores these bytes.
                    yield digest, 0, kind, ""


def _is_ours(table: sa.Table, name: str, value: str, digest: str) -> bool:
    """Tell whether we wrote the name of an object there, and not somebody in a text of theirs."""
    if table.name in _WRITTEN_BY_US:
        return True
    is_name = getattr(table.columns[name].type, "length", None) == len(digest)
    # Nobody brings a task with such a mark but for bytes that are their own.
    return is_name or (table.name == "tasks" and f"{MEDIA_PREFIX}{digest}" in value)


def digests(text: str) -> Iterator[str]:
    """Find everything in a text that may be the name of an object; rather too much."""
    for run in _RUN.findall(text):
        if len(run) <= _LONGEST_RUN:
            for start in range(len(run) - 63):
                yield run[start : start + 64]


def _given_up(row: Mapping[str, Any], finished: dt.datetime) -> tuple[str, ...]:
    """Name what nobody needs of a job that is done; one that failed may run again."""
    is_over = row["state"] == "done" and row["ended_at"] is not None
    return ("request", "checkpoint") if is_over and row["ended_at"] < finished else ()


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    """Stream the rows of a table with those columns that can hold a digest or say whose it is."""
    texts = [column for column in table.columns if _may_name(column)]
    if not texts:
        return
    wanted = [
        column
        for column in table.columns
        if column in texts or str(column.name).endswith("_id") or column.name in ("ended_at",)
    ]
    found = connection.execution_options(yield_per=BATCH).execute(sa.select(*wanted))
    for rows in found.partitions():
        yield [row._mapping for row in rows]


def _may_name(column: sa.Column[Any]) -> bool:
    length = getattr(column.type, "length", None)
    is_text = isinstance(column.type, sa.String) or column.name == "state"
    return is_text and (length is None or length >= 64 or column.name == "state")
