"""Lay out the records of a ZIP archive.

Names are UTF-8; ZIP64 records appear where a size, an offset or a number needs them. Layout:
PKWARE APPNOTE 6.3.3, 4.3 and 4.5.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

STORED, DEFLATED = 0, 8  # methods
FILE, FOLDER = 0o100644 << 16, 0o40755 << 16 | 0x10  # as Unix marks them, and a folder as DOS does
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
_DESCRIBED, _UTF_8 = 0x0008, 0x0800  # flags
_PLAIN, _ZIP64 = 20, 45  # versions needed to extract
_MADE_BY = 3 << 8 | _ZIP64  # Unix
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")


class Entry(NamedTuple):
    """A file or folder of an archive; it takes `packed` bytes of it."""

    path: str
    date: int
    size: int = 0
    packed: int = 0
    checksum: int = 0
    method: int = STORED
    mode: int = FILE
    # Sizes have 64 bits in front of the bytes and behind them, whatever they are.
    is_large: bool = False
    # Sizes and checksum stand behind the bytes.
    is_described: bool = False

    @property
    def flags(self) -> int:
        """Return the general purpose bits."""
        return _UTF_8 | _DESCRIBED if self.is_described else _UTF_8


def local(entry: Entry) -> bytes:
    """Return what stands in front of an entry's bytes."""
    name, extra = entry.path.encode(), b""
    size, packed, checksum = entry.size, entry.packed, entry.checksum
    if entry.is_described:
        size = packed = checksum = 0
    if entry.is_large:
        extra = struct.pack("<HHQQ", 1, 16, size, packed)
        size = packed = FULL_32
    needed = _ZIP64 if entry.is_large else _PLAIN
    head = needed, entry.flags, entry.method, 0, entry.date, checksum, packed, size
    return _LOCAL.pack(b"PK\x03\x04", *head, len(name), len(extra)) + name + extra


def descriptor(entry: Entry) -> bytes:
    """Return what stands behind the bytes of an entry that is described there."""
    form = "<4sLQQ" if entry.is_large else "<4sLLL"
    return struct.pack(form, b"PK\x07\x08", entry.checksum, entry.packed, entry.size)


def central(entry: Entry, offset: int) -> bytes:
    """Return an entry of the directory; `offset` is where its local record begins."""
    name = entry.path.encode()
    size, packed, place = entry.size, entry.packed, offset
    wide: list[int] = []
    if size >= FULL_32 or packed >= FULL_32:
        wide += [size, packed]
        size = packed = FULL_32
    if offset >= FULL_32:
        wide.append(offset)
        place = FULL_32
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    needed = _ZIP64 if wide or entry.is_large else _PLAIN
    head = _MADE_BY, needed, entry.flags, entry.method, 0, entry.date, entry.checksum, packed, size
    tail = len(name), len(extra), 0, 0, 0, entry.mode, place
    return _CENTRAL.pack(b"PK\x01\x02", *head, *tail) + name + extra


def end(count: int, directory: int, offset: int) -> bytes:
    """Return what stands behind the directory: entries, its bytes, and where it begins."""
    wide = b""
    if count >= FULL_16 or directory >= FULL_32 or offset >= FULL_32:
        record = (_MADE_BY, _ZIP64, 0, 0, count, count, directory, offset)
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, *record)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + directory, 1)
    numbers = min(count, FULL_16), min(count, FULL_16)
    places = min(directory, FULL_32), min(offset, FULL_32)
    return wide + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *numbers, *places, 0)
