"""Be a process that works out parts of an export for another one, until that closes the pipe.

It is told once, pickled, what to export, and says when it is ready; then it is told a line each
with the positions of a range of records, from the first to before the last. The parts of a
range are added to a file that both processes hold, and a line says where: first position,
offset, length.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from ..datasets.cycles import rarely_collected
from ..datasets.db import Database
from ..datasets.installation import store_of
from ..datasets.settings import Settings
from ..datasets.versions import FrozenVersion
from ..exporters.divided import alone, kept
from ..exporters.formats import FORMATS

# A part is in the file behind its length in so many bytes.
LENGTH_BYTES = 8
READY = b"ready\n"


@dataclass(frozen=True)
class Asked:
    """What to export: the facts of a frozen version, without its database and store."""

    settings: Settings
    format_name: str
    facts: dict[str, Any]
    file: int  # the number of the shared file


def main(told: BinaryIO, say: BinaryIO) -> None:
    """Do what is told until the pipe is closed."""
    asked: Asked = pickle.load(told)
    database = Database(asked.settings.database_url)
    store = store_of(asked.settings, database)
    version = FrozenVersion(database=database, store=store, **asked.facts)
    divide = FORMATS[asked.format_name].divided
    assert divide is not None, "a format of that name is written whole"
    divided, encode, at = divide(version), msgspec.msgpack.Encoder().encode, 0
    _say(say, READY)
    with os.fdopen(asked.file, "wb", buffering=1 << 18) as file, rarely_collected():
        for line in told:
            start, end = map(int, line.split())
            begin = at
            for part in kept(alone(version, divided, start, end), store):
                data = encode(part)
                file.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
                at += LENGTH_BYTES + len(data)
            file.flush()
            _say(say, b"%d %d %d\n" % (start, begin, at - begin))
    database.close()


def _say(say: BinaryIO, line: bytes) -> None:
    say.write(line)
    say.flush()


if __name__ == "__main__":
    # Ctrl-C is for whoever asked; it closes the pipe then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Whoever asked is gone; there is nothing to say, and nobody to say it to.
        os._exit(0)
