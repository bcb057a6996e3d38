"""Keep exports: a frozen version written in one format, file by file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit
from .db import Base, Id, Path500, insert_many, now
from .people import User
from .versions import Version, lock_version

BATCH = 1000  # files that are written down at once


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file of an export: its path in the release tree, and the object that holds it."""

    path: str
    digest: str
    size: int


class Export(Base):
    """A version in one format; there is at most one of each."""

    __tablename__ = "exports"
    __table_args__ = (sa.UniqueConstraint("version_id", "format"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("versions.id"))
    format: Mapped[str] = mapped_column(sa.String(40))
    records: Mapped[int]
    regions: Mapped[int]
    size: Mapped[int] = mapped_column(Id)
    # The export's own manifest: counts, and sha256 and size of each file.
    manifest_digest: Mapped[str] = mapped_column(sa.String(64))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class ExportFile(Base):
    """One file of an export."""

    __tablename__ = "export_files"

    export_id: Mapped[int] = mapped_column(
        sa.ForeignKey("exports.id"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Path500, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int] = mapped_column(Id)


def find(session: Session, version_id: int, format_name: str) -> Export | None:
    """Return the export of a version in a format."""
    return session.scalar(
        sa.select(Export).where(Export.version_id == version_id, Export.format == format_name)
    )


def of_version(session: Session, version: Version) -> list[Export]:
    """List the exports of a version by format."""
    return list(
        session.scalars(
            sa.select(Export).where(Export.version_id == version.id).order_by(Export.format)
        )
    )


def files(session: Session, export: Export) -> list[WrittenFile]:
    """List an export's files by path."""
    rows = session.execute(
        sa.select(ExportFile.path, ExportFile.digest, ExportFile.size)
        .where(ExportFile.export_id == export.id)
        .order_by(ExportFile.path)
    )
    return [WrittenFile(*row) for row in rows]


def add(
    session: Session,
    actor: User,
    version_id: int,
    format_name: str,
    written: Iterable[WrittenFile],
    *,
    records: int,
    regions: int,
    manifest_digest: str,
) -> Export:
    """Write down a complete export; nobody sees it before.

    Where another job was faster, its export is returned: there is one of each format.
    """
    lock_version(session, version_id)
    there = find(session, version_id, format_name)
    if there is not None:
        return there
    export = Export(
        version_id=version_id,
        format=format_name,
        records=records,
        regions=regions,
        size=0,
        manifest_digest=manifest_digest,
        created_by=actor.id,
    )
    session.add(export)
    session.flush()
    # A version may have millions of files: they are written as they come.
    left = iter(written)
    while batch := list(islice(left, BATCH)):
        export.size += sum(file.size for file in batch)
        rows = [
            {"export_id": export.id, "path": f.path, "digest": f.digest, "size": f.size}
            for f in batch
        ]
        insert_many(session, ExportFile, rows)
    session.flush()
    audit.record(
        session,
        actor,
        "version.export",
        f"version/{version_id}",
        format=format_name,
        manifest=manifest_digest,
    )
    return export
