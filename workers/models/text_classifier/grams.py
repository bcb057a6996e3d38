"""Count stretches of characters and words in texts and weigh them by how rare they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..characters import DIGIT, LETTER, SPACE, Numbers, Places, codes, folded, kinds, mix, stretches

READ = 5_000  # characters of a text that are looked at
BLOCK = 500_000  # characters that are counted at a time


@dataclass(frozen=True)
class Grams:
    """The stretches that count: their numbers in ascending order and their weights.

    A stretch is 1 to `longest` units in a row; a unit is a word of letters, a number, any
    other single character, or the space between two of these. Weights are the smoothed inverse
    document frequency.
    """

    numbers: Numbers
    weights: NDArray[np.float32]
    longest: int

    def rows(self, texts: Sequence[str]) -> Any:
        """Return a sparse matrix with a row of length 1 for each text (TF-IDF, 1 + log count).

        A text with no known stretch has an empty row.
        """
        # Sparse matrices are what scipy is for; the web server never gets here.
        from scipy import sparse

        texts_at, columns, counts = [], [], []
        width = len(self.numbers)
        for which, numbers in _counted(texts, self.longest):
            places = np.searchsorted(self.numbers, numbers)
            places[places == width] = 0
            known = self.numbers[places] == numbers if width else np.zeros(len(numbers), bool)
            pairs, times = np.unique(which[known] * width + places[known], return_counts=True)
            texts_at.append(pairs // max(width, 1))
            columns.append(pairs % max(width, 1))
            counts.append(times)
        row, column = np.concatenate(texts_at), np.concatenate(columns)
        values = (1 + np.log(np.concatenate(counts))) * self.weights[column]
        lengths = np.sqrt(np.bincount(row, values**2, minlength=len(texts)))
        values = (values / np.maximum(lengths[row], 1e-12)).astype(np.float32)
        starts = np.searchsorted(row, np.arange(len(texts) + 1))
        # The machines of scikit-learn take 32-bit places only.
        where = (column.astype(np.int32), starts.astype(np.int32))
        return sparse.csr_array((values, *where), shape=(len(texts), width))


def learn(texts: Sequence[str], longest: int, most: int) -> Grams:
    """Return the stretches that two texts share (in a pool of few: all), the `most` frequent."""
    least = 2 if len(texts) > 200 else 1
    found = []
    for which, numbers in _counted(texts, longest):
        order = np.lexsort((numbers, which))
        which, numbers = which[order], numbers[order]
        first = np.ones(len(numbers), bool)
        first[1:] = (numbers[1:] != numbers[:-1]) | (which[1:] != which[:-1])
        found.append(numbers[first])
    numbers, counts = np.unique(np.concatenate(found), return_counts=True)
    kept = np.flatnonzero(counts >= least)
    kept = kept[np.lexsort((numbers[kept], -counts[kept]))][:most]
    kept.sort()
    weights = np.log((1 + len(texts)) / (1 + counts[kept])) + 1
    return Grams(numbers[kept], weights.astype(np.float32), longest)


def _counted(texts: Sequence[str], longest: int) -> Iterator[tuple[Places, Numbers]]:
    """Yield blocks of stretches: the place of their text, and their numbers."""
    start, size = 0, 0
    yield np.zeros(0, np.int64), np.zeros(0, np.uint64)
    for place, text in enumerate(texts):
        size += min(len(text), READ)
        if size >= BLOCK or place == len(texts) - 1:
            which, numbers = _stretches(texts[start : place + 1], longest)
            yield which + start, numbers
            start, size = place + 1, 0


def _stretches(texts: Sequence[str], longest: int) -> tuple[Places, Numbers]:
    points = folded(codes("\n".join(text[:READ] for text in texts)))
    ends_of_texts = np.cumsum([min(len(text), READ) + 1 for text in texts])
    kind = kinds(points)
    word = (kind == LETTER) | (kind == DIGIT)
    begins = np.ones(len(points), bool)
    begins[1:] = ~(word | (kind == SPACE))[1:] | (kind[1:] != kind[:-1])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(points))
    which = np.searchsorted(ends_of_texts, starts, side="right")
    counts = _counting(kind[starts] == SPACE, word[starts], which)
    units = stretches(points, starts, ends)
    units[kind[starts] == SPACE] = 0  # however wide
    which, units = which[counts], units[counts]
    places, numbers, joined = [which], [units], units
    for length in range(2, longest + 1):
        joined = mix(joined[:-1] * np.uint64(length) ^ units[length - 1 :])
        inside = which[: len(joined)] == which[length - 1 :]
        places.append(which[: len(joined)][inside])
        numbers.append(joined[inside])
    return np.concatenate(places), np.concatenate(numbers)


def _counting(
    space: NDArray[np.bool_], word: NDArray[np.bool_], which: Places
) -> NDArray[np.bool_]:
    """Say which units count: all but spaces at words and at either end of a text.

    In Chinese a space stands where a clause ends.
    """
    inner = np.zeros(len(space), bool)
    inner[1:-1] = ~word[:-2] & ~word[2:] & (which[:-2] == which[1:-1]) & (which[2:] == which[1:-1])
    return np.asarray(~space | inner, np.bool_)
