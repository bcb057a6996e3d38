"""Say when work will be done: from what was done on each of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_DAYS = 5  # with work; of fewer nothing is foretold
TIMES = 2000
LONGEST_DAYS = 3650


@dataclass(frozen=True)
class Forecast:
    """In how many days the rest is done: the middle, and a 95 % interval; None where unknown."""

    days: float | None
    low: float | None
    high: float | None
    per_day: float
    number: int


def forecast(done_by_day: Sequence[int], left: int, seed: int = 0) -> Forecast:
    """Foretell when `left` pieces are done if the days to come are like the days that were.

    `done_by_day` has every day, also those on which nothing was done. Each of TIMES futures
    draws whole days of the past with replacement (a bootstrap of days) until nothing is left;
    the ends are the 2.5 % and 97.5 % points. It knows nothing of holidays or new people.
    """
    past = np.asarray(done_by_day, int)
    mean = float(past.mean()) if len(past) else 0.0
    if left <= 0:
        return Forecast(0.0, 0.0, 0.0, mean, len(past))
    if int((past > 0).sum()) < LEAST_DAYS:
        return Forecast(None, None, None, mean, len(past))
    chance = np.random.default_rng(seed)
    # So many days are enough for all but the unluckiest futures.
    span = min(LONGEST_DAYS, max(10, int(np.ceil(left / mean * 2)) + 10 * len(past)))
    drawn = chance.choice(past, (TIMES, span)).cumsum(axis=1)
    reached = drawn >= left
    days = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, span + 1).astype(float)
    low, middle, high = np.quantile(days, [0.025, 0.5, 0.975])
    return Forecast(float(middle), float(low), float(high), mean, len(past))
