"""Say what is looked at: answers with their times, regions and pre-labels, and what stands out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .rows import FindingKind

Result = list[dict[str, Any]]
# How much two results agree, 0 to 1; None where nothing can be compared.
Agree = Callable[[Result, Result], float | None]


@dataclass(frozen=True)
class Said:
    """One answer of one person.

    `seconds` is the time that passed on the server since they could have begun, `claimed` what
    their program said. `shown` is the pre-label that they began from, None without.
    """

    id: int
    task_id: int
    person: int
    at: dt.datetime
    result: Result
    seconds: float | None = None
    claimed: float | None = None
    shown: Result | None = None
    # What the task's predictions hold: (region ids, forms of regions), no sign of copying.
    offered: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Suspect:
    """What stands out: one person, with the other one where two are compared.

    `facts` are numbers in plain names; `examples` the ids of annotations that show it best.
    """

    kind: FindingKind
    person: int
    other: int
    chance: float
    facts: dict[str, Any]
    examples: tuple[int, ...] = field(default=())
    # Whether the difference is large enough to matter, whatever its chance.
    is_large: bool = True
