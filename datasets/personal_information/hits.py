"""Say what a hit is: a place in a text, its kind, and how sure it is; never the value."""

from __future__ import annotations

from dataclasses import dataclass

# A hit below this is likely something else: shown on request, not by default.
LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Hit:
    """Personal information in a text: `start` and `end` in code points of the original.

    `masked` is all that may be shown of it; `confidence` is between 0 and 1.
    """

    kind: str
    start: int
    end: int
    masked: str
    confidence: float


# What a detector gives: kind, start, end, the value in one form, confidence.
Found = tuple[str, int, int, str, float]
