"""Estimate with 95 % intervals what pre-labels change: time, corrections, errors.

Pure functions of arrays, one entry an answer. `tasks` names the task of each: answers for one
task are not independent, so that intervals count tasks. The draw gives tasks to arms, which is
why differences between arms are the models' doing. Intervals hold what they promise from about
ten tasks an arm: see the simulations of tests/datasets/test_effects.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
LEAST_TASKS = 10  # an arm, below which nothing is told

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """An estimate with its interval; `n` counts tasks, by arm where arms are compared."""

    value: float
    low: float
    high: float
    n: tuple[int, ...]


@dataclass(frozen=True)
class _Arm:
    """The mean of an arm on the log scale with its variance, and the scatter of answers."""

    mean: float
    variance: float
    scatter: float  # variance of single answers
    tasks: int
    answers: int

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of the variance of the mean."""
        return self.tasks - 1


def time_ratio(
    seconds: ArrayLike, is_shown: ArrayLike, annotators: ArrayLike, tasks: ArrayLike
) -> Effect | None:
    """Return how many times as long people take with pre-labels as without, in the middle.

    The ratio of geometric means. Logarithms are compared within each annotator (a fixed effect
    each), so that a slow person who met more tasks of one arm does not count as an effect.
    Variances are those of each arm, after HC2 (MacKinnon and White 1985), summed over the
    answers of a task; degrees of freedom after Welch and Satterthwaite. With one annotator and
    one answer a task this is Welch's t. None with fewer than LEAST_TASKS in an arm.
    """
    found = _arms(seconds, is_shown, annotators, tasks)
    if found is None:
        return None
    shown, blank, _level = found
    middle = shown.mean - blank.mean
    margin = _t(_freedom(shown, blank)) * float(np.sqrt(shown.variance + blank.variance))
    low, high = np.exp([middle - margin, middle + margin])
    return Effect(float(np.exp(middle)), float(low), float(high), (shown.tasks, blank.tasks))


def minutes_saved(
    seconds: ArrayLike,
    is_shown: ArrayLike,
    annotators: ArrayLike,
    tasks: ArrayLike,
    *,
    answers: int = 100,
) -> Effect | None:
    """Return the minutes that pre-labels save over so many answers; negative where they cost.

    The difference of the arithmetic means, each that of a log-normal time adjusted for the
    annotators: exp(mean + variance / 2). Its interval is put together from those of mean and
    variance after Zou, Taleban and Huo (2009, method of variance estimates recovery), which
    holds in small arms, where that of plain means is too short because times are skewed.
    """
    found = _arms(seconds, is_shown, annotators, tasks)
    if found is None:
        return None
    shown, blank, level = found
    scale = level * answers / 60
    with_help, without = _log_normal(shown), _log_normal(blank)
    value = without[0] - with_help[0]
    low = value - np.hypot(without[0] - without[1], with_help[2] - with_help[0])
    high = value + np.hypot(without[2] - without[0], with_help[0] - with_help[1])
    return Effect(value * scale, low * scale, high * scale, (shown.tasks, blank.tasks))


def mean(values: ArrayLike, tasks: ArrayLike) -> Effect | None:
    """Return the mean over tasks of counts, such as corrections, which are skewed.

    The interval is that of Student's t with the skewness taken out by Hall's cubic
    transformation (1992): counts with many zeros need it.
    """
    of_task, _sizes = _by_task(np.asarray(values, float), tasks)
    number = len(of_task)
    if number < LEAST_TASKS:
        return None
    middle, spread = float(of_task.mean()), float(of_task.std(ddof=1))
    if spread == 0:
        return Effect(middle, middle, middle, (number,))
    skew = float(((of_task - middle) ** 3).mean() / of_task.std() ** 3)
    # The estimate of a skewness from few values is too small.
    skew *= np.sqrt(number * (number - 1)) / (number - 2)
    limit = _t(number - 1)
    ends = [_untwist(end, skew, number) for end in (limit, -limit)]
    low, high = (middle - end * spread / np.sqrt(number) for end in ends)
    return Effect(middle, float(low), float(high), (number,))


def share(hits: ArrayLike, tasks: ArrayLike, of: ArrayLike | None = None) -> Effect | None:
    """Return a share with Wilson's interval (1927): `hits` among `of` (1 each unless given).

    Several things of one task count as fewer where they go together: the interval is that of
    the number of independent things that would scatter as much.
    """
    hit = np.asarray(hits, float)
    tried = np.ones_like(hit) if of is None else np.asarray(of, float)
    _names, place = np.unique(np.asarray(tasks), return_inverse=True)
    good, all_tried = np.bincount(place, hit), np.bincount(place, tried)
    good, all_tried = good[all_tried > 0], all_tried[all_tried > 0]
    number = len(good)
    if number < LEAST_TASKS:
        return None
    value = float(good.sum() / all_tried.sum())
    size = float(all_tried.sum())
    apart = good - value * all_tried
    scatter = float((apart**2).sum() * number / (number - 1) / size**2)
    limit = _normal(LEVEL)
    if (all_tried > 1).any():
        limit = _t(number - 1)
        size = min(size, value * (1 - value) / scatter) if scatter > 0 else size
    low, high = wilson(value, size, limit)
    return Effect(value, low, high, (number,))


