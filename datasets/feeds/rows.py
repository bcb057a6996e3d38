"""Hold where raw material comes from again and again, what was seen there, and each run."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .. import errors
from ..db import Base, Id, now


class FeedKind(StrEnum):
    """What kind of place a feed reads."""

    S3 = "s3"
    FOLDER = "folder"
    ADDRESSES = "addresses"
    DATABASE = "database"
    CKAN = "ckan"
    DCAT = "dcat"


class Keeps(StrEnum):
    """Whether what a bucket holds is copied, or read there each time it is needed."""

    COPIES = "copies"
    REFERENCES = "references"


class ObjectState(StrEnum):
    """What became of an object: its content is here, could not be read, or has gone."""

    TAKEN = "taken"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RunState(StrEnum):
    """How a run stands; `held`: it brought what is new, but so much has gone that it asks first."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    FAILED = "failed"


class Feed(Base):
    """A place outside that fills a library, or a project, again and again."""

    __tablename__ = "feeds"
    __table_args__ = (
        sa.Index("ix_feeds_organisation", "organisation_id", "id"),
        sa.Index("ix_feeds_library", "library_id", "id"),
        sa.Index("ix_feeds_project", "project_id", "id"),
        sa.Index("ix_feeds_next", "next_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    # One of the two: where what it brings goes.
    library_id: Mapped[int | None] = mapped_column(sa.ForeignKey("libraries.id"))
    project_id: Mapped[int | None] = mapped_column(sa.ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    title: Mapped[str] = mapped_column(sa.String(200))
    # JSON: the options of its kind; and, sealed, the keys and passwords.
    options: Mapped[str] = mapped_column(default="{}")
    secrets: Mapped[str | None]
    # Whether what has gone there is withdrawn here as well.
    follows_deletions: Mapped[bool] = mapped_column(default=False)
    # Hours from one run to the next; None: only when somebody asks.
    every_hours: Mapped[int | None]
    next_at: Mapped[dt.datetime | None]
    # The job of its newest run.
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    deleted_at: Mapped[dt.datetime | None]

    @property
    def option_values(self) -> dict[str, Any]:
        """Return its options, decoded."""
        return dict(msgspec.json.decode(self.options))

    @property
    def is_by_reference(self) -> bool:
        """Tell whether objects are read at their place rather than copied."""
        return self.option_values.get("keeps") == Keeps.REFERENCES

    @property
    def vendor_id(self) -> int | None:
        """Return None: no annotation company reaches into the owner's sources."""
        return None


class FeedObject(Base):
    """A thing that a feed has seen: which form of it was dealt with, and what became of it."""

    __tablename__ = "feed_objects"
    __table_args__ = (sa.Index("ix_feed_objects_run", "feed_id", "run_id", "state"),)

    feed_id: Mapped[int] = mapped_column(sa.ForeignKey("feeds.id"), primary_key=True)
    # SHA-256 of the key, which may be longer than an index takes.
    key_digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    key: Mapped[str]
    # Which form of it the place's own list named; None where only fetching tells.
    etag: Mapped[str | None] = mapped_column(sa.String(200))
    # SHA-256 of the bytes, and JSON of what HTTP said of them (ETag, Last-Modified).
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    validators: Mapped[str | None]
    # JSON: title, licence and address where the place's list has them.
    about: Mapped[str | None]
    state: Mapped[str] = mapped_column(sa.String(10), default=ObjectState.TAKEN)
    # The last run that saw it there.
    run_id: Mapped[int] = mapped_column(Id)
    first_at: Mapped[dt.datetime] = mapped_column(default=now)
    changed_at: Mapped[dt.datetime] = mapped_column(default=now)


class MediaReference(Base):
    """Which object of a bucket holds bytes that are not copied: of one key, in one form."""

    __tablename__ = "media_references"
    __table_args__ = (
        sa.UniqueConstraint("feed_id", "key_digest", "digest"),
        sa.Index("ix_media_references_digest", "digest", "id"),
        sa.Index("ix_media_references_lost", "feed_id", "is_withdrawn", "lost_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # SHA-256 of the bytes, as they were when a run read them whole.
    digest: Mapped[str] = mapped_column(sa.String(64))
    feed_id: Mapped[int] = mapped_column(sa.ForeignKey("feeds.id"))
    key_digest: Mapped[str] = mapped_column(sa.String(64))
    key: Mapped[str]
    # Only this form of the object is ever read.
    etag: Mapped[str] = mapped_column(sa.String(200))
    size: Mapped[int] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    # When a run found it changed or gone; None while it holds as far as is known.
    lost_at: Mapped[dt.datetime | None]
    # Whether what it brought was withdrawn since: it stays for those who ask for the bytes, to
    # be told where they were.
    is_withdrawn: Mapped[bool] = mapped_column(default=False)


class FeedRun(Base):
    """One run of a feed, with what it found."""

    __tablename__ = "feed_runs"
    __table_args__ = (sa.Index("ix_feed_runs_feed", "feed_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    feed_id: Mapped[int] = mapped_column(sa.ForeignKey("feeds.id"))
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    state: Mapped[str] = mapped_column(sa.String(10), default=RunState.WAITING)
    # Whether somebody has said that what has gone may go here, however much it is.
    is_confirmed: Mapped[bool] = mapped_column(default=False)
    is_automatic: Mapped[bool] = mapped_column(default=False)
    # Objects: those there, of them new, changed and the same; gone, and gone but still held here.
    seen: Mapped[int] = mapped_column(default=0)
    new: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    # What came of them: assets or tasks, those withdrawn, and lines of the reject file.
    brought: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    reject_file: Mapped[str | None] = mapped_column(sa.String(64))
    error: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]

    @property
    def problem(self) -> errors.JinbiaoError | None:
        """Return why it failed; None where it did not."""
        return None if self.error is None else errors.from_json(self.error)
