"""Move what was said with old labels over to the new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .steps import Step

Result = list[dict[str, Any]]
Place = tuple[str, str]  # control, label


@dataclass(frozen=True)
class Moved:
    """A result with new labels, how many regions had which old one, and whether to look again."""

    result: Result
    regions: Counter[Place] = field(default_factory=Counter)
    is_undecided: bool = False


def moved(result: Sequence[Mapping[str, Any]], steps: Sequence[Step]) -> Moved | None:
    """Return the result moved over; None where no step touches it.

    A region that had several labels which become one has that once.
    """
    by_control: dict[str, list[Step]] = {}
    for step in steps:
        by_control.setdefault(step.control, []).append(step)
    regions: Counter[Place] = Counter()
    undecided = False
    found = []
    for region in result:
        value, kind = region.get("value"), region.get("type")
        name = region.get("from_name")
        touched = by_control.get(name, []) if isinstance(name, str) else []
        fresh = dict(value) if isinstance(value, dict) else {}
        for step in touched:
            for member in {kind, "labels", "choices"} & fresh.keys():
                told = fresh[member]
                had = (
                    [each for each in told if each in step.moves] if isinstance(told, list) else []
                )
                if not had:
                    continue
                regions.update((step.control, label) for label in had)
                undecided = undecided or step.is_undecided
                put = (step.moves[each] if each in step.moves else each for each in told)
                fresh[member] = list(dict.fromkeys(put))
        found.append({**region, "value": fresh} if fresh else dict(region))
    return Moved(found, regions, undecided) if regions else None
