"""Ask a language model behind any OpenAI-compatible endpoint, and check all that it says.

One door is for texts (classes, stretches of text), one for pictures where the model sees
(classes, boxes). What it answers only ever becomes marks with labels of the project.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any

import msgspec

from ....datasets import errors
from ....datasets.errors import _
from .. import services
from ..fixed import NeverTrained
from ..interface import (
    Answer,
    Box,
    Choice,
    Given,
    Item,
    MarkKind,
    Predictor,
    Serves,
    Span,
    Target,
    Usage,
)
from . import prompts, replies
from .card import card_of
from .cost import cost, price

__all__ = ["LanguageModel", "cost"]

LONGEST_PROMPT = 20_000  # characters
MOST_AT_ONCE = 16
MOST_TOKENS = 1_000_000
# Answers that are remembered: a batch of which one task failed is asked about again.
REMEMBERED = 64
# What it may be told to make, in the words of the option.
MARKS: dict[str, MarkKind] = {"choices": Choice, "spans": Span, "boxes": Box}
NAMES = tuple(
    "url model marks prompt temperature maximum_tokens json_mode at_once coordinates "
    "price_in price_out".split()
)


class LanguageModel(NeverTrained):
    """Pre-label with a language model; it is not trained, it is told."""

    version = "1"
    queue = "io"

    def __init__(self, sees: bool = False) -> None:
        """Make the door for texts, or for pictures where the model `sees`."""
        self.sees = sees
        self.name = "language_model_pictures" if sees else "language_model"
        self.serves = Serves("picture", (Box, Choice)) if sees else Serves("text", (Span, Choice))

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        """Return the options with defaults in place; nobody is asked yet.

        Raises:
            errors.Invalid: one cannot be used.
        """
        services.known(options, NAMES)
        if file is not None:
            raise errors.Invalid(_("this model takes no file"), place="file")
        prompt = services.text(options, "prompt", "", LONGEST_PROMPT)
        if prompt and not self.sees and "{text}" not in prompt:
            raise errors.Invalid(
                _("must hold {text} where the text of the task goes"), place="options.prompt"
            )
        coordinates = services.text(options, "coordinates", "thousandths")
        if coordinates not in ("thousandths", "pixels"):
            raise errors.Invalid(
                _("must be one of %(names)s"),
                place="options.coordinates",
                names="thousandths, pixels",
            )
        marks = services.text(options, "marks", "")
        allowed = [name for name, kind in MARKS.items() if kind in self.serves.makes]
        if marks and marks not in allowed:
            raise errors.Invalid(
                _("must be one of %(names)s"), place="options.marks", names=", ".join(allowed)
            )
        return {
            "url": services.address(options),
            "model": services.text(options, "model"),
            "marks": marks,
            "prompt": prompt,
            "temperature": services.number(options, "temperature", 0, 0, 2),
            "maximum_tokens": int(services.number(options, "maximum_tokens", 2000, 1, MOST_TOKENS)),
            "json_mode": services.switch(options, "json_mode", True),
            "at_once": int(services.number(options, "at_once", 4, 1, MOST_AT_ONCE)),
            "coordinates": coordinates,
            "price_in": price(options, "price_in"),
            "price_out": price(options, "price_out"),
        }

    def serving(self, options: Mapping[str, Any]) -> Serves:
        """Return what it makes with checked options, where they choose one of several."""
        marks = options.get("marks")
        return replace(self.serves, makes=(MARKS[str(marks)],)) if marks else self.serves

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor.

        Raises:
            errors.Refused: the project has no labels to choose from, or too many.
        """
        if weights is not None:
            raise errors.Damaged(_("this model has no weights of its own"))
        if target.makes not in self.serving(given.options).makes:
            raise errors.Refused(_("this model does not make what the project labels"))
        if not 0 < len(target.labels) <= prompts.MOST_LABELS:
            raise errors.Refused(
                _("a language model chooses from 1 to %(most)s labels; the project has %(number)s"),
                most=prompts.MOST_LABELS,
                number=len(target.labels),
            )
        return Asked(target, given)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return card_of(self.sees)


