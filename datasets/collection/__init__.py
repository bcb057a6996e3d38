"""Collect: turn what was read from a source into tasks and stored media.

`prepare` touches the object store only, `write` one transaction only, so that slow bytes
never hold the database.
"""

from .keeping import keep
from .limits import media_limits, source_limits
from .lists import MOST_TASKS, TASK_BYTES, ListReader
from .prepared import (
    Brought,
    BroughtAnnotation,
    Prepared,
    checked,
    media_keys,
    media_size,
    prepare,
    word_keys,
)
from .writing import ImportReject, reject_count, task_count, write, write_reject_file

__all__ = [
    "MOST_TASKS",
    "TASK_BYTES",
    "Brought",
    "BroughtAnnotation",
    "ImportReject",
    "ListReader",
    "Prepared",
    "checked",
    "keep",
    "media_keys",
    "media_limits",
    "media_size",
    "prepare",
    "reject_count",
    "source_limits",
    "task_count",
    "word_keys",
    "write",
    "write_reject_file",
]
