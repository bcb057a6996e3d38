"""Stream a ZIP archive of stored files at constant memory, its length known beforehand.

Entries are stored, not packed, with their checksum in a data descriptor behind them, names
in UTF-8 and one fixed date, so the same files give the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import CHUNK
from . import zip_records as records
from .zip_records import Entry

_DATE = (2000 - 1980) << 9 | 1 << 5 | 1  # 2000-01-01 00:00


class Opens(Protocol):
    """An object store, or as much of it as an archive needs."""

    def open(self, digest: str) -> BinaryIO:
        """Open the bytes of a digest."""


def stream_zip(store: Opens, files: Iterable[WrittenFile]) -> Iterator[bytes]:
    """Yield the archive of the files, by path.

    Raises:
        errors.Damaged: an object is not as long as its file says.
    """
    offset = 0
    directory: list[bytes] = []
    for file in _ordered(files):
        header = records.local(_entry(file))
        yield header
        checksum = 0
        for chunk in _chunks(store, file):
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        entry = _entry(file, checksum)
        descriptor = records.descriptor(entry)
        yield descriptor
        directory.append(records.central(entry, offset))
        offset += len(header) + file.size + len(descriptor)
    yield from directory
    yield records.end(len(directory), sum(map(len, directory)), offset)


def zip_size(files: Iterable[WrittenFile]) -> int:
    """Return the length in bytes of what `stream_zip` yields."""
    offset = directory = count = 0
    for file in _ordered(files):
        entry = _entry(file)
        directory += len(records.central(entry, offset))
        offset += len(records.local(entry)) + file.size + len(records.descriptor(entry))
        count += 1
    return offset + directory + len(records.end(count, directory, offset))


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


def _entry(file: WrittenFile, checksum: int = 0) -> Entry:
    large = file.size >= records.FULL_32
    size = file.size
    return Entry(file.path, _DATE, size, size, checksum, is_large=large, is_described=True)
