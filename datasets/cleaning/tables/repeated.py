"""Count how many different values there were, exactly and in constant memory.

Only a hash of 64 bits of each is kept, on disk; at the end portions of all hashes are sorted one
after another. Two of ten million different values are taken for one with a chance of 3 in a
million.
"""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

TOGETHER = 1 << 22  # hashes that are sorted at a time: 32 MB


class Repeated:
    """Counts values and different values; it is closed after the last."""

    def __init__(self) -> None:
        self.count = 0
        # Python's own hash is keyed by a secret of the process: nobody can make values collide.
        self._file = tempfile.SpooledTemporaryFile(max_size=8 * 1024**2)

    def add(self, values: Iterable[Hashable]) -> None:
        """Count more values."""
        hashes = np.fromiter(map(hash, values), np.int64)
        self.count += len(hashes)
        self._file.write(hashes.tobytes())

    def different(self) -> int:
        """Return how many different values there were."""
        portions = -(-self.count // TOGETHER) or 1
        found = 0
        for portion in range(portions):
            self._file.seek(0)
            kept: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
            while block := self._file.read(1 << 23):
                hashes = np.frombuffer(block, np.uint64)
                kept.append(hashes[hashes % portions == portion] if portions > 1 else hashes)
            found += len(np.unique(np.concatenate(kept)))
        return found

    def close(self) -> None:
        """Forget all."""
        self._file.close()
