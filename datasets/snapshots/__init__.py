"""Read what a project holds at one moment, for exports without freezing, and keep it.

A line is one task with all that was said of it, as Label Studio exports it, and beside it
what converters need: its stored media, and which annotation counts where only one can.
"""

from __future__ import annotations

from .batches import Reading
from .kept import (
    Snapshot,
    add,
    finish,
    get,
    keep_converted,
    of_project,
    remove,
)
from .members import Answer, Line, StoredMedium
from .reading import lines, read_line
from .wanted import Address, Wanted
from .writing import kept_lines, task_texts

__all__ = [
    "Address",
    "Answer",
    "Line",
    "Reading",
    "Snapshot",
    "StoredMedium",
    "Wanted",
    "add",
    "finish",
    "get",
    "keep_converted",
    "kept_lines",
    "lines",
    "of_project",
    "read_line",
    "remove",
    "task_texts",
]
