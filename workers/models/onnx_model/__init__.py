"""Run any exported ONNX model: YOLO boxes and shapes, classifiers of whole pictures.

The file runs in a process of its own with little memory and time, so that a damaged or hostile
one harms nobody else. It is opened and tried once before it is kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....datasets import errors
from ....datasets.errors import _
from .. import colours, exported
from ..fixed import NeverTrained
from ..interface import Answer, Box, Choice, Given, Item, Mask, Predictor, Serves, Target
from .card import CARD
from .process import Session

MOST_BYTES = 512 * 1024**2
CHECK_SECONDS = 20.0
BATCH_SECONDS = 200.0
MOST_CRASHES = 3  # in a row
# What tools write of a model's task → the form of what it gives.
_TASKS = {"detect": "yolo", "segment": "yolo-segmentation", "classify": "classifier"}


class OnnxModel(NeverTrained):
    """Pre-label pictures with a file that was trained elsewhere."""

    name = "onnx"
    version = "1"
    serves = Serves("picture", (Box, Mask, Choice))
    queue = "cpu"

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return the options with what the file says in place, after a trial run of the file.

        Raises:
            errors.Invalid: an option or the file cannot be used.
        """
        for name in options:
            if name not in exported.NAMES:
                raise errors.Invalid(_("this model takes no such option"), place=f"options.{name}")
        if not file:
            raise errors.Invalid(_("this model needs its file"), place="file")
        if len(file) > MOST_BYTES:
            raise errors.TooLarge(
                _("must have at most %(most)s MB"), place="file", most=MOST_BYTES // 1024**2
            )
        session = Session(file)
        try:
            return _tried(session, options)
        except errors.Invalid as problem:
            if problem.place:
                raise
            raise errors.Invalid(problem.message, place="file", **problem.values) from problem
        finally:
            session.close()

    def serving(self, options: Mapping[str, Any]) -> Serves:
        """Return what it makes with checked options: what its form gives, nothing else."""
        return replace(self.serves, makes=exported.FORMS[str(options["used"]["form"])])

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; its process starts with the first picture."""
        if weights is not None:
            raise errors.Damaged(_("this model has no weights of its own"))
        if given.file is None:
            raise errors.Damaged(_("this model needs its file"))
        return Running(Session(given.file), exported.reading(given.options, target), target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return CARD


class Running:
    """An open file, ready for pictures."""

    def __init__(self, session: Session, reading: exported.Reading, target: Target) -> None:
        """Take a session that may not be open yet."""
        self._session = session
        self._reading = reading
        self._target = target
        self._wanted: exported.Input | None = None

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the marks of each picture.

        Raises:
            errors.Invalid: a picture cannot be read, or the model fails on it.
            errors.Refused: the model failed several times in a row.
        """
        end = time.monotonic() + BATCH_SECONDS
        answers: list[Answer] = []
        for item in items:
            if answers and time.monotonic() > end:
                # Whoever asks then asks about each by itself, with time for each.
                raise errors.Invalid(_("the model is too slow for several pictures at once"))
            answers.append(self._answer(item, len(items)))
        return answers

    def _answer(self, item: Item, share: int) -> Answer:
        session = self._session
        if session.crashes >= MOST_CRASHES:
            # Said once: whoever comes again later may try.
            session.crashes = 0
            raise errors.Refused(
                _("the model crashed %(number)s times in a row"), number=MOST_CRASHES
            )
        picture = colours.read(item, self._target.key)
        if self._wanted is None:
            self._wanted = _wanted(session.open()["input"])
        values, placement = exported.prepare(picture, self._reading, self._wanted)
        outputs = session.run(values)
        return exported.answer(outputs, self._reading, placement, self._target, share)


def _tried(session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked options for a file that gave for a grey picture what they say."""
    told = session.open(CHECK_SECONDS)
    wanted = _wanted(told["input"])
    checked = exported.check(options, _known(told, wanted))
    height, width = checked["used"]["size"]
    shape = (1, wanted.channels, height, width)
    if wanted.layout == "NHWC":
        shape = (1, height, width, wanted.channels)
    grey = np.full(shape, 0.447 if wanted.kind != "uint8" else 114, np.dtype(wanted.kind))
    exported.fits(session.run(grey, CHECK_SECONDS), checked)
    return checked


def _wanted(told: Mapping[str, Any]) -> exported.Input:
    """Return what a file takes: a batch of one, or of any number.

    Raises:
        errors.Invalid: it takes no pictures with one or three channels.
    """
    shape = list(told["shape"])
    for layout, axis in (("NCHW", 1), ("NHWC", 3)):
        if shape[axis] in (1, 3) and (shape[0] == 1 or not isinstance(shape[0], int)):
            return exported.Input(layout, str(told["type"]), int(shape[axis]))
    raise errors.Invalid(
        _("the model must take one picture of four axes, not %(detail)s"),
        detail="×".join(map(str, shape)),
    )


def _known(told: Mapping[str, Any], wanted: exported.Input) -> exported.Known:
    shape, metadata = told["input"]["shape"], told["metadata"]
    sides = shape[2:] if wanted.layout == "NCHW" else shape[1:3]
    # Such as "[640, 640]".
    usual = [int(side) for side in re.findall(r"\d{2,4}", metadata["size"])]
    return exported.Known(
        form=_TASKS.get(metadata["task"], ""),
        names={int(number): str(name) for number, name in metadata["names"].items()},
        fixed=(sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None,
        usual=(usual[0], usual[1]) if len(usual) == 2 else None,
        plain="ultralytics" in metadata["author"].lower(),
    )
