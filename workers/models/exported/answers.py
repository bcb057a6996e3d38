"""Make marks of what a network gave for a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from ..interface import Answer, Box, Choice, Mark, Mask, Target
from . import heads, masks
from .options import Reading
from .preparing import Placement

MOST_MARKS = heads.MOST_KEPT  # of a picture, the surest
MOST_SHAPES = 300
MOST_PIXELS = 400_000_000  # of the boxes of all shapes that one question gives


def answer(
    outputs: Sequence[NDArray[Any]],
    reading: Reading,
    placement: Placement,
    target: Target,
    share: int = 1,
) -> Answer:
    """Return the marks of a picture from the network's outputs, the surest first.

    Classes that are no label are left out, as is what is no number; boxes are cut at the
    picture's edges. At most MOST_MARKS are kept, of shapes MOST_SHAPES and fewer where their
    boxes together have more than MOST_PIXELS / `share` pixels.

    Raises:
        errors.Invalid: the outputs are not what the form gives.
    """
    if reading.form == "classifier":
        return _choices(_chances(outputs), reading, target)
    head, prototypes = _parts(outputs, reading.form)
    extra = 0 if prototypes is None else len(prototypes)
    kind = heads.head_of(head.shape, reading.classes, reading.size, extra)
    found = heads.read(head, kind, reading.labels, reading.confidence, reading.overlap, extra)
    boxes = placement.back(found.boxes)
    marks: list[Mark] = []
    pixels = 0
    for place, (left, top, right, bottom) in enumerate(boxes.tolist()):
        label = reading.labels.get(int(found.classes[place]))
        width, height = right - left, bottom - top
        if label is None or width <= 0 or height <= 0:
            continue
        label = label if target.labels else ""
        score = float(found.scores[place])
        if target.makes is not Mask or prototypes is None:
            marks.append(Box(label, left, top, width, height, score))
        else:
            pixels += int(width * height)
            if len(marks) >= MOST_SHAPES or (marks and pixels > MOST_PIXELS // max(share, 1)):
                break
            drawn = masks.draw(
                prototypes, found.coefficients[place], boxes[place], placement, reading.size
            )
            if drawn is not None:
                marks.append(Mask(label, drawn, score))
        if len(marks) >= MOST_MARKS:
            break
    return Answer(marks, _mean(marks))


def fits(outputs: Sequence[NDArray[Any]], options: Mapping[str, Any]) -> None:
    """Check whether outputs for any picture are what is `used` of checked options.

    Raises:
        errors.Invalid: they are not; says what they are.
    """
    used = options["used"]
    classes = used["classes"]
    if used["form"] == "classifier":
        number = len(_chances(outputs))
        last = max(map(int, used["labels"]), default=0)
        if last >= number or classes not in (None, number):
            raise errors.Invalid(
                _("it tells %(number)s classes apart, but %(named)s are named"),
                number=number,
                named=classes or last + 1,
            )
        return
    head, prototypes = _parts(outputs, used["form"])
    extra = 0 if prototypes is None else len(prototypes)
    heads.head_of(head.shape, classes, tuple(used["size"]), extra)


def _parts(
    outputs: Sequence[NDArray[Any]], form: str
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the numbers of the head, and the prototype masks where the form has them."""
    numbers = [one.astype(np.float32) for one in outputs if one.dtype.kind in "fiu"]
    listed = [one for one in numbers if one.ndim == 3 and one.shape[0] == 1]
    listed += [one for one in numbers if one.ndim == 2 and one.shape[1] >= 7]
    prototypes = [one[0] for one in numbers if one.ndim == 4 and one.shape[0] == 1]
    if not listed or (form == "yolo-segmentation" and not prototypes):
        shapes = ", ".join("×".join(map(str, one.shape)) for one in outputs) or "–"
        raise errors.Invalid(
            _("its outputs have the shapes %(shapes)s, which the form “%(form)s” does not give"),
            shapes=shapes,
            form=form,
        )
    return listed[0], prototypes[0] if form == "yolo-segmentation" else None


def _chances(outputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return a probability for each class, from probabilities or from logits."""
    for one in outputs:
        if (
            one.dtype.kind == "f"
            and one.ndim >= 1
            and one.size == one.shape[-1 if one.ndim < 3 else 1]
        ):
            return one.reshape(-1).astype(np.float64)
    shapes = ", ".join("×".join(map(str, one.shape)) for one in outputs) or "–"
    raise errors.Invalid(
        _("its outputs have the shapes %(shapes)s, which the form “%(form)s” does not give"),
        shapes=shapes,
        form="classifier",
    )


def _choices(numbers: NDArray[np.float64], reading: Reading, target: Target) -> Answer:
    """Return the surest class, or each that is sure enough where several may be chosen."""
    usable = np.isfinite(numbers)
    if not usable.any():
        raise errors.Invalid(_("the model gave no usable number for this picture"))
    inside = usable & (numbers >= 0) & (numbers <= 1)
    if inside.sum() == usable.sum() and (
        not target.single or abs(numbers[usable].sum() - 1) < 0.02
    ):
        chances = np.where(usable, numbers, 0.0)
    elif target.single:
        raised = np.where(usable, np.exp(np.clip(numbers - numbers[usable].max(), -700, 0)), 0.0)
        chances = raised / raised.sum()
    else:
        chances = np.where(usable, 1 / (1 + np.exp(-np.clip(numbers, -500, 500))), 0.0)
    order = np.argsort(-chances, kind="stable")
    if target.single:
        order = order[:1]
    marks = [
        Choice(reading.labels[int(place)], float(chances[place]))
        for place in order
        if chances[place] >= reading.confidence and int(place) in reading.labels
    ][:MOST_MARKS]
    return Answer(marks, float(chances.max()))


def _mean(marks: Sequence[Mark]) -> float | None:
    return sum(mark.score for mark in marks) / len(marks) if marks else None
