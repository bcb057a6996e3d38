"""Read texts as arrays of code points, their kinds, and numbers for their stretches."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from .interface import Item

Codes = NDArray[np.uint32]
Numbers = NDArray[np.uint64]
Places = NDArray[np.int64]

SIGN, LETTER, DIGIT, SPACE, HAN = range(5)  # HAN stands for every script without spaces
_FIRST_WITHOUT_SPACES = 0x2E80
_FACTOR = 0x9E3779B97F4A7C15  # odd, so that it can be divided by modulo 2^64
_INVERSE = pow(_FACTOR, -1, 1 << 64)


def text_of(item: Item, key: str) -> str:
    """Return the text under a data key; raises `errors.Invalid` where the item has none."""
    text = item.texts.get(key)
    if not isinstance(text, str):
        raise errors.Invalid(_("the model needs the text %(key)s"), key=key)
    return text


def codes(text: str) -> Codes:
    """Return the code points of a text as people's offsets count them, lone surrogates too."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)


def folded(points: Codes) -> Codes:
    """Return small letters for large ones and plain forms for full-width ones, one for one."""
    wide = (points >= 0xFF01) & (points <= 0xFF5E)
    points = np.where(wide, points - 0xFEE0, points).astype(np.uint32)
    points[points == 0x3000] = 0x20
    low = points < _FIRST_WITHOUT_SPACES
    points[low] = _small()[points[low]]
    return points


def kinds(points: Codes) -> NDArray[np.uint8]:
    """Return for each code point whether it is a letter, digit, space, Han-like or a sign."""
    table = _kinds()
    found = table[np.minimum(points, len(table) - 1)]
    far = points >= len(table)
    found[far] = np.where((points[far] >= 0x20000) & (points[far] < 0x40000), HAN, SIGN)
    return np.asarray(found, np.uint8)


def mix(numbers: Numbers) -> Numbers:
    """Spread numbers over 64 bits, one to one (the finaliser of SplitMix64, Steele 2014)."""
    numbers = numbers + np.uint64(_FACTOR)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)), np.uint64)


def stretches(points: Codes, starts: Places, ends: Places) -> Numbers:
    """Return a number for each stretch `points[start:end]`: equal for equal stretches.

    A polynomial modulo 2^64, so that all come out of one running sum; two different stretches
    share a number about once in 10^19.
    """
    count = len(points)
    powers, inverse = (_powers(factor, count + 1) for factor in (_FACTOR, _INVERSE))
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(mix(points.astype(np.uint64)) * powers[:count], out=sums[1:])
    numbers = (sums[ends] - sums[starts]) * inverse[starts]
    return mix(numbers ^ (ends - starts).astype(np.uint64))


def _powers(factor: int, count: int) -> Numbers:
    powers = np.full(count, factor, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


@cache
def _small() -> Codes:
    small = (chr(code).lower() for code in range(_FIRST_WITHOUT_SPACES))
    return np.array(
        [ord(low) if len(low) == 1 else code for code, low in enumerate(small)], np.uint32
    )


@cache
def _kinds() -> NDArray[np.uint8]:
    return np.array([_kind(chr(code)) for code in range(0x10000)], np.uint8)


def _kind(character: str) -> int:
    if character.isspace():
        return SPACE
    if character.isdecimal():
        return DIGIT
    if not character.isalpha():
        return SIGN
    return LETTER if ord(character) < _FIRST_WITHOUT_SPACES else HAN
