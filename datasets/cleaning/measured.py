"""Look up what the last cleaning measured of an asset."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .rows import CleanedRecord, Cleaning

LATEST = 20  # cleanings that are looked through


def measured(session: Session, asset_id: int, fact: str) -> tuple[int, Any] | None:
    """Return (cleaning, value) of a fact from the last cleaning that measured it, else None.

    Whether somebody may see it is for whoever showed them the asset.
    """
    found = session.scalars(
        sa.select(CleanedRecord)
        .join(Cleaning, Cleaning.id == CleanedRecord.cleaning_id)
        .where(CleanedRecord.asset_id == asset_id, Cleaning.ended_at.is_not(None))
        .order_by(CleanedRecord.id.desc())
        .limit(LATEST)
    )
    for record in found:
        if f'"{fact}"' in record.facts and (value := record.fact_values.get(fact)) is not None:
            return record.cleaning_id, value
    return None
