"""Bring files and bytes to cleaning operators as their records."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinbiao.datasets.cleaning.operators import OPERATORS, Outcome, Record, bytes_opener


def record(content: bytes | Path, kind: str, number: int = 1, name: str = "") -> Record:
    """Make a record of bytes or of a file."""
    if isinstance(content, Path):
        opened = functools.partial(content.open, "rb")
        return Record(number, kind, name or content.name, open=opened)
    return Record(number, kind, name or f"{number}", open=bytes_opener(content))


def options(operator: str, **given: Any) -> dict[str, Any]:
    """Return complete options: the defaults, and what is given."""
    return {option.name: option.default for option in OPERATORS[operator].options} | given


def applied(operator: str, records: Sequence[Record], **given: Any) -> list[Outcome]:
    """Apply an operator of the domain."""
    apply = OPERATORS[operator].apply
    assert apply is not None
    return apply(records, options(operator, **given))
