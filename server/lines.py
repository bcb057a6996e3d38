"""Read a stream line by line, whatever its blocks are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO


def each_line(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines of a stream that may be unbuffered."""
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest
