"""Compare a picture with its defect-free template, and learn the defects from people's boxes.

The pair is registered where it needs it, brought to one light, and subtracted; what remains is
grouped into candidates. A forest learns from people's boxes which candidates are defects and of
which class, a second one how wide people draw around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from ..fixed import WithoutOptions
from ..interface import Answer, Box, Example, Given, Item, Picture, Predictor, Serves, Target
from .candidates import COLUMNS, Candidate, Comparison, compare, features
from .card import CARD
from .forest import Forest, grow_classes, grow_margins, pack, unpack
from .pictures import read_pair
from .studying import Place, looked_at

# A shown box costs a look (0.7 s), and 1.5 s more to delete when it is wrong; a box that is
# missing costs drawing and class (8.5 s). Showing pays above p where p·(8.5-0.7) = (1-p)·2.2.
WORTH_SHOWING = 0.22
OVERLAP = 0.3  # intersection over union above which two boxes are one defect


class GoldenDifference(WithoutOptions):
    """Pre-label defects as differences from a defect-free template."""

    name = "golden_difference"
    version = "1"
    serves = Serves("picture", (Box,), ("image", "template"))
    queue = "cpu"
    least_examples = 0

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn classes and margins from people's boxes, streaming the examples once.

        Raises `errors.Refused` when no box of any example lies on a difference.
        """
        rows, labels, margins = [], [], []
        for example in examples:
            for places, table in looked_at(example.item.pictures):
                for row, answer in zip(table, _answers(places, example), strict=True):
                    if answer is not None:
                        rows.append(row)
                        labels.append(answer[0])
                        margins.append(answer[1])
        names = sorted({label for label in labels if label is not None})
        if not names:
            raise errors.Refused(_("no box of the examples lies where image and template differ"))
        order = {label: place for place, label in enumerate([None, *names])}
        classes = np.array([order[label] for label in labels], np.int64)
        table, edges = np.array(rows, np.float32), np.array(margins, np.float32)
        defects = classes > 0
        if defects.all():  # every forest knows the background, seen or not
            table = np.vstack([table, np.zeros((1, COLUMNS), np.float32)])
            classes = np.append(classes, 0)
            defects, edges = classes > 0, np.vstack([edges, np.zeros((1, 4), np.float32)])
        return pack(
            names, grow_classes(table, classes), grow_margins(table[defects], edges[defects])
        )

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; without weights it draws boxes and leaves the class to people."""
        if weights is None:
            return Unlabelled()
        return Trained(*unpack(weights, COLUMNS))

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return {"name": self.name, "version": self.version, **CARD}


class Unlabelled:
    """Draw boxes around differences before anybody has labelled."""

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return boxes with the class "", the plainest difference first."""
        return [_answered(self._boxes(item.pictures)) for item in items]

    def _boxes(self, images: Mapping[str, Picture]) -> list[Box]:
        pair = read_pair(images)
        if pair is None:
            return []
        found = compare(pair)
        boxes = []
        for candidate in found.candidates:
            thick = float(cv2.distanceTransform(_framed(candidate), cv2.DIST_L2, 3).max())
            if thick < 2:  # an edge that moved, not a thing
                continue
            margin = max(6.0, 0.3 * max(candidate.width, candidate.height))
            score = 1 - float(np.exp(-candidate.seeds * min(candidate.strength, 1) / 40))
            boxes.append(_box("", candidate, (margin,) * 4, score, found))
        return _without_overlaps(boxes)


@dataclass(frozen=True)
class Trained:
    """Draw boxes with the class that people gave to such differences."""

    labels: list[str]
    classes: Forest
    margins: Forest

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the boxes worth a person's look, the surest first."""
        return [_answered(self._boxes(item.pictures)) for item in items]

    def _boxes(self, images: Mapping[str, Picture]) -> list[Box]:
        pair = read_pair(images)
        if pair is None:
            return []
        found = compare(pair)
        if not found.candidates:
            return []
        rows = features(found)
        chances, margins = self.classes.predict(rows), self.margins.predict(rows)
        boxes = []
        for candidate, chance, margin in zip(found.candidates, chances, margins, strict=True):
            if 1 - chance[0] < WORTH_SHOWING:
                continue
            best = int(np.argmax(chance[1:]))
            score = float(chance[1 + best])
            boxes.append(_box(self.labels[best], candidate, margin.tolist(), score, found))
        return _without_overlaps(boxes)


def _answered(boxes: list[Box]) -> Answer:
    score = float(np.mean([box.score for box in boxes])) if boxes else None
    return Answer(boxes, score)


def _boxes_of(example: Example) -> list[Box]:
    return [mark for mark in example.marks if isinstance(mark, Box)]


def _answers(
    places: Sequence[Place], example: Example
) -> list[tuple[str | None, NDArray[np.float32]] | None]:
    """Return for each candidate its label (None: background) and margins to the person's box.

    A candidate belongs to the box that holds most of it, if that is more than half. Of several
    in one box the first, which is the largest, answers for it; the others teach nothing (None).
    """
    answers: list[tuple[str | None, NDArray[np.float32]] | None] = []
    taken = set()
    boxes = _boxes_of(example)
    for place in places:
        shares = [_share_inside(place, box) for box in boxes]
        best = int(np.argmax(shares)) if shares else -1
        if best < 0 or shares[best] <= 0.5:
            answers.append((None, np.zeros(4, np.float32)))
        elif best in taken:
            answers.append(None)
        else:
            taken.add(best)
            answers.append((boxes[best].label, _margins(place, boxes[best])))
    return answers


def _share_inside(place: Place, box: Box) -> float:
    x, y, width, height = place
    across = min(x + width, box.x + box.width) - max(x, box.x)
    down = min(y + height, box.y + box.height) - max(y, box.y)
    return max(across, 0.0) * max(down, 0.0) / (width * height)


def _margins(place: Place, box: Box) -> NDArray[np.float32]:
    """Return how far the box reaches beyond the candidate: left, top, right, bottom."""
    x, y, width, height = place
    right, bottom = box.x + box.width, box.y + box.height
    reach = (x - box.x, y - box.y, right - x - width, bottom - y - height)
    return np.array(reach, np.float32)


def _box(
    label: str, candidate: Candidate, margins: Iterable[float], score: float, found: Comparison
) -> Box:
    """Return the candidate with its margins, cut at the picture's edge and never empty."""
    before_x, before_y, after_x, after_y = margins
    height, width = found.image.shape[:2]
    left = float(np.clip(candidate.x - before_x, 0, width - 1))
    top = float(np.clip(candidate.y - before_y, 0, height - 1))
    right = float(np.clip(candidate.x + candidate.width + after_x, left + 1, width))
    bottom = float(np.clip(candidate.y + candidate.height + after_y, top + 1, height))
    return Box(label, left, top, right - left, bottom - top, min(max(score, 0.0), 1.0))


def _framed(candidate: Candidate) -> NDArray[np.uint8]:
    return np.pad(candidate.mask, 1)


def _without_overlaps(boxes: list[Box]) -> list[Box]:
    """Keep the surest of boxes that cover one another, surest first."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda b: (-b.score, b.y, b.x)):
        if all(overlap(box, other) < OVERLAP for other in kept):
            kept.append(box)
    return kept


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes, 0 to 1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)
