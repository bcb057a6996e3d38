"""Keep bytes under the SHA-256 of their content, in a folder or in an S3 bucket.

An object never changes: the same bytes have the same digest and are stored once. Both stores
stream at constant memory, show an object only when it is complete, and check in `read` that
the bytes are still the ones that were put.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import quote

import urllib3
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.error import MinioException, S3Error
from minio.helpers import check_bucket_name

from .errors import Damaged, Invalid, NotFound, TooLarge, Unavailable, _

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3.response import BaseHTTPResponse

CHUNK = 1 << 20  # bytes read at a time
PART = 8 << 20  # bytes of one part of an upload to S3, which allows 10,000 parts
CONNECT_SECONDS = 5.0  # each of three tries to reach S3
LONGEST_LINK = 7 * 24 * 3600  # seconds; the limit of S3's signature version 4

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHARD = "[0-9a-f][0-9a-f]"
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>(\w[\w-]*(\.\w[\w-]*)*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?)/?"
)
_NOTHING = {"NoSuchKey", "NoSuchBucket"}  # a bucket is created by the first put
_WRONG_KEY = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Say under which digest (SHA-256, hex) how many bytes are stored."""

    digest: str
    size: int


class ObjectStore(Protocol):
    """Put bytes in and get them out by digest; Unavailable when the store cannot be used."""

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream; raise TooLarge above `limit` bytes and leave nothing behind."""

    def put_bytes(self, data: bytes) -> StoredObject:
        """Store bytes that are in memory already."""
        return self.put(io.BytesIO(data))

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

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""

    def path(self, digest: str) -> Path | None:
        """Give the local file of an object, None if it is missing or not local."""

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give a public address to download from for a while, None if there is none."""

    def check(self) -> None:
        """Raise Unavailable unless objects can be stored now."""


