"""Tell what chance explains: tails, robust scores, and many looks at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
# How many people or pairs it takes before their own spread is believed.
ENOUGH = 5
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
MAD_EFFICIENCY = 0.37  # beside an ordinary deviation
LEAST_FREEDOM = 10.0


def upper_tail(score: float) -> float:
    """Return the chance of a standard normal score at least as large."""
    return 0.5 * math.erfc(score / math.sqrt(2))


def upper_tail_of_estimated(score: float, number: int) -> float:
    """Return the chance of a score at least as large whose spread was estimated from `number`.

    Student's distribution: a spread by the median absolute deviation knows as much as an
    ordinary one of 0.37 as many (Rousseeuw and Croux 1993), and the normal tail would promise
    too much. Never fewer than ten degrees: below that the least spread stands in.
    """
    from scipy.special import stdtr

    freedom = max(LEAST_FREEDOM, MAD_EFFICIENCY * (number - 1))
    return float(stdtr(freedom, -score))


def centre_and_spread(scores: ArrayLike, least: float) -> tuple[float, float]:
    """Return the median and the deviation by the median absolute deviation, at least `least`.

    A part of the scores that is far out, up to nearly a half, does not move them: the empirical
    null of Efron (2004), for people who differ for reasons of their own.
    """
    told = np.asarray(scores, float)
    if len(told) < ENOUGH:
        return (float(np.median(told)) if len(told) else 0.0), 2 * least
    middle = float(np.median(told))
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(told - middle)))
    return middle, max(spread, least)


def adjusted(chances: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's (1995) adjusted chances, in the order given.

    Taking everything at or below q keeps the expected share of false findings at q.
    """
    number = len(chances)
    order = sorted(range(number), key=lambda place: chances[place], reverse=True)
    found, lowest = [1.0] * number, 1.0
    for below, place in enumerate(order):
        lowest = min(lowest, chances[place] * number / (number - below))
        found[place] = lowest
    return found


def binomial_tail(successes: int, number: int, share: float) -> float:
    """Return the chance of at least so many successes."""
    if successes <= 0:
        return 1.0
    logs = [
        math.lgamma(number + 1)
        - math.lgamma(k + 1)
        - math.lgamma(number - k + 1)
        + k * math.log(share)
        + (number - k) * math.log1p(-share)
        for k in range(successes, number + 1)
    ]
    return min(1.0, math.fsum(math.exp(each) for each in logs))
