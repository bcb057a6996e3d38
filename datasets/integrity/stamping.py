"""Find people who leave pre-labels as they are, also where the pre-labels are wrong.

A quick expert leaves many as they are, since many are right; so what counts is those that are
known to be wrong: against the truth, or against what most others said of the task. How often
people keep wrong ones differs from person to person; that spread is taken from the project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..quality.intervals import wilson
from .chance import centre_and_spread, upper_tail
from .rows import FindingKind
from .said import Agree, Result, Said, Suspect

LEAST_WRONG = 8  # wrong pre-labels that somebody has seen
SAME = 0.999  # agreement from which an answer is the pre-label untouched
WRONG = 0.5  # agreement with the truth below which a pre-label is wrong
LEAST_SHARE, LEAST_RISE = 0.5, 0.25  # of wrong ones kept, and above what others keep
LEAST_SPREAD = 0.5  # of log odds between honest people


@dataclass
class _Counts:
    kept: int = 0
    seen: int = 0
    kept_wrong: int = 0
    wrong: int = 0
    examples: list[int] = field(default_factory=list)


def find(
    answers: Sequence[Said], agree: Agree, truths: Mapping[int, Result] | None = None
) -> list[Suspect]:
    """Return everybody who saw enough wrong pre-labels, with the chance of keeping so many."""
    counts = _count(answers, agree, truths or {})
    people = {person: each for person, each in counts.items() if each.wrong >= LEAST_WRONG}
    if not people:
        return []
    odds = {person: _log_odds(each) for person, each in people.items()}
    middle, spread = centre_and_spread(list(odds.values()), LEAST_SPREAD)
    return [
        _suspect(person, each, counts, (odds[person] - middle), spread)
        for person, each in people.items()
    ]


def _count(
    answers: Sequence[Said], agree: Agree, truths: Mapping[int, Result]
) -> dict[int, _Counts]:
    of_tasks: dict[int, list[Said]] = {}
    for said in answers:
        of_tasks.setdefault(said.task_id, []).append(said)
    counts: dict[int, _Counts] = {}
    for task_id, rows in of_tasks.items():
        for said in rows:
            if said.shown is None:
                continue
            mine = counts.setdefault(said.person, _Counts())
            is_kept = (agree(said.shown, said.result) or 0.0) >= SAME
            mine.seen += 1
            mine.kept += is_kept
            if _is_wrong(said, rows, agree, truths.get(task_id)):
                mine.wrong += 1
                mine.kept_wrong += is_kept
                if is_kept:
                    mine.examples.append(said.id)
    return counts


def _is_wrong(said: Said, rows: Sequence[Said], agree: Agree, truth: Result | None) -> bool:
    """Tell whether a pre-label is known to be wrong: by the truth, or by all who differ from it.

    The person's own answer has no voice. Others who kept the pre-label may be stampers
    themselves: of those who began from it, only who changed it counts as a voice against it.
    """
    assert said.shown is not None
    if truth is not None:
        return (agree(said.shown, truth) or 0.0) < WRONG
    others = [row for row in rows if row.person != said.person]
    against = [row for row in others if (agree(said.shown, row.result) or 0.0) < WRONG]
    blank = [row for row in others if row.shown is None]
    for_it = [row for row in blank if row not in against]
    if len(against) < 1 or for_it:
        return False
    # Two who differ from it must mean the same thing.
    return len(against) < 2 or (agree(against[0].result, against[1].result) or 0.0) >= WRONG


def _log_odds(each: _Counts) -> float:
    return float(np.log((each.kept_wrong + 0.5) / (each.wrong - each.kept_wrong + 0.5)))


def _suspect(
    person: int, each: _Counts, counts: Mapping[int, _Counts], rise: float, spread: float
) -> Suspect:
    error = 1 / (each.kept_wrong + 0.5) + 1 / (each.wrong - each.kept_wrong + 0.5)
    score = rise / float(np.sqrt(spread**2 + error))
    others = [found for number, found in counts.items() if number != person]
    usual = wilson(sum(o.kept_wrong for o in others), sum(o.wrong for o in others))
    all_usual = wilson(sum(o.kept for o in others), sum(o.seen for o in others))
    kept = wilson(each.kept_wrong, each.wrong)
    above = (kept.value or 0) - (usual.value or 0)
    return Suspect(
        FindingKind.STAMPING,
        person,
        0,
        upper_tail(score),
        {
            "kept_wrong": kept.as_values(),
            "others_kept_wrong": usual.as_values(),
            "kept": wilson(each.kept, each.seen).as_values(),
            "others_kept": all_usual.as_values(),
            "score": score,
        },
        tuple(each.examples[:6]),
        (kept.value or 0) >= LEAST_SHARE and above >= LEAST_RISE,
    )
