"""Keep snapshots: which there are, and where their lines and conversions lie."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, permissions
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..projects import Project

LONGEST_TITLE = 200  # characters


class Snapshot(Base):
    """An export of what a project held at one moment; its lines are an object of the store."""

    __tablename__ = "snapshots"
    __table_args__ = (sa.Index("ix_snapshots_project", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    title: Mapped[str] = mapped_column(sa.String(200))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]
    # Lines as they are read here, and their MD5 as Label Studio tells it.
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    md5: Mapped[str | None] = mapped_column(sa.String(32))
    tasks: Mapped[int] = mapped_column(default=0)
    # JSON: format → digest of the converted file.
    converted: Mapped[str] = mapped_column(default="{}")

    @property
    def converted_files(self) -> dict[str, dict[str, Any]]:
        """Return format → the object that holds the conversion, and its size."""
        return dict(msgspec.json.decode(self.converted))


def add(session: Session, actor: User, project: Project, title: str) -> Snapshot:
    """Write down that a snapshot is being made."""
    permissions.require(actor, "annotation.export", project)
    row = Snapshot(project_id=project.id, title=title[:LONGEST_TITLE], created_by=actor.id)
    session.add(row)
    session.flush()
    audit.record(session, actor, "snapshot.create", f"snapshot/{row.id}", project=project.id)
    return row


def finish(session: Session, row: Snapshot, digest: str, md5: str, number: int) -> None:
    """Write down where a snapshot's lines are."""
    row.digest, row.md5, row.tasks, row.finished_at = digest, md5, number, now()
    session.flush()


def of_project(session: Session, project: Project) -> list[Snapshot]:
    """List a project's snapshots, newest first."""
    query = sa.select(Snapshot).where(Snapshot.project_id == project.id)
    return list(session.scalars(query.order_by(Snapshot.id.desc())))


def get(session: Session, project: Project, snapshot_id: int) -> Snapshot:
    """Return a project's snapshot.

    Raises:
        errors.NotFound: there is none of that number.
    """
    row = session.get(Snapshot, snapshot_id)
    if row is None or row.project_id != project.id:
        raise errors.NotFound(_("there is no export %(id)s"), id=snapshot_id)
    return row


def keep_converted(session: Session, row: Snapshot, name: str, digest: str, size: int) -> None:
    """Write down a conversion of a snapshot."""
    session.refresh(row, with_for_update=True)
    files = {**row.converted_files, name: {"digest": digest, "size": size}}
    row.converted = msgspec.json.encode(files).decode()


def remove(session: Session, actor: User, row: Snapshot) -> None:
    """Forget a snapshot."""
    session.delete(row)
    audit.record(session, actor, "snapshot.delete", f"snapshot/{row.id}")
