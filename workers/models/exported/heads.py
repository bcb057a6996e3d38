"""Read boxes from what the heads of YOLO networks give, and leave out those said twice.

Known are: columns of 4 + classes numbers (versions 8 and 11, and 5 as these tools export it);
rows of 5 + classes, the fifth saying how surely there is anything (versions 5, 6 and 7); and
rows of 6, already free of doubles (left, top, right, bottom, score, class; version 10, and all
that were exported so), or of 7 with the picture's number before them (version 7). For shapes,
each also has coefficients of prototype masks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _

MOST_CANDIDATES = 5_000  # that are compared with one another, the surest
MOST_KEPT = 1_000
STRIDES = ((8, 16, 32), (8, 16, 32, 64))


@dataclass(frozen=True)
class Found:
    """Boxes (left, top, right, bottom, in pixels of the input) with score and class, the surest
    first; `coefficients` mix the prototype masks."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    coefficients: NDArray[np.float32]


def head_of(
    shape: Sequence[int], classes: int | None, size: tuple[int, int], extra: int = 0
) -> str:
    """Return which head gave numbers of a shape: "columns", "rows", "turned" (columns, turned),
    "suppressed" or "numbered".

    `classes` is how many there are, where that is known, `size` the input's, `extra` the number
    of mask coefficients.

    Raises:
        errors.Invalid: none of them.
    """
    if len(shape) == 2 and shape[1] == 7 + extra:
        return "numbered"
    if len(shape) == 3 and shape[0] == 1:
        _one, high, wide = shape
        places = {_places(size, strides) for strides in STRIDES}
        # Rows of six may also be one class at all places, three boxes at each.
        if wide == 6 + extra and high not in places | {3 * one for one in places}:
            return "suppressed"
        told = {"columns": high - 4 - extra, "rows": wide - 5 - extra, "turned": wide - 4 - extra}
        for name, number in told.items():
            if number >= 1 and number == classes:
                return name
        if classes is None and wide > high and told["columns"] >= 1:
            return "columns"
        if classes is None and high > wide and told["rows"] >= 1:
            return "rows"
    raise errors.Invalid(
        _("its numbers are %(shape)s, which no YOLO model with %(number)s classes gives"),
        shape="×".join(map(str, shape)),
        number="?" if classes is None else classes,
    )


def read(
    numbers: NDArray[np.float32],
    head: str,
    classes: Collection[int],
    confidence: float,
    overlap: float,
    extra: int = 0,
) -> Found:
    """Return the boxes of some classes at least as sure as `confidence`, MOST_KEPT at most; of two
    of one class that overlap by more than `overlap` (intersection over union) the surer. What is
    no number is left out."""
    if head in ("suppressed", "numbered"):
        rows = numbers.reshape(-1, numbers.shape[-1])[:, 1 if head == "numbered" else 0 :]
        if head == "numbered":
            # Version 7 has the class before the score.
            rows = rows[:, [0, 1, 2, 3, 5, 4, *range(6, rows.shape[1])]]
        wanted = np.isin(rows[:, 5], list(classes))
        rows = rows[wanted]
        return _without_nonsense(rows[:, :4], rows[:, 4], rows[:, 5], rows[:, 6:], confidence)
    rows = numbers[0].T if head == "columns" else numbers[0]
    first = 5 if head == "rows" else 4
    last = rows.shape[1] - extra
    chances = rows[:, first:last]
    with np.errstate(invalid="ignore", over="ignore"):
        # A class that is no number must not hide another that is.
        usable = np.where(np.isfinite(chances), chances, -1)
        best = usable.argmax(axis=1)
        scores = usable[np.arange(len(rows)), best]
        scores = scores * rows[:, 4] if first == 5 else scores
        # Few places are sure of anything: only those are looked at any further.
        wanted = (scores >= confidence) & np.isin(best, list(classes))
        rows, best, scores = rows[wanted], best[wanted], scores[wanted]
        half = rows[:, 2:4] / 2
        boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    found = _without_nonsense(boxes, scores, best, rows[:, last:], confidence)
    return _without_doubles(found, overlap)


def _without_nonsense(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.generic],
    coefficients: NDArray[np.float32],
    confidence: float,
) -> Found:
    numbers = classes.astype(np.float64)
    with np.errstate(invalid="ignore"):
        good = (scores >= confidence) & (scores > 0) & np.isfinite(scores)
        good &= np.isfinite(boxes).all(axis=1) & np.isfinite(coefficients).all(axis=1)
        good &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        good &= np.isfinite(numbers) & (numbers >= 0) & (numbers < 1e6)
    places = np.flatnonzero(good)
    order = places[np.argsort(-scores[places], kind="stable")][:MOST_CANDIDATES]
    return Found(
        boxes[order].astype(np.float32),
        np.minimum(scores[order], 1).astype(np.float32),
        numbers[order].round().astype(np.int64),
        coefficients[order].astype(np.float32),
    )


def _without_doubles(found: Found, overlap: float) -> Found:
    boxes = found.boxes.astype(np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    left: NDArray[np.intp] = np.arange(len(boxes))
    while len(left) and len(kept) < MOST_KEPT:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        corner = np.maximum(boxes[left, :2], boxes[best, :2])
        sides = np.minimum(boxes[left, 2:], boxes[best, 2:]) - corner
        shared = np.clip(sides, 0, None).prod(axis=1)
        union = areas[left] + areas[best] - shared
        double = (shared > overlap * union) & (found.classes[left] == found.classes[best])
        left = left[~double]
    places = np.array(kept, np.int64)
    return Found(
        found.boxes[places], found.scores[places], found.classes[places], found.coefficients[places]
    )


def _places(size: tuple[int, int], strides: Sequence[int]) -> int:
    """Return at how many places a head of these strides looks."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in strides)
