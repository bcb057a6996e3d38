"""Keep tables of one's own for as long as a piece of work lasts, beyond what memory holds."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self


class ScratchTables:
    """Tables in a file of SQLite's own, which goes when they are let go of.

    `tables` is the connection. Nothing survives the process: they are no place for a result.
    """

    def __init__(self, created: str) -> None:
        """Begin with the empty tables that these statements create."""
        # The name "" is a file that no other process finds, in memory while it is small.
        self.tables = sqlite3.connect("")
        self.tables.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + created)

    def __enter__(self) -> Self:
        """Give the tables."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the tables."""
        self.tables.close()
