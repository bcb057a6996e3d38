"""Hold recipes in versions, the cleanings that ran them, and what became of each record."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class Recipe(Base):
    """A named list of operators of one organisation; its versions hold the steps."""

    __tablename__ = "recipes"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    description: Mapped[str | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    archived_at: Mapped[dt.datetime | None]

    @property
    def vendor_id(self) -> int | None:
        """Return None: recipes belong to the organisation alone."""
        return None


class RecipeVersion(Base):
    """The steps of a recipe at one time: never changed, named by their digest."""

    __tablename__ = "recipe_versions"
    __table_args__ = (sa.UniqueConstraint("recipe_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    recipe_id: Mapped[int] = mapped_column(sa.ForeignKey("recipes.id"))
    number: Mapped[int]
    # JSON: [{"operator": name, "version": n, "options": {…}}, …], options complete.
    steps: Mapped[str]
    # SHA-256 of `steps`, which is canonical: sorted keys, no spaces.
    digest: Mapped[str] = mapped_column(sa.String(64), index=True)
    note: Mapped[str | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def step_values(self) -> list[dict[str, Any]]:
        """Return the steps, decoded."""
        return list(msgspec.json.decode(self.steps))


class Cleaning(Base):
    """One run of a recipe version over a library; the originals stay as they are."""

    __tablename__ = "cleanings"
    __table_args__ = (sa.Index("ix_cleanings_library", "library_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    library_id: Mapped[int] = mapped_column(sa.ForeignKey("libraries.id"))
    recipe_version_id: Mapped[int] = mapped_column(sa.ForeignKey("recipe_versions.id"), index=True)
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    # Assets up to this id are its input, so that going on after a fault sees the same.
    last_asset_id: Mapped[int] = mapped_column(Id, default=0)
    records: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    dropped: Mapped[int] = mapped_column(default=0)
    # JSON: for each step {"seen", "changed", "dropped", "seconds", "reasons": {reason: count}}.
    counts: Mapped[str] = mapped_column(default="[]")
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    # None until it has ended well; its records count only then.
    ended_at: Mapped[dt.datetime | None]

    @property
    def count_values(self) -> list[dict[str, Any]]:
        """Return the counts of each step, decoded."""
        return list(msgspec.json.decode(self.counts))


class RecordState(StrEnum):
    """What became of a record: as it was, changed, or left out."""

    KEPT = "kept"
    CHANGED = "changed"
    DROPPED = "dropped"


class CleanedRecord(Base):
    """What a cleaning made of an asset: one row, or one for each part where it was split."""

    __tablename__ = "cleaned_records"
    __table_args__ = (
        sa.UniqueConstraint("cleaning_id", "asset_id", "part"),
        sa.Index("ix_cleaned_records_state", "cleaning_id", "state", "id"),
        sa.Index("ix_cleaned_records_step", "cleaning_id", "dropped_step", "id"),
        sa.Index("ix_cleaned_records_duplicate", "cleaning_id", "duplicate_of", "id"),
        sa.Index("ix_cleaned_records_asset", "asset_id"),
        sa.Index("ix_cleaned_records_digest", "digest"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    cleaning_id: Mapped[int] = mapped_column(sa.ForeignKey("cleanings.id"))
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("assets.id"))
    part: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(sa.String(10))
    # After the last step that changed it: the text, or the digest of stored bytes. None: as
    # the asset has it.
    text: Mapped[str | None]
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    size: Mapped[int | None] = mapped_column(Id)
    content_type: Mapped[str | None] = mapped_column(sa.String(80))
    # JSON: the places (from 0) of the steps that changed it.
    changed_steps: Mapped[str] = mapped_column(default="[]")
    # The step that left it out, and why: a stable code of that operator.
    dropped_step: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(sa.String(60))
    # Of a duplicate: the asset that was kept instead.
    duplicate_of: Mapped[int | None] = mapped_column(Id)
    # JSON: what operators measured (language, blur, speech seconds, scores …).
    facts: Mapped[str] = mapped_column(default="{}")

    @property
    def fact_values(self) -> dict[str, Any]:
        """Return what was measured, decoded."""
        return dict(msgspec.json.decode(self.facts))
