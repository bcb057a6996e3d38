"""Keep who has which task, for how long, and how far somebody has come in a queue."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class AssignmentState(StrEnum):
    """Where somebody's hold on a task is."""

    RESERVED = "reserved"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    RETURNED = "returned"


# As the partial indexes below say it: SQLite does not look into a parameter to use one.
IS_RESERVED = sa.text("state = 'reserved'")
HAS_SLOTS = sa.text("open_slots > 0")
IS_HELD = sa.literal_column("assignments.state = 'reserved'", sa.Boolean)


class Assignment(Base):
    """A task in somebody's hands. A lapsed one is deleted and its slot given back."""

    __tablename__ = "assignments"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "user_id"),
        sa.Index("ix_assignments_open", "project_id", "user_id", "state", "id"),
        sa.Index("ix_assignments_lapse", "state", "reserved_until"),
        # How much somebody has taken, at all and on a day.
        sa.Index("ix_assignments_taken", "project_id", "user_id", "created_at"),
        # Few rows, however many were done.
        sa.Index(
            "ix_assignments_held",
            "project_id",
            "id",
            sqlite_where=IS_RESERVED,
            postgresql_where=IS_RESERVED,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(sa.String(20), default=AssignmentState.RESERVED)
    # None where it does not lapse: somebody was given this very task.
    reserved_until: Mapped[dt.datetime | None]
    # Beside the work itself: "gold" to check somebody, "exam" to admit them. Such a hold takes
    # no slot of the task.
    purpose: Mapped[str | None] = mapped_column(sa.String(10))
    # Who gave it to this person, or to their group; None where they took it from the queue.
    assigned_by: Mapped[int | None] = mapped_column(Id)
    # When it should be done, where somebody gave it; nothing happens then by itself.
    due_at: Mapped[dt.datetime | None]
    # The row of GroupTask whose slot this is, and to which it goes back.
    group_task_id: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Slot(NamedTuple):
    """A task that stands in the queue, its row locked by who has it."""

    priority: int
    task_id: int
    open_slots: int


class GroupTask(Base):
    """A task that is meant for a team or a company: whoever of them comes first takes it.

    Its slots left the queue for it, so that nobody else gets them.
    """

    __tablename__ = "group_tasks"
    __table_args__ = (
        sa.UniqueConstraint("task_id", "team_id", "organisation_id", name="uq_group_tasks_whom"),
        sa.Index(
            "ix_group_tasks_open",
            "project_id",
            "id",
            sqlite_where=HAS_SLOTS,
            postgresql_where=HAS_SLOTS,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    # One of the two; 0 stands for none, so that the pair is unique in both databases.
    team_id: Mapped[int] = mapped_column(Id, default=0)
    organisation_id: Mapped[int] = mapped_column(Id, default=0)
    open_slots: Mapped[int]
    given_by: Mapped[int] = mapped_column(Id)
    due_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class QueuePlace(Base):
    """How far somebody has come in a queue whose tasks several people answer.

    What they have done stays queued for others: they go on behind their place, so that the
    next task costs as much after 200,000 of them as at the beginning. A new order forgets it.
    """

    __tablename__ = "queue_places"

    project_id: Mapped[int] = mapped_column(
        sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    priority: Mapped[int]
    task_id: Mapped[int] = mapped_column(Id)
