"""Divide an export into parts that know nothing of one another, then put them together in order.

What a batch of records gives is worked out in any process; the files are written by one, with
the numbers that run through all of them. So it is the same to the byte whoever did the work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import BinaryIO, ClassVar, Protocol

import msgspec

from ..datasets.storage import ObjectStore
from ..datasets.versions import FrozenVersion
from .output import TOGETHER, TOGETHER_BYTES, Output

Links = tuple[list[str], list[str], list[int]]  # paths, digests, sizes


class Part(msgspec.Struct, array_like=True, gc=False):
    """What a batch of records gives.

    `texts` maps a format's own name of a file to what is to be added to it; `linked` are
    objects of the store, `small` the paths and contents of files that are not in it yet.
    """

    records: int
    regions: int
    texts: dict[str, bytes]
    linked: Links
    small: tuple[list[str], list[bytes]] = ([], [])


def kept(parts: Iterable[Part], store: ObjectStore) -> Iterator[Part]:
    """Put the small files of parts into the store, many at once, and give parts that link them."""
    waiting: list[Part] = []
    contents: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        contents += part.small[1]
        size += sum(map(len, part.small[1]))
        if not contents or len(contents) >= TOGETHER or size >= TOGETHER_BYTES:
            yield from _linked(waiting, contents, store)
            waiting, contents, size = [], [], 0
    yield from _linked(waiting, contents, store)


def _linked(parts: list[Part], contents: list[bytes], store: ObjectStore) -> Iterator[Part]:
    stored = iter(store.put_many(contents) if contents else ())
    for part in parts:
        own = [next(stored) for _path in part.small[0]]
        paths = part.linked[0] + part.small[0]
        digests = part.linked[1] + [each.digest for each in own]
        sizes = part.linked[2] + [each.size for each in own]
        yield msgspec.structs.replace(part, linked=(paths, digests, sizes), small=([], []))


class Divided(Protocol):
    """A format that writes record by record, for one version.

    `is_costly` says that it takes much longer to work out a part than to take it from
    another process.
    """

    is_costly: ClassVar[bool]

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return what a batch of record lines gives, `before` records stand before it."""

    def united(self, output: Output) -> AbstractContextManager[Callable[[Part], None]]:
        """Open the files of the export and give what adds the texts of a part to them."""


@contextmanager
def files(
    output: Output, paths: Mapping[str, str], others: Mapping[str, BinaryIO] | None = None
) -> Iterator[Callable[[Part], None]]:
    """Open files, and give what adds the texts of a part to them.

    `paths` maps names of texts to paths of files, `others` to files that are open already.
    """
    with ExitStack() as stack:
        opened = {name: stack.enter_context(output.file(path)) for name, path in paths.items()}
        opened |= others or {}

        def put(part: Part) -> None:
            for name, text in part.texts.items():
                opened[name].write(text)

        yield put


# Gives the parts of a version in the order of its records.
Parts = Callable[[FrozenVersion, Divided], Generator[Part, None, None]]


def alone(
    version: FrozenVersion, divided: Divided, start: int = 0, end: int | None = None
) -> Generator[Part, None, None]:
    """Work out parts one after another, in this process: all, or those of a range of positions.

    Where a range begins later, the position of a record must be the number of those before it.
    """
    for lines in version.batches(start=start, end=end):
        yield divided.part(lines, start)
        start += len(lines)


def write(version: FrozenVersion, divided: Divided, output: Output, parts: Parts = alone) -> None:
    """Write a version, by parts that are worked out here or elsewhere."""
    # Closed also where a file cannot be written: others may be at work behind it.
    with divided.united(output) as put, closing(parts(version, divided)) as found:
        for part in found:
            put(part)
            output.write_many(*part.small)
            output.link_many(*part.linked)
            output.count(part.records, part.regions)
