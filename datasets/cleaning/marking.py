"""Mark where two texts differ, in bounded time whatever the texts."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

# Characters of either side that are shown, and compared letter by letter.
WINDOW = 1200
BEFORE_DIFFERENCE = 80
# Up to that length every letter counts; beyond, frequent ones are not looked for one by one.
_EXACT = 400

# Text, and whether it differs from the other side.
Part = tuple[str, bool]


@dataclass(frozen=True)
class Marked:
    """Two texts in parts; `skipped` characters in front are the same; `is_cut`: more follows."""

    left: list[Part]
    right: list[Part]
    skipped: int
    is_cut: bool


def marked(before: str, after: str) -> Marked:
    """Compare two texts around their first difference, at most WINDOW characters of each."""
    same = _common_start(before, after)
    start = 0 if same <= BEFORE_DIFFERENCE or same == len(before) == len(after) else same
    start = max(start - BEFORE_DIFFERENCE, 0)
    end = _common_start(before[same:][::-1], after[same:][::-1])
    room = max(WINDOW - (same - start), 0)
    middles = before[same : len(before) - end], after[same : len(after) - end]
    left, right = middles[0][:room], middles[1][:room]
    is_whole = (left, right) == middles
    tail = min(end, room - max(len(left), len(right))) if is_whole else 0
    is_cut = not is_whole or tail < end or same - start > WINDOW
    front = (before[start : min(same, start + WINDOW)], False)
    back = (before[len(before) - end : len(before) - end + tail], False)
    one, other = _compared(left, right)
    return Marked(_joined(front, one, back), _joined(front, other, back), start, is_cut)


def _compared(left: str, right: str) -> tuple[list[Part], list[Part]]:
    is_exact = max(len(left), len(right)) <= _EXACT
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=not is_exact)
    one: list[Part] = []
    other: list[Part] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        one.append((left[i:i_end], kind != "equal"))
        other.append((right[j:j_end], kind != "equal"))
    return one, other


def _joined(front: Part, parts: list[Part], back: Part) -> list[Part]:
    return [part for part in (front, *parts, back) if part[0]]


def _common_start(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
