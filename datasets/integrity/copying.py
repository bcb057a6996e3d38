"""Find pairs whose answers agree more than their skill and the tasks explain.

A pair's agreement on a task is expected from how much everybody agrees there (the pair itself
left out) and from how much each of the two agrees with others; easy tasks leave no room and so
tell nothing. What remains is summed over their common tasks, and compared with what all other
pairs do: shared schools and habits widen that. Beside it, regions that nobody offered and that
are equal to the last digit are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..quality.intervals import cluster_ratio
from .chance import Numbers, binomial_tail, centre_and_spread, upper_tail_of_estimated
from .rows import FindingKind
from .said import Agree, Result, Said, Suspect

LEAST_TASKS = 15  # that a pair has in common
LEAST_EXCESS = 0.06  # of agreement, before it matters
LEAST_SAME = 3  # equal regions
# However exact people work, some regions are equal by chance: snapped, whole pictures.
LEAST_SHARE = 0.01
LATER = 0.8  # of the common tasks, before somebody counts as the one who came later
ROUNDS = 20
SHRINK = 1.0  # a task's effect counts like that many more pairs of the mean


@dataclass
class _Pairs:
    """Each place is one pair of answers of one task."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    task: NDArray[np.int64]
    agreement: Numbers
    same: NDArray[np.int64]
    regions: NDArray[np.int64]
    rows: list[tuple[Said, Said]]
    people: list[int]


def find(answers: Sequence[Said], agree: Agree) -> list[Suspect]:
    """Return every pair with enough common tasks, with the chance of such agreement."""
    pairs = _pairs(answers, agree)
    if pairs is None:
        return []
    excess, variance = _excess(pairs)
    places: dict[tuple[int, int], list[int]] = {}
    for place, (one, other) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        places.setdefault((int(one), int(other)), []).append(place)
    known = {pair: rows for pair, rows in places.items() if len(rows) >= LEAST_TASKS}
    scores = {
        pair: _score(pairs.agreement[rows], excess[rows], variance[rows])
        for pair, rows in known.items()
    }
    middle, spread = centre_and_spread(list(scores.values()), 1.0)
    return [
        _suspect(pairs, rows, excess, (scores[pair] - middle) / spread, len(known))
        for pair, rows in known.items()
    ]


def _pairs(answers: Sequence[Said], agree: Agree) -> _Pairs | None:
    of_tasks: dict[int, dict[int, Said]] = {}
    for said in answers:
        of_tasks.setdefault(said.task_id, {})[said.person] = said
    people = sorted({said.person for said in answers})
    number = {person: place for place, person in enumerate(people)}
    common = _common_ids(answers)
    forms = {said.id: _forms(said, common) for said in answers}
    found: list[tuple[int, int, int, float, int, int]] = []
    rows: list[tuple[Said, Said]] = []
    for place, said_of in enumerate(of_tasks.values()):
        for one, other in combinations(sorted(said_of), 2):
            first, second = said_of[one], said_of[other]
            if _kept(first) and _kept(second):
                # They agree with the model, not with each other: see `stamping`.
                continue
            score = agree(first.result, second.result)
            if score is None:
                continue
            ours, theirs = forms[first.id], forms[second.id]
            least = min(len(ours), len(theirs))
            told = set().union(*theirs)
            same = min(least, sum(not told.isdisjoint(region) for region in ours))
            found.append((number[one], number[other], place, score, same, least))
            rows.append((first, second))
    if not found:
        return None
    first_, second_, task, score_, same_, least_ = zip(*found, strict=True)
    return _Pairs(
        np.array(first_),
        np.array(second_),
        np.array(task),
        np.array(score_, float),
        np.array(same_),
        np.array(least_),
        rows,
        people,
    )


def _kept(said: Said) -> bool:
    """Tell whether an answer is the pre-label that it began from."""
    return said.shown is not None and _values(said.shown) == _values(said.result)


def _values(result: Result) -> list[bytes]:
    return sorted(
        msgspec.json.encode((region.get("from_name"), region.get("value")), order="sorted")
        for region in result
    )


def _excess(pairs: _Pairs) -> tuple[Numbers, Numbers]:
    """Return by how much each pair of answers agrees more than expected, and the variance."""
    size, tasks = len(pairs.people), int(pairs.task.max()) + 1
    middle = float(pairs.agreement.mean())
    skill = np.zeros(size)
    both = np.concatenate([pairs.first, pairs.second])
    times = np.bincount(both, minlength=size)
    in_task = np.bincount(pairs.task, minlength=tasks)
    of_task = np.zeros(len(pairs.agreement))
    for _round in range(ROUNDS):
        plain = pairs.agreement - middle - skill[pairs.first] - skill[pairs.second]
        sums = np.bincount(pairs.task, plain, minlength=tasks)
        # The pair itself says nothing about how hard its task is.
        of_task = (sums[pairs.task] - plain) / (in_task[pairs.task] - 1 + SHRINK)
        rest = pairs.agreement - middle - of_task
        for_first, for_second = rest - skill[pairs.second], rest - skill[pairs.first]
        sums = np.bincount(both, np.concatenate([for_first, for_second]), minlength=size)
        # Half a step: two who move at once would overshoot.
        skill += 0.5 * (sums / (times + SHRINK) - skill)
    expected = middle + of_task + skill[pairs.first] + skill[pairs.second]
    expected = np.clip(expected, 0.02, 0.98)
    excess = pairs.agreement - expected
    room = expected * (1 - expected)
    scale = float(np.mean(excess**2) / np.mean(room))
    return excess, scale * room + 1e-4


