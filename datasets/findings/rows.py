"""Hold findings of personal information, never the value itself, and the scans that made them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class FindingState(StrEnum):
    """What became of a finding: nobody looked, is one, is none, or was treated."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    TREATED = "treated"


class Scan(Base):
    """One search for personal information over a project's tasks or a library's assets."""

    __tablename__ = "scans"
    __table_args__ = (
        sa.Index("ix_scans_project", "project_id", "id"),
        sa.Index("ix_scans_library", "library_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    project_id: Mapped[int | None] = mapped_column(sa.ForeignKey("projects.id"))
    library_id: Mapped[int | None] = mapped_column(sa.ForeignKey("libraries.id"))
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    # Name and version of the detectors, so that a newer one can ask to look again.
    detector: Mapped[str] = mapped_column(sa.String(60))
    # Everything up to this task or asset was looked at.
    last_id: Mapped[int] = mapped_column(Id, default=0)
    records: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    # Records that could not be looked at, for instance sound: they are not clean, but unseen.
    unseen: Mapped[int] = mapped_column(default=0)
    # What had changed shortly before it began, as `changes.stamp_of` writes it down.
    recent: Mapped[str | None] = mapped_column(deferred=True)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]


class UnseenRecord(Base):
    """A task or an asset of which something was not looked at; each stands here once at most."""

    __tablename__ = "unseen_records"
    __table_args__ = (
        sa.Index("ix_unseen_records_project", "project_id", "is_skipped", "task_id"),
        sa.Index("ix_unseen_records_library", "library_id", "is_skipped", "asset_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int | None] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("tasks.id", ondelete="CASCADE"), unique=True
    )
    library_id: Mapped[int | None] = mapped_column(sa.ForeignKey("libraries.id"))
    asset_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("assets.id", ondelete="CASCADE"), unique=True
    )
    # Pictures that could have been looked at, and were left out: the next scan of all does it.
    is_skipped: Mapped[bool]


class Finding(Base):
    """A place in a task or an asset that holds personal information, as far as is known."""

    __tablename__ = "findings"
    __table_args__ = (
        sa.Index("ix_findings_project", "project_id", "state", "id"),
        sa.Index("ix_findings_library", "library_id", "state", "id"),
        sa.Index("ix_findings_task", "task_id", "id"),
        sa.Index("ix_findings_asset", "asset_id", "id"),
        sa.Index("ix_findings_fingerprint", "organisation_id", "fingerprint"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    project_id: Mapped[int | None] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"))
    library_id: Mapped[int | None] = mapped_column(sa.ForeignKey("libraries.id"))
    asset_id: Mapped[int | None] = mapped_column(sa.ForeignKey("assets.id", ondelete="CASCADE"))
    # A row of pii_patterns.csv: id_card, mobile, bank_card, …, or face.
    kind: Mapped[str] = mapped_column(sa.String(30))
    # The data key (of a task), and the place in code points of the text …
    place: Mapped[str] = mapped_column(sa.String(200))
    start: Mapped[int | None]
    end: Mapped[int | None]
    # … or JSON {x, y, width, height} in pixels of the upright picture.
    region: Mapped[str | None]
    masked: Mapped[str] = mapped_column(sa.String(200))
    # Keyed hash of the normalised value: the same value is the same fingerprint, and no more.
    fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    confidence: Mapped[float]
    detector: Mapped[str] = mapped_column(sa.String(60))
    state: Mapped[str] = mapped_column(sa.String(10), default=FindingState.OPEN)
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    decided_at: Mapped[dt.datetime | None]
    note: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class WithheldMedium(Base):
    """Bytes that a project's picture had before it was treated: its people see them no more."""

    __tablename__ = "withheld_media"

    project_id: Mapped[int] = mapped_column(
        sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False
    )
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
