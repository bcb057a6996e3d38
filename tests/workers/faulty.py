"""A model that does what the text of a task says, good and bad, for tests of the runner."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinbiao.datasets import errors
from jinbiao.workers.models.fixed import NeverTrained, WithoutOptions
from jinbiao.workers.models.interface import Answer, Given, Item, Serves, Span, Target


class Faulty(WithoutOptions, NeverTrained):
    """Mark the first two characters of a text, unless its first word names a fault."""

    name, version, queue = "faulty", "1", "cpu"
    serves = Serves("text", (Span,))

    def load(self, weights: bytes | None, target: Target, given: Given) -> Faulty:
        """Return itself."""
        return self

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Answer each item as its text wants it."""
        return [self._answer(item.texts["text"]) for item in items]

    def _answer(self, text: str) -> Answer:
        word = text.split()[0]
        if word == "breaks":
            raise ValueError("inside the model")
        if word == "refuses":
            raise errors.Invalid("this one cannot be read")
        if word == "dies":
            os._exit(9)
        if word == "hangs":
            time.sleep(3600)
        if word == "nan":
            return Answer([Span("ORG", 0, 2, float("nan"))], float("nan"))
        if word == "unknown":
            return Answer([Span("PLANET", 0, 2)])
        if word == "outside":
            return Answer([Span("ORG", 0, 9999)])
        if word == "many":
            return Answer([Span("ORG", 0, 2)] * 10_000)
        return Answer([Span("ORG", 0, 2, 0.9)], 0.9)

    def card(self) -> dict[str, Any]:
        """Say nothing."""
        return {"licence": "Apache-2.0"}


class Service(Faulty):
    """The same behind a service that is away while a file says so."""

    name, queue = "faulty_service", "io"

    def __init__(self, sign: Path) -> None:
        self.sign = sign
        self.asked = 0

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Answer unless the service is away."""
        self.asked += 1
        if self.sign.exists():
            raise errors.Refused("nobody answers")
        return super().predict(items)
