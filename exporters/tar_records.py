"""Lay out the members of a TAR archive as `tarfile` does in its USTAR format, and faster.

Times and owners are nobody's, the mode is 0644. Layout: POSIX.1-1988, ustar.
"""

from __future__ import annotations

import tarfile
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
_SIZE, _CHECKSUM = 124, 148  # where they stand in a head
_PLAIN = 100  # bytes of a name that needs no prefix
_LARGEST = 8**11 - 1


def _empty() -> bytes:
    member = tarfile.TarInfo("")
    member.mode = 0o644
    return member.tobuf(tarfile.USTAR_FORMAT)


_HEAD = _empty()
# The checksum is the sum of all bytes, its own place taken as spaces.
_SUM = sum(_HEAD[:_CHECKSUM]) + 8 * ord(" ") + sum(_HEAD[_CHECKSUM + 8 :])
_BEFORE_SIZE, _AFTER_SIZE = _HEAD[_PLAIN:_SIZE], _HEAD[_SIZE + 12 : _CHECKSUM]
_END = _HEAD[_CHECKSUM + 8 :]
_SUM -= sum(_HEAD[_SIZE : _SIZE + 12])


def head(name: str, size: int) -> bytes:
    """Return what stands in front of a member's bytes.

    Raises:
        ValueError: the name is too long for the format.
    """
    plain = name.encode("ascii", "replace")
    if len(plain) > _PLAIN or b"?" in plain or size > _LARGEST:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        return member.tobuf(tarfile.USTAR_FORMAT)
    digits = b"%011o\0" % size
    checksum = b"%06o\0 " % (_SUM + sum(plain) + sum(digits))
    return b"".join((plain.ljust(_PLAIN, b"\0"), _BEFORE_SIZE, digits, _AFTER_SIZE, checksum, _END))


def padding(size: int) -> bytes:
    """Return what stands behind a member's bytes, so that the next begins at a block."""
    return bytes(-size % BLOCK)


def finish(file: BinaryIO) -> None:
    """Write the end of an archive: two empty blocks, filled up to a whole record."""
    file.write(bytes(2 * BLOCK))
    file.write(bytes(-file.tell() % tarfile.RECORDSIZE))
