"""Score labels by how well they fit what a model says that has not learned from them.

Thin over cleanlab (Northcutt, Jiang and Chuang 2021, Confident Learning): classes of whole
tasks, classes of the characters of a text, boxes in pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Chances = NDArray[np.float64]
SURE = 0.5  # a model's score from which an object that nobody drew is worth a look


@dataclass(frozen=True)
class Doubt:
    """A label that is probably wrong: which answer, which region of it, and how bad it is.

    `region` is the place of the region in the answer, None for the whole or for something
    that is missing; `score` is from 0 (wrong) to 1.
    """

    answer: int
    region: int | None
    label: str
    suggested: str
    score: float


def of_choices(given: Sequence[int], chances: Chances, labels: Sequence[str]) -> list[Doubt]:
    """Return the classes that are probably wrong, the worst first.

    `chances` has a row an answer, a column a label, from a model that did not learn that row.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    told = np.asarray(given)
    places = find_label_issues(
        told, chances, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    scores = get_label_quality_scores(told, chances, method="normalized_margin")
    return [
        Doubt(
            int(place),
            None,
            labels[told[place]],
            labels[int(chances[place].argmax())],
            float(scores[place]),
        )
        for place in places
    ]


def of_characters(
    given: Sequence[Sequence[int]], chances: Sequence[Chances], labels: Sequence[str]
) -> list[tuple[int, int, int, Doubt]]:
    """Return (answer, start, end, doubt) of stretches whose class is probably wrong.

    `given` has a class for each character, 0 for none, as `labels` counts them. Neighbours
    with the same given and suggested class are one stretch, as bad as its worst character.
    """
    from cleanlab.token_classification.filter import find_label_issues

    told = [list(row) for row in given]
    issues = find_label_issues(told, list(chances), n_jobs=1)
    found: list[tuple[int, int, int, Doubt]] = []
    for answer, place in sorted((int(a), int(p)) for a, p in issues):
        row = chances[answer][place]
        label, suggested = labels[told[answer][place]], labels[int(row.argmax())]
        score = float(row[told[answer][place]])
        if label == suggested:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and (last[0], last[2]) == (answer, place)
            and (last[3].label, last[3].suggested) == (label, suggested)
        ):
            worst = Doubt(answer, None, label, suggested, min(score, last[3].score))
            found[-1] = answer, last[1], place + 1, worst
        else:
            found.append((answer, place, place + 1, Doubt(answer, None, label, suggested, score)))
    return sorted(found, key=lambda each: each[3].score)


def of_boxes(
    given: Sequence[tuple[NDArray[Any], Sequence[int]]],
    predicted: Sequence[Sequence[tuple[int, tuple[float, float, float, float], float]]],
    labels: Sequence[str],
    worst: float = 0.5,
) -> list[Doubt]:
    """Return boxes of the wrong class, in the wrong place, and objects that nobody drew.

    `given` has (corners x1 y1 x2 y2 of each box, classes) of each picture; `predicted` has
    (class, corners, score) of each object that a model sees. Worst first; what scores above
    `worst` is left out.
    """
    from cleanlab.object_detection import rank

    truth = [
        {"bboxes": np.asarray(boxes, float).reshape(-1, 4), "labels": np.asarray(classes, int)}
        for boxes, classes in given
    ]
    said = [_by_class(row, len(labels)) for row in predicted]
    swapped = rank.compute_swap_box_scores(
        labels=truth, predictions=said, high_probability_threshold=SURE
    )
    moved = rank.compute_badloc_box_scores(
        labels=truth, predictions=said, low_probability_threshold=SURE
    )
    missed = rank.compute_overlooked_box_scores(
        labels=truth, predictions=said, high_probability_threshold=SURE
    )
    found = []
    for answer, (_boxes, classes) in enumerate(given):
        for region, of_class in enumerate(classes):
            wrong = float(np.nan_to_num(swapped[answer][region], nan=1.0))
            place = float(np.nan_to_num(moved[answer][region], nan=1.0))
            if min(wrong, place) <= worst:
                suggested = _nearest(given[answer][0][region], predicted[answer])
                other = labels[suggested] if suggested is not None else ""
                found.append(Doubt(answer, region, labels[of_class], other, min(wrong, place)))
        flat = [each for k in range(len(labels)) for each in predicted[answer] if each[0] == k]
        for (of_class, _corners, sure), score in zip(flat, missed[answer], strict=True):
            if sure >= SURE and float(np.nan_to_num(score, nan=1.0)) <= worst:
                found.append(Doubt(answer, None, "", labels[of_class], float(score)))
    return sorted(found, key=lambda each: each.score)


def _by_class(
    row: Sequence[tuple[int, tuple[float, float, float, float], float]], number: int
) -> NDArray[Any]:
    """Return what cleanlab takes: an array of (boxes, 5) for each class."""
    found = np.empty(number, object)
    for place in range(number):
        boxes = [[*corners, score] for of_class, corners, score in row if of_class == place]
        found[place] = np.asarray(boxes, float).reshape(-1, 5)
    return found


def _nearest(
    box: NDArray[Any], row: Sequence[tuple[int, tuple[float, float, float, float], float]]
) -> int | None:
    """Return the class of the object that a model sees where a box is."""
    best, found = 0.3, None
    for of_class, corners, _score in row:
        wide = min(box[2], corners[2]) - max(box[0], corners[0])
        high = min(box[3], corners[3]) - max(box[1], corners[1])
        both = max(0.0, wide) * max(0.0, high)
        areas = (box[2] - box[0]) * (box[3] - box[1])
        areas += (corners[2] - corners[0]) * (corners[3] - corners[1])
        overlap = both / max(1e-9, areas - both)
        if overlap > best:
            best, found = overlap, of_class
    return found
