"""Bring several people's marks to one: boxes fused, spans voted on, masks by STAPLE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
LEAST_OVERLAP = 0.5
MOST_ROUNDS = 60
ENOUGH = 1e-6


@dataclass(frozen=True)
class Marked:
    """One person's mark: who, the label, and anything that tells where."""

    person: int
    label: str
    place: Any


@dataclass(frozen=True)
class Group:
    """Marks of different people that are the same thing, and the share of people behind it."""

    marks: tuple[Marked, ...]
    certainty: float


@dataclass(frozen=True)
class Staple:
    """A mask (each pixel's probability) and how well each person found what is there and not."""

    probability: Numbers
    sensitivity: Numbers
    specificity: Numbers


def groups(
    marks: Sequence[Marked],
    people: int,
    overlap: Callable[[Any, Any], float],
    least: float = LEAST_OVERLAP,
) -> list[Group]:
    """Gather marks with one label that overlap into groups, each person once in a group.

    Those that overlap most are joined first; a mark joins a group where it overlaps every mark
    of it at least so much. `people` is how many answered.
    """
    pairs = sorted(
        (
            (-shared, here, there)
            for here, one in enumerate(marks)
            for there, other in enumerate(marks[here + 1 :], here + 1)
            if one.person != other.person
            and one.label == other.label
            and (shared := overlap(one.place, other.place)) >= least
        ),
    )
    near = {(here, there) for _shared, here, there in pairs}
    members = {number: [number] for number in range(len(marks))}
    home = {number: number for number in range(len(marks))}
    for _shared, here, there in pairs:
        one, other = home[here], home[there]
        if one == other:
            continue
        joined = members[one] + members[other]
        alike = all((min(a, b), max(a, b)) in near for a in members[one] for b in members[other])
        if alike and len({marks[number].person for number in joined}) == len(joined):
            members[one] = joined
            for number in members.pop(other):
                home[number] = one
    found = [tuple(marks[number] for number in sorted(each)) for each in members.values()]
    return [Group(each, len(each) / people) for each in found]


def kept(found: Sequence[Group]) -> list[Group]:
    """Return the groups that more than half of the people stand behind."""
    return [group for group in found if group.certainty > 0.5]


def fused(boxes: ArrayLike) -> Numbers:
    """Return one box of several (rows of four sides), weighted by how much each agrees.

    A box weighs its mean overlap with the others, so that one that lies apart counts less.
    """
    rows = np.asarray(boxes, float)
    if len(rows) < 3:
        found: Numbers = rows.mean(axis=0)
        return found
    shared = _overlaps(rows)
    weight = (shared.sum(axis=1) - 1) / (len(rows) - 1)
    if weight.sum() <= 0:
        weight = np.ones(len(rows))
    return np.asarray((rows * weight[:, None]).sum(axis=0) / weight.sum(), float)


def voted_spans(spans: Sequence[tuple[int, int, int]], people: int) -> list[tuple[int, int, float]]:
    """Return (start, end, certainty) of what more than half of the people marked.

    `spans` are (person, start, end) of one label; the certainty is the mean share of people
    over the characters. Each character has one vote a person.
    """
    if not spans:
        return []
    ends = np.unique([end for _person, *both in spans for end in both])
    votes = np.zeros((people, len(ends) - 1), bool)
    rows = {person: row for row, person in enumerate(dict.fromkeys(each[0] for each in spans))}
    for person, start, end in spans:
        first, last = np.searchsorted(ends, [start, end])
        votes[rows[person], first:last] = True
    share = votes.sum(axis=0) / people
    # Two spans that touch are two: where most let one begin, it begins.
    begins = np.zeros(len(ends) - 1)
    for _person, start in {(person, start) for person, start, _end in spans}:
        begins[int(np.searchsorted(ends, start))] += 1 / people
    found: list[tuple[int, int, float]] = []
    open_at: int | None = None
    for place in range(len(ends)):
        inside = place < len(share) and share[place] > 0.5
        parts = open_at is not None and inside and begins[place] > 0.5
        if open_at is not None and (not inside or parts):
            widths = np.diff(ends[open_at : place + 1])
            certainty = float((share[open_at:place] * widths).sum() / widths.sum())
            found.append((int(ends[open_at]), int(ends[place]), certainty))
            open_at = None
        if inside and open_at is None:
            open_at = place
    return found


def staple(masks: ArrayLike) -> Staple:
    """Estimate the true mask of people × rows × columns of 0 or 1, and how reliable each is.

    Expectation and maximisation with the mean of all masks as what is to be expected of a
    pixel (Warfield, Zou and Wells 2004). Only the rectangle around what anybody painted is
    looked at: the ground around it would make everybody seem sure of it. Pixels of which all
    said the same are one to the arithmetic, so that large pictures cost little.
    """
    said = np.asarray(masks) != 0
    probability = np.zeros(said.shape[1:])
    people = len(said)
    either = said.any(axis=0)
    if not either.any():
        return Staple(probability, np.ones(people), np.ones(people))
    rows, columns = (np.flatnonzero(either.any(axis=side)) for side in (1, 0))
    part = np.s_[
        max(rows[0] - 1, 0) : rows[-1] + 2,
        max(columns[0] - 1, 0) : columns[-1] + 2,
    ]
    inside = said[(slice(None), *part)].reshape(people, -1)
    votes, place, counts = np.unique(inside, axis=1, return_inverse=True, return_counts=True)
    truth, sensitivity, specificity = _expected(votes.astype(float), counts.astype(float))
    probability[part] = truth[place.reshape(-1)].reshape(probability[part].shape)
    return Staple(probability, sensitivity, specificity)


def _expected(votes: Numbers, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return the probability of each pattern of votes, and each person's reliability."""
    truth = votes.mean(axis=0)
    prior = float((truth * counts).sum() / counts.sum())
    sensitivity = specificity = np.full(len(votes), 0.99)
    for _round in range(MOST_ROUNDS):
        foreground = prior * np.exp(_logs(votes, sensitivity, 1 - sensitivity))
        background = (1 - prior) * np.exp(_logs(votes, 1 - specificity, specificity))
        fresh = foreground / np.maximum(foreground + background, 1e-300)
        moved = float(np.abs(fresh - truth).max())
        truth = fresh
        there, away = counts * truth, counts * (1 - truth)
        sensitivity = np.clip(votes @ there / max(there.sum(), 1e-9), 1e-4, 1 - 1e-4)
        specificity = np.clip((1 - votes) @ away / max(away.sum(), 1e-9), 1e-4, 1 - 1e-4)
        if moved < ENOUGH:
            break
    return truth, sensitivity, specificity


def mask_certainty(found: Staple) -> float:
    """Return how sure a mask is: the mean probability of being right where anybody painted."""
    probability = found.probability
    some = probability > 0
    if not some.any():
        return 1.0
    return float(np.maximum(probability[some], 1 - probability[some]).mean())


def _logs(votes: Numbers, if_said: Numbers, if_not: Numbers) -> Numbers:
    found: Numbers = np.log(if_said) @ votes + np.log(if_not) @ (1 - votes)
    return found


def _overlaps(rows: Numbers) -> Numbers:
    low = np.maximum(rows[:, None, :2], rows[None, :, :2])
    high = np.minimum(rows[:, None, 2:], rows[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    area = np.prod(rows[:, 2:] - rows[:, :2], axis=1)
    either = area[:, None] + area[None, :] - both
    found: Numbers = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return found
