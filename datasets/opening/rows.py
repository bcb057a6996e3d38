"""Keep applications for datasets under conditions, with every step they took."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..catalogue import Dataset
from ..db import Base, Id, now
from ..people import User
from .states import UNDECIDED, WAITING, State, state_at

IS_UNDECIDED = sa.text(
    "state IN (" + ", ".join(f"'{state.value}'" for state in State if state in UNDECIDED) + ")"
)


class Application(Base):
    """What one person asks of one dataset, what was decided, and until when it holds."""

    __tablename__ = "dataset_applications"
    __table_args__ = (
        sa.Index(
            "uq_dataset_applications_undecided",
            "dataset_id",
            "applicant_id",
            unique=True,
            sqlite_where=IS_UNDECIDED,
            postgresql_where=IS_UNDECIDED,
        ),
        sa.Index("ix_dataset_applications_person", "dataset_id", "applicant_id", "id"),
        sa.Index("ix_dataset_applications_mine", "applicant_id", "id"),
        sa.Index("ix_dataset_applications_due", "owner_id", "state", "due_at", "id"),
        sa.Index("ix_dataset_applications_term", "state", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("datasets.id"))
    dataset: Mapped[Dataset] = relationship(lazy="joined", innerjoin=True)
    # The organisation that decides: the dataset's.
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    applicant_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    applicant: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    # As stored; `current` is what it is worth now.
    state: Mapped[str] = mapped_column(sa.String(20), default=State.DRAFT)
    # Given by the provider without an application.
    is_granted: Mapped[bool] = mapped_column(default=False)
    # What the applicant says: see form.py; None is not said yet.
    applicant_type: Mapped[str | None] = mapped_column(sa.String(20))
    organisation_name: Mapped[str | None] = mapped_column(sa.String(200))
    organisation_code: Mapped[str | None] = mapped_column(sa.String(18))
    contact_name: Mapped[str | None] = mapped_column(sa.String(100))
    contact_phone: Mapped[str | None] = mapped_column(sa.String(40))
    contact_email: Mapped[str | None] = mapped_column(sa.String(200))
    purpose: Mapped[str | None]
    scenario: Mapped[str | None]
    requested_items: Mapped[str | None]
    access_method: Mapped[str | None] = mapped_column(sa.String(20))
    term_days: Mapped[int | None]
    security_statement: Mapped[str | None]
    committed_at: Mapped[dt.datetime | None]
    # The agreement word for word as it was signed, and the name that was typed under it.
    agreement: Mapped[str | None]
    signature: Mapped[str | None] = mapped_column(sa.String(100))
    signed_at: Mapped[dt.datetime | None]
    submitted_at: Mapped[dt.datetime | None]
    # Until when the provider should answer, while it is the provider's turn.
    due_at: Mapped[dt.datetime | None]
    decided_by: Mapped[int | None] = mapped_column(Id)
    decided_at: Mapped[dt.datetime | None]
    reason: Mapped[str | None]
    # Whether the files open as soon as the agreement is signed, or the provider opens them.
    opens_on_signing: Mapped[bool] = mapped_column(default=True)
    released_at: Mapped[dt.datetime | None]
    expires_at: Mapped[dt.datetime | None]
    usage_report: Mapped[str | None]
    reported_at: Mapped[dt.datetime | None]
    # When people were told that it is overdue, and that the term ends soon.
    overdue_told_at: Mapped[dt.datetime | None]
    ending_told_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def current(self) -> State:
        """Return its state now: a term that is over is over, whatever is stored."""
        return state_at(self.state, self.expires_at, now())

    @property
    def is_overdue(self) -> bool:
        """Tell whether the provider should have answered by now."""
        return self.state in WAITING and self.due_at is not None and self.due_at <= now()


class ApplicationStep(Base):
    """One step of an application: the state that it reached, by whom, and why."""

    __tablename__ = "application_steps"
    __table_args__ = (sa.Index("ix_application_steps", "application_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("dataset_applications.id"))
    state: Mapped[str] = mapped_column(sa.String(20))
    # None: time itself.
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    reason: Mapped[str | None]
    at: Mapped[dt.datetime] = mapped_column(default=now)
