"""Write assets into a library, and take them out of it when they are gone at their source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, permissions, sources, tasks
from ..collection import ImportReject
from ..db import insert_many, insert_new, now
from ..errors import _
from ..people import User
from .drafts import PreparedAsset
from .rows import Asset, AssetState, Library

CHUNK = 500  # keys in one statement


def write(
    session: Session,
    actor: User,
    library: Library,
    import_id: str,
    batch: Sequence[PreparedAsset],
    rejects: Iterable[sources.Reject] = (),
    *,
    feed_id: int | None = None,
) -> list[int]:
    """Insert a batch of assets in this transaction; return the ids of the new ones in order.

    Rows of this import that are there are left out, so that a batch may come again. `feed_id`
    says which feed brings them; it finds them again by their `source_key`.

    Raises:
        errors.NotFound: the library was removed meanwhile.
    """
    permissions.require(actor, "library.bring", library)
    _write_rejects(session, import_id, rejects)
    fresh = _fresh(session, import_id, batch)
    count(session, library, len(fresh), sum(each.size for each in fresh))
    if not fresh:
        return []
    tasks.keep_media(session, _media(fresh))
    at = now()
    common = {
        "library_id": library.id,
        "import_id": import_id,
        "state": AssetState.HELD,
        "feed_id": feed_id,
        "created_at": at,
    }
    insert_many(session, Asset, [{**common, **_row(each, feed_id)} for each in fresh])
    numbers = [each.number for each in fresh]
    query = sa.select(Asset.row, Asset.id).where(
        Asset.import_id == import_id, Asset.row.between(min(numbers), max(numbers))
    )
    ids = {number: asset_id for number, asset_id in session.execute(query)}
    return [ids[number] for number in numbers]


def withdraw(session: Session, library: Library, feed_id: int, source_keys: Iterable[str]) -> int:
    """Mark the held assets that a feed brought under these keys as withdrawn; return how many.

    Their rows stay; they no longer count as held.
    """
    digests = sorted({key_digest(key) for key in source_keys})
    gone = size = 0
    # The library's row before its assets, as whoever fills it: nobody waits in a circle.
    session.execute(
        sa.select(Library.id).where(Library.id == library.id).with_for_update(key_share=True)
    )
    for start in range(0, len(digests), CHUNK):
        rows = session.execute(
            sa.update(Asset)
            .where(
                Asset.feed_id == feed_id,
                Asset.source_digest.in_(digests[start : start + CHUNK]),
                Asset.library_id == library.id,
                Asset.state == AssetState.HELD,
            )
            .values(state=AssetState.WITHDRAWN)
            .returning(Asset.size)
            .execution_options(synchronize_session=False)
        ).all()
        gone += len(rows)
        size += sum(row.size for row in rows)
    if gone:
        count(session, library, -gone, -size)
    return gone


def count(session: Session, library: Library, assets: int, size: int) -> None:
    """Keep a library's totals of held assets and their bytes in step.

    Raises:
        errors.NotFound: the library was removed meanwhile.
    """
    found = session.execute(
        sa.update(Library)
        .where(Library.id == library.id, Library.deleted_at.is_(None))
        .values(assets=Library.assets + assets, size=Library.size + size, updated_at=now())
        .returning(Library.id)
        .execution_options(synchronize_session=False)
    ).first()
    if found is None:
        raise errors.NotFound(_("there is no library %(id)s"), id=library.id)
    if library in session:
        session.expire(library, ["assets", "size", "updated_at"])


def key_digest(source_key: str) -> str:
    """Return the SHA-256 by which a key of a feed is found."""
    return hashlib.sha256(source_key.encode("utf-8", "surrogatepass")).hexdigest()


def _fresh(session: Session, import_id: str, batch: Sequence[PreparedAsset]) -> list[PreparedAsset]:
    """Leave out what is there already."""
    if not batch:
        return []
    numbers = [each.number for each in batch]
    query = sa.select(Asset.row).where(
        Asset.import_id == import_id, Asset.row.between(min(numbers), max(numbers))
    )
    there = set(session.scalars(query))
    return [each for each in batch if each.number not in there]


def _row(each: PreparedAsset, feed_id: int | None) -> dict[str, Any]:
    key = each.source_key
    return {
        "row": each.number,
        "kind": each.kind,
        "name": each.name,
        "text": each.text,
        "digest": each.digest,
        "size": each.size,
        "content_type": each.content_type,
        "facts": each.facts,
        "source_key": key,
        "source_digest": None if feed_id is None or key is None else key_digest(key),
    }


def _media(batch: Sequence[PreparedAsset]) -> list[dict[str, Any]]:
    return list({each.digest: each.media for each in batch if each.media is not None}.values())


def _write_rejects(session: Session, import_id: str, rejects: Iterable[sources.Reject]) -> None:
    rows = [
        {"import_id": import_id, "number": reject.number, "line": reject.to_json()}
        for reject in rejects
    ]
    insert_new(session, ImportReject, rows)
