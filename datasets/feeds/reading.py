"""Read bytes that are only referred to at their place, as if they lay in our own store."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
import urllib3

from .. import buckets, errors
from ..db import Database
from ..errors import _
from ..settings import Settings
from ..storage import CHUNK, ListedObject, ObjectStore, StoredObject
from ..storage.streams import Window
from .keeping import secrets_of
from .rows import Feed, MediaReference

MOST_CLIENTS = 32  # that are kept ready
OBJECT_SECONDS = 120.0  # of waiting for one part of an object, and on top of that
SLOWEST = 64 * 1024  # bytes a second
UNTOLD = _("the bytes are only referred to, and no place gives them as they were")
# What services say of an object that is not there any more.
_GONE = ("NoSuchKey", "NoSuchBucket", "NoSuchVersion")
_CHANGED = "PreconditionFailed"


class ReferringStore(ObjectStore):
    """Our own store first; what it lacks is read where a feed of kind s3 refers to.

    What lies in our own store costs no query. Only the form of an object is read that a run
    has seen whole; one that was read from its beginning to its end is checked by its digest.
    Without a `database` one is opened for each look.

    Raises, besides what a store raises:
        errors.Away: the place holds the object no more, or in another form.
        errors.Unavailable: the place does not answer.
    """

    def __init__(self, own: ObjectStore, settings: Settings, database: Database | None) -> None:
        """Remember the store to ask first; nothing is asked yet."""
        self.own = own
        self._settings, self._database = settings, database
        self._buckets: dict[tuple[int, int, dt.datetime], buckets.Bucket] = {}

    def __repr__(self) -> str:
        return f"ReferringStore({self.own!r})"

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream in our own store."""
        return self.own.put(stream, limit=limit)

    def put_bytes(self, data: bytes) -> StoredObject:
        """Store bytes in our own store."""
        return self.own.put_bytes(data)

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store many small objects in our own store."""
        return self.own.put_many(contents)

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open a range as a seekable stream; NotFound if missing, empty beyond the end."""
        try:
            return self.own.open(digest, start, length)
        except errors.NotFound as problem:
            return self._opened(digest, start, length, problem)

    def read(self, digest: str) -> bytes:
        """Read a whole object; NotFound if missing, Damaged if its bytes have changed."""
        try:
            return self.own.read(digest)
        except errors.NotFound as problem:
            with self._opened(digest, 0, None, problem) as stream:
                return stream.read()

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is neither an object nor a reference."""
        size = self.own.size(digest)
        if size is not None:
            return size
        return next((row.size for row, _feed in self._found(digest)), None)

    def delete(self, digest: str) -> None:
        """Delete an object of our own store; nobody else's is ever touched."""
        self.own.delete(digest)

    def delete_old(self, digest: str, before: dt.datetime) -> bool:
        """Delete an object of our own store unless it was put since."""
        return self.own.delete_old(digest, before)

    def digests(self) -> Iterator[str]:
        """List the digests of our own objects in ascending order."""
        return self.own.digests()

    def listing(self) -> Iterator[ListedObject]:
        """List our own objects in ascending order of digests."""
        return self.own.listing()

    def path(self, digest: str) -> Path | None:
        """Give the local file of one of our own objects."""
        return self.own.path(digest)

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give a public address of what is published: that is always our own."""
        return self.own.link(
            digest, file_name=file_name, content_type=content_type, seconds=seconds
        )

    def check(self) -> None:
        """Raise Unavailable unless objects can be stored in our own store now."""
        self.own.check()

    def _opened(
        self, digest: str, start: int, length: int | None, missing: errors.NotFound
    ) -> BinaryIO:
        """Open what a feed refers to: of several places the first that holds it."""
        found = self._found(digest)
        # Nobody is told of the buckets of others.
        is_told = len({feed.organisation_id for _row, feed in found}) < 2
        problem: errors.JinbiaoError = missing
        for row, feed in found:
            left = max(0, row.size - start)
            amount = left if length is None else min(length, left)
            if amount == 0:
                return io.BytesIO()
            try:
                _check_not_deleted(row, feed)
                part = _Part(self._bucket(feed), row, start, amount, is_told)
            except (errors.Away, errors.Unavailable) as met:
                problem = met if problem is missing else problem
                continue
            return io.BufferedReader(Window(part.size, part.read_at, part.close), CHUNK // 4)
        if not is_told:
            raise type(problem)(UNTOLD) from missing
        raise problem from missing

    def _found(self, digest: str) -> list[tuple[MediaReference, Feed]]:
        """Return what refers to these bytes, the oldest first: it is not displaced by a later."""
        query = (
            sa.select(MediaReference, Feed)
            .join(Feed, Feed.id == MediaReference.feed_id)
            .where(MediaReference.digest == digest)
            .order_by(MediaReference.id)
        )
        with self._looking() as database, database.glance() as session:
            return [(row, feed) for row, feed in session.execute(query)]

    @contextmanager
    def _looking(self) -> Iterator[Database]:
        if self._database is not None:
            yield self._database
            return
        database = Database(self._settings.database_url)
        try:
            yield database
        finally:
            database.close()

    def _bucket(self, feed: Feed) -> buckets.Bucket:
        # Changed keys make another client; a forked job must not talk on its parent's.
        name = os.getpid(), feed.id, feed.updated_at
        if name not in self._buckets:
            if len(self._buckets) >= MOST_CLIENTS:
                self._buckets.clear()
            self._buckets[name] = bucket_of(self._settings, feed)
        return self._buckets[name]


def bucket_of(settings: Settings, feed: Feed) -> buckets.Bucket:
    """Return the bucket that a feed of kind s3 reads.

    Raises:
        errors.Unavailable: its address may not be called now, or its keys cannot be opened.
    """
    given = feed.option_values
    try:
        return buckets.Bucket(
            settings.outside_allowed,
            str(given["bucket"]),
            endpoint=given["endpoint"],
            region=given["region"],
            keys=secrets_of(settings, feed),
        )
    except (errors.Invalid, errors.Refused) as problem:
        raise errors.Unavailable(problem.message, **problem.values) from problem


def _check_not_deleted(row: MediaReference, feed: Feed) -> None:
    if feed.deleted_at is not None:
        raise errors.Away(
            _("%(key)s in the bucket %(bucket)s was not copied before its feed was deleted"),
            key=row.key[:200],
            bucket=str(feed.option_values["bucket"]),
        )


class _Part:
    """Read a part of an object on one answer, and on another where somebody seeks."""

    def __init__(
        self, bucket: buckets.Bucket, row: MediaReference, start: int, size: int, is_told: bool
    ) -> None:
        self._bucket, self._row, self._start, self.size = bucket, row, start, size
        self._is_told = is_told
        # Of what is read from the beginning to the end, without a seek between.
        self._hash = hashlib.sha256() if self._is_whole else None
        self._at = 0
        # Only waiting for the bucket counts: whoever reads may take their time.
        self._seconds = OBJECT_SECONDS + size / SLOWEST
        self._response: urllib3.BaseHTTPResponse | None = self._get(0)

    def read_at(self, position: int, amount: int) -> bytes:
        """Read up to `amount` bytes; an error names the place where that may be told."""
        try:
            return self._read(position, amount)
        except errors.JinbiaoError as problem:
            if self._is_told:
                raise
            raise type(problem)(UNTOLD) from problem

    def _read(self, position: int, amount: int) -> bytes:
        if position != self._at or self._response is None:
            self.close()
            self._hash = hashlib.sha256() if position == 0 and self._is_whole else None
            self._response, self._at = self._get(position), position
        began = time.monotonic()
        with self._reaching():
            # What has come, so that nobody holds us by sending a byte now and then.
            data: bytes = self._response.read1(amount)
            self._seconds -= time.monotonic() - began
            if not data or self._seconds < 0:
                raise urllib3.exceptions.ProtocolError("it breaks off, or takes too long")
        self._at += len(data)
        if self._hash is not None:
            self._hash.update(data)
            if self._at == self.size and self._hash.hexdigest() != self._row.digest:
                raise errors.Damaged(
                    _("the bytes of %(key)s in the bucket %(bucket)s are not those it had"),
                    key=self._row.key[:200],
                    bucket=self._bucket.name,
                )
        return data

    def close(self) -> None:
        """Give the connection back if everything was read from it, else end it."""
        if self._response is not None:
            self._response.close()
            self._response.release_conn()
            self._response = None

    @property
    def _is_whole(self) -> bool:
        return self._start == 0 and self.size == self._row.size

    def _get(self, position: int) -> urllib3.BaseHTTPResponse:
        left = self.size - position
        with self._reaching():
            response = self._bucket.get(
                self._row.key,
                start=self._start + position,
                # No range where all is wanted: some services know none of an empty length.
                length=0 if self._start + position == 0 and left == self._row.size else left,
                etag=self._row.etag,
            )
            if response.headers.get("Content-Length") == str(left):
                return response
            response.close()
            raise urllib3.exceptions.ProtocolError("another length than was asked for")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            with self._bucket.using():
                yield
        except (errors.Refused, errors.Invalid) as problem:
            code = problem.values.get("code")
            key, bucket = self._row.key[:200], self._bucket.name
            if code in _GONE:
                raise errors.Away(
                    _("%(key)s is not in the bucket %(bucket)s any more, and was not copied"),
                    key=key,
                    bucket=bucket,
                ) from problem
            if code == _CHANGED:
                raise errors.Away(
                    _("%(key)s in the bucket %(bucket)s was changed since, and was not copied"),
                    key=key,
                    bucket=bucket,
                ) from problem
            raise errors.Unavailable(problem.message, **problem.values) from problem