class FolderStorage(ObjectStore):
    """Keep objects as files `ab/cd/abcd…` below one folder of a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._unfinished = self._root / "unfinished"

    def __repr__(self) -> str:
        return f"FolderStorage({str(self._root)!r})"

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream; raise TooLarge above `limit` bytes and leave nothing behind."""
        with _using_folder():
            _make_folder(self._unfinished)
            # Unbuffered: CHUNK is buffer enough, and a full disk shows up in `write`.
            number, name = tempfile.mkstemp(dir=self._unfinished)
        try:
            with io.FileIO(number, "wb") as file:
                incoming = _Incoming(stream, limit)
                for chunk in incoming:
                    with _using_folder():
                        _write_all(file, chunk)
                with _using_folder():
                    os.fsync(file)
            with _using_folder():
                # An object that is there already is replaced by the same bytes: that heals
                # a damaged file, and cannot be crossed by a delete as a look before could.
                target = self._file(incoming.digest)
                _make_folder(target.parent)
                os.replace(name, target)
                _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
        return StoredObject(incoming.digest, incoming.size)

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open a range as a seekable stream; NotFound if missing, empty beyond the end."""
        _check_range(start, length)
        with _using_folder():
            try:
                number = os.open(self._file(digest), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise NotFound(_("there is no object %(digest)s"), digest=digest) from error
            left = max(0, os.fstat(number).st_size - start)

        def read_at(position: int, amount: int) -> bytes:
            with _using_folder():
                return os.pread(number, amount, start + position)

        size = left if length is None else min(left, length)
        return io.BufferedReader(_Window(size, read_at, lambda: os.close(number)))

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is no such object."""
        with _using_folder():
            try:
                return self._file(digest).stat().st_size
            except FileNotFoundError:
                return None

    def delete(self, digest: str) -> None:
        """Delete an object; one that is not there is no error."""
        with _using_folder():
            file = self._file(digest)
            with suppress(FileNotFoundError):
                file.unlink()
                _sync_folder(file.parent)

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""
        with _using_folder():
            for shard in sorted(self._root.glob(f"{_SHARD}/{_SHARD}")):
                yield from sorted(name for name in os.listdir(shard) if _DIGEST.fullmatch(name))

    def path(self, digest: str) -> Path | None:
        """Give the local file of an object, None if it is missing."""
        file = self._file(digest)
        with _using_folder():
            return file if file.is_file() else None

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give None: a folder has no public address, the server streams instead."""
        _check_digest(digest)
        return None

    def check(self) -> None:
        """Raise Unavailable unless a file can be written and made durable now."""
        with _using_folder():
            _make_folder(self._unfinished)
            with tempfile.TemporaryFile(dir=self._unfinished) as file:
                file.write(b"check")
                file.flush()
                os.fsync(file)

    def sweep_unfinished(self, older_than_seconds: float) -> int:
        """Delete what killed writes left, if not written to for so long; return how many."""
        swept, before = 0, time.time() - older_than_seconds
        with _using_folder():
            for file in self._unfinished.glob("*"):
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime <= before:
                        file.unlink()
                        swept += 1
        return swept

    def _file(self, digest: str) -> Path:
        _check_digest(digest)
        return self._root / digest[:2] / digest[2:4] / digest


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
        with _using_folder():
            spool = tempfile.TemporaryFile(dir=self._spool, buffering=0)
        with spool:
            incoming = _Incoming(stream, limit)
            for chunk in incoming:
                with _using_folder():
                    _write_all(spool, chunk)
            digest, size = incoming.digest, incoming.size
            if self.size(digest) != size:
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
        _check_range(start, length)
        _check_digest(digest)
        if length == 0:
            if self.size(digest) is None:
                raise NotFound(_("there is no object %(digest)s"), digest=digest)
            return io.BytesIO()
        part = _S3Range(self, digest, start, length)
        return io.BufferedReader(_Window(part.size, part.read_at, part.close), CHUNK // 4)

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is no such object."""
        _check_digest(digest)
        with self._using():
            try:
                return self._client.stat_object(self._bucket, digest).size
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise
                return None

    def delete(self, digest: str) -> None:
        """Delete an object; one that is not there is no error."""
        _check_digest(digest)
        with self._using():
            try:
                self._client.remove_object(self._bucket, digest)
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""
        with self._using():
            try:
                for item in self._client.list_objects(self._bucket):
                    if item.object_name and _DIGEST.fullmatch(item.object_name):
                        yield item.object_name
            except S3Error as error:
                if error.code not in _NOTHING:
                    raise

    def path(self, digest: str) -> Path | None:
        """Give None: the bytes are not on this machine."""
        _check_digest(digest)
        return None

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Sign a public address for 1 second to 7 days; None without a public endpoint."""
        _check_digest(digest)
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


class _Incoming:
    """Read a stream in chunks, hash and count it, and stop above the limit."""

    def __init__(self, stream: BinaryIO, limit: int | None) -> None:
        self._stream, self._limit = stream, limit
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._stream.read(CHUNK):
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise TooLarge(_("more than %(limit)s bytes"), limit=self._limit)
            self._hash.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class _Window(io.RawIOBase):
    """Show `size` bytes that are read at any position as a seekable stream."""

    def __init__(
        self, size: int, read_at: Callable[[int, int], bytes], release: Callable[[], None]
    ) -> None:
        self._size, self._read_at, self._release = size, read_at, release
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("a seek before the start")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        amount = min(len(view), self._size - self._position)
        data = self._read_at(self._position, amount) if amount > 0 else b""
        if amount > 0 and not data:
            raise Damaged(_("the stored bytes end too early"))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(CHUNK) or b"", b""))

    def close(self) -> None:
        if not self.closed:
            self._release()
        super().close()


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


@contextmanager
def _using_folder() -> Iterator[None]:
    """Turn what the disk says (full, not there, not allowed) into Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            _("the storage folder cannot be used: %(reason)s"), reason=error.strerror
        ) from error


def _write_all(file: io.FileIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def _make_folder(folder: Path) -> None:
    """Create a folder and those above it, so that they are still there after a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _check_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise Invalid(_("%(digest)s is not a SHA-256 digest"), digest=digest)


def _check_range(start: int, length: int | None) -> None:
    if start < 0 or (length is not None and length < 0):
        raise Invalid(_("a range has no negative start or length"))


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
