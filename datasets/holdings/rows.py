"""Hold how much each organisation stores, what may go, and what has gone."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class StorageUsage(Base):
    """How many bytes an organisation stores: counted at night, and taken since."""

    __tablename__ = "storage_usage"

    organisation_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisations.id"), primary_key=True, autoincrement=False
    )
    # Bytes that it may store; None: what the installation's setting says.
    quota: Mapped[int | None] = mapped_column(Id)
    counted: Mapped[int] = mapped_column(Id, default=0)
    taken: Mapped[int] = mapped_column(Id, default=0)
    counted_at: Mapped[dt.datetime | None]

    @property
    def used(self) -> int:
        """Return how many bytes it stores as far as is known."""
        return self.counted + self.taken


class StorageCount(Base):
    """A part of what an organisation stores: of one kind, or of one library or project."""

    __tablename__ = "storage_counts"
    __table_args__ = (
        sa.Index("ix_storage_counts_organisation", "organisation_id", "kind", "size"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    # originals, cleaned, labelling …; of a part by thing `subject`.
    kind: Mapped[str] = mapped_column(sa.String(20))
    # Such as library/3; of a part by kind None.
    subject: Mapped[str | None] = mapped_column(sa.String(40))
    objects: Mapped[int] = mapped_column(Id)
    size: Mapped[int] = mapped_column(Id)


class UnusedObject(Base):
    """Stored bytes that no table referred to when it was looked last, and since when."""

    __tablename__ = "unused_objects"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int] = mapped_column(Id)
    since: Mapped[dt.datetime] = mapped_column(default=now)


class DeletionReport(Base):
    """What one look for things to delete found, and deleted unless it was dry."""

    __tablename__ = "deletion_reports"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    is_dry: Mapped[bool]
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    began_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    ended_at: Mapped[dt.datetime | None]
    objects: Mapped[int] = mapped_column(Id, default=0)
    assets: Mapped[int] = mapped_column(Id, default=0)
    size: Mapped[int] = mapped_column(Id, default=0)


class DeletionLine(Base):
    """One thing that a report tells of: stored bytes, or an asset of a library."""

    __tablename__ = "deletion_lines"
    __table_args__ = (
        sa.Index("ix_deletion_lines_report", "report_id", "id"),
        sa.Index("ix_deletion_lines_digest", "digest", "report_id"),
        sa.Index("ix_deletion_lines_organisation", "organisation_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    report_id: Mapped[int] = mapped_column(sa.ForeignKey("deletion_reports.id"))
    # "object" or "asset".
    kind: Mapped[str] = mapped_column(sa.String(10))
    digest: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int] = mapped_column(Id)
    # Why: "unused" (nothing refers to it) or "retention" (its library keeps it no longer).
    reason: Mapped[str] = mapped_column(sa.String(20))
    # Since when nothing referred to it; of an asset, when it came.
    since: Mapped[dt.datetime]
    # Of an asset: whose it was.
    organisation_id: Mapped[int | None] = mapped_column(Id)
    library_id: Mapped[int | None] = mapped_column(Id)
    at: Mapped[dt.datetime] = mapped_column(default=now)
