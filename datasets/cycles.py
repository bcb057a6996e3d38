"""Look for cycles of garbage rarely while very much is made and dropped again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Python's own 700 makes it look at every batch of records many times over.
OBJECTS = 100_000


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Let cycles wait until many objects have been made; all else is freed at once as ever."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
