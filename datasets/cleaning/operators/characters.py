"""See a batch of texts as one array of characters, so that numpy counts and hashes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Words = NDArray[np.uint64]
# Constants of SplitMix64 (Steele, Lea and Flood 2014), whose every output bit depends on every
# input bit: a weaker mix calls unlike texts alike.
_SPLIT_ONE, _SPLIT_TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = 0x9E3779B97F4A7C15
# Characters that are looked at together: what is made of them stays in the processor's cache.
BLOCK = 1 << 15


class Script(IntEnum):
    """What a character is, as the filters see it."""

    OTHER = 0
    SPACE = 1
    HAN = 2
    KANA = 3
    HANGUL = 4
    LATIN = 5
    CYRILLIC = 6
    ARABIC = 7
    LETTER = 8
    DIGIT = 9
    PUNCTUATION = 10
    SYMBOL = 11
    CONTROL = 12
    BROKEN = 13


LETTERS = (
    Script.HAN,
    Script.KANA,
    Script.HANGUL,
    Script.LATIN,
    Script.CYRILLIC,
    Script.ARABIC,
    Script.LETTER,
)


@dataclass(frozen=True)
class Characters:
    """The characters of several texts in one array.

    `points` are code points (uint32), `starts` where each text begins, `lengths` how long it
    is.
    """

    points: NDArray[np.uint32]
    starts: Whole
    lengths: Whole

    def counts(self) -> Whole:
        """Return how many characters of each Script every text has: (texts, Script)."""
        return self.tallied(scripts(), len(Script))

    def tallied(self, table: NDArray[np.uint8], width: int) -> Whole:
        """Return how many characters of each class every text has: (texts, width).

        The table has the class of each code point; its last one is that of all above, too.
        """
        found = np.zeros((len(self.lengths), width), dtype=np.int64)
        ends = self.starts + self.lengths
        text = 0
        while text < len(ends):
            # As many texts as a block takes, at least one.
            begin = self.starts[text]
            until = max(text + 1, int(np.searchsorted(ends, begin + BLOCK, side="right")))
            number = until - text
            places = np.repeat(
                np.arange(0, number * width, width, dtype=np.int64), self.lengths[text:until]
            )
            places += table.take(self.points[begin : ends[until - 1]], mode="clip")
            tally = np.bincount(places, minlength=number * width)
            found[text:until] = tally.reshape(number, width)
            text = until
        return found

    def grams(self, length: int) -> tuple[NDArray[np.uint64], Whole]:
        """Return a 64-bit hash of every run of so many characters, and the text it is from.

        A text that is shorter is one run by itself; an empty one has none.
        """
        hashed = _runs(self.points, length)
        ends = self.starts + self.lengths
        whole = np.ones(len(self.points), dtype=bool)
        for back in range(1, length):
            whole[(ends - back)[self.lengths >= back]] = False
        short = np.flatnonzero((self.lengths > 0) & (self.lengths < length))
        if len(short):
            begins = self.starts[short]
            own = np.zeros((len(short), length), dtype=np.uint32)
            for place, text in enumerate(short.tolist()):
                start, number = self.starts[text], self.lengths[text]
                own[place, :number] = self.points[start : start + number]
            hashed[begins] = _runs(own.ravel(), length)[::length]
            whole[begins] = True
        numbers = np.maximum(self.lengths - length + 1, np.minimum(self.lengths, 1))
        return hashed[whole], np.repeat(np.arange(len(numbers), dtype=np.int64), numbers)


def _runs(points: NDArray[np.uint32], length: int) -> NDArray[np.uint64]:
    """Return a hash of the run of `length` code points that begins at each place, 0s after all."""
    hashed: Words = np.empty(len(points), dtype=np.uint64)
    for start in range(0, len(points), BLOCK):
        number = min(BLOCK, len(points) - start)
        padded = np.zeros(number + length, dtype=np.uint64)
        own = points[start : start + number + length]
        padded[: len(own)] = own
        hashed[start : start + number] = _block_runs(padded, number, length)
    return hashed


def _block_runs(padded: Words, number: int, length: int) -> Words:
    hashed: Words = np.zeros(number, dtype=np.uint64)
    # A code point has 21 bits: three go into one word, and are mixed together.
    for begin in range(0, length, 3):
        packed = padded[begin : begin + number].copy()
        for place, offset in enumerate(range(begin + 1, min(begin + 3, length)), 1):
            packed |= padded[offset : offset + number] << np.uint64(21 * place)
        packed ^= hashed
        with np.errstate(over="ignore"):
            packed += np.uint64(_STEP * (begin + 1) % 2**64)
        hashed = mix(packed)
    return hashed


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each 64-bit value: the finaliser of SplitMix64."""
    with np.errstate(over="ignore"):
        values = values ^ (values >> np.uint64(30))
        values *= _SPLIT_ONE
        values ^= values >> np.uint64(27)
        values *= _SPLIT_TWO
        values ^= values >> np.uint64(31)
    return values


def characters(texts: Sequence[str]) -> Characters:
    """Return the characters of these texts, in order."""
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)[:-1]])[: len(texts)]
    return Characters(np.frombuffer(encoded, dtype="<u4"), starts, lengths)


# Characters above the table are all looked up at its end, ideographs of the planes 2 and 3 too.
_BEYOND = np.uint32(0x32400)


@cache
def scripts() -> NDArray[np.uint8]:
    """Return the Script of every code point up to _BEYOND."""
    table = np.zeros(int(_BEYOND) + 1, dtype=np.uint8)
    for code in [*range(0x10000), *range(0x1F000, 0x20000)]:
        table[code] = _script(chr(code))
    table[0x20000:0x323B0] = Script.HAN
    return table


def _script(letter: str) -> Script:
    code, category = ord(letter), unicodedata.category(letter)
    if code == 0xFFFD or category in ("Cs", "Co", "Cn"):
        return Script.BROKEN
    if category[0] == "Z" or letter in "\t\n\r\v\f":
        return Script.SPACE
    if category[0] == "C":
        return Script.CONTROL
    if category[0] == "N" and code != 0x3007:
        return Script.DIGIT
    if category[0] in "LM" or code == 0x3007:
        return _letter(code)
    return Script.PUNCTUATION if category[0] == "P" else Script.SYMBOL


_RANGES = (
    (0x3400, 0x9FFF, Script.HAN),
    (0xF900, 0xFAFF, Script.HAN),
    (0x3005, 0x3007, Script.HAN),
    (0x3040, 0x30FF, Script.KANA),
    (0x31F0, 0x31FF, Script.KANA),
    (0xFF66, 0xFF9F, Script.KANA),
    (0x1100, 0x11FF, Script.HANGUL),
    (0x3130, 0x318F, Script.HANGUL),
    (0xAC00, 0xD7AF, Script.HANGUL),
    (0x0041, 0x024F, Script.LATIN),
    (0x1E00, 0x1EFF, Script.LATIN),
    (0xFF21, 0xFF5A, Script.LATIN),
    (0x0400, 0x052F, Script.CYRILLIC),
    (0x0600, 0x06FF, Script.ARABIC),
    (0x0750, 0x077F, Script.ARABIC),
)


def _letter(code: int) -> Script:
    for first, last, script in _RANGES:
        if first <= code <= last:
            return script
    return Script.LETTER
