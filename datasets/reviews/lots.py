"""Draw by lot which annotations are reviewed, so that nobody can foresee or repeat the draw.

The lot is a keyed hash of task and person under a secret of the project: the same whenever it
is drawn, so that deleting an answer and giving it again draws nothing new. As with tightened
inspection (GB/T 2828.1), a fault that a review finds changes how much is looked at: all of the
person's next answers are reviewed, FULL_AFTER_FAULT of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..annotations import Annotation
from ..projects import Project
from .rows import ReviewLot, ReviewShare

FULL_AFTER_FAULT = 10
_POINTS = 2**64


def drawn(
    session: Session, project: Project, annotation: Annotation, stage: str, percent: int
) -> bool:
    """Tell whether an annotation is in the sample of a stage (`first`, `second`)."""
    told = f"{stage}/{annotation.task_id}/{annotation.completed_by}"
    lot = hmac.digest(_seed(session, project), told.encode(), hashlib.sha256)
    return int.from_bytes(lot[:8]) * 100 < percent * _POINTS


def takes_full(session: Session, project: Project, person: int) -> bool:
    """Tell whether somebody's next answer is reviewed whatever the lot says; it then counts."""
    share = session.get(
        ReviewShare, (project.id, person), with_for_update=True, populate_existing=True
    )
    if share is None or share.full_left <= 0:
        return False
    share.full_left -= 1
    session.flush()
    return True


def found_fault(session: Session, project: Project, person: int) -> None:
    """Have all of somebody's next answers reviewed."""
    row = {"project_id": project.id, "user_id": person, "full_left": FULL_AFTER_FAULT}
    insert = _insert(session, ReviewShare).values(row)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["project_id", "user_id"], set_={"full_left": FULL_AFTER_FAULT}
        )
    )


def _seed(session: Session, project: Project) -> bytes:
    known: dict[int, str] = session.info.setdefault("review_lots", {})
    if project.id not in known:
        query = sa.select(ReviewLot.seed).where(ReviewLot.project_id == project.id)
        found = session.scalar(query)
        if found is None:
            # Two who draw the first lot at once: one of their secrets counts for both.
            row = {"project_id": project.id, "seed": secrets.token_hex(32)}
            insert = _insert(session, ReviewLot).values(row)
            session.execute(insert.on_conflict_do_nothing(index_elements=["project_id"]))
            found = session.scalars(query).one()
        known[project.id] = found
    return bytes.fromhex(known[project.id])


def _insert(
    session: Session, table: type[ReviewLot] | type[ReviewShare]
) -> sqlite.Insert | postgresql.Insert:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if on_sqlite else postgresql.insert(table)
