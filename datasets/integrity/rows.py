"""Keep what speaks against somebody's work, what they say to it, and who decided what."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class FindingKind(StrEnum):
    """What somebody's work looks like."""

    COPYING = "copying"
    STAMPING = "stamping"
    SPEED = "speed"


class FindingState(StrEnum):
    """Where a finding is: nothing follows from it before a lead has decided."""

    FOUND = "found"
    # A sample is reviewed once more, blind.
    IN_REVIEW = "in_review"
    DISMISSED = "dismissed"
    UPHELD = "upheld"
    APPEALED = "appealed"
    # After the appeal, decided by another lead.
    CONFIRMED = "confirmed"
    OVERTURNED = "overturned"


class Finding(Base):
    """Something in a person's work that chance does not explain well."""

    __tablename__ = "integrity_findings"
    __table_args__ = (
        # The same thing is found once; new numbers take the place of old ones while it is open.
        sa.UniqueConstraint("project_id", "kind", "user_id", "other_id"),
        sa.Index("ix_integrity_findings_state", "project_id", "state", "id"),
        sa.Index("ix_integrity_findings_person", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # Whom they would have copied from; 0 where there is nobody else.
    other_id: Mapped[int] = mapped_column(Id, default=0)
    # How probable such numbers or larger ones are by chance, and the same after all that was
    # looked at (Benjamini and Hochberg).
    chance: Mapped[float]
    adjusted: Mapped[float]
    # JSON: the numbers, and the annotations that show it best.
    facts: Mapped[str]
    examples: Mapped[str] = mapped_column(default="[]")
    state: Mapped[str] = mapped_column(sa.String(20), default=FindingState.FOUND)
    # Whether the person sees it.
    is_open: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[int | None] = mapped_column(Id)
    decided_at: Mapped[dt.datetime | None]
    appeal: Mapped[str] = mapped_column(default="")
    appealed_at: Mapped[dt.datetime | None]
    answer: Mapped[str] = mapped_column(default="")
    answered_by: Mapped[int | None] = mapped_column(Id)
    answered_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def fact_values(self) -> dict[str, Any]:
        """Return the numbers, decoded."""
        return dict(msgspec.json.decode(self.facts))

    @property
    def example_ids(self) -> list[int]:
        """Return the ids of the annotations that show it best."""
        return list(msgspec.json.decode(self.examples))
