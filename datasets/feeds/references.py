"""Remember which bytes are only referred to: where they are, whether they still hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import insert_many, now
from ..libraries import Asset, key_digest
from .rows import Feed, FeedObject, FeedRun, MediaReference

CHUNK = 500  # names in one statement
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class Referred:
    """An object that is read at its place: its key there, its form, and what its bytes are."""

    key: str
    etag: str
    digest: str
    size: int


@dataclass(frozen=True)
class Standing:
    """How many objects of a feed are only referred to, how many of them no longer hold."""

    held: int = 0
    lost: int = 0
    size: int = 0


def refer(session: Session, feed_id: int, objects: Sequence[Referred]) -> None:
    """Write down where bytes are; the same bytes under the same key are there once."""
    at = now()
    rows = [
        {
            "digest": each.digest,
            "feed_id": feed_id,
            "key_digest": key_digest(each.key),
            "key": each.key,
            "etag": each.etag,
            "size": each.size,
            "created_at": at,
            "lost_at": None,
            "is_withdrawn": False,
        }
        for each in objects
    ]
    for part in _chunks(rows):
        session.execute(
            sa.delete(MediaReference)
            .where(
                MediaReference.feed_id == feed_id,
                MediaReference.key_digest.in_([row["key_digest"] for row in part]),
                MediaReference.digest.in_([row["digest"] for row in part]),
            )
            .execution_options(synchronize_session=False)
        )
    insert_many(session, MediaReference, rows)


def renew(session: Session, feed_id: int, etags: Mapping[str, str]) -> None:
    """Note that keys hold the same bytes in another form: key → its ETag now."""
    for key, etag in etags.items():
        _change(session, feed_id, [key_digest(key)], etag=etag, lost_at=None)


def withdraw(session: Session, feed_id: int, keys: Iterable[str]) -> None:
    """Note that what was brought under these keys is withdrawn: it holds no more."""
    names = sorted({key_digest(key) for key in keys})
    _change(session, feed_id, names, is_withdrawn=True, lost_at=now())


def note_found(session: Session, feed_id: int, key_digests: Sequence[str]) -> None:
    """Note that a run saw objects in the form that is referred to."""
    _change(session, feed_id, key_digests, MediaReference.lost_at.is_not(None), lost_at=None)


def note_changed(session: Session, feed_id: int, key_digests: Sequence[str]) -> None:
    """Note that objects are there in another form, which could not be had."""
    _change(session, feed_id, key_digests, MediaReference.lost_at.is_(None), lost_at=now())


def note_gone(session: Session, run: FeedRun) -> None:
    """Note which references no longer hold, as the run did not see their objects."""
    unseen = sa.select(FeedObject.key_digest).where(
        FeedObject.feed_id == run.feed_id, FeedObject.run_id != run.id
    )
    session.execute(
        sa.update(MediaReference)
        .where(
            MediaReference.feed_id == run.feed_id,
            MediaReference.lost_at.is_(None),
            MediaReference.key_digest.in_(unseen),
        )
        .values(lost_at=now())
        .execution_options(synchronize_session=False)
    )


def standing(session: Session, feed_ids: Sequence[int]) -> dict[int, Standing]:
    """Return how those feeds stand that refer to anything."""
    query = (
        sa.select(
            MediaReference.feed_id,
            sa.func.count(),
            sa.func.count(MediaReference.lost_at),
            sa.func.sum(MediaReference.size),
        )
        .where(MediaReference.feed_id.in_(feed_ids), ~MediaReference.is_withdrawn)
        .group_by(MediaReference.feed_id)
    )
    rows = session.execute(query)
    return {feed: Standing(held, lost, int(size)) for feed, held, lost, size in rows}


def place_of(session: Session, asset: Asset) -> tuple[MediaReference, Feed] | None:
    """Return where an asset's bytes are read, with the feed; None where they are held here."""
    if asset.feed_id is None or asset.source_digest is None or asset.text is not None:
        return None
    row = session.execute(
        sa.select(MediaReference, Feed)
        .join(Feed, Feed.id == MediaReference.feed_id)
        .where(
            MediaReference.feed_id == asset.feed_id,
            MediaReference.key_digest == asset.source_digest,
            MediaReference.digest == asset.digest,
        )
    ).first()
    return None if row is None else (row[0], row[1])


def referred(
    session: Session, digests: Sequence[str], organisation_id: int | None = None
) -> dict[str, int]:
    """Return which of these bytes are only referred to (by an organisation, or by any): sizes."""
    found: dict[str, int] = {}
    for part in _chunks(sorted(set(digests))):
        query = sa.select(MediaReference.digest, MediaReference.size).where(
            MediaReference.digest.in_(part)
        )
        if organisation_id is not None:
            query = query.join(Feed, Feed.id == MediaReference.feed_id).where(
                Feed.organisation_id == organisation_id
            )
        found |= {digest: size for digest, size in session.execute(query)}
    return found


def has_any(session: Session, organisation_id: int) -> bool:
    """Tell whether an organisation refers to anything."""
    query = (
        sa.select(MediaReference.id)
        .join(Feed, Feed.id == MediaReference.feed_id)
        .where(Feed.organisation_id == organisation_id)
    )
    return session.execute(query.limit(1)).first() is not None


def note_held(session: Session, digest: str, organisation_id: int) -> None:
    """Forget the references of an organisation to bytes that it keeps here from now on."""
    its = sa.select(Feed.id).where(Feed.organisation_id == organisation_id)
    session.execute(
        sa.delete(MediaReference)
        .where(MediaReference.digest == digest, MediaReference.feed_id.in_(its))
        .execution_options(synchronize_session=False)
    )


def digests_after(
    session: Session, after: str, before: dt.datetime, limit: int = CHUNK
) -> list[str]:
    """List the next bytes that were referred to before a time, by digest."""
    query = (
        sa.select(MediaReference.digest)
        .where(MediaReference.digest > after, MediaReference.created_at < before)
        .distinct()
        .order_by(MediaReference.digest)
        .limit(limit)
    )
    return list(session.scalars(query))


def forget_digests(session: Session, digests: Sequence[str], before: dt.datetime) -> None:
    """Forget references of before a time to bytes that nothing here needs any more."""
    for part in _chunks(list(digests)):
        session.execute(
            sa.delete(MediaReference)
            .where(MediaReference.digest.in_(part), MediaReference.created_at < before)
            .execution_options(synchronize_session=False)
        )


def keys_of(session: Session, feed_id: int, after: int, limit: int = CHUNK) -> dict[int, str]:
    """Return the next keys that a feed refers to, by the id of the reference."""
    query = (
        sa.select(MediaReference.id, MediaReference.key)
        .where(
            MediaReference.feed_id == feed_id,
            MediaReference.id > after,
            ~MediaReference.is_withdrawn,
        )
        .order_by(MediaReference.id)
        .limit(limit)
    )
    return {number: key for number, key in session.execute(query)}


def _change(
    session: Session,
    feed_id: int,
    key_digests: Sequence[str],
    where: sa.ColumnElement[bool] | None = None,
    **values: Any,
) -> None:
    """Change the references of keys, but for those that are withdrawn."""
    for part in _chunks(key_digests):
        session.execute(
            sa.update(MediaReference)
            .where(
                MediaReference.feed_id == feed_id,
                MediaReference.key_digest.in_(part),
                ~MediaReference.is_withdrawn,
                sa.true() if where is None else where,
            )
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _chunks(names: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]