def error_difference(
    errors: ArrayLike, is_shown: ArrayLike, tasks: ArrayLike, level: float = LEVEL
) -> Effect | None:
    """Return how much larger the mean error (0 to 1 each) is with pre-labels than without.

    Each arm has Wilson's interval for the number of independent yes-or-no errors that would
    scatter as much; the difference is Newcombe's hybrid of both (1998), which for errors that
    are 0 or 1 is exactly his.
    """
    error, shown = np.asarray(errors, float), np.asarray(is_shown, bool)
    named = np.asarray(tasks)
    arms = [_by_task(error[side], named[side])[0] for side in (shown, ~shown)]
    if min(len(arm) for arm in arms) < LEAST_TASKS:
        return None
    (middle, low, high), (middle0, low0, high0) = (_bounded(arm, level) for arm in arms)
    value = middle - middle0
    return Effect(
        value,
        value - float(np.hypot(middle - low, high0 - middle0)),
        value + float(np.hypot(high - middle, middle0 - low0)),
        (len(arms[0]), len(arms[1])),
    )


def wilson(value: float, size: float, limit: float | None = None) -> tuple[float, float]:
    """Return Wilson's interval of a share seen in `size` trials; `limit` is in deviations."""
    if size <= 0:
        return 0.0, 1.0
    z = _normal(LEVEL) if limit is None else limit
    centre = (value + z * z / (2 * size)) / (1 + z * z / size)
    reach = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + (z / (2 * size)) ** 2)
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))


def _bounded(values: Numbers, level: float) -> tuple[float, float, float]:
    """Return the mean of values from 0 to 1 and its interval."""
    number, middle = len(values), float(values.mean())
    most = middle * (1 - middle)  # the variance of errors that are 0 or 1
    # Few values may scatter less than they ought to: half a one that scatters most is thought in.
    scatter = ((number - 1) * float(values.var(ddof=1)) + most / 2) / (number - 0.5)
    if most == 0 or scatter >= most:
        return (middle, *wilson(middle, number, _normal(level)))
    return (middle, *wilson(middle, number * most / scatter, _t(number - 1, level)))


def _arms(
    seconds: ArrayLike, is_shown: ArrayLike, annotators: ArrayLike, tasks: ArrayLike
) -> tuple[_Arm, _Arm, float] | None:
    """Return both arms on the log scale, and the seconds that 0 stands for there."""
    logs, shown = np.log(np.asarray(seconds, float)), np.asarray(is_shown, bool)
    named = np.asarray(tasks)
    if min(len(np.unique(named[shown])), len(np.unique(named[~shown]))) < LEAST_TASKS:
        return None
    _names, who = np.unique(np.asarray(annotators), return_inverse=True)
    sizes = np.bincount(who).astype(float)
    part = np.bincount(who, shown) / sizes  # of each annotator's answers
    apart = shown - part[who]
    squares = float((apart**2).sum())
    if squares < 1e-9:  # nobody has answers of both arms
        return None
    effect = float(apart @ logs) / squares
    speed = np.bincount(who, logs - effect * shown) / sizes
    rest = logs - effect * shown - speed[who]
    leverage = np.minimum(1 / sizes[who] + apart**2 / squares, 0.99)
    scaled = rest / np.sqrt(1 - leverage)
    offset = float(np.log(np.exp(speed[who]).mean()))
    arms = [
        _arm(apart[side] / squares, scaled[side], named[side], middle)
        for side, middle in ((shown, effect), (~shown, 0.0))
    ]
    return arms[0], arms[1], float(np.exp(offset))


def _arm(weight: Numbers, rest: Numbers, named: Any, middle: float) -> _Arm:
    _names, place = np.unique(named, return_inverse=True)
    score = np.bincount(place, weight * rest)
    answers, tasks = len(rest), len(score)
    # Where a task has several answers, fewer things scatter than HC2 counts.
    fewer = tasks / (tasks - 1) * (answers - 1) / answers
    variance = float((score**2).sum()) * fewer
    return _Arm(middle, variance, float((rest**2).mean()), tasks, answers)


def _log_normal(arm: _Arm) -> tuple[float, float, float]:
    """Return the mean of exp of an arm with its interval."""
    from scipy import special

    half = arm.scatter / 2
    margin = _t(arm.freedom) * np.sqrt(arm.variance)
    # Answers for one task scatter together, but not wholly.
    freedom = (arm.tasks + arm.answers) / 2 - 1
    below, above = special.chdtri(freedom, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low = np.hypot(margin, half * (1 - freedom / below))
    high = np.hypot(margin, half * (freedom / above - 1))
    middle = arm.mean + half
    ends = np.exp([middle, middle - low, middle + high])
    return float(ends[0]), float(ends[1]), float(ends[2])


def _by_task(values: Numbers, tasks: Any) -> tuple[Numbers, Numbers]:
    """Return the mean of each task and how many values it has."""
    if not len(values):
        return values, values
    _names, place = np.unique(np.asarray(tasks), return_inverse=True)
    sizes = np.bincount(place).astype(float)
    return np.bincount(place, values) / sizes, sizes


def _freedom(*arms: _Arm) -> float:
    total = sum(arm.variance for arm in arms)
    parts = sum(arm.variance**2 / arm.freedom for arm in arms)
    return total**2 / parts if parts > 0 else 1.0


def _untwist(end: float, skew: float, number: int) -> float:
    """Invert Hall's cubic: return the Student's t whose transform is `end`."""
    if abs(skew) < 1e-9:
        return end
    root = np.sqrt(number)
    inner = 1 + skew * (end / root - skew / (6 * number))
    return float(3 * root / skew * (np.cbrt(inner) - 1)) if inner > 0 else float(-3 * root / skew)


def _t(freedom: float, level: float = LEVEL) -> float:
    from scipy import special

    return float(special.stdtrit(max(freedom, 1.0), (1 + level) / 2))


def _normal(level: float) -> float:
    from scipy import special

    return float(special.ndtri((1 + level) / 2))
