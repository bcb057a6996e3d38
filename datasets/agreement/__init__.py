"""Measure how much people and models agree about the same tasks: 0 for not at all, 1 for fully.

`compare` looks at two results under a labelling config. Choices, trees and buckets: Jaccard.
Ratings, numbers: one less their distance in the range. Text: one less Levenshtein's distance
in the longer length. Orders: Kendall's τ brought to 0 … 1. Dates and pairs: equal or not.
Regions: matched one to one with the same labels so that intersection over union is largest,
its sum divided by the larger number of regions; what is said of a region is compared with
what is said of its partner. Points, paths, tracks, bitmaps and conversations have no measure
and are left out.
"""

from __future__ import annotations

from .results import Comparison, by_label, compare
from .scores import (
    Matrix,
    Score,
    TaskAgreement,
    matrix,
    of_model,
    of_model_with_others,
    of_model_with_truth,
    of_people,
    of_task,
    total,
    with_predictions,
    with_truth,
)

__all__ = [
    "Comparison",
    "Matrix",
    "Score",
    "TaskAgreement",
    "by_label",
    "compare",
    "matrix",
    "of_model",
    "of_model_with_others",
    "of_model_with_truth",
    "of_people",
    "of_task",
    "total",
    "with_predictions",
    "with_truth",
]
