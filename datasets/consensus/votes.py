"""Bring several people's choices to one: by majority, or by how reliable each has shown to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
MOST_ROUNDS = 100
ENOUGH = 1e-5  # change of the posteriors at which the rounds end
# Each person is thought to have answered that often like everybody: few answers prove little.
PRIOR = 1.0


@dataclass(frozen=True)
class Vote:
    """What was chosen, and how sure that is: 0 … 1."""

    choice: str
    certainty: float


@dataclass(frozen=True)
class Reliability:
    """What Dawid and Skene's model finds: `posterior` tasks × classes, `priors` of classes,
    `confusion` people × true class × said class; `rounds` it took."""

    posterior: Numbers
    priors: Numbers
    confusion: Numbers


def majority(choices: Sequence[str]) -> Vote:
    """Return what most chose, with their share; of as many the first in order.

    Raises:
        ValueError: nobody chose anything.
    """
    if not choices:
        raise ValueError("nobody chose anything")
    counts = Counter(choices)
    best = min(counts, key=lambda name: (-counts[name], name))
    return Vote(best, counts[best] / len(choices))


def dawid_skene(
    tasks: ArrayLike, people: ArrayLike, classes: ArrayLike, *, number: int | None = None
) -> Reliability:
    """Estimate the true classes of tasks and how often each person says what of which class.

    One entry an answer, numbers from 0. Expectation and maximisation from the majority on
    (Dawid and Skene 1979), class priors included; each person's table is drawn towards that
    of everybody by `PRIOR` answers, so that somebody with one answer is not taken for perfect.
    """
    task, person, said = (np.asarray(each, np.int64) for each in (tasks, people, classes))
    size = int(said.max()) + 1 if number is None else number
    answers = np.zeros((len(said), size))
    answers[np.arange(len(said)), said] = 1
    count = int(task.max()) + 1
    posterior = _sums(task, answers, count)
    posterior /= posterior.sum(axis=1, keepdims=True)
    place = person * size + said
    everybody = int(person.max()) + 1
    for _round in range(MOST_ROUNDS):
        priors = (posterior.sum(axis=0) + 1 / size) / (count + 1)
        confusion = _confusion(posterior[task], place, everybody, size)
        likelihood = np.log(np.maximum(confusion, 1e-12))[person, :, said]
        logs = np.log(priors) + _sums(task, likelihood, count)
        logs -= logs.max(axis=1, keepdims=True)
        fresh = np.exp(logs)
        fresh /= fresh.sum(axis=1, keepdims=True)
        moved = float(np.abs(fresh - posterior).max())
        posterior = fresh
        if moved < ENOUGH:
            break
    return Reliability(posterior, priors, confusion)


def _confusion(truth: Numbers, place: NDArray[np.int64], people: int, size: int) -> Numbers:
    """Return people × true class × said class, rows that add up to 1."""
    counts = _sums(place, truth, people * size).reshape(people, size, size).transpose(0, 2, 1)
    together = counts.sum(axis=0) + np.eye(size) + 1e-2
    together /= together.sum(axis=1, keepdims=True)
    counts = counts + PRIOR * together
    found: Numbers = counts / counts.sum(axis=2, keepdims=True)
    return found


def _sums(place: NDArray[np.int64], rows: Numbers, count: int) -> Numbers:
    """Return the sums of rows by their place."""
    return np.stack([np.bincount(place, column, minlength=count) for column in rows.T], axis=1)
