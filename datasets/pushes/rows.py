"""Hold pushes: which release went where, how far it is, and what was sent."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .. import errors
from ..db import Base, Id, Path500, now


class PushState(StrEnum):
    """How a push stands; while it is not ended, its job says the rest."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Push(Base):
    """One release on its way to one place; it stays when it has ended, as the record of that."""

    __tablename__ = "pushes"
    __table_args__ = (
        sa.Index("ix_pushes_dataset", "dataset_id", "id"),
        sa.Index("ix_pushes_target", "target_id", "dataset_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("datasets.id"))
    release_id: Mapped[int] = mapped_column(sa.ForeignKey("releases.id"))
    # None once the connection is deleted.
    target_id: Mapped[int | None] = mapped_column(sa.ForeignKey("push_targets.id"))
    # What the connection was called and where it led, kept for when it is deleted.
    target_name: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(20))
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    state: Mapped[str] = mapped_column(sa.String(10), default=PushState.WAITING)
    # What it is called there, and whether that was made from here.
    remote_name: Mapped[str] = mapped_column(sa.String(200))
    is_ours: Mapped[bool] = mapped_column(default=False)
    # Its page there, the commit and the tag; None while there is none.
    address: Mapped[str | None]
    remote_commit: Mapped[str | None] = mapped_column(sa.String(64))
    remote_tag: Mapped[str | None] = mapped_column(sa.String(40))
    # Of all files (or links) of the release: sent from here, there already, taken away there,
    # withheld here for a record that was withdrawn.
    files: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    there: Mapped[int] = mapped_column(default=0)
    removed: Mapped[int] = mapped_column(default=0)
    withheld: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(Id, default=0)
    sent_bytes: Mapped[int] = mapped_column(Id, default=0)
    # Whether anything there changed; a push of what is there already changes nothing.
    has_changed: Mapped[bool] = mapped_column(default=False)
    # What `errors.to_json` writes.
    error: Mapped[str | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]

    @property
    def problem(self) -> errors.JinbiaoError | None:
        """Return why it failed, to be put into the reader's language."""
        return None if self.error is None else errors.from_json(self.error)


class PushedFile(Base):
    """A file whose bytes have arrived there, of a push that has not ended well yet."""

    __tablename__ = "pushed_files"

    push_id: Mapped[int] = mapped_column(
        sa.ForeignKey("pushes.id"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Path500, primary_key=True)
    size: Mapped[int] = mapped_column(Id)
