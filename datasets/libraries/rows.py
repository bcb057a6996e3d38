"""Hold what was collected before anybody labels it: libraries, and the assets in them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class AssetKind(StrEnum):
    """What an asset is; a library of kind `mixed` holds any."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TABLE = "table"
    DOCUMENT = "document"


MIXED = "mixed"


class AssetState(StrEnum):
    """Whether an asset is held, or has gone from where it came from (its rows stay)."""

    HELD = "held"
    WITHDRAWN = "withdrawn"


class Library(Base):
    """The raw material of one organisation on one subject, as it came."""

    __tablename__ = "libraries"
    __table_args__ = (sa.Index("ix_libraries_organisation", "organisation_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # Lasting name across installations.
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    title: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str | None]
    kind: Mapped[str] = mapped_column(sa.String(10), default=MIXED)
    # Data level by source (GB/T 43697: core, important, general); None: nobody has said.
    level: Mapped[str | None] = mapped_column(sa.String(20))
    # Of a row with several columns: which one is the text.
    text_key: Mapped[str | None] = mapped_column(sa.String(200))
    # Days that assets are kept after they came; None: for as long as the library is.
    retention_days: Mapped[int | None]
    # Kept in step by `libraries.write` and by what takes assets away.
    assets: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(Id, default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    deleted_at: Mapped[dt.datetime | None]

    @property
    def vendor_id(self) -> int | None:
        """Return None: no annotation company works on raw material as such."""
        return None


class Asset(Base):
    """One thing in a library as it came: a text inline, anything else as stored bytes."""

    __tablename__ = "assets"
    __table_args__ = (
        # The same row of the same import is never brought twice.
        sa.UniqueConstraint("import_id", "row"),
        sa.Index("ix_assets_library", "library_id", "id"),
        sa.Index("ix_assets_library_state", "library_id", "state", "id"),
        sa.Index("ix_assets_library_kind", "library_id", "kind", "id"),
        sa.Index("ix_assets_library_digest", "library_id", "digest", "id"),
        sa.Index("ix_assets_digest", "digest"),
        sa.Index("ix_assets_feed", "feed_id", "source_digest"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    library_id: Mapped[int] = mapped_column(sa.ForeignKey("libraries.id"))
    import_id: Mapped[str] = mapped_column(sa.String(36))
    row: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(10))
    name: Mapped[str] = mapped_column(sa.String(500))
    state: Mapped[str] = mapped_column(sa.String(10), default=AssetState.HELD)
    # The text itself; of anything else None, and `digest` is an object of the store.
    text: Mapped[str | None]
    # SHA-256 of the bytes, of a text in UTF-8; and how many they are.
    digest: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int] = mapped_column(Id)
    content_type: Mapped[str | None] = mapped_column(sa.String(80))
    # JSON: width, height, seconds, columns, the row's other values, warnings …
    facts: Mapped[str] = mapped_column(default="{}")
    # What brought it: the feed and the key there (path, object key, address, row key), with the
    # key's SHA-256 to find it by.
    feed_id: Mapped[int | None] = mapped_column(Id)
    source_key: Mapped[str | None]
    source_digest: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def fact_values(self) -> dict[str, Any]:
        """Return what is known of it, decoded."""
        return dict(msgspec.json.decode(self.facts))


class TaskOrigin(Base):
    """Which asset a task was made of, and by which cleaning (None: as it came)."""

    __tablename__ = "task_origins"
    __table_args__ = (sa.Index("ix_task_origins_asset", "asset_id"),)

    task_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("assets.id"))
    cleaning_id: Mapped[int | None] = mapped_column(Id)
    cleaned_record_id: Mapped[int | None] = mapped_column(Id)
