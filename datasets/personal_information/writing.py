"""Know how numbers are written: full-width digits, separators, characters of no width.

Nothing is normalised over a whole text: patterns know every way of writing, so that places
stay those of the original, and only what was matched is brought to one form.
"""

from __future__ import annotations

import re

# For use inside […] of a pattern.
DIGIT = "0-9０-９"
LETTER = "A-Za-zＡ-Ｚａ-ｚ"
ALNUM = DIGIT + LETTER
# What people put between the groups of a number; the last ones close an area code.
SEPARATOR = " \u00a0\u2002-\u200a\u3000\\-‐‑‒–—－.．·•)）"
NO_WIDTH = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
# At most this much stands between two digits of one number.
GAP = f"[{SEPARATOR}{NO_WIDTH}]{{0,3}}"

_FULL_WIDTH = {0xFF01 + at: 0x21 + at for at in range(94)}
_NO_WIDTH_POINTS = (
    0x00AD,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    0xFEFF,
)
_NARROW: dict[int, int | None] = {**_FULL_WIDTH, **dict.fromkeys(_NO_WIDTH_POINTS)}
_SEPARATOR_POINTS = [
    *map(ord, " \u00a0\u3000-‐‑‒–—－.．·•)）(（\t"),
    *range(0x2002, 0x200B),
]
_COMPACT: dict[int, int | None] = {**_NARROW, **dict.fromkeys(_SEPARATOR_POINTS)}
_GROUP = re.compile(f"[{ALNUM}](?:[{NO_WIDTH}]{{0,3}}[{ALNUM}])*+")
_LETTERS = re.compile(f"[{LETTER}]")
_ALNUMS = re.compile(f"[{ALNUM}]")


def narrow(raw: str) -> str:
    """Return the text in half-width characters, without those of no width."""
    return raw if raw.isascii() else raw.translate(_NARROW)


def compact(raw: str) -> str:
    """Return the letters and digits alone: half width, upper case, no separators."""
    if raw.isascii() and raw.isdigit():
        return raw
    return raw.translate(_COMPACT).upper()


def groups(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """Return the groups of letters and digits in `text[start:end]`, each with its place."""
    return [
        (compact(found.group()), found.start(), found.end())
        for found in _GROUP.finditer(text, start, end)
    ]


def is_letter(character: str) -> bool:
    """Tell whether this is a Latin letter of either width."""
    return bool(character) and _LETTERS.match(character) is not None


def is_joined(text: str, at: int, step: int) -> bool:
    """Tell whether a `-`, `.` or `_` at `at` binds a letter or digit on its other side."""
    beyond = at + step
    return (
        0 <= at < len(text)
        and text[at] in "-._－．＿"
        and 0 <= beyond < len(text)
        and _ALNUMS.match(text[beyond]) is not None
    )
