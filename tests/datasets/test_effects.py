"""The estimators of what pre-labels change: simulated logs with a known effect, 1,000 runs each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinbiao.datasets.benefit import effects
from jinbiao.datasets.benefit.effects import Effect

RUNS = 1000
Draw = Callable[[np.random.Generator], tuple[Effect | None, float]]


def covered(draw: Draw, seed: int) -> float:
    """Return in how many of a hundred runs the interval holds the truth."""
    hits = told = 0
    for run in range(RUNS):
        effect, truth = draw(np.random.default_rng([seed, run]))
        if effect is not None:
            told += 1
            hits += effect.low <= truth <= effect.high
    # A small arm may be too small now and then; then nothing is told.
    assert told > 0.9 * RUNS
    return 100 * hits / told


def logs(
    chance: np.random.Generator,
    *,
    tasks: int,
    annotators: int,
    blank: float,
    overlap: int,
    scatter: tuple[float, float],
    ratio: float = 0.6,
) -> tuple[tuple[np.ndarray, ...], float]:
    """Return seconds, arms, annotators and tasks of made-up answers, and the minutes saved.

    Every annotator has a speed and every task a difficulty of its own; times are log-normal
    and scatter by arm as told (without help, with help).
    """
    is_blank = chance.random(tasks) < blank
    speed, hard = chance.normal(0, 0.4, annotators), chance.normal(0, 0.3, tasks)
    task = np.repeat(np.arange(tasks), overlap)
    who = chance.integers(0, annotators, tasks * overlap)
    if overlap > 1:
        who = np.concatenate([chance.permutation(annotators)[:overlap] for _ in range(tasks)])
    shown = ~is_blank[task]
    noise = chance.normal(0, 1, len(task)) * np.where(shown, scatter[1], scatter[0])
    seconds = 30 * np.exp(speed[who] + hard[task] + noise + np.log(ratio) * shown)
    level = 30 * np.exp(speed).mean()
    without, with_help = (np.exp((0.3**2 + each**2) / 2) for each in scatter)
    saved = level * (without - ratio * with_help) * 100 / 60
    return (seconds, shown, who, task), float(saved)


@pytest.mark.parametrize(
    ("tasks", "annotators", "blank", "overlap", "scatter"),
    [
        (200, 1, 0.10, 1, (0.5, 0.5)),
        (300, 4, 0.10, 1, (0.5, 0.5)),
        (360, 4, 0.05, 1, (0.5, 0.8)),
        (300, 6, 0.10, 1, (0.8, 0.4)),
        (200, 5, 0.10, 2, (0.5, 0.5)),
        (600, 8, 0.05, 3, (0.4, 0.6)),
    ],
)
def test_time_ratio_and_minutes_saved_cover_what_is_true(
    tasks: int, annotators: int, blank: float, overlap: int, scatter: tuple[float, float]
) -> None:
    """One or many annotators with their own speed, arms of 5 to 10 %, several answers a task."""
    settings = {"tasks": tasks, "annotators": annotators, "blank": blank, "overlap": overlap}

    def ratio(chance: np.random.Generator) -> tuple[Effect | None, float]:
        columns, _saved = logs(chance, scatter=scatter, **settings)  # type: ignore[arg-type]
        return effects.time_ratio(*columns), 0.6

    def minutes(chance: np.random.Generator) -> tuple[Effect | None, float]:
        columns, saved = logs(chance, scatter=scatter, **settings)  # type: ignore[arg-type]
        return effects.minutes_saved(*columns), saved

    assert 93 <= covered(ratio, tasks) <= 97
    assert 93 <= covered(minutes, tasks) <= 97


@pytest.mark.parametrize(
    ("tasks", "often", "zeros"), [(30, 2, 0.5), (60, 1, 0.7), (120, 2, 0.6), (400, 0.5, 0.8)]
)
def test_the_mean_of_corrections_is_covered(tasks: int, often: float, zeros: float) -> None:
    """Counts of corrections: most tasks have none, a few have many."""

    def draw(chance: np.random.Generator) -> tuple[Effect | None, float]:
        counts = chance.negative_binomial(1.5, 1.5 / (1.5 + often), tasks)
        counts *= chance.random(tasks) > zeros
        return effects.mean(counts, np.arange(tasks)), often * (1 - zeros)

    assert 93 <= covered(draw, tasks) <= 97


@pytest.mark.parametrize(
    ("tasks", "share", "each"),
    [(30, 0.4, 1), (80, 0.7, 1), (300, 0.9, 1), (60, 0.5, 5), (150, 0.8, 4)],
)
def test_shares_are_covered(tasks: int, share: float, each: int) -> None:
    """Answers left unchanged; and marks accepted, several a task that go together."""

    def draw(chance: np.random.Generator) -> tuple[Effect | None, float]:
        if each == 1:
            return effects.share(chance.random(tasks) < share, np.arange(tasks)), share
        shown = chance.poisson(each, tasks)
        kept = chance.binomial(shown, chance.beta(share * 6, (1 - share) * 6, tasks))
        return effects.share(kept, np.arange(tasks), shown), share

    assert 93 <= covered(draw, tasks) <= 97


@pytest.mark.parametrize(
    ("shown", "blank", "with_help", "without", "kind"),
    [
        (200, 20, 0.20, 0.10, "yes or no"),
        (300, 25, 0.10, 0.05, "yes or no"),
        (100, 30, 0.30, 0.30, "yes or no"),
        (300, 40, 0.30, 0.25, "parts"),
        (200, 30, 0.10, 0.20, "parts"),
        (300, 30, 0.15, 0.10, "mostly none"),
        (300, 60, 0.15, 0.10, "mostly none"),
    ],
)
def test_differences_of_errors_are_covered(
    shown: int, blank: int, with_help: float, without: float, kind: str
) -> None:
    """Errors against gold are 0 or 1, parts of 1, or none for most tasks."""

    def errors(chance: np.random.Generator, size: int, rate: float) -> np.ndarray:
        if kind == "yes or no":
            return (chance.random(size) < rate).astype(float)
        if kind == "parts":
            return chance.beta(rate * 4, (1 - rate) * 4, size)
        wrong = chance.random(size) < 0.4
        return wrong * chance.beta(rate / 0.4 * 3, (1 - rate / 0.4) * 3, size)

    def draw(chance: np.random.Generator) -> tuple[Effect | None, float]:
        both = np.concatenate([errors(chance, shown, with_help), errors(chance, blank, without)])
        places = np.arange(shown + blank)
        return effects.error_difference(both, places < shown, places), with_help - without

    assert 93 <= covered(draw, shown + blank) <= 97


def test_one_annotator_and_one_answer_a_task_is_welch() -> None:
    """The ratio then is that of Welch's t on logarithms, as scipy has it."""
    from scipy import stats

    chance = np.random.default_rng(5)
    with_help, without = chance.lognormal(3, 0.7, 90), chance.lognormal(3.4, 0.4, 14)
    seconds = np.concatenate([with_help, without])
    places = np.arange(len(seconds))
    found = effects.time_ratio(seconds, places < 90, np.zeros(len(seconds)), places)
    judged = stats.ttest_ind(np.log(with_help), np.log(without), equal_var=False)
    expected = np.exp(judged.confidence_interval(0.95))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.n == (90, 14)


