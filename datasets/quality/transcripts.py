"""Measure how far two transcripts are apart: in characters, and in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..agreement.answers import distance

# A Chinese character is a word of its own; other writing is parted by white space.
_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\s\u3400-\u9fff]+")


@dataclass(frozen=True)
class ErrorRate:
    """Characters or words to be put in, taken out or changed, of so many in the reference."""

    edits: int
    length: int

    @property
    def value(self) -> float:
        """Return edits / length, which may exceed 1; NaN of nothing."""
        return self.edits / self.length if self.length else float("nan")


def character_errors(said: str, reference: str) -> ErrorRate:
    """Return the character error rate, white space left out."""
    one, other = ("".join(text.split()) for text in (said, reference))
    return ErrorRate(distance(one, other), len(other))


def word_errors(said: str, reference: str) -> ErrorRate:
    """Return the word error rate; a Chinese character counts as a word."""
    one, other = words(said), words(reference)
    return ErrorRate(sequence_distance(one, other), len(other))


def words(text: str) -> list[str]:
    """Return the words of a text, in order."""
    return _WORD.findall(text)


def sequence_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return Levenshtein's distance (1966) of two sequences of words."""
    numbers: dict[str, str] = {}
    one, other = (
        # A character stands for a word; planes 15 and 16 hold no writing.
        "".join(numbers.setdefault(word, chr(0xF0000 + len(numbers))) for word in side)
        for side in (first, second)
    )
    return distance(one, other)


def together(rates: Iterable[ErrorRate]) -> ErrorRate:
    """Return the rate over several transcripts: sums, so that long ones weigh more."""
    edits = length = 0
    for rate in rates:
        edits, length = edits + rate.edits, length + rate.length
    return ErrorRate(edits, length)
