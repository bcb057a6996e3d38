"""Keep what a compare step holds against each other on disk; in memory only where it is."""

from __future__ import annotations

import os
import pickle
import shutil
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

# What a signature is kept as.
BYTES, PICKLED, UNREADABLE = 0, 1, 2


def write_signatures(
    path: Path, places: Sequence[int], assets: Sequence[int], signatures: Sequence[Any]
) -> None:
    """Write the signatures of a part, and a table of their lengths, forms, assets and places.

    A place is that of the record in its part; None is a signature of what could not be read.
    """
    forms = np.zeros(len(signatures), dtype=np.int64)
    lengths = np.zeros(len(signatures), dtype=np.int64)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with draft.open("wb") as out:
        for place, signature in enumerate(signatures):
            content = signature
            if signature is None:
                forms[place], content = UNREADABLE, b""
            elif not isinstance(signature, bytes):
                forms[place], content = PICKLED, pickle.dumps(signature)
            lengths[place] = len(content)
            out.write(content)
    table = np.stack([lengths, forms, np.array(assets, np.int64), np.array(places, np.int64)])
    table_draft = path.with_name(f"{path.name}.{os.getpid()}.npy")
    np.save(table_draft, table)
    table_draft.replace(path.with_name(f"{path.name}.npy"))
    draft.replace(path)


class Signatures(Sequence[Any]):
    """The signatures of all parts in order, but of what is gone or could not be read.

    A slice is read from the disk at once; nothing stays in memory but where each begins.
    """

    def __init__(
        self, path: Path, parts: Sequence[Path], gone: Sequence[NDArray[np.int64]]
    ) -> None:
        """Join the files of the parts into one at `path`; `gone` has the places in each part."""
        tables = [np.load(part.with_name(f"{part.name}.npy")) for part in parts]
        joined = np.concatenate(tables, axis=1) if tables else np.zeros((4, 0), dtype=np.int64)
        here = [~np.isin(table[3], away) for table, away in zip(tables, gone, strict=True)]
        self.here: NDArray[np.bool_] = np.concatenate(here) if here else np.zeros(0, dtype=bool)
        self.counts = [int(each.sum()) for each in here]
        self.places = [table[3][each] for table, each in zip(tables, here, strict=True)]
        # Of those that are here: which could be read. Of those in turn: their assets.
        self.readable: NDArray[np.bool_] = (joined[1] != UNREADABLE)[self.here]
        usable = self.here & (joined[1] != UNREADABLE)
        self.assets: NDArray[np.int64] = joined[2][usable]
        # Arrays of Python's own: they are asked for one number at a time.
        self._forms = joined[1][usable].astype(np.uint8).tobytes()
        self._begins = array("q", (np.cumsum(joined[0]) - joined[0])[usable].tobytes())
        self._lengths = array("q", joined[0][usable].tobytes())
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with draft.open("wb") as out:
            for part in parts:
                with part.open("rb") as stream:
                    shutil.copyfileobj(stream, out, 1024 * 1024)
        draft.replace(path)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    def __len__(self) -> int:
        """Return how many could be read."""
        return len(self._begins)

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        """Return one signature, or those of a slice without a stride."""
        if isinstance(place, int):
            begin, length = self._begins[place], self._lengths[place]
            content = _read_at(self._file, begin, length)
            return pickle.loads(content) if self._forms[place] == PICKLED else content
        start, stop, stride = place.indices(len(self))
        found = self._read(start, stop) if start < stop else []
        return found[::stride] if stride != 1 else found

    def _read(self, start: int, stop: int) -> list[Any]:
        begins, lengths = self._begins[start:stop], self._lengths[start:stop]
        first = begins[0]
        content = _read_at(self._file, first, begins[-1] + lengths[-1] - first)
        pieces = [
            content[begin - first : begin - first + length]
            for begin, length in zip(begins, lengths, strict=True)
        ]
        forms = self._forms[start:stop]
        if PICKLED not in forms:
            return pieces
        # Written by this very run, into a folder that only it can write.
        return [
            pickle.loads(piece) if form == PICKLED else piece
            for piece, form in zip(pieces, forms, strict=True)
        ]


def _read_at(file: int, begin: int, length: int) -> bytes:
    content = os.pread(file, length, begin)
    while len(content) < length:
        # One read gives 2 GB at most.
        more = os.pread(file, length - len(content), begin + len(content))
        if not more:
            raise EOFError(f"signatures end at {begin + len(content)}")
        content += more
    return content
