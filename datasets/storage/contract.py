"""Say what every object store does, and check what it is asked."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import Damaged, Invalid, _

CHUNK = 1 << 20  # bytes read at a time

DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Say under which digest (SHA-256, hex) how many bytes are stored."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object of a listing: its size in bytes, and when it was put last."""

    digest: str
    size: int
    put_at: dt.datetime


class ObjectStore(Protocol):
    """Put bytes in and get them out by digest; Unavailable when the store cannot be used."""

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream; raise TooLarge above `limit` bytes and leave nothing behind."""

    def put_bytes(self, data: bytes) -> StoredObject:
        """Store bytes that are in memory already."""
        return self.put(io.BytesIO(data))

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store many small objects, in order; when it fails, some may have been stored."""
        return [self.put_bytes(data) for data in contents]

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open a range as a seekable stream; NotFound if missing, empty beyond the end."""

    def read(self, digest: str) -> bytes:
        """Read a whole object; NotFound if missing, Damaged if its bytes have changed."""
        with self.open(digest) as stream:
            data = stream.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise Damaged(_("the stored bytes of %(digest)s have changed"), digest=digest)
        return data

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is no such object."""

    def delete(self, digest: str) -> None:
        """Delete an object; one that is not there is no error."""

    def delete_old(self, digest: str, before: dt.datetime) -> bool:
        """Delete an object unless it was put since; tell whether it is gone now."""

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""

    def listing(self) -> Iterator[ListedObject]:
        """List all objects in ascending order of digests, at constant memory."""

    def path(self, digest: str) -> Path | None:
        """Give the local file of an object, None if it is missing or not local."""

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give a public address to download from for a while, None if there is none."""

    def check(self) -> None:
        """Raise Unavailable unless objects can be stored now."""


def check_digest(digest: str) -> None:
    """Raise Invalid unless this is a SHA-256 in lower-case hex."""
    if not DIGEST.fullmatch(digest):
        raise Invalid(_("%(digest)s is not a SHA-256 digest"), digest=digest)


def check_range(start: int, length: int | None) -> None:
    """Raise Invalid for a range that begins or ends before the object."""
    if start < 0 or (length is not None and length < 0):
        raise Invalid(_("a range has no negative start or length"))
