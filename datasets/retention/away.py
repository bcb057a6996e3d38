"""Tell which libraries and projects hold bytes only as what a feed refers to."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ..feeds import MediaReference
from ..libraries import Asset, TaskOrigin
from ..tasks import Task

BATCH = 2000


def away(session: Session) -> Iterator[list[tuple[str, str]]]:
    """Give (digest, `library/3` or `project/3`) of assets that were never copied, in batches.

    Not where the same library holds the same bytes by other means too; of projects those whose
    tasks were made of such assets.
    """
    is_referred = sa.and_(
        MediaReference.feed_id == Asset.feed_id,
        MediaReference.key_digest == Asset.source_digest,
        MediaReference.digest == Asset.digest,
    )
    other = aliased(Asset)
    is_held_too = sa.exists().where(
        other.library_id == Asset.library_id,
        other.digest == Asset.digest,
        ~sa.exists().where(
            MediaReference.feed_id == other.feed_id,
            MediaReference.key_digest == other.source_digest,
            MediaReference.digest == other.digest,
        ),
    )
    referred = (
        sa.select(Asset.digest, Asset.library_id)
        .join(MediaReference, is_referred)
        .where(~is_held_too)
        .distinct()
    )
    yield from _named(session, referred, "library")
    made = (
        sa.select(Asset.digest, Task.project_id)
        .join(MediaReference, is_referred)
        .join(TaskOrigin, TaskOrigin.asset_id == Asset.id)
        .join(Task, Task.id == TaskOrigin.task_id)
        .where(~is_held_too)
        .distinct()
    )
    yield from _named(session, made, "project")


def _named(
    session: Session, query: sa.Select[str, int], kind: str
) -> Iterator[list[tuple[str, str]]]:
    found = session.execute(query, execution_options={"yield_per": BATCH})
    for rows in found.partitions():
        yield [(str(row[0]), f"{kind}/{row[1]}") for row in rows]
