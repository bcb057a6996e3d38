"""Hold one upload that comes in pieces: what it will be, how much of it is here, where it goes."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class TransferState(StrEnum):
    """How far an upload is."""

    OPEN = "open"
    # All of it is an object of the store; it waits for its batch.
    STORED = "stored"
    # A job has been asked to bring it.
    BROUGHT = "brought"


class Transfer(Base):
    """One file on its way to a library or a project; its bytes are a file under the home."""

    __tablename__ = "transfers"
    __table_args__ = (
        sa.Index("ix_transfers_user", "user_id", "id"),
        sa.Index("ix_transfers_batch", "user_id", "batch", "id"),
        sa.Index("ix_transfers_job", "job_id", "id"),
        sa.Index("ix_transfers_expires", "state", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # Its name in addresses and on the disk; nobody guesses it.
    key: Mapped[str] = mapped_column(sa.String(36), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # Where it goes: one of the two.
    library_id: Mapped[int | None] = mapped_column(sa.ForeignKey("libraries.id"))
    project_id: Mapped[int | None] = mapped_column(sa.ForeignKey("projects.id"))
    # With the folders that it lay in, divided by slashes.
    name: Mapped[str] = mapped_column(sa.String(500))
    # Bytes that it will have, and those that are here for good.
    length: Mapped[int] = mapped_column(Id)
    received: Mapped[int] = mapped_column(Id, default=0)
    state: Mapped[str] = mapped_column(sa.String(10), default=TransferState.OPEN)
    # Uploads of one batch become one job; None: a job of its own.
    batch: Mapped[str | None] = mapped_column(sa.String(36))
    # JSON: what the job is told beside the file.
    options: Mapped[str] = mapped_column(default="{}")
    # What the client said of it, as it said it: it is told back.
    metadata_header: Mapped[str | None]
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    touched_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]

    @property
    def option_values(self) -> dict[str, Any]:
        """Return what the job is told beside the file."""
        return dict(msgspec.json.decode(self.options))

    @property
    def is_whole(self) -> bool:
        """Tell whether all of its bytes are here."""
        return self.received >= self.length
