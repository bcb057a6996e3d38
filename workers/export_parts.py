"""Have the parts of a large export worked out by several processes, and take them in order.

This process begins at the first record, the others at the last; where they meet, what the
others did is read from their files. What one of them does not finish, because it fails or is
killed, is done here: so an error is that of the first record that has one, as ever.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec
import sqlalchemy as sa

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.settings import Settings
from ..datasets.versions import FrozenVersion, VersionRecord
from ..exporters.divided import Divided, Part, Parts, alone
from .export_hand import LENGTH_BYTES, READY, Asked

log = logging.getLogger("jinbiao.export")

# Below that, starting other processes takes longer than the work.
MANY_BYTES = 100 << 20
RANGE = 2000  # records that are worked out at once
MOST_HANDS = 3  # more would wait for this process, which writes the files
AHEAD = 2  # ranges that a process is told of at once, so that it never waits
TOLD_SECONDS = 1.0
_PROGRAM = [sys.executable, "-P", "-m", "jinbiao.workers.export_hand"]


@dataclasses.dataclass(frozen=True)
class Sharing:
    """How much is shared with how many processes."""

    many_bytes: int = MANY_BYTES
    range: int = RANGE
    hands: int | None = None  # None: one for each core that has nothing else to do

    def number(self, version: FrozenVersion, divided: Divided) -> int:
        """Return how many other processes are to help with a version."""
        if not divided.is_costly or version.manifest_size < self.many_bytes:
            return 0
        ranges = -(-version.record_count // self.range)
        hands = _idle_cores() if self.hands is None else self.hands
        number = max(0, min(hands, MOST_HANDS, ranges - 1))
        return number if number and _is_whole(version) else 0


def shared(
    settings: Settings,
    format_name: str,
    folder: Path,
    tell: Callable[[int], None],
    sharing: Sharing = Sharing(),
) -> Parts:
    """Return what works out the parts of a version, large ones together with other processes.

    Files in the making lie in `folder`, without a name. About once a second `tell` gets the
    number of records so far; what it raises ends all processes.
    """

    def parts(version: FrozenVersion, divided: Divided) -> Generator[Part, None, None]:
        number = sharing.number(version, divided)
        told, done = time.monotonic(), 0
        with _opened(settings, format_name, folder, version, sharing.range, number) as ranges:
            found = alone(version, divided) if ranges is None else ranges.parts(divided)
            for part in found:
                yield part
                done += part.records
                if time.monotonic() - told > TOLD_SECONDS:
                    tell(done)
                    told = time.monotonic()

    return parts


def _idle_cores() -> int:
    """Return how many cores beside our own had nothing to do in the last minute."""
    return len(os.sched_getaffinity(0)) - max(1, round(os.getloadavg()[0]))


def _is_whole(version: FrozenVersion) -> bool:
    """Tell whether the position of each record is the number of those before it."""
    with version.database.read() as session:
        last = session.scalar(
            sa.select(sa.func.max(VersionRecord.position)).where(
                VersionRecord.version_id == version.id
            )
        )
    return last is not None and last + 1 == version.record_count


class Ranges:
    """Know who works out which range of records, and where what was worked out is."""

    def __init__(self, version: FrozenVersion, size: int) -> None:
        self._version, self._size = version, size
        self._changed = threading.Condition()
        # From here on all ranges are taken by others.
        self._first, self._end = 0, -(-version.record_count // size)
        self._count = self._end
        self._done: dict[int, tuple[int, int, int]] = {}
        self._lost: set[int] = set()

    def bounds(self, number: int) -> tuple[int, int]:
        """Return the first position of a range, and the one behind its last."""
        start = number * self._size
        return start, min(start + self._size, self._version.record_count)

    def take_last(self) -> int | None:
        """Take a range for another process, from the end; None when all are taken."""
        with self._changed:
            if self._first >= self._end:
                return None
            self._end -= 1
            return self._end

    def settle(self, number: int, file: int, offset: int, length: int) -> None:
        """Note where the parts of a range are."""
        with self._changed:
            self._done[number] = file, offset, length
            self._changed.notify_all()

    def lose(self, numbers: set[int]) -> None:
        """Note that nobody works at these ranges any more."""
        with self._changed:
            self._lost |= numbers
            self._changed.notify_all()

    def parts(self, divided: Divided) -> Iterator[Part]:
        """Give all parts in order; what nobody else has taken or finished is worked out here."""
        for number in range(self._count):
            found = self._of_others(number)
            own = alone(self._version, divided, *self.bounds(number))
            yield from own if found is None else _read(*found)

    def _of_others(self, number: int) -> tuple[int, int, int] | None:
        """Return where a range's parts are; None, and it is taken, where it is to be done here."""
        with self._changed:
            if number < self._end:
                self._first = number + 1
                return None
            self._changed.wait_for(lambda: number in self._done or number in self._lost)
            return self._done.get(number)


