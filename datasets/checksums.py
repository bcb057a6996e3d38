"""Keep the SM3 (GB/T 32905) and CRC-32 of stored objects, each object read once in its life."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors
from .db import Base, Database, Id, insert_new
from .errors import _
from .storage import CHUNK, ObjectStore

BATCH, BATCH_BYTES = 500, 64 << 20  # objects, or bytes read, between two signs of progress
THREADS = 8
_ASKED = 500  # digests of one query

# Told how many bytes of how many have been read.
Advance = Callable[[int, int], None]


class ObjectChecksum(Base):
    """A stored object's digest by SM3; what has the same SHA-256 has the same bytes."""

    __tablename__ = "object_checksums"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int] = mapped_column(Id)
    sm3: Mapped[str] = mapped_column(sa.String(64))


class ObjectCrc(Base):
    """A stored object's CRC-32, which a ZIP tells of each file that it holds."""

    __tablename__ = "object_crcs"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    crc: Mapped[int] = mapped_column(Id)


class Digest(Protocol):
    """A digest that is being worked out."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest in lower-case hex."""


class BundledSm3:
    """SM3 from the OpenSSL that `cryptography` brings, where Python's own lacks it."""

    def __init__(self) -> None:
        """Begin with no bytes."""
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        self._hash.update(data)

    def hexdigest(self) -> str:
        """Return the digest in lower-case hex; more bytes may still follow."""
        return self._hash.copy().finalize().hex()


def sm3(data: bytes = b"") -> Digest:
    """Begin an SM3 digest: 256 bits, GB/T 32905-2016."""
    digest: Digest
    try:
        digest = hashlib.new("sm3", usedforsecurity=True)
    except ValueError:
        digest = BundledSm3()
    digest.update(data)
    return digest


def known(session: Session, digests: Collection[str]) -> dict[str, str]:
    """Return SHA-256 → SM3 of those objects that have been read."""
    asked, found = sorted(set(digests)), {}
    for start in range(0, len(asked), _ASKED):
        rows = session.execute(
            sa.select(ObjectChecksum.digest, ObjectChecksum.sm3).where(
                ObjectChecksum.digest.in_(asked[start : start + _ASKED])
            )
        )
        found.update({digest: other for digest, other in rows})
    return found


def known_crcs(session: Session, digests: Collection[str]) -> dict[str, int]:
    """Return SHA-256 → CRC-32 of those objects that have been read."""
    asked, found = sorted(set(digests)), {}
    for start in range(0, len(asked), _ASKED):
        rows = session.execute(
            sa.select(ObjectCrc.digest, ObjectCrc.crc).where(
                ObjectCrc.digest.in_(asked[start : start + _ASKED])
            )
        )
        found.update({digest: crc for digest, crc in rows})
    return found


def keep_crcs(session: Session, crcs: Mapping[str, int]) -> None:
    """Keep SHA-256 → CRC-32 of objects; what is known stays."""
    insert_new(session, ObjectCrc, [{"digest": one, "crc": crcs[one]} for one in sorted(crcs)])


def complete(
    database: Database, store: ObjectStore, sizes: Mapping[str, int], advance: Advance
) -> dict[str, str]:
    """Return SHA-256 → SM3 of all these objects, reading those that were not read before.

    `sizes` maps digests to bytes. Constant memory; what was read is kept after each batch, so
    that nothing is read twice when this is begun again. The SHA-256 is checked on the way.

    Raises:
        errors.Damaged: an object is missing, or its bytes have changed.
    """
    with database.read() as session:
        found = known(session, sizes)
    missing = sorted(set(sizes) - set(found))
    total, done = sum(sizes[digest] for digest in missing), 0
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in _batches(missing, sizes):
            lengths = [sizes[digest] for digest in batch]
            if len(batch) == 1:
                show = partial(_advance_from, advance, done, total)
                sums = [_read(store, batch[0], lengths[0], show)]
            else:
                # A store that is far away takes a while to answer, for many small objects too.
                sums = list(pool.map(partial(_read, store), batch, lengths))
            read = zip(batch, lengths, sums, strict=True)
            with database.write() as session:
                rows = [
                    {"digest": one, "size": size, "sm3": other} for one, size, (other, _crc) in read
                ]
                insert_new(session, ObjectChecksum, rows)
                keep_crcs(
                    session, {one: crc for one, (_other, crc) in zip(batch, sums, strict=True)}
                )
            found.update({one: other for one, (other, _crc) in zip(batch, sums, strict=True)})
            done += sum(lengths)
            advance(done, total)
    return found


def _advance_from(advance: Advance, before: int, total: int, length: int) -> None:
    advance(before + length, total)


def _batches(digests: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Divide digests into batches of at most BATCH objects and BATCH_BYTES, or one large one."""
    batch: list[str] = []
    filled = 0
    for digest in digests:
        if batch and (len(batch) == BATCH or filled + sizes[digest] > BATCH_BYTES):
            yield batch
            batch, filled = [], 0
        batch.append(digest)
        filled += sizes[digest]
    if batch:
        yield batch


def _read(
    store: ObjectStore, digest: str, size: int, show: Callable[[int], None] | None = None
) -> tuple[str, int]:
    """Return SM3 and CRC-32 of an object; `show` is told now and then how much has been read."""
    told, checked, crc, length, shown = sm3(), hashlib.sha256(), 0, 0, 0
    try:
        stream = store.open(digest)
    except errors.NotFound as error:
        raise errors.Damaged(
            _("the stored bytes of %(digest)s are missing"), digest=digest
        ) from error
    with stream:
        while piece := stream.read(CHUNK):
            told.update(piece)
            checked.update(piece)
            crc = zlib.crc32(piece, crc)
            length += len(piece)
            if show is not None and shown + BATCH_BYTES <= length < size:
                shown = length
                show(length)
    if (checked.hexdigest(), length) != (digest, size):
        raise errors.Damaged(_("the stored bytes of %(digest)s have changed"), digest=digest)
    return told.hexdigest(), crc
