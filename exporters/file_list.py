"""Keep the list of an export's files, by path, at constant memory however long it grows."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile

HELD = 10_000  # files in memory; more lie sorted in a temporary file
READ_BYTES = 1 << 16  # of a sorted run at once
Row = tuple[str, str, int]  # path, digest, size

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Row)


class FileList:
    """Take files in any order and give them back by path, each path once."""

    def __init__(self, folder: Path | None = None, held: int = HELD) -> None:
        """Use a temporary file in `folder` (None: the system's own) beyond `held` files."""
        self._folder, self._most = folder, held
        self._held: dict[str, tuple[str, int]] = {}
        # Where each sorted run begins in the temporary file, and where the last one ends.
        self._ends = [0]
        self._file: int | None = None

    def add(self, paths: Sequence[str], digests: Sequence[str], sizes: Sequence[int]) -> None:
        """Take files; the same path with the same bytes is one file.

        Raises:
            errors.Damaged: a path stands for two different files. Where the first of them has
                left the memory, only reading the list tells.
            errors.Unavailable: the temporary file cannot be written.
        """
        held = self._held
        new = dict(zip(paths, zip(digests, sizes, strict=True), strict=True))
        if len(new) < len(paths):
            self._add_each(paths, digests, sizes)
        elif held.keys().isdisjoint(new):
            held.update(new)
        else:
            self._add_each(paths, digests, sizes)
        if len(held) >= self._most:
            self._spill()

    def __iter__(self) -> Iterator[WrittenFile]:
        """Give the files by path; see `rows`."""
        for row in self.rows():
            yield WrittenFile(*row)

    def rows(self) -> Iterator[Row]:
        """Give path, digest and size of each file, by path.

        Raises:
            errors.Damaged: a path stands for two different files.
        """
        last: Row = ("", "", 0)  # no path is empty
        runs = self._runs()
        for row in heapq.merge(*runs) if len(runs) > 1 else runs[0]:
            if row[0] != last[0]:
                last = row
                yield row
            elif row != last:
                raise _two(row[0])

    def _add_each(self, paths: Iterable[str], digests: Iterable[str], sizes: Iterable[int]) -> None:
        for path, digest, size in zip(paths, digests, sizes, strict=True):
            if self._held.setdefault(path, (digest, size)) != (digest, size):
                raise _two(path)

    def _sorted(self) -> list[Row]:
        return [(path, *self._held[path]) for path in sorted(self._held)]

    def _spill(self) -> None:
        """Write what is held as one sorted run; the file has no name, so nothing can be left."""
        data = _ENCODER.encode_lines(self._sorted())
        try:
            if self._file is None:
                with tempfile.TemporaryFile(dir=self._folder) as opened:
                    self._file = os.dup(opened.fileno())
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, data[done:], self._ends[-1] + done)
        except OSError as error:
            raise errors.Unavailable(
                _("temporary files cannot be written: %(reason)s"), reason=error.strerror
            ) from error
        self._ends.append(self._ends[-1] + len(data))
        self._held = {}

    def _runs(self) -> list[Iterable[Row]]:
        ends = zip(self._ends, self._ends[1:], strict=False)
        return [*(self._run(start, end) for start, end in ends), self._sorted()]

    def _run(self, start: int, end: int) -> Iterator[Row]:
        rest = b""
        while start < end and self._file is not None:
            chunk = os.pread(self._file, min(READ_BYTES, end - start), start)
            start += len(chunk)
            whole, _newline, rest = (rest + chunk).rpartition(b"\n")
            yield from _DECODER.decode_lines(whole)

    def __del__(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _two(path: str) -> errors.Damaged:
    return errors.Damaged(_("the path %(path)s stands for two different files"), path=path)
