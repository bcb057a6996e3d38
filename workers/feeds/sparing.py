"""Store what is made of an object, and not the object itself."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...datasets import errors
from ...datasets.errors import _
from ...datasets.storage import CHUNK, ListedObject, ObjectStore, StoredObject


class SparingStore(ObjectStore):
    """A store that takes everything but the bytes of one digest, which stay where they are."""

    def __init__(self, store: ObjectStore, spared: str) -> None:
        """Remember which digest is not stored."""
        self._store, self._spared = store, spared

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream that can be read twice, unless it is what is spared."""
        start, digest, size = stream.tell(), hashlib.sha256(), 0
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if limit is not None and size > limit:
                raise errors.TooLarge(_("more than %(limit_bytes)s"), limit_bytes=limit)
        if digest.hexdigest() == self._spared:
            return StoredObject(self._spared, size)
        stream.seek(start)
        return self._store.put(stream, limit=limit)

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open what is stored."""
        return self._store.open(digest, start, length)

    def size(self, digest: str) -> int | None:
        """Tell the size of what is stored."""
        return self._store.size(digest)

    def delete(self, digest: str) -> None:
        """Delete what is stored."""
        self._store.delete(digest)

    def delete_old(self, digest: str, before: dt.datetime) -> bool:
        """Delete what is stored unless it was put since."""
        return self._store.delete_old(digest, before)

    def digests(self) -> Iterator[str]:
        """List what is stored."""
        return self._store.digests()

    def listing(self) -> Iterator[ListedObject]:
        """List what is stored."""
        return self._store.listing()

    def path(self, digest: str) -> Path | None:
        """Give the local file of what is stored."""
        return self._store.path(digest)

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give a public address of what is stored."""
        return self._store.link(
            digest, file_name=file_name, content_type=content_type, seconds=seconds
        )

    def check(self) -> None:
        """Raise Unavailable unless objects can be stored now."""
        self._store.check()
