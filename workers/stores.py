"""Reach into buckets and folders that people connected: list, read, write, remove."""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import urllib3

from ..datasets import buckets, errors, sources
from ..datasets.connections import stores
from ..datasets.connections.stores import Store
from ..datasets.errors import _
from ..datasets.settings import Settings

OBJECT_SECONDS = 600.0  # to read one object
# The keys of a bucket under the names that a connected storage has for them.
_KEYS = {
    "access_key": "aws_access_key_id",
    "secret_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}
MEMORY_BYTES = 8 * 1024**2  # of one object that is being read


@dataclass(frozen=True)
class Found:
    """An object that is there: its key, which form of it, and its size in bytes."""

    key: str
    etag: str
    size: int

    @property
    def name(self) -> str:
        """Return the last part of its key."""
        return self.key.rpartition("/")[2]


class Reach(Protocol):
    """What can be done with a bucket or folder; Refused where it does not do it."""

    def check(self) -> None:
        """Raise errors.Refused unless it can be reached with these keys."""

    def found(self) -> Iterator[Found]:
        """List its objects in a fixed order."""

    def open(self, key: str, limit: int, etag: str | None = None) -> BinaryIO:
        """Open an object of at most `limit` bytes; Invalid where it has more.

        With an `etag` only that form of an object of a bucket; Refused where there is another.
        """

    def write(self, number: int, content: bytes) -> str:
        """Keep the answer of this number and return its key."""

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""


def reach(settings: Settings, row: Store) -> Reach:
    """Return the way into a store.

    Raises:
        errors.Invalid: its address or folder cannot be used.
    """
    if row.kind == "localfiles":
        return FolderReach(stores.folder(settings, row), row)
    return BucketReach(settings, row)


class BucketReach:
    """A bucket of an S3 service, by way of checked addresses only."""

    def __init__(self, settings: Settings, row: Store) -> None:
        """Prepare a client; nothing is asked yet.

        Raises:
            errors.Invalid: the address is none, or may not be called.
        """
        options = row.option_values
        secrets = stores.secrets_of(settings, row)
        self._bucket = buckets.Bucket(
            settings.outside_allowed,
            str(options["bucket"]),
            endpoint=options["s3_endpoint"],
            region=options["region_name"],
            keys={ours: secrets[theirs] for ours, theirs in _KEYS.items() if theirs in secrets},
            place="s3_endpoint",
        )
        prefix = str(options["prefix"] or "").strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._deep = row.direction == stores.IMPORT and bool(options.get("recursive_scan"))

    def check(self) -> None:
        """Raise errors.Refused unless the bucket can be listed with these keys."""
        with self._bucket.using():
            next(
                iter(self._bucket.client.list_objects(self._bucket.name, prefix=self._prefix)), None
            )

    def found(self) -> Iterator[Found]:
        """List the objects below the prefix by key; folders only where it is deep."""
        with self._bucket.using():
            for each in self._bucket.client.list_objects(
                self._bucket.name, prefix=self._prefix, recursive=self._deep
            ):
                if each.object_name and not each.is_dir and not each.object_name.endswith("/"):
                    yield Found(each.object_name, str(each.etag or "")[:200], each.size or 0)

    def open(self, key: str, limit: int, etag: str | None = None) -> BinaryIO:
        """Open an object: read whole into memory or a temporary file first."""
        with self._bucket.using():
            response = self._bucket.get(key, etag=etag)
            try:
                return _taken(response, limit)
            finally:
                response.close()
                response.release_conn()

    def write(self, number: int, content: bytes) -> str:
        """Keep an answer as an object of its number below the prefix."""
        key = f"{self._prefix}{number}"
        with self._bucket.using():
            self._bucket.client.put_object(
                self._bucket.name, key, io.BytesIO(content), len(content), "application/json"
            )
        return key

    def remove(self, key: str) -> None:
        """Remove an object."""
        with self._bucket.using():
            self._bucket.client.remove_object(self._bucket.name, key)


class FolderReach:
    """A folder of this host that the operator allowed; links are never followed."""

    def __init__(self, folder: Path, row: Store) -> None:
        self._folder = folder
        options = row.option_values
        self._deep = bool(options.get("recursive_scan"))
        self._writes = row.direction == stores.EXPORT

    def check(self) -> None:
        """Raise errors.Refused unless this process may read, or write, the folder."""
        if not os.access(self._folder, os.W_OK if self._writes else os.R_OK):
            raise errors.Refused(_("the folder cannot be used by this process"))

    def found(self) -> Iterator[Found]:
        """List the regular files in the order of their names."""
        for top, folders, names in os.walk(self._folder, followlinks=False):
            folders[:] = sorted(folders) if self._deep else []
            for name in sorted(names):
                path = Path(top, name)
                facts = path.lstat()
                if not path.is_symlink() and path.is_file():
                    key = path.relative_to(self._folder).as_posix()
                    yield Found(key, f"{facts.st_size}-{facts.st_mtime_ns}", facts.st_size)

    def open(self, key: str, limit: int, etag: str | None = None) -> BinaryIO:
        """Open a file as it is now."""
        path = self._folder / key
        if path.parent.resolve() != path.parent:
            raise errors.Invalid(_("the file cannot be read"))
        stream = sources.FileMedia(path.name, path).open()
        if os.fstat(stream.fileno()).st_size > limit:
            stream.close()
            raise errors.TooLarge(_("the file has more than %(limit_bytes)s"), limit_bytes=limit)
        return stream

    def write(self, number: int, content: bytes) -> str:
        """Keep an answer as a file of its number, whole or not at all."""
        path = self._folder / str(number)
        try:
            handle, draft = tempfile.mkstemp(dir=self._folder, prefix=f".{number}.")
            with os.fdopen(handle, "wb") as out:
                out.write(content)
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except OSError as problem:
            raise errors.Refused(
                _("the folder cannot be written: %(reason)s"), reason=problem.strerror or "?"
            ) from problem
        return path.name

    def remove(self, key: str) -> None:
        """Remove a file that an answer was kept in."""
        try:
            (self._folder / Path(key).name).unlink(missing_ok=True)
        except OSError as problem:
            raise errors.Refused(
                _("the folder cannot be written: %(reason)s"), reason=problem.strerror or "?"
            ) from problem


def _taken(response: urllib3.BaseHTTPResponse, limit: int) -> BinaryIO:
    """Return the bytes of an answer, read up to the limit and the deadline."""
    end = time.monotonic() + OBJECT_SECONDS
    copy = tempfile.SpooledTemporaryFile(MEMORY_BYTES)
    size = 0
    while chunk := response.read1(256 * 1024):
        size += len(chunk)
        if size > limit:
            copy.close()
            raise errors.TooLarge(_("the file has more than %(limit_bytes)s"), limit_bytes=limit)
        if time.monotonic() > end:
            copy.close()
            raise TimeoutError
        copy.write(chunk)
    if response.length_remaining:
        copy.close()
        raise urllib3.exceptions.ProtocolError("it breaks off")
    copy.seek(0)
    return copy  # type: ignore[return-value]
