"""Look at the answers of a project in all ways at once and keep what chance does not explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import copying, speed, stamping
from .chance import adjusted
from .rows import FindingKind
from .said import Agree, Result, Said, Suspect

# The expected share of false findings among those that are shown. Pairs are many and depend on
# each other, since one person is in several: stricter.
FALSE_SHARE = {FindingKind.COPYING: 0.01, FindingKind.STAMPING: 0.05, FindingKind.SPEED: 0.05}


@dataclass(frozen=True)
class Seen:
    """What was found, with its adjusted chance, and how many pairs and people were looked at."""

    found: list[tuple[Suspect, float]]
    tests: int


def look(answers: Sequence[Said], agree: Agree, truths: Mapping[int, Result] | None = None) -> Seen:
    """Return what stands out: large enough to matter, and few enough by chance.

    All looks count together in the adjustment (Benjamini and Hochberg), also those at what is
    too small to matter.
    """
    suspects = [
        *copying.find(answers, agree),
        *stamping.find(answers, agree, truths),
        *speed.find(answers),
    ]
    chances = adjusted([each.chance for each in suspects])
    found = [
        (each, chance)
        for each, chance in zip(suspects, chances, strict=True)
        if chance <= FALSE_SHARE[each.kind] and each.is_large
    ]
    found.sort(key=lambda each: each[1])
    return Seen(found, len(suspects))
