"""Keep the inner nodes of a release's trees so that one receipt needs few reads.

The file holds entries of 64 bytes, SHA-256 then SM3. First the hashes of all leaves, then the
roots of each 256 of them, then the roots of each 256 of those, until at most 256 are left.
Aligned groups of 256 are whole subtrees of RFC 6962's tree, so the root over the last entries
is the root over all leaves, and a path takes one read of 16 KiB for each power of 256.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from . import verify_receipt
from .verify_receipt import HASHES, Hash, Tree, leaf, node

FAN = 256
WIDTH = 32  # bytes of a hash
ENTRY = WIDTH * len(HASHES)

Read = Callable[[int, int], bytes]


class NodeFile:
    """Write the nodes over leaves that come one after another, in little memory."""

    def __init__(self, out: BinaryIO) -> None:
        """Write to a stream."""
        self._out = out
        self._waiting: list[bytes] = []
        self._above: list[bytes] = []
        self.size = 0

    def add(self, data: bytes) -> None:
        """Add the next leaf by its content."""
        entry = b"".join(leaf(hashed, data) for hashed in HASHES.values())
        self._out.write(entry)
        self.size += 1
        self._waiting.append(entry)
        if len(self._waiting) == FAN:
            self._above.append(_over(self._waiting))
            self._waiting = []

    def finish(self) -> dict[str, str]:
        """Write what is above the leaves, and return the root by each hash, in hex."""
        if self._waiting:
            self._above.append(_over(self._waiting))
        level, size = self._above, self.size
        while size > FAN:
            self._out.write(b"".join(level))
            size = len(level)
            level = [_over(level[at : at + FAN]) for at in range(0, size, FAN)]
        top = level[0] if level else b"".join(hashed(b"") for hashed in HASHES.values())
        parts = [top[at : at + WIDTH] for at in range(0, ENTRY, WIDTH)]
        return {name: part.hex() for name, part in zip(HASHES, parts, strict=True)}


def path(read: Read, place: int, size: int) -> dict[str, list[str]]:
    """Return the Merkle path of a leaf by each hash, in hex, from the leaf up.

    `read(start, length)` gives bytes of the node file.
    """
    found: dict[str, list[str]] = {name: [] for name in HASHES}
    offset = 0
    while True:
        first = place // FAN * FAN
        block = read(offset + first * ENTRY, min(FAN, size - first) * ENTRY)
        for number, (name, hashed) in enumerate(HASHES.items()):
            hashes = [block[at : at + WIDTH] for at in range(number * WIDTH, len(block), ENTRY)]
            found[name] += [step.hex() for step in _steps(hashed, hashes, place - first)]
        if size <= FAN:
            return found
        offset += size * ENTRY
        place, size = place // FAN, -(-size // FAN)


def _steps(hashed: Hash, hashes: list[bytes], place: int) -> Iterator[bytes]:
    while len(hashes) > 1:
        beside = place ^ 1
        if beside < len(hashes):
            yield hashes[beside]
        pairs = [hashes[at : at + 2] for at in range(0, len(hashes), 2)]
        hashes = [node(hashed, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
        place >>= 1


def _over(entries: list[bytes]) -> bytes:
    roots = []
    for number, hashed in enumerate(verify_receipt.HASHES.values()):
        tree = Tree(hashed)
        for entry in entries:
            tree.add(entry[number * WIDTH : (number + 1) * WIDTH])
        roots.append(tree.root())
    return b"".join(roots)
