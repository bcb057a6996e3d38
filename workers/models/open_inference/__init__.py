"""Ask models at services that speak the Open Inference Protocol: Triton, KServe and others.

One door is for pictures, prepared and read as for ONNX files, one for texts that are classified.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from .. import colours, exported, services
from ..fixed import NeverTrained, OneKind
from ..interface import Answer, Box, Choice, Given, Item, Mask, Predictor, Serves, Target
from .card import PICTURE_CARD, TEXT_CARD
from .protocol import KINDS, Output, Service, Tensor
from .texts import choices, text_labels

PLACE = ("url", "model", "version", "binary")
BATCH_SECONDS = 150.0


class OpenInference(NeverTrained):
    """Pre-label pictures with a model at a service."""

    name = "open_inference"
    version = "1"
    serves = Serves("picture", (Box, Mask, Choice))
    queue = "io"

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return the options; nobody is asked yet.

        Raises:
            errors.Invalid: one cannot be used.
        """
        services.known(options, (*PLACE, *exported.NAMES))
        _no_file(file)
        return {**_place(options), **exported.check(options, exported.Known())}

    def serving(self, options: Mapping[str, Any]) -> Serves:
        """Return what it makes with checked options: what its form gives, nothing else."""
        return replace(self.serves, makes=exported.FORMS[str(options["used"]["form"])])

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; the service is asked with the first picture."""
        _no_weights(weights)
        return Pictures(_service(given), exported.reading(given.options, target), target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return PICTURE_CARD


class OpenInferenceText(OneKind, NeverTrained):
    """Pre-label texts with a classifier at a service."""

    name = "open_inference_text"
    version = "1"
    serves = Serves("text", (Choice,))
    queue = "io"

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return the options; nobody is asked yet.

        Raises:
            errors.Invalid: one cannot be used.
        """
        services.known(options, (*PLACE, "labels", "confidence"))
        _no_file(file)
        confidence = services.number(options, "confidence", 0.5, 0, 1)
        labels = text_labels(options.get("labels"))
        return {**_place(options), "labels": labels, "confidence": confidence}

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; the service is asked with the first text."""
        _no_weights(weights)
        return Texts(_service(given), given.options, target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return TEXT_CARD


class Asking(ABC):
    """Ask a service about items one by one, after it has said what its model takes."""

    def __init__(self, service: Service, target: Target) -> None:
        """Take a service that nobody has asked yet."""
        self._service = service
        self._target = target
        self._taken: Tensor | None = None

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return an answer for each item.

        Raises:
            errors.Invalid: an item cannot be read, or the answer to it.
            errors.Refused: the service does not answer.
        """
        end = time.monotonic() + BATCH_SECONDS
        answers: list[Answer] = []
        for item in items:
            if answers and time.monotonic() > end:
                # Whoever asks then asks about each by itself, with time for each.
                raise errors.Invalid(_("the service is too slow for several tasks at once"))
            try:
                answers.append(self._answer(item, len(items)))
            except errors.Refused:
                # When it is back it may be another.
                self._taken = None
                raise
        return answers

    @abstractmethod
    def _answer(self, item: Item, share: int) -> Answer:
        """Return the answer to one item of `share` that are asked about together."""

    def _input(self) -> Tensor:
        """Return the one input of the model.

        Raises:
            errors.Refused: it has several, or none.
        """
        if self._taken is None:
            inputs, _outputs = self._service.tensors()
            if len(inputs) != 1:
                raise errors.Refused(
                    _("the model takes %(number)s inputs; it must take one"), number=len(inputs)
                )
            self._taken = inputs[0]
        return self._taken


class Pictures(Asking):
    """Ask about pictures."""

    def __init__(self, service: Service, reading: exported.Reading, target: Target) -> None:
        """Take how pictures go in and numbers are read."""
        super().__init__(service, target)
        self._reading = reading

    def _answer(self, item: Item, share: int) -> Answer:
        picture = colours.read(item, self._target.key)
        taken = self._input()
        wanted, size = _wanted(taken)
        reading = replace(self._reading, size=size or self._reading.size)
        values, placement = exported.prepare(picture, reading, wanted)
        has_batch = len(taken.shape) == 4
        found = self._service.infer(taken, values if has_batch else values[0])
        numbers = [_batched(one, has_batch) for one in found if one.numbers is not None]
        return exported.answer(numbers, reading, placement, self._target, share)


class Texts(Asking):
    """Ask about texts."""

    def __init__(self, service: Service, options: Mapping[str, Any], target: Target) -> None:
        """Take checked options."""
        super().__init__(service, target)
        self._options = options

    def _answer(self, item: Item, share: int) -> Answer:
        text = item.texts.get(self._target.key)
        if text is None:
            raise errors.Invalid(_("the task has no text “%(key)s”"), key=self._target.key)
        taken = self._input()
        if taken.kind != "BYTES":
            raise errors.Refused(
                _("the model takes %(kind)s, not text (BYTES)"), kind=taken.kind[:20]
            )
        found: list[Output] = self._service.infer(taken, [text])
        return choices(found, self._options, self._target)


def _wanted(taken: Tensor) -> tuple[exported.Input, tuple[int, int] | None]:
    """Return the form of the input, and (height, width) where they are fixed.

    Raises:
        errors.Refused: it takes no pictures with one or three channels.
    """
    shape = taken.shape if len(taken.shape) == 4 else (1, *taken.shape)
    kind = KINDS.get(taken.kind, "")
    for layout, axis in (("NCHW", 1), ("NHWC", 3)):
        if len(shape) != 4 or shape[axis] not in (1, 3) or shape[0] not in (1, -1):
            continue
        if kind == "uint8" or kind.startswith("float"):
            height, width = shape[2:] if layout == "NCHW" else shape[1:3]
            fixed = (height, width) if 0 < height <= 4096 and 0 < width <= 4096 else None
            return exported.Input(layout, kind, shape[axis]), fixed
    raise errors.Refused(
        _("the model takes %(kind)s %(shape)s, not pictures"),
        kind=taken.kind[:20],
        shape="×".join(map(str, taken.shape)),
    )


def _batched(output: Output, has_batch: bool) -> NDArray[Any]:
    numbers = np.zeros(0) if output.numbers is None else output.numbers
    return numbers if has_batch else numbers[None]


def _place(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": services.address(options),
        "model": services.text(options, "model"),
        "version": services.text(options, "version", ""),
        "binary": services.switch(options, "binary", False),
    }


def _service(given: Given) -> Service:
    options = given.options
    return Service(given, options["url"], options["model"], options["version"], options["binary"])


def _no_file(file: bytes | None) -> None:
    if file is not None:
        raise errors.Invalid(_("this model takes no file"), place="file")


def _no_weights(weights: bytes | None) -> None:
    if weights is not None:
        raise errors.Damaged(_("this model has no weights of its own"))
