"""Remember how long people waited for what a model suggested while they label."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .db import Base, Id, now
from .projects import Project

KEPT = 200  # newest ones of a project that count
SWEPT_EVERY = 50  # rows, after which older ones go


class SuggestionTime(Base):
    """How long one suggestion took, from the question's arrival to the answer."""

    __tablename__ = "suggestion_times"
    __table_args__ = (sa.Index("ix_suggestion_times_project", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # What answered, such as `click_to_mask 1` or `backend/3`.
    model: Mapped[str] = mapped_column(sa.String(140))
    milliseconds: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


@dataclass(frozen=True)
class Statistics:
    """Of the newest suggestions of a project: how many, and within how long half and 95 % came."""

    number: int
    median_milliseconds: int | None = None
    p95_milliseconds: int | None = None
    newest_at: dt.datetime | None = None


def record(session: Session, project: Project, model: str, seconds: float) -> None:
    """Write down how long a suggestion took; of a project, about KEPT are kept."""
    row = SuggestionTime(
        project_id=project.id, model=model[:140], milliseconds=math.ceil(seconds * 1000)
    )
    session.add(row)
    session.flush()
    if row.id % SWEPT_EVERY:
        return
    oldest = (
        sa.select(SuggestionTime.id)
        .where(SuggestionTime.project_id == project.id)
        .order_by(SuggestionTime.id.desc())
        .offset(KEPT - 1)
        .limit(1)
    )
    found = session.scalar(oldest)
    if found is not None:
        session.execute(
            sa.delete(SuggestionTime).where(
                SuggestionTime.project_id == project.id, SuggestionTime.id < found
            )
        )


def statistics(session: Session, project: Project) -> Statistics:
    """Say how quickly suggestions came, over all server processes."""
    query = (
        sa.select(SuggestionTime.milliseconds, SuggestionTime.created_at)
        .where(SuggestionTime.project_id == project.id)
        .order_by(SuggestionTime.id.desc())
        .limit(KEPT)
    )
    rows = session.execute(query).all()
    if not rows:
        return Statistics(0)
    taken = sorted(milliseconds for milliseconds, _at in rows)
    return Statistics(len(rows), _share(taken, 0.5), _share(taken, 0.95), rows[0][1])


def _share(ordered: Sequence[int], share: float) -> int:
    """Return the least of the values that so large a share does not exceed (nearest rank)."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
