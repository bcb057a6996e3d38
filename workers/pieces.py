"""Read bytes and stored objects one after another as one stream of known length."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ..datasets.storage import ObjectStore

# Divisible by three: base64 of the parts is the base64 of the whole.
CHUNK = 3 * 128 * 1024


@dataclass(frozen=True)
class Piece:
    """A part of a stream: bytes at hand, or `size` bytes of a stored object from `start`."""

    content: bytes = b""
    digest: str = ""
    size: int = 0
    start: int = 0
    in_base64: bool = False

    @property
    def length(self) -> int:
        """Return how many bytes it gives."""
        if not self.digest:
            return len(self.content)
        return (self.size + 2) // 3 * 4 if self.in_base64 else self.size


class Pieces(io.RawIOBase):
    """One stream of pieces, at constant memory; `length` is known before."""

    def __init__(self, store: ObjectStore, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self.length = sum(piece.length for piece in pieces)
        self._store, self._chunks = store, self._read_all(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer with what comes next; 0 at the end."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(room), len(self._rest))
        room[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _read_all(self, pieces: Sequence[Piece]) -> Iterator[bytes]:
        for piece in pieces:
            if not piece.digest:
                yield piece.content
                continue
            with self._store.open(piece.digest, piece.start, piece.size) as stream:
                while chunk := _whole(stream):
                    yield base64.b64encode(chunk) if piece.in_base64 else chunk


def _whole(stream: BinaryIO) -> bytes:
    """Read CHUNK bytes, fewer only at the end."""
    return stream.read(CHUNK)
