"""Cut texts into pieces at sentence ends, and pieces into words with jieba's dictionary."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets.segmentation import load_cutter
from ..characters import Numbers, codes, stretches

LONGEST = 200  # characters of a piece
SENTENCE_ENDS = "。！？；!?;\n…"
PAUSES = "，、,：: \t"
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Dictionary:
    """jieba's word cutter, and the part of speech of each word that it knows.

    `words` are the numbers of the words in ascending order, `parts` stand beside them.
    """

    cutter: Any
    words: Numbers
    parts: NDArray[np.uint8]

    def lengths(self, text: str) -> list[int]:
        """Return how many characters each word of the text has; together they are the text."""
        return [len(word) for word in self.cutter.cut(text)]

    def parts_of(self, words: Numbers) -> NDArray[np.uint8]:
        """Return the part of speech of each word by its number; 0 for words it does not know."""
        places = np.searchsorted(self.words, words)
        places[places == len(self.words)] = 0
        return np.where(self.words[places] == words, self.parts[places], 0).astype(np.uint8)


def dictionary() -> Dictionary:
    """Return jieba's dictionary, read once in a process (half a second, 80 MB)."""
    with _LOADING:
        return _dictionary()


@cache
def _dictionary() -> Dictionary:
    parts: dict[str, int] = {}
    known: list[str] = []
    numbers: list[int] = []

    def note(word: str, part: str) -> None:
        known.append(word)
        numbers.append(parts.setdefault(part, len(parts) + 1))

    cutter = load_cutter(note)
    ends = np.array(list(accumulate(map(len, known))), np.int64)
    starts = np.append(0, ends[:-1])
    words = stretches(codes("".join(known)), starts, ends)
    order = np.argsort(words)
    return Dictionary(cutter, words[order], np.array(numbers, np.uint8)[order])


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield a text in pieces of at most `LONGEST` characters, each with its place.

    As many whole sentences as fit; where one does not fit, cut at its last pause, or anywhere.
    """
    start = 0
    while start < len(text):
        end = start + LONGEST
        if end < len(text):
            cut = max(text.rfind(sign, start, end) for sign in SENTENCE_ENDS)
            if cut <= start:
                cut = max(text.rfind(sign, start, end) for sign in PAUSES)
            if cut > start:
                end = cut + 1
        yield start, text[start:end]
        start = end
