"""Ask the parts of an installation whether they answer."""

from __future__ import annotations

from collections.abc import Callable

from ..datasets import errors, migrations
from ..datasets.installation import Installation
from ..workers import queues


def faults(opened: Installation) -> dict[str, str | None]:
    """Ask each part; the answer maps its name to its fault or None."""
    checks: dict[str, Callable[[], None]] = {
        "database": opened.database.check,
        "schema": lambda: migrations.check(opened.database),
        "objects": opened.store.check,
        "queue": lambda: queues.check(opened.settings),
    }
    found: dict[str, str | None] = {}
    for name, check in checks.items():
        try:
            check()
            found[name] = None
        except errors.JinbiaoError as problem:
            found[name] = str(problem)
    return found