def test_differences_of_yes_or_no_are_newcombes() -> None:
    """His own example (1998, table II, a): 56 of 70 against 48 of 80."""
    errors = np.concatenate([np.arange(70) < 56, np.arange(80) < 48])
    places = np.arange(150)
    found = effects.error_difference(errors, places < 70, places)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_an_annotators_speed_is_no_effect() -> None:
    """A slow person who met most of the blank tasks does not make models look good."""
    chance = np.random.default_rng(8)
    who = np.repeat([0, 1], 200)
    shown = chance.random(400) < np.where(who == 0, 0.95, 0.3)
    seconds = np.exp(chance.normal(3, 0.3, 400) + 1.5 * who)
    found = effects.time_ratio(seconds, shown, who, np.arange(400))
    assert found is not None
    assert found.low < 1 < found.high
    assert found.high / found.low < 1.3


def test_too_little_tells_nothing() -> None:
    """Nine tasks in an arm, or nobody who has seen both, is not enough."""
    places = np.arange(100)
    seconds = np.full(100, 10.0) + places
    assert effects.time_ratio(seconds, places >= 9, places * 0, places) is None
    assert effects.minutes_saved(seconds, places >= 9, places * 0, places) is None
    assert effects.time_ratio(seconds, places >= 50, places >= 50, places) is None
    assert effects.error_difference(places > 50, places >= 9, places) is None
    assert effects.mean(places[:9], places[:9]) is None
    assert effects.share(places[:9] > 3, places[:9]) is None


def test_without_any_scatter_intervals_stay_honest() -> None:
    """Where all were kept, the share may still be less than one; equal counts are a point."""
    places = np.arange(50)
    kept = effects.share(np.ones(50), places)
    assert kept is not None
    assert kept.value == kept.high == 1
    assert kept.low == pytest.approx(0.929, abs=1e-3)
    edits = effects.mean(np.full(50, 2.0), places)
    assert edits is not None
    assert (edits.low, edits.high) == (2, 2)
