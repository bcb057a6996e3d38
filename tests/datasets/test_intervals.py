"""Figures with intervals: known answers of the literature, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.quality import intervals


# Newcombe 1998, Statistics in Medicine 17:857, table I, methods 3 and 5.
@pytest.mark.parametrize(
    ("successes", "number", "score", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_shares_have_the_intervals_that_newcombe_printed(
    successes: int, number: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    found = intervals.wilson(successes, number)
    assert (found.low, found.high) == pytest.approx(score, abs=5e-5)
    sure = intervals.clopper_pearson(successes, number)
    assert (sure.low, sure.high) == pytest.approx(exact, abs=5e-5)
    assert found.number == sure.number == number
    assert found.value == sure.value == successes / number


@given(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_estimate_and_the_exact_one_is_wider(drawn: tuple[int, int]) -> None:
    successes, number = drawn
    for found in (intervals.wilson(*drawn), intervals.clopper_pearson(*drawn)):
        assert found.low is not None and found.high is not None
        assert 0 <= found.low <= found.high <= 1
        if number:
            assert found.low <= successes / number <= found.high
        else:
            assert found.value is None and (found.low, found.high) == (0, 1)


def test_a_share_of_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        intervals.wilson(4, 3)


def test_the_bootstrap_of_a_mean_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(5).normal(10, 2, 400)
    found = intervals.bootstrap(values, lambda drawn: float(drawn.mean()), seed=1)
    reach = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - reach, abs=0.03)
    assert found.high == pytest.approx(values.mean() + reach, abs=0.03)
    assert found == intervals.bootstrap(values, lambda drawn: float(drawn.mean()), seed=1)


def test_what_was_said_of_one_task_counts_as_one() -> None:
    chance = np.random.default_rng(3)
    of_task = chance.normal(0, 1, 50)
    values, tasks = np.repeat(of_task, 20), np.repeat(np.arange(50), 20)
    alone = intervals.bootstrap(values, lambda drawn: float(drawn.mean()))
    together = intervals.bootstrap(values, lambda drawn: float(drawn.mean()), clusters=tasks)
    assert together.number == 50 and alone.number == 1000
    assert together.high - together.low > 3.5 * (alone.high - alone.low)  # type: ignore[operator]


def test_quick_ratios_are_those_of_the_plain_bootstrap() -> None:
    chance = np.random.default_rng(4)
    bottoms = chance.integers(1, 9, 300)
    tops = chance.binomial(bottoms, 0.8)
    pairs = list(zip(tops.tolist(), bottoms.tolist(), strict=True))
    slow = intervals.bootstrap(
        pairs, lambda drawn: sum(t for t, _ in drawn) / sum(b for _, b in drawn)
    )
    quick = intervals.cluster_ratio(tops, bottoms)
    assert quick.value == pytest.approx(slow.value)
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high), abs=0.005)


@pytest.mark.parametrize("clusters", [40, 30_000])
def test_nineteen_intervals_of_twenty_hold_the_truth(clusters: int) -> None:
    hits = 0
    for run in range(200 if clusters < 100 else 40):
        chance = np.random.default_rng([run, clusters])
        bottoms = chance.integers(1, 6, clusters)
        share = chance.beta(8, 2, clusters)
        found = intervals.cluster_ratio(chance.binomial(bottoms, share), bottoms, seed=run)
        hits += found.low <= 0.8 <= found.high  # type: ignore[operator]
    assert hits >= (0.88 * 200 if clusters < 100 else 34)


def test_of_one_cluster_no_interval_is_told() -> None:
    found = intervals.cluster_ratio([3], [4])
    assert (found.value, found.low, found.number) == (0.75, None, 1)
    assert intervals.cluster_ratio([], []).value is None
    assert intervals.bootstrap([], lambda drawn: 1.0).value is None
