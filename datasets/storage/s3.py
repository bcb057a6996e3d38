"""Keep objects in one bucket of an S3 service."""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

import urllib3
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.error import MinioException, S3Error
from minio.helpers import check_bucket_name

from ..errors import Invalid, NotFound, Unavailable, _
from .contract import (
    CHUNK,
    DIGEST,
    ListedObject,
    ObjectStore,
    StoredObject,
    check_digest,
    check_range,
)
from .disk import using_folder, write_all
from .streams import Incoming, Window

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

PART = 8 << 20  # bytes of one part of an upload to S3, which allows 10,000 parts

# Bytes that were put longer ago are sent anew: what deletes old ones must see that they are wanted.
FRESH = timedelta(hours=12)

CONNECT_SECONDS = 5.0  # each of three tries to reach S3

LONGEST_LINK = 7 * 24 * 3600  # seconds; the limit of S3's signature version 4

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>(\w[\w-]*(\.\w[\w-]*)*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?)/?"
)

_NOTHING = {"NoSuchKey", "NoSuchBucket"}  # a bucket is created by the first put

_WRONG_KEY = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


class S3Storage(ObjectStore):
    """Keep objects under their digest as key in one bucket of an S3 service.

    `endpoint` is the address the servers use, `public_endpoint` the one browsers reach
    (without it there are no links); `region` is told, so that signing needs no request.
    A stream is spooled to a temporary file in `spool`, because the key is known only at its
    end, and sent unless an object of that key and size is there. A call that meets a dead
    service ends within 3 × (5 + `read_seconds`) seconds.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        access_key: str,
        secret_key: str,
        bucket: str,
        public_endpoint: str | None = None,
        region: str = "us-east-1",
        read_seconds: float = 30.0,
        spool: Path | None = None,
    ) -> None:
        try:
            check_bucket_name(bucket, strict=True)
        except ValueError as error:
            message = _("%(bucket)s is not a name for an S3 bucket")
            raise Invalid(message, bucket=bucket) from error
        # The provider keeps the secret out of this object's own attributes.
        keys = StaticProvider(access_key, secret_key)
        host, secure = _checked_address(endpoint)
        self._host, self._bucket, self._region, self._spool = host, bucket, region, spool
        self._connect = partial(_client, host, secure, keys, region, read_seconds)
        self._connected = os.getpid(), self._connect()
        self._signer: Minio | None = None
        if public_endpoint:
            self._signer = _client(*_checked_address(public_endpoint), keys, region, read_seconds)

    def __repr__(self) -> str:
        return f"S3Storage({self._host!r}, bucket={self._bucket!r})"

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream; raise TooLarge above `limit` bytes and leave nothing behind."""
        with using_folder():
            spool = tempfile.TemporaryFile(dir=self._spool, buffering=0)
        with spool:
            incoming = Incoming(stream, limit)
            for chunk in incoming:
                with using_folder():
                    write_all(spool, chunk)
            digest, size = incoming.digest, incoming.size
            if not self._is_fresh(digest, size):
                with self._using():
                    try:
                        self._upload(digest, size, spool)
                    except S3Error as error:
                        if error.code != "NoSuchBucket":
                            raise
                        self._make_bucket()
                        self._upload(digest, size, spool)
        return StoredObject(digest, size)

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open a range as a seekable stream; NotFound if missing, empty beyond the end."""
        check_range(start, length)
        check_digest(digest)
        if length == 0:
            if self.size(digest) is None:
                raise NotFound(_("there is no object %(digest)s"), digest=digest)
            return io.BytesIO()
        part = _S3Range(self, digest, start, length)
        return io.BufferedReader(Window(part.size, part.read_at, part.close), CHUNK // 4)

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is no such object."""
        found = self._stat(digest)
        return None if found is None else found.size

    def delete(self, digest: str) -> None:
        """Delete an object; one that is not there is no error."""
        check_digest(digest)
        with self._using():
            try:
                self._client.remove_object(self._bucket, digest)
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise

    def delete_old(self, digest: str, before: dt.datetime) -> bool:
        """Delete an object unless it was put since; tell whether it is gone now.

        S3 cannot look and delete in one step: `before` must lie well behind `FRESH`, so that
        whoever puts the same bytes meanwhile has sent them anew.
        """
        found = self._stat(digest)
        if found is not None and found.put_at >= before:
            return False
        self.delete(digest)
        return True

    def listing(self) -> Iterator[ListedObject]:
        """List all objects in ascending order of digests, at constant memory."""
        with self._using():
            try:
                for item in self._client.list_objects(self._bucket):
                    name, size, at = item.object_name, item.size, item.last_modified
                    if name and DIGEST.fullmatch(name) and size is not None and at is not None:
                        yield ListedObject(name, size, at)
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""
        for item in self.listing():
            yield item.digest

    def path(self, digest: str) -> Path | None:
        """Give None: the bytes are not on this machine."""
        check_digest(digest)
        return None

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Sign a public address for 1 second to 7 days; None without a public endpoint."""
        check_digest(digest)
        if self._signer is None:
            return None
        if not 1 <= seconds <= LONGEST_LINK:
            raise Invalid(_("a link lives 1 to %(limit)s seconds"), limit=LONGEST_LINK)
        plain = re.sub(r"[^ !#-\[\]-~]", "_", file_name)
        encoded = quote(file_name, safe="", errors="replace")
        named = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
        return self._signer.presigned_get_object(
            self._bucket,
            digest,
            timedelta(seconds=seconds),
            {"response-content-disposition": named, "response-content-type": content_type},
        )

    def check(self) -> None:
        """Raise Unavailable unless the bucket can be reached; create it if it is missing."""
        with self._using():
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()

    def _stat(self, digest: str) -> ListedObject | None:
        check_digest(digest)
        with self._using():
            try:
                found = self._client.stat_object(self._bucket, digest)
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise
                return None
        at = found.last_modified or dt.datetime.now(dt.UTC)
        return ListedObject(digest, found.size or 0, at)

    def _is_fresh(self, digest: str, size: int) -> bool:
        """Tell whether these bytes are there, and were put so lately that nobody deletes them."""
        found = self._stat(digest)
        if found is None or found.size != size:
            return False
        return found.put_at > dt.datetime.now(dt.UTC) - FRESH

    @property
    def _client(self) -> Minio:
        # A forked job must not talk on the connections of its parent.
        if self._connected[0] != os.getpid():
            self._connected = os.getpid(), self._connect()
        return self._connected[1]

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            message = _("the object storage at %(address)s cannot use %(bucket)s: %(code)s")
            if error.code in _WRONG_KEY:
                message = _("the object storage at %(address)s refuses our key: %(code)s")
            raise Unavailable(
                message, address=self._host, bucket=self._bucket, code=error.code
            ) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise Unavailable(
                _("the object storage at %(address)s does not answer properly: %(reason)s"),
                address=self._host,
                reason=type(getattr(error, "reason", None) or error).__name__,
            ) from error

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket, self._region)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":
                raise

    def _upload(self, digest: str, size: int, spool: BinaryIO) -> None:
        spool.seek(0)
        part = max(PART, -(-size // 10_000 // CHUNK) * CHUNK)
        self._client.put_object(self._bucket, digest, spool, size, part_size=part)

    def _get(self, digest: str, start: int, length: int | None) -> BaseHTTPResponse | None:
        """Ask for a range; None if it starts beyond the end."""
        try:
            # minio's length 0 means "to the end".
            return self._client.get_object(self._bucket, digest, start, length or 0)
        except S3Error as error:
            if error.code == "InvalidRange":
                return None
            if error.code in _NOTHING:
                raise NotFound(_("there is no object %(digest)s"), digest=digest) from error
            raise


class _S3Range:
    """Read a range of an object by one request, and by one more after each jump."""

    def __init__(self, store: S3Storage, digest: str, start: int, length: int | None) -> None:
        self._store, self._digest, self._start = store, digest, start
        with store._using():
            self._response = store._get(digest, start, length)
        self._at = 0
        self.size = int(self._response.headers["Content-Length"]) if self._response else 0

    def read_at(self, position: int, amount: int) -> bytes:
        """Read up to `amount` bytes; raise Unavailable when the connection breaks."""
        with self._store._using():
            if position != self._at or self._response is None:
                self.close()
                rest = self.size - position
                self._response = self._store._get(self._digest, self._start + position, rest)
                self._at = position
            data: bytes = self._response.read(amount) if self._response else b""
        self._at += len(data)
        return data

    def close(self) -> None:
        """Give the connection back if everything was read from it, else end it."""
        if self._response is not None:
            self._response.close()
            self._response.release_conn()
            self._response = None


def _client(
    host: str, secure: bool, keys: StaticProvider, region: str, read_seconds: float
) -> Minio:
    """Make a client whose calls all end; it connects only when it is used."""
    pool = urllib3.PoolManager(
        maxsize=32,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        retries=urllib3.Retry(
            total=2,
            redirect=False,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            respect_retry_after_header=False,  # it could ask for an hour
        ),
    )
    try:
        return Minio(host, secure=secure, credentials=keys, region=region, http_client=pool)
    except ValueError as error:
        raise Invalid(
            _("the address of the object storage is wrong: %(host)s"), host=host
        ) from error


def _checked_address(address: str) -> tuple[str, bool]:
    """Split `http(s)://host[:port]` into host and whether it is encrypted."""
    # No path, query or user: the message does not repeat what may hold a password.
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise Invalid(_("the address of the object storage must be http(s)://host[:port]"))
    return found["host"], found["scheme"] == "https"
