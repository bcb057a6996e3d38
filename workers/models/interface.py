"""Say what every pre-labelling model offers: fit on people's boxes, load, predict, card.

A model knows arrays only: no database, no storage, no queue. Pictures arrive upright (the
EXIF turn already applied) as `uint8` or `uint16` arrays of shape `(height, width)` or
`(height, width, channels)` with channels in the order grey, RGB or RGBA.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.generic]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright picture; `label` is "" while no class is known.

    `x` and `y` are the left and top edge; `score` is a probability from 0 to 1.
    """

    label: str
    x: float
    y: float
    width: float
    height: float
    score: float = 1.0


@dataclass(frozen=True)
class Example:
    """One task as people left it: its pictures by data key, and all of its boxes."""

    images: dict[str, Picture]
    boxes: list[Box]


class Predictor(Protocol):
    """A model with its weights, ready for pictures."""

    def predict(self, images: dict[str, Picture]) -> list[Box]:
        """Return the boxes found in one task's pictures, best first.

        Raises `errors.Invalid` for a picture that is missing or cannot be read as one.
        """
        ...


class Model(Protocol):
    """One way to pre-label, named and versioned."""

    @property
    def name(self) -> str:
        """Name the model in settings, predictions and lineage."""
        ...

    @property
    def version(self) -> str:
        """Change whenever the same weights may give other boxes."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """List the data keys that a task must hold, such as `("image", "template")`."""
        ...

    def fit(self, examples: Iterable[Example]) -> bytes:
        """Learn from people's boxes; the same examples in the same order give the same bytes."""
        ...

    def load(self, weights: bytes | None) -> Predictor:
        """Return a predictor; None gives boxes without a class where the model can.

        Raises `errors.Damaged` for bytes that `fit` did not write.
        """
        ...

    def card(self) -> dict[str, Any]:
        """Describe the model for people, each text as `{"zh": …, "en": …}`."""
        ...