def _score(agreement: Numbers, excess: Numbers, variance: Numbers) -> float:
    """Return the signed root of the deviance of a pair's agreement from what is expected of it.

    Close to normal also where nearly everything agrees, which a difference over its standard
    error is not (McCullagh and Nelder 1989, section 2.4).
    """
    told = min(1 - 1e-9, max(1e-9, float(agreement.mean())))
    expected = min(1 - 1e-3, max(1e-3, told - float(excess.mean())))
    number = len(agreement) * expected * (1 - expected) / float(variance.mean())
    apart = told * np.log(told / expected) + (1 - told) * np.log((1 - told) / (1 - expected))
    return float(np.sign(told - expected) * np.sqrt(2 * number * max(0.0, apart)))


def _suspect(pairs: _Pairs, rows: list[int], excess: Numbers, score: float, number: int) -> Suspect:
    known = [pairs.rows[row] for row in rows]
    later = sum(first.at > second.at for first, second in known) / len(known)
    first, second = known[0][0].person, known[0][1].person
    swaps = later < 0.5
    person, other = (second, first) if swaps else (first, second)
    share = 1 - later if swaps else later
    same, regions = int(pairs.same[rows].sum()), int(pairs.regions[rows].sum())
    elsewhere = np.ones(len(pairs.agreement), bool)
    elsewhere[rows] = False
    usual = pairs.same[elsewhere].sum() / max(1, pairs.regions[elsewhere].sum())
    usual = min(0.99, max(LEAST_SHARE, float(usual)))
    of_same = binomial_tail(same, regions, usual) if same >= LEAST_SAME else 1.0
    figure = cluster_ratio(excess[rows], np.ones(len(rows)))
    best = sorted(rows, key=lambda row: (-pairs.same[row], -excess[row]))[:6]
    mean = float(pairs.agreement[rows].mean())
    is_exact = of_same < 1e-3 and same >= LEAST_SAME
    return Suspect(
        FindingKind.COPYING,
        person,
        other,
        # Two looks at one pair.
        min(1.0, 2 * min(upper_tail_of_estimated(score, number), of_same)),
        {
            "tasks": len(rows),
            "agreement": mean,
            "expected": mean - float(excess[rows].mean()),
            "excess": figure.as_values(),
            "score": score,
            "same_regions": same,
            "regions": regions,
            "same_elsewhere": usual,
            "later_share": share,
            "is_ordered": share >= LATER,
        },
        tuple(pairs.rows[row][0 if not swaps else 1].id for row in best),
        is_exact or (figure.value or 0) >= LEAST_EXCESS,
    )


def _common_ids(answers: Sequence[Said]) -> set[str]:
    """Return the region ids that stand in more than one task: no editor made them by chance."""
    seen: dict[str, int] = {}
    common = set()
    for said in answers:
        for region in said.result:
            name = str(region.get("id"))
            if seen.setdefault(name, said.task_id) != said.task_id:
                common.add(name)
    return common


def _forms(said: Said, common: set[str]) -> list[frozenset[str]]:
    """Return what tells each region of this answer from all others: its id, its exact place.

    Either gives a copy away: what is pasted keeps its place and gets a new id, what is nudged
    keeps its id. Regions that the task's predictions hold are left out.
    """
    found = []
    for region in said.result:
        name, form = str(region.get("id")), exact_form(region)
        if name in said.offered or (form is not None and form in said.offered):
            continue
        forms = {f"id:{name}"} if name not in common else set()
        if form is not None:
            forms.add(form)
        if forms:
            found.append(frozenset(forms))
    return found


def exact_form(region: dict[str, object]) -> str | None:
    """Return a region drawn with fractions as text, None where equal ones are no surprise."""
    value = region.get("value")
    if not isinstance(value, dict):
        return None
    places = {
        name: each
        for name, each in sorted(value.items())
        if isinstance(each, float) and not isinstance(each, bool) and not each.is_integer()
    }
    return msgspec.json.encode(places).decode() if len(places) >= 2 else None


def offered(predicted: Sequence[Result]) -> frozenset[str]:
    """Return the ids and places that a task's predictions hold."""
    found = set()
    for result in predicted:
        for region in result:
            found.add(str(region.get("id")))
            form = exact_form(region)
            if form is not None:
                found.add(form)
    return frozenset(found)