def _read(file: int, offset: int, length: int) -> Iterator[Part]:
    decode, end = msgspec.msgpack.Decoder(Part).decode, offset + length
    while offset < end:
        size = int.from_bytes(os.pread(file, LENGTH_BYTES, offset), "big")
        yield decode(os.pread(file, size, offset + LENGTH_BYTES))
        offset += LENGTH_BYTES + size


@contextmanager
def _opened(
    settings: Settings,
    format_name: str,
    folder: Path,
    version: FrozenVersion,
    size: int,
    number: int,
) -> Iterator[Ranges | None]:
    """Start so many processes, and end them with the block; None where there are none."""
    if not number:
        yield None
        return
    facts = {each.name: getattr(version, each.name) for each in dataclasses.fields(version)}
    del facts["database"], facts["store"]
    ranges = Ranges(version, size)
    with ExitStack() as stack:
        for _hand in range(number):
            file = stack.enter_context(_unnamed(folder))
            asked = pickle.dumps(Asked(settings, format_name, facts, file.fileno()))
            stack.enter_context(_hand_at_work(asked, file.fileno(), ranges))
        yield ranges


@contextmanager
def _unnamed(folder: Path) -> Iterator[IO[bytes]]:
    try:
        file = tempfile.TemporaryFile(dir=folder)
    except OSError as problem:
        raise errors.Unavailable(
            _("temporary files cannot be written: %(reason)s"), reason=problem.strerror
        ) from problem
    with file:
        yield file


@contextmanager
def _hand_at_work(asked: bytes, file: int, ranges: Ranges) -> Iterator[None]:
    try:
        process = subprocess.Popen(
            _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[file]
        )
    except OSError as problem:
        log.warning("no further process for an export: %s", problem)
        yield
        return
    serving = threading.Thread(target=_serve, args=(process, asked, file, ranges), daemon=True)
    serving.start()
    try:
        yield
    finally:
        process.kill()
        serving.join()
        process.wait()


def _serve(process: subprocess.Popen[bytes], asked: bytes, file: int, ranges: Ranges) -> None:
    """Tell a process what to do, and note what it has done, until it ends."""
    assert process.stdin is not None and process.stdout is not None
    begun: dict[int, int] = {}
    numbers = iter(ranges.take_last, None)

    def ask(wanted: int) -> None:
        for _each, number in zip(range(wanted), numbers, strict=False):
            start, end = ranges.bounds(number)
            begun[start] = number
            process.stdin.write(b"%d %d\n" % (start, end))  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]

    try:
        with suppress(BrokenPipeError):
            process.stdin.write(asked)
            process.stdin.flush()
            # Until it is ready, everything is done here.
            ask(AHEAD if process.stdout.readline() == READY else 0)
            for line in process.stdout if begun else ():
                start, offset, length = map(int, line.split())
                ranges.settle(begun.pop(start), file, offset, length)
                ask(1)
                if not begun:
                    break
    finally:
        if begun:
            log.warning("a process that helped with an export ended; this one goes on alone")
        ranges.lose(set(begun.values()))
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
