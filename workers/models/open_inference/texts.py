"""Read what a text classifier at a service gives: labels with scores, or scores of all classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....datasets import errors
from ....datasets.errors import _
from ..exported.options import LONGEST_NAME, MOST_CLASSES, matched
from ..interface import Answer, Choice, Target
from .protocol import Output

MOST_CHOICES = 1_000


def text_labels(given: Any) -> dict[str, str]:
    """Return what the service says → label of the project; a list is in the order of classes.

    Raises:
        errors.Invalid: it is neither list nor map.
    """
    if given in (None, "", [], {}):
        return {}
    if isinstance(given, Sequence) and not isinstance(given, str):
        given = {str(number): label for number, label in enumerate(given)}
    usable = isinstance(given, Mapping) and len(given) <= MOST_CLASSES
    if not usable or not all(
        isinstance(label, str) and 0 < len(label) <= LONGEST_NAME for label in given.values()
    ):
        raise errors.Invalid(
            _("must be a list of labels, or a map from class to label"), place="options.labels"
        )
    return {str(name): str(label) for name, label in given.items()}


def choices(outputs: Sequence[Output], options: Mapping[str, Any], target: Target) -> Answer:
    """Return the choices that a service's outputs mean.

    Raises:
        errors.Invalid: there is neither label nor score, or none of them is a label.
    """
    said = [text for one in outputs if one.numbers is None for text in one.texts]
    scores = [float(n) for one in outputs if one.numbers is not None for n in one.numbers.flat]
    if not said and scores:
        # Scores alone stand in the order of the classes.
        said = [str(number) for number in range(len(scores))]
        if not target.single and not all(0 <= score <= 1 for score in scores):
            scores = (1 / (1 + np.exp(-np.clip(scores, -500, 500)))).tolist()
        elif not all(0 <= score <= 1 for score in scores) or abs(sum(scores) - 1) > 0.02:
            scores = _chances(scores) if target.single else scores
    if not said:
        raise errors.Invalid(_("the service gave neither label nor score"))
    if len(scores) != len(said):
        # One score for one label; whatever else there is, is of something else.
        scores = [scores[0] if len(said) == 1 and len(scores) == 1 else 1.0] * len(said)
    names = {number: options["labels"].get(text, text) for number, text in enumerate(said)}
    labels = matched(names, target)
    usable = [number for number, score in enumerate(scores) if 0 <= score <= 1]
    order = sorted(usable, key=lambda number: -scores[number])
    if target.single:
        order = order[:1]
    sure = [number for number in order if scores[number] >= options["confidence"]]
    if sure and not any(number in labels for number in sure):
        raise errors.Invalid(
            _("the model says what is no label of the project: %(labels)s"),
            labels=", ".join(names[number][:80] for number in sure[:5]),
        )
    marks = [Choice(labels[number], scores[number]) for number in sure if number in labels]
    return Answer(marks[:MOST_CHOICES], scores[order[0]] if order else None)


def _chances(scores: Sequence[float]) -> list[float]:
    numbers = np.array(scores, np.float64)
    usable = np.isfinite(numbers)
    if not usable.any():
        return list(scores)
    raised = np.where(usable, np.exp(np.clip(numbers - numbers[usable].max(), -700, 0)), 0.0)
    chances: list[float] = (raised / raised.sum()).tolist()
    return chances
