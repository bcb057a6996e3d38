"""Read what comes in, hashed and counted, and show stored bytes as seekable streams."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from ..errors import Damaged, TooLarge, _
from .contract import CHUNK

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Incoming:
    """Read a stream in chunks, hash and count it, and stop above the limit."""

    def __init__(self, stream: BinaryIO, limit: int | None) -> None:
        self._stream, self._limit = stream, limit
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._stream.read(CHUNK):
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise TooLarge(_("more than %(limit_bytes)s"), limit_bytes=self._limit)
            self._hash.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class Window(io.RawIOBase):
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
