"""Stream a ZIP archive of stored files at constant memory, its length known beforehand.

Entries are stored, not packed, with their checksum in a data descriptor behind them, names
in UTF-8 and one fixed date, so the same files give the same bytes. ZIP64 records appear only
where a size, an offset or a number needs them. Layout: PKWARE APPNOTE 6.3.3, 4.3 and 4.5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import CHUNK, ObjectStore

_FLAGS = 0x0808  # sizes in a data descriptor, names in UTF-8
_TIME, _DATE = 0, (2000 - 1980) << 9 | 1 << 5 | 1  # 2000-01-01 00:00
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_PLAIN, _ZIP64 = 20, 45  # versions needed to extract
_MADE_BY = 3 << 8 | _ZIP64  # Unix
_MODE = 0o100644 << 16


def stream_zip(store: ObjectStore, files: Iterable[WrittenFile]) -> Iterator[bytes]:
    """Yield the archive of the files, by path.

    Raises:
        errors.Damaged: an object is not as long as its file says.
    """
    offset = 0
    directory: list[bytes] = []
    for file in _ordered(files):
        header = _local_header(file)
        yield header
        checksum = 0
        for chunk in _chunks(store, file):
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        descriptor = _descriptor(file, checksum)
        yield descriptor
        directory.append(_central_header(file, checksum, offset))
        offset += len(header) + file.size + len(descriptor)
    yield from directory
    yield _end(len(directory), sum(map(len, directory)), offset)


def zip_size(files: Iterable[WrittenFile]) -> int:
    """Return the length in bytes of what `stream_zip` yields."""
    offset = directory = count = 0
    for file in _ordered(files):
        directory += len(_central_header(file, 0, offset))
        offset += len(_local_header(file)) + file.size + len(_descriptor(file, 0))
        count += 1
    return offset + directory + len(_end(count, directory, offset))


def _ordered(files: Iterable[WrittenFile]) -> list[WrittenFile]:
    return sorted(files, key=lambda file: file.path)


def _chunks(store: ObjectStore, file: WrittenFile) -> Iterator[bytes]:
    left = file.size
    with store.open(file.digest) as stream:
        while chunk := stream.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise errors.Damaged(_("%(path)s is not as long as it should be"), path=file.path)


def _local_header(file: WrittenFile) -> bytes:
    name = file.path.encode()
    large = file.size >= _FULL_32
    # The real sizes follow in the descriptor; this field only says how wide they are there.
    extra = struct.pack("<HHQQ", 1, 16, 0, 0) if large else b""
    size = _FULL_32 if large else 0
    return (
        struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            _ZIP64 if large else _PLAIN,
            _FLAGS,
            0,
            _TIME,
            _DATE,
            0,
            size,
            size,
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def _descriptor(file: WrittenFile, checksum: int) -> bytes:
    form = "<4sLQQ" if file.size >= _FULL_32 else "<4sLLL"
    return struct.pack(form, b"PK\x07\x08", checksum, file.size, file.size)


def _central_header(file: WrittenFile, checksum: int, offset: int) -> bytes:
    name = file.path.encode()
    large, far = file.size >= _FULL_32, offset >= _FULL_32
    wide = ([file.size, file.size] if large else []) + ([offset] if far else [])
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size = _FULL_32 if large else file.size
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            _MADE_BY,
            _ZIP64 if wide else _PLAIN,
            _FLAGS,
            0,
            _TIME,
            _DATE,
            checksum,
            size,
            size,
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            _FULL_32 if far else offset,
        )
        + name
        + extra
    )


def _end(count: int, directory: int, offset: int) -> bytes:
    wide = b""
    if count >= _FULL_16 or directory >= _FULL_32 or offset >= _FULL_32:
        record = (_MADE_BY, _ZIP64, 0, 0, count, count, directory, offset)
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, *record)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + directory, 1)
    numbers = min(count, _FULL_16), min(count, _FULL_16)
    places = min(directory, _FULL_32), min(offset, _FULL_32)
    return wide + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *numbers, *places, 0)
