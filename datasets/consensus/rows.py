"""Keep what people's answers to a task come to, and what became of it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id, now


class ConsensusState(StrEnum):
    """What became of a consensus."""

    PROPOSED = "proposed"
    BY_RULE = "by_rule"
    CURATED = "curated"
    CLOSED = "closed"  # the task was decided otherwise


class Consensus(Base):
    """What the answers to one task come to, with how sure that is: 0 … 1."""

    __tablename__ = "consensus_results"
    __table_args__ = (
        sa.Index("ix_consensus_results_next", "project_id", "state", "agreement", "task_id"),
    )

    task_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    project_id: Mapped[int] = mapped_column(Id)
    state: Mapped[str] = mapped_column(sa.String(20), default=ConsensusState.PROPOSED)
    # Of its pairs of people: 0 … 1, 0 where nothing could be compared.
    agreement: Mapped[float]
    certainty: Mapped[float]
    people: Mapped[int]
    # JSON: control → the method.
    methods: Mapped[str]
    result: Mapped[str]
    # The answer nearest to all others.
    annotation_id: Mapped[int] = mapped_column(Id)
    decided_by: Mapped[int | None] = mapped_column(Id)
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
    decided_at: Mapped[dt.datetime | None]

    @property
    def result_values(self) -> list[dict[str, Any]]:
        """Return the result, decoded."""
        return list(msgspec.json.decode(self.result))

    @property
    def method_values(self) -> dict[str, str]:
        """Return control → method."""
        return dict(msgspec.json.decode(self.methods))
