"""Stream a ZIP archive of stored files at constant memory, whole or a part, its length known.

Entries are stored, not packed, with their checksum in a data descriptor behind them, names
in UTF-8 and one fixed date, so the same files give the same bytes, and where each byte lies
is known without reading any file.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Protocol

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import CHUNK
from . import zip_records as records
from .zip_records import Entry

_DATE = (2000 - 1980) << 9 | 1 << 5 | 1  # 2000-01-01 00:00

_FORM = "zip/1"  # of the bytes that the same files give


class Opens(Protocol):
    """An object store, or as much of it as an archive needs."""

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open the bytes of a digest, or a range of them."""


class Sums(Protocol):
    """The CRC-32 of files whose bytes lie outside a part that tells it."""

    def find(self, file: WrittenFile) -> int | None:
        """Return a file's sum, None where it is not known."""

    def keep(self, file: WrittenFile, crc: int) -> None:
        """Take in a sum that was not known."""


def stream_zip(store: Opens, files: Iterable[WrittenFile]) -> Iterator[bytes]:
    """Yield the archive of the files, by path.

    Raises:
        errors.Damaged: an object is not as long as its file says.
    """
    return Layout(_ordered(files)).stream(store)


def zip_size(files: Iterable[WrittenFile]) -> int:
    """Return the length in bytes of what `stream_zip` yields."""
    return Layout(_ordered(files)).size


def layout(files: Iterable[WrittenFile]) -> Layout:
    """Lay the archive of the files out, by path."""
    return Layout(_ordered(files))


@dataclass(frozen=True)
class Layout:
    """Where everything of an archive lies: the files in their order, then the directory."""

    files: list[WrittenFile]

    @cached_property
    def _places(self) -> list[int]:
        """Where each file's record begins, and behind them the directory."""
        places = [0]
        for file in self.files:
            places.append(places[-1] + _front(file) + file.size + _behind(file))
        return places

    @cached_property
    def _end(self) -> tuple[int, bytes]:
        """Where the directory ends, and what stands there."""
        begins = self._places[-1]
        pairs = zip(self.files, self._places, strict=False)
        length = sum(len(records.central(_entry(file), place)) for file, place in pairs)
        return begins + length, records.end(len(self.files), length, begins)

    @property
    def size(self) -> int:
        """The length of the archive in bytes."""
        place, end = self._end
        return place + len(end)

    @cached_property
    def mark(self) -> str:
        """What two archives have in common only if they are the same bytes: 64 hex digits."""
        told = hashlib.sha256(f"{_FORM}\n".encode())
        for file in self.files:
            # No path holds a line end, and a digest says all bytes.
            told.update(f"{file.digest} {file.size} {file.path}\n".encode())
        return told.hexdigest()

    def stream(
        self, store: Opens, start: int = 0, length: int | None = None, sums: Sums | None = None
    ) -> Iterator[bytes]:
        """Yield the archive, or `length` bytes of it from `start` on.

        Files that lie outside are not opened, but for those whose checksum the part tells and
        `sums` does not know.

        Raises:
            errors.Damaged: an object is not as long as its file says.
        """
        until = self.size if length is None else min(self.size, start + length)
        return _Part(self, store, start, until, sums).made()


@dataclass(frozen=True)
class _Part:
    """One making of a part of an archive."""

    layout: Layout
    store: Opens
    start: int
    until: int
    known: Sums | None
    # CRC-32 by digest, of what was read for this part.
    read: dict[str, int] = field(default_factory=dict)

    def made(self) -> Iterator[bytes]:
        places = self.layout._places
        for file, place, following in zip(self.layout.files, places, places[1:], strict=False):
            if place >= self.until:
                return
            if following > self.start:
                yield from self._member(file, place)
        place = places[-1]
        for file, offset in zip(self.layout.files, places, strict=False):
            length = len(records.central(_entry(file), offset))
            if self._touches(place, length):
                entry = _entry(file, self._sum(file))
                yield self._cut(place, records.central(entry, offset))
            place += length
        _place, end = self.layout._end
        if self._touches(place, len(end)):
            yield self._cut(place, end)

    def _member(self, file: WrittenFile, place: int) -> Iterator[bytes]:
        header = records.local(_entry(file))
        if self._touches(place, len(header)):
            yield self._cut(place, header)
        place += len(header)
        first, last = max(0, self.start - place), min(file.size, self.until - place)
        if first == 0 and last == file.size:
            yield from self._whole(file)
        elif first < last:
            yield from _range(self.store, file, first, last - first)
        place += file.size
        if self._touches(place, _behind(file)):
            yield self._cut(place, records.descriptor(_entry(file, self._sum(file))))

    def _whole(self, file: WrittenFile) -> Iterator[bytes]:
        checksum = 0
        for chunk in _chunks(self.store, file):
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        self.read[file.digest] = checksum
        if self.known is not None and self.known.find(file) is None:
            self.known.keep(file, checksum)

    def _sum(self, file: WrittenFile) -> int:
        found = self.read.get(file.digest)
        if found is None and self.known is not None:
            found = self.known.find(file)
        if found is None:
            found = 0
            for chunk in _chunks(self.store, file):
                found = zlib.crc32(chunk, found)
            self.read[file.digest] = found
            if self.known is not None:
                self.known.keep(file, found)
        return found

    def _touches(self, place: int, length: int) -> bool:
        return max(place, self.start) < min(place + length, self.until)

    def _cut(self, place: int, data: bytes) -> bytes:
        return data[max(0, self.start - place) : max(0, self.until - place)]


def _ordered(files: Iterable[WrittenFile]) -> list[WrittenFile]:
    return sorted(files, key=lambda file: file.path)


def _chunks(store: Opens, file: WrittenFile) -> Iterator[bytes]:
    left = file.size
    with store.open(file.digest) as stream:
        while chunk := stream.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise errors.Damaged(_("%(path)s is not as long as it should be"), path=file.path)


def _range(store: Opens, file: WrittenFile, start: int, length: int) -> Iterator[bytes]:
    left = length
    with store.open(file.digest, start, length) as stream:
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    if left:
        raise errors.Damaged(_("%(path)s is not as long as it should be"), path=file.path)


def _front(file: WrittenFile) -> int:
    return len(records.local(_entry(file)))


def _behind(file: WrittenFile) -> int:
    return len(records.descriptor(_entry(file)))


def _entry(file: WrittenFile, checksum: int = 0) -> Entry:
    large = file.size >= records.FULL_32
    size = file.size
    return Entry(file.path, _DATE, size, size, checksum, is_large=large, is_described=True)
