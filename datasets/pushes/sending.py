"""Write down how far a push is, so that it goes on where it was and says what it sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..db import insert_new, now
from .rows import Push, PushedFile, PushState


@dataclass(frozen=True)
class Figures:
    """What came of a push: files in all, those withheld here, those taken away there."""

    files: int
    size: int
    withheld: int = 0
    removed: int = 0
    address: str = ""
    commit: str | None = None
    tag: str | None = None
    has_changed: bool = False


def is_ours(session: Session, push: Push) -> bool:
    """Tell whether what has this name there was made by a push of the same dataset."""
    query = sa.select(Push.id).where(
        Push.target_id == push.target_id,
        Push.dataset_id == push.dataset_id,
        Push.remote_name == push.remote_name,
        Push.is_ours,
    )
    return session.scalar(query.limit(1)) is not None


def claim(session: Session, push_id: int) -> None:
    """Write down that what has the name there was made from here, or was empty."""
    session.get_one(Push, push_id).is_ours = True
    session.flush()


def note(session: Session, push_id: int, files: Iterable[tuple[str, int]]) -> None:
    """Write down files, by path and size, whose bytes have arrived there."""
    rows = [{"push_id": push_id, "path": path, "size": size} for path, size in files]
    if rows:
        insert_new(session, PushedFile, rows)


def figures(session: Session, push_id: int) -> tuple[int, int]:
    """Return how many files this push has sent so far, and their bytes."""
    number, size = session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(PushedFile.size), 0)).where(
            PushedFile.push_id == push_id
        )
    ).one()
    return int(number), int(size)


def complete(session: Session, push_id: int, found: Figures) -> Push:
    """Write down that all is there and what was sent for it, over all attempts."""
    push = session.get_one(Push, push_id)
    push.sent, push.sent_bytes = figures(session, push_id)
    push.files, push.size = found.files, found.size
    push.there = max(found.files - push.sent, 0)
    push.withheld, push.removed = found.withheld, found.removed
    push.address, push.remote_commit, push.remote_tag = found.address, found.commit, found.tag
    push.has_changed = found.has_changed or push.sent > 0
    push.state, push.error, push.ended_at = PushState.DONE, None, now()
    session.execute(sa.delete(PushedFile).where(PushedFile.push_id == push_id))
    session.flush()
    return push


def fail(session: Session, push_id: int, reason: errors.JinbiaoError) -> None:
    """Write down why a push ended before all was there; begun again, it goes on from here."""
    push = session.get_one(Push, push_id)
    push.sent, push.sent_bytes = figures(session, push_id)
    push.state, push.error, push.ended_at = PushState.FAILED, errors.to_json(reason), now()
    session.flush()


def fail_job(session: Session, job_id: str, reason: errors.JinbiaoError) -> None:
    """Write down why the push of a job, if there is one, cannot even begin."""
    push_id = session.scalar(
        sa.select(Push.id).where(Push.job_id == job_id, Push.state != PushState.FAILED)
    )
    if push_id is not None:
        fail(session, push_id, reason)