class Asked:
    """Ask about items, several at once; each question counts what it costs once."""

    def __init__(self, target: Target, given: Given) -> None:
        """Take checked options."""
        self._target = target
        self._given = given
        self._known: OrderedDict[bytes, Answer] = OrderedDict()
        # Tokens of replies that could not be used: they are paid all the same.
        self._lost = Usage()
        self._lock = Lock()

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return an answer for each item.

        Raises:
            errors.Invalid: an item cannot be asked about, or the reply not be used.
            errors.Refused: the service does not answer, or has no more to give now.
        """
        with ThreadPoolExecutor(min(self._given.options["at_once"], max(len(items), 1))) as pool:
            keys = [_key(item) for item in items]
            asked = [pool.submit(self._answer, *each) for each in zip(items, keys, strict=True)]
            try:
                # The first problem is raised, once those on the way have ended.
                answers = [one.result() for one in asked]
            except errors.JinbiaoError as problem:
                if isinstance(problem, errors.Refused):
                    for one in asked:
                        one.cancel()
                raise
        for key in keys:
            self._known.pop(key, None)
        return [self._with_lost(answer) for answer in answers]

    def _answer(self, item: Item, key: bytes) -> Answer:
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        options = self._given.options
        in_pixels = options["coordinates"] == "pixels"
        prompt = options["prompt"] or prompts.DEFAULTS[self._target.makes]
        question = {
            "model": options["model"],
            "messages": prompts.messages(prompt, item, self._target, in_pixels),
            "temperature": options["temperature"],
            "max_tokens": options["maximum_tokens"],
            "stream": False,
        }
        if options["json_mode"]:
            question["response_format"] = {"type": "json_object"}
        url = f"{options['url']}/chat/completions"
        told = services.decoded(services.ask(self._given, "POST", url, question), url)
        usage = _usage(told)
        try:
            answer = replies.answer(_reply(told), item, self._target, in_pixels)
        except errors.JinbiaoError:
            with self._lock:
                self._lost = _sum(self._lost, usage)
            raise
        answer = replace(answer, usage=usage)
        with self._lock:
            self._known[key] = answer
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return answer

    def _with_lost(self, answer: Answer) -> Answer:
        """Return an answer that also counts the tokens of replies of no use."""
        with self._lock:
            lost, self._lost = self._lost, Usage()
        return replace(answer, usage=_sum(answer.usage or Usage(), lost))


def _key(item: Item) -> bytes:
    """Return what tells items apart."""
    digest = hashlib.sha256()
    for name, text in sorted(item.texts.items()):
        digest.update(msgspec.json.encode([name, text]))
    for name, picture in sorted(item.pictures.items()):
        digest.update(f"{name} {picture.shape} {picture.dtype}".encode() + picture.tobytes())
    return digest.digest()


def _reply(told: Any) -> str:
    """Return what the model said.

    Raises:
        errors.Invalid: it said nothing, or was cut off.
    """
    try:
        choice = told["choices"][0]
        said, end = choice["message"]["content"], choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError) as problem:
        raise errors.Refused(_("the service does not answer as a language model does")) from problem
    if end == "length":
        raise errors.Invalid(_("the model's answer was cut off: allow it more tokens"))
    if isinstance(said, list):
        # In parts, as some servers give it.
        parts = [one.get("text") for one in said if isinstance(one, dict)]
        said = "".join(part for part in parts if isinstance(part, str))
    if end == "content_filter" or not isinstance(said, str) or not said.strip():
        raise errors.Invalid(_("the model gave no answer"))
    return said


def _usage(told: Any) -> Usage:
    """Return the tokens that a service counted; what is no count is none."""
    counted = told.get("usage") if isinstance(told, dict) else None
    found = counted if isinstance(counted, dict) else {}
    return Usage(_count(found.get("prompt_tokens")), _count(found.get("completion_tokens")))


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1_000_000_000 else 0


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.tokens_in + other.tokens_in, one.tokens_out + other.tokens_out)
