"""Find labels that are probably wrong, and let reviewers say whether they are."""

from __future__ import annotations

from .deciding import counts, decide, keep, page, precision
from .rows import Suspicion, SuspicionState
from .scoring import Doubt, of_boxes, of_characters, of_choices

__all__ = [
    "Doubt",
    "Suspicion",
    "SuspicionState",
    "counts",
    "decide",
    "keep",
    "of_boxes",
    "of_characters",
    "of_choices",
    "page",
    "precision",
]
