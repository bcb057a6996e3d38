"""Give figures with their 95 % interval, how many they rest on, and the method.

Pure functions of numbers. What a page shows as a figure of quality is a `Figure`; a gate
looks at its `low`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
TIMES = 1000  # resamples of a bootstrap
# With more clusters than that they are resampled in random groups of equal size.
MOST_CLUSTERS = 2000
LEAST_CLUSTERS = 2

Numbers = NDArray[np.float64]
Statistic = Callable[[Any], float | None]


@dataclass(frozen=True)
class Figure:
    """An estimate with its 95 % interval; `number` counts what it rests on, `method` says how.

    `value` is None where nothing can be told; the ends are None where no interval can.
    """

    value: float | None
    low: float | None
    high: float | None
    number: int
    method: str

    def as_values(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def wilson(successes: float, number: int) -> Figure:
    """Return a share with Wilson's score interval (1927), which holds in small numbers too.

    Of nothing the share is unknown and the interval is from 0 to 1.

    Raises:
        ValueError: the successes are not from 0 to the number.
    """
    _check(successes, number)
    if number == 0:
        return Figure(None, 0.0, 1.0, 0, "wilson")
    z, share = _normal(), successes / number
    centre = share + z * z / (2 * number)
    reach = z * np.sqrt(share * (1 - share) / number + (z / (2 * number)) ** 2)
    scale = 1 + z * z / number
    low = 0.0 if successes == 0 else float((centre - reach) / scale)
    high = 1.0 if successes == number else float((centre + reach) / scale)
    return Figure(share, max(0.0, low), min(1.0, high), number, "wilson")


def clopper_pearson(successes: int, number: int) -> Figure:
    """Return a share with the exact interval of Clopper and Pearson (1934): never too short.

    Raises:
        ValueError: the successes are not from 0 to the number.
    """
    from scipy import special

    _check(successes, number)
    if number == 0:
        return Figure(None, 0.0, 1.0, 0, "clopper_pearson")
    rest, tail = number - successes, (1 - LEVEL) / 2
    low = special.betaincinv(successes, rest + 1, tail) if successes else 0.0
    high = special.betaincinv(successes + 1, rest, 1 - tail) if rest else 1.0
    return Figure(successes / number, float(low), float(high), number, "clopper_pearson")


def bootstrap(
    values: Sequence[Any] | Numbers,
    statistic: Statistic,
    seed: int = 0,
    *,
    clusters: ArrayLike | None = None,
    times: int = TIMES,
) -> Figure:
    """Return a statistic of values with its percentile bootstrap interval (Efron 1979).

    `statistic` gets an array of some of the values, with repeats, and returns a number or
    None. With `clusters`, which names the cluster of each value, whole clusters are drawn:
    what was said of one task is not independent; `number` counts clusters then. Without at
    least two there is no interval.
    """
    # Objects keep their form: an array of tuples would become a table.
    items = values if isinstance(values, np.ndarray) else _as_objects(values)
    method = "bootstrap" if clusters is None else "cluster_bootstrap"
    groups = _groups(len(items), clusters)
    value = statistic(items) if len(items) else None
    if value is None or len(groups) < LEAST_CLUSTERS:
        return Figure(value, None, None, len(groups), method)
    chance = np.random.default_rng(seed)
    found = []
    for _turn in range(times):
        drawn = chance.integers(0, len(groups), len(groups))
        told = statistic(items[np.concatenate([groups[number] for number in drawn])])
        if told is not None:
            found.append(told)
    return _between(value, np.array(found, float), len(groups), method)


def cluster_ratio(tops: ArrayLike, bottoms: ArrayLike, seed: int = 0) -> Figure:
    """Return Σ tops / Σ bottoms with its cluster bootstrap interval; an entry is one cluster.

    Quick for any number of clusters: sums are resampled, and where there are more than
    MOST_CLUSTERS, random groups of them (Wolter 2007, Introduction to Variance Estimation).
    """
    top, bottom = np.asarray(tops, float), np.asarray(bottoms, float)
    told = bottom > 0
    return cluster_statistic(np.stack([top[told], bottom[told]], axis=1), _ratio, seed)


def cluster_statistic(
    sums: Numbers,
    statistic: Callable[[Numbers], Numbers],
    seed: int = 0,
    *,
    number: int | None = None,
    times: int = TIMES,
) -> Figure:
    """Return a statistic of sums over clusters with its cluster bootstrap interval.

    `sums` has a row a cluster, or a row a random group of the `number` clusters (`grouped`);
    `statistic` maps any number of rows of column sums to as many numbers (NaN for none).
    """
    number = len(sums) if number is None else number
    if not number:
        return Figure(None, None, None, 0, "cluster_bootstrap")
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return Figure(None, None, None, number, "cluster_bootstrap")
    if number < LEAST_CLUSTERS:
        return Figure(value, None, None, number, "cluster_bootstrap")
    chance = np.random.default_rng(seed)
    rows = sums
    if len(sums) > MOST_CLUSTERS:
        rows = np.zeros((MOST_CLUSTERS, sums.shape[1]))
        np.add.at(rows, grouped(len(sums), seed), sums)
    drawn = chance.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), times)
    found = statistic(drawn @ rows)
    return _between(value, found[np.isfinite(found)], number, "cluster_bootstrap")


def grouped(number: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the group of each of so many clusters: itself, or one of MOST_CLUSTERS by lot."""
    places = np.arange(number)
    if number <= MOST_CLUSTERS:
        return places
    return np.random.default_rng(seed).permutation(places) % MOST_CLUSTERS


def _check(successes: float, number: int) -> None:
    if not 0 <= successes <= number:
        raise ValueError(f"{successes} of {number} is no share")


def _as_objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    if all(isinstance(value, int | float) for value in values):
        return np.asarray(values, float)
    items = np.empty(len(values), object)
    items[:] = list(values)
    return items


def _groups(number: int, clusters: ArrayLike | None) -> list[NDArray[np.int64]]:
    if clusters is None:
        return list(np.arange(number).reshape(-1, 1))
    _names, place = np.unique(np.asarray(clusters), return_inverse=True)
    order = np.argsort(place, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(place[order])) + 1) if number else []


def _ratio(sums: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = sums[:, 0] / sums[:, 1]
    return found


def _between(value: float, found: Numbers, number: int, method: str) -> Figure:
    if not len(found):
        return Figure(value, None, None, number, method)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Figure(value, float(low), float(high), number, method)


def _normal() -> float:
    return 1.959963984540054  # the 97.5 % point of the standard normal distribution
