"""Put tasks into the order in which people's answers teach a model most.

What a model is unsure of and what models disagree about comes early (uncertainty sampling, Lewis
and Gale 1994; query by committee, Seung et al. 1992). Within a window of ranks, each next task is
the one least like those before it (greedy k-center, Gonzalez 1985; Sener and Savarese 2018), so
that near duplicates stand apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Ranks among which likeness decides: a tenth of all, within these.
SMALLEST_WINDOW, WINDOW = 16, 256
# Weighed against uncertainty, which goes from 0 to 1 as it does.
DISAGREEMENT = 1.0
LOTS = 900_000  # places that `by_lot` draws from

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one task; None where nothing is.

    `score` is how sure the newest prediction is, 0 to 1. `agreement` is how much the predictions
    of two model versions agree, 0 to 1. `features` is a vector by which tasks are compared.
    """

    score: float | None = None
    agreement: float | None = None
    features: NDArray[np.float32] | None = None


def most_telling(tasks: Sequence[Known]) -> list[int]:
    """Return the places of `tasks` in the order in which they should be labelled.

    A task of unknown score counts as the median of the known ones. Equal tasks keep their order.
    Every task of a window of ranks is worth at least as much as those of the next window; without
    features the order within is by worth too. Needs no table of all distances: time and memory
    grow with the number of tasks.
    """
    if not tasks:
        return []
    worth = _worth(tasks)
    ranked: NDArray[np.intp] = np.argsort(-worth, kind="stable")
    features = _unit_features(tasks)
    if features is None:
        return [int(place) for place in ranked]
    ordered: list[int] = []
    before: NDArray[np.intp] = np.empty(0, np.intp)
    while len(ordered) < len(ranked):
        before = _spread(_window(ranked[len(ordered) :], worth, len(tasks)), features, before)
        ordered += [int(place) for place in before]
    return ordered


def window_of(number: int) -> int:
    """Return among how many neighbouring ranks likeness decides, of so many tasks."""
    return min(max(number // 10, SMALLEST_WINDOW), WINDOW)


def by_lot(task_id: int, seed: int) -> int:
    """Draw a place from 0 to LOTS - 1 for a task: always the same one for the same seed.

    The finaliser of SplitMix64 (Steele et al. 2014), so that no list has to be kept.
    """
    mask = (1 << 64) - 1
    mixed = (task_id * 0x9E3779B97F4A7C15 + seed * 0xD1342543DE82EF95 + 1) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return (mixed ^ (mixed >> 31)) % LOTS


def _window(ranked: NDArray[np.intp], worth: Floats, number: int) -> NDArray[np.intp]:
    """Return the next window of ranks; what is worth as much as its last one is part of it."""
    least = worth[ranked[: window_of(number)][-1]]
    return np.asarray(ranked[:WINDOW][worth[ranked[:WINDOW]] >= least], np.intp)


def _worth(tasks: Sequence[Known]) -> Floats:
    scores = np.array([_number(each.score) for each in tasks])
    unsure = 1 - np.clip(scores, 0, 1)
    seen = ~np.isnan(unsure)
    unsure[~seen] = float(np.median(unsure[seen])) if seen.any() else 0.5
    agreements = np.array([_number(each.agreement) for each in tasks])
    apart = np.nan_to_num(1 - np.clip(agreements, 0, 1), nan=0.0)
    # Digits that are noise must not decide before the id does.
    return np.asarray(np.round(unsure + DISAGREEMENT * apart, 9), np.float64)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _unit_features(tasks: Sequence[Known]) -> NDArray[np.float32] | None:
    """Return the features of all tasks, each of length 1; None unless all are of one size.

    A task without features has zeros: it is like none of the others.
    """
    sizes = {each.features.shape for each in tasks if each.features is not None}
    if len(sizes) != 1:
        return None
    (shape,) = sizes
    rows = np.zeros((len(tasks), int(np.prod(shape))), np.float32)
    for row, each in zip(rows, tasks, strict=True):
        if each.features is not None:
            row[:] = np.nan_to_num(each.features.reshape(-1), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def _spread(
    window: NDArray[np.intp], features: NDArray[np.float32], before: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the window with each next one the farthest from those of it and of the one before."""
    own = features[window]
    if len(before):
        nearest = (1 - own @ features[before].T).min(axis=1)
    else:
        nearest = np.full(len(window), np.inf, np.float32)
    chosen = []
    for _place in range(len(window)):
        # Of equals the first one, which is worth the most.
        best = int(np.argmax(np.round(nearest, 5)))
        chosen.append(best)
        nearest = np.minimum(nearest, 1 - own @ own[best])
        nearest[chosen] = -np.inf
    return window[chosen]
