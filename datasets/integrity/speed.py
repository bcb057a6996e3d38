"""Find people whose answers come quicker than the work can be done.

The time is the server's: from when somebody could have begun to when the answer came. What
their program claims can only be more; a claim beyond the time that passed is counted. Each time
is compared with what others needed for the same task, or for as many regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from ..quality.intervals import bootstrap
from .chance import centre_and_spread, upper_tail
from .rows import FindingKind
from .said import Said, Suspect

LEAST_ANSWERS = 20
LEAST_SPREAD = 0.25  # between honest people, of the logarithm
MOST_RATIO = 0.4  # of what others need, before it matters
SHORTEST = 0.05  # seconds
LONGEST = 3600.0  # seconds: a pause, no work


def find(answers: Sequence[Said]) -> list[Suspect]:
    """Return everybody with enough timed answers, with the chance of being so quick."""
    timed = [said for said in answers if said.seconds is not None and said.seconds < LONGEST]
    logs = {said.id: float(np.log(max(said.seconds or 0.0, SHORTEST))) for said in timed}
    of_person: dict[int, list[Said]] = {}
    for said in timed:
        of_person.setdefault(said.person, []).append(said)
    known = {p: rows for p, rows in of_person.items() if len(rows) >= LEAST_ANSWERS}
    if len(known) < 2:
        return []
    usual = _usual(timed, logs)
    apart = {p: [logs[row.id] - usual[row.id] for row in rows] for p, rows in known.items()}
    middles = {person: median(rows) for person, rows in apart.items()}
    middle, spread = centre_and_spread(list(middles.values()), LEAST_SPREAD)
    return [
        _suspect(person, rows, apart[person], (middle - middles[person]) / spread, middle)
        for person, rows in known.items()
    ]


def _usual(timed: Sequence[Said], logs: dict[int, float]) -> dict[int, float]:
    """Return answer → the usual logarithm for it: by the number of regions, and by its task."""
    by_size: dict[int, list[float]] = {}
    for said in timed:
        by_size.setdefault(_size(said), []).append(logs[said.id])
    everything = median(logs.values())
    usual_of_size = {
        size: (sum(rows) + 5 * everything) / (len(rows) + 5) for size, rows in by_size.items()
    }
    rest: dict[int, list[tuple[int, float]]] = {}
    for said in timed:
        apart = logs[said.id] - usual_of_size[_size(said)]
        rest.setdefault(said.task_id, []).append((said.person, apart))
    found = {}
    for said in timed:
        others = [apart for person, apart in rest[said.task_id] if person != said.person]
        of_task = sum(others) / (len(others) + 2)
        found[said.id] = usual_of_size[_size(said)] + of_task
    return found


def _size(said: Said) -> int:
    return min(len(said.result), 20)


def _suspect(
    person: int, rows: list[Said], apart: list[float], score: float, middle: float
) -> Suspect:
    ratio = bootstrap(
        [each - middle for each in apart], lambda some: float(np.exp(np.median(some)))
    )
    claims = [
        row for row in rows if row.claimed is not None and row.claimed > (row.seconds or 0) + 5
    ]
    quickest = sorted(zip(apart, rows, strict=True), key=lambda each: each[0])[:6]
    return Suspect(
        FindingKind.SPEED,
        person,
        0,
        upper_tail(score),
        {
            "answers": len(rows),
            "median_seconds": median(row.seconds or 0.0 for row in rows),
            "ratio": ratio.as_values(),
            "claimed_more": len(claims),
            "score": score,
        },
        tuple(row.id for _apart, row in quickest),
        (ratio.high if ratio.high is not None else 1.0) <= MOST_RATIO,
    )
