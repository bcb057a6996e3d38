"""Write the files of one conversion into a ZIP."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec

from ...datasets.storage import CHUNK, ObjectStore
from .. import zip_records as records
from ..zip_records import Entry
from .pictures import Picture

# The same content gives the same bytes, whenever it is written.
_DATE = 1 << 5 | 1  # 1980-01-01 00:00
_LEVEL = 1
_PIECE = 1 << 16  # bytes that are packed at once


class Archive:
    """A ZIP that is written file by file; of each only a line of the directory is kept.

    Python's own writer takes six times as long for a small file.
    """

    def __init__(self, out: BinaryIO) -> None:
        """Begin a ZIP."""
        self._out = out
        self._offset = self._count = 0
        self._directory = bytearray()

    def text(self, path: str, content: bytes) -> None:
        """Add a small file."""
        packer = _packer()
        packed = packer.compress(content) + packer.flush()
        sizes = len(content), len(packed), zlib.crc32(content)
        self._add(Entry(path, _DATE, *sizes, records.DEFLATED), packed)

    def folder(self, path: str) -> None:
        """Add an empty folder, as readers expect it."""
        self._add(Entry(f"{path}/", _DATE, mode=records.FOLDER), b"")

    @contextmanager
    def file(self, path: str, method: int = records.DEFLATED) -> Iterator[Writer]:
        """Give a writer for a large file; nothing else can be added meanwhile."""
        entry, writer = Entry(path, _DATE, method=method, is_large=True), Writer(self._out, method)
        header = records.local(entry)
        self._out.write(header)
        yield writer
        sizes = writer.end()
        entry = entry._replace(size=sizes[0], packed=sizes[1], checksum=sizes[2])
        end = self._offset + len(header) + entry.packed
        self._out.seek(self._offset)
        self._out.write(records.local(entry))
        self._out.seek(end)
        self._list(entry, end)

    def medium(self, path: str, store: ObjectStore, digest: str) -> None:
        """Add a stored medium as it is."""
        with store.open(digest) as source, self.file(path, records.STORED) as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)

    def pictures(self, store: ObjectStore, picture: Picture) -> bool:
        """Add a picture below `images/`; False where it is not stored here."""
        if picture.medium is None:
            return False
        self.medium(f"images/{picture.name}", store, picture.medium.digest)
        return True

    def end(self, left_out: list[dict[str, Any]]) -> None:
        """Close the ZIP; what could not be exported is named in it."""
        if left_out:
            self.text("left_out.json", msgspec.json.format(msgspec.json.encode(left_out)))
        self._out.write(self._directory)
        self._out.write(records.end(self._count, len(self._directory), self._offset))

    def _add(self, entry: Entry, packed: bytes) -> None:
        whole = records.local(entry) + packed
        self._out.write(whole)
        self._list(entry, self._offset + len(whole))

    def _list(self, entry: Entry, end: int) -> None:
        self._directory += records.central(entry, self._offset)
        self._count += 1
        self._offset = end


class Writer:
    """Takes the bytes of a large file in pieces of any length."""

    def __init__(self, out: BinaryIO, method: int) -> None:
        """Begin a file; what stands in front of its bytes is written already."""
        self._out = out
        self._packer = _packer() if method == records.DEFLATED else None
        self._waiting = bytearray()
        self._size = self._packed = self._checksum = 0

    def write(self, content: bytes) -> None:
        """Add bytes; small pieces wait for each other."""
        self._waiting += content
        if len(self._waiting) >= _PIECE:
            self._pack()

    def end(self) -> tuple[int, int, int]:
        """Write what waits; return size, packed size and checksum."""
        self._pack()
        if self._packer is not None:
            self._put(self._packer.flush())
        return self._size, self._packed, self._checksum

    def _pack(self) -> None:
        content = bytes(self._waiting)
        self._waiting.clear()
        self._size += len(content)
        self._checksum = zlib.crc32(content, self._checksum)
        self._put(content if self._packer is None else self._packer.compress(content))

    def _put(self, packed: bytes) -> None:
        self._packed += len(packed)
        self._out.write(packed)


def _packer() -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
