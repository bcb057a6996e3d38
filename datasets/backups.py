"""Back an installation up into one file and restore it, from and to either database.

The file is a TAR: `backup.json` (schema revision, counts), `tables/<name>.jsonl` (a JSON
list a row, in primary-key order), `objects/<sha256>`. Written and read at constant memory.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa

from . import audit, errors, migrations
from .errors import _
from .installation import Installation

FORMAT = 1
BATCH = 1000
# Signed-in browsers do not belong in a copy that may lie around; processes cannot be copied.
LEFT_OUT = frozenset({"web_sessions", "workers"})

Progress = Callable[[int, int | None], None]


def backup(installation: Installation, target: Path, show: Progress) -> dict[str, int]:
    """Write everything into `target`, whole or not at all; return the counts.

    The tables are one consistent snapshot. Objects are immutable, so those that the tables
    name are there.

    Raises:
        errors.Invalid: the target exists or cannot be written.
        errors.Unavailable: the database is not at this program's revision.
    """
    migrations.check(installation.database)
    if target.exists():
        raise errors.Invalid(_("%(path)s exists already"), path=str(target))
    draft = target.with_name(f"{target.name}.unfinished")
    try:
        # It holds password digests: for its owner's eyes only.
        draft.unlink(missing_ok=True)
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as out, tarfile.open(fileobj=out, mode="w") as archive:
            counts = _write_tables(installation, archive)
            digests = sorted(installation.store.digests())
            for number, digest in enumerate(digests, 1):
                size = installation.store.size(digest)
                with installation.store.open(digest) as stream:
                    archive.addfile(_entry(f"objects/{digest}", size or 0), stream)
                show(number, len(digests))
            counts["objects"] = len(digests)
            about = {
                "format": FORMAT,
                "revision": migrations.current(installation.database),
                "counts": counts,
            }
            content = msgspec.json.encode(about)
            archive.addfile(_entry("backup.json", len(content)), io.BytesIO(content))
        draft.rename(target)
    except OSError as problem:
        raise errors.Invalid(
            _("%(path)s cannot be written: %(reason)s"),
            path=str(target),
            reason=problem.strerror or str(problem),
        ) from problem
    finally:
        draft.unlink(missing_ok=True)
    return counts


def restore(installation: Installation, source: Path, show: Progress) -> dict[str, int]:
    """Fill an empty installation from a backup; return the counts.

    Raises:
        errors.Refused: the database is not empty.
        errors.Invalid: the file is not a backup of this program's schema.
        errors.Damaged: an object's bytes do not match its digest, or the audit chain of
            the restored tables does not hold.
    """
    if not migrations.is_empty(installation.database):
        raise errors.Refused(_("the database is not empty: restore into a new one"))
    try:
        with tarfile.open(source, "r") as archive:
            about = _about(archive)
            if not migrations.knows(about["revision"]):
                raise errors.Invalid(
                    _("the backup is of a newer program (revision %(revision)s)"),
                    revision=str(about["revision"])[:20],
                )
            migrations.upgrade(installation.database, about["revision"])
            _read_tables(installation, archive)
            _read_objects(installation, archive, about["counts"]["objects"], show)
    except (tarfile.TarError, KeyError, msgspec.DecodeError, OSError) as problem:
        raise errors.Invalid(
            _("%(path)s is not a backup: %(reason)s"), path=str(source), reason=str(problem)
        ) from problem
    migrations.upgrade(installation.database)
    with installation.database.read() as session:
        verdict = audit.verify(session)
    if verdict.fault is not None:
        raise errors.Damaged(_("the audit chain is broken: %(fault)s"), fault=verdict.fault)
    return dict(about["counts"])


def _write_tables(installation: Installation, archive: tarfile.TarFile) -> dict[str, int]:
    counts = {}
    with installation.database.engine.connect() as connection:
        if not installation.database.is_sqlite:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        for table in migrations.METADATA.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            with tempfile.TemporaryFile() as lines:
                counts[table.name] = _write_table(connection, table, lines)
                size = lines.tell()
                lines.seek(0)
                archive.addfile(_entry(f"tables/{table.name}.jsonl", size), lines)
    return counts


def _write_table(connection: sa.Connection, table: sa.Table, out: BinaryIO) -> int:
    names = [str(column.name) for column in table.columns]
    out.write(msgspec.json.encode(names) + b"\n")
    rows = connection.execution_options(yield_per=BATCH).execute(
        sa.select(table).order_by(*table.primary_key.columns)
    )
    written = 0
    for row in rows:
        out.write(msgspec.json.encode(list(row)) + b"\n")
        written += 1
    return written


def _read_tables(installation: Installation, archive: tarfile.TarFile) -> None:
    # The tables as they were then, whatever this program has made of them since.
    tables = sa.MetaData()
    tables.reflect(installation.database.engine)
    with installation.database.write() as session:
        session.execute(sa.delete(audit.AuditHead))
        for table in tables.sorted_tables:
            if table.name in LEFT_OUT or table.name == migrations.REVISION_TABLE:
                continue
            lines = archive.extractfile(f"tables/{table.name}.jsonl")
            if lines is None:
                raise KeyError(table.name)
            names = msgspec.json.decode(lines.readline())
            batch: list[dict[str, Any]] = []
            for line in lines:
                batch.append(_row(table, names, msgspec.json.decode(line)))
                if len(batch) == BATCH:
                    session.execute(sa.insert(table), batch)
                    batch = []
            if batch:
                session.execute(sa.insert(table), batch)
            _set_sequence(session, table)


def _row(table: sa.Table, names: list[str], values: list[Any]) -> dict[str, Any]:
    row = dict(zip(names, values, strict=True))
    for name, value in row.items():
        if isinstance(value, str) and table.c[name].type.python_type is dt.datetime:
            row[name] = dt.datetime.fromisoformat(value).astimezone(dt.UTC).replace(tzinfo=None)
        elif isinstance(value, str) and table.c[name].type.python_type is dt.date:
            row[name] = dt.date.fromisoformat(value)
    return row


def _set_sequence(session: sa.orm.Session, table: sa.Table) -> None:
    """Let PostgreSQL go on counting after the highest id; SQLite does so by itself."""
    column = table.autoincrement_column
    if session.get_bind().dialect.name != "postgresql" or column is None:
        return
    highest = session.scalar(sa.select(sa.func.max(column)))
    if highest is not None:
        name = sa.func.pg_get_serial_sequence(table.name, column.name)
        session.execute(sa.select(sa.func.setval(name, highest)))


def _read_objects(
    installation: Installation, archive: tarfile.TarFile, total: int, show: Progress
) -> None:
    number = 0
    for entry in archive:
        if not entry.name.startswith("objects/"):
            continue
        stream = archive.extractfile(entry)
        if stream is None:
            raise KeyError(entry.name)
        stored = installation.store.put(stream)  # type: ignore[arg-type]
        if stored.digest != entry.name.removeprefix("objects/"):
            raise errors.Damaged(_("%(name)s does not match its digest"), name=entry.name)
        number += 1
        show(number, total)
    if number != total:
        raise errors.Damaged(
            _("the backup holds %(found)s of %(total)s objects"), found=number, total=total
        )


def _about(archive: tarfile.TarFile) -> dict[str, Any]:
    stream = archive.extractfile("backup.json")
    about = msgspec.json.decode(stream.read() if stream is not None else b"")
    if about["format"] != FORMAT:
        raise KeyError("format")
    return dict(about)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry
