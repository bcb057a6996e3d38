"""Check the answers to questions: choices, ratings, words, numbers, dates, trees, orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import Problem, _
from .config import Control
from .geometry import Value, is_number

AnswerCheck = Callable[[Control, Value, str], Iterator[Problem]]


def unknown_labels(control: Control, labels: list[Any], place: str) -> Iterator[Problem]:
    """Yield one Problem for each label that the control does not have."""
    known = control.label_set
    for index, label in enumerate(labels):
        if not isinstance(label, str):
            yield Problem(f"{place}[{index}]", _("a label must be text"))
        elif label not in known and not control.dynamic:
            message = _("the label %(label)s is not one of %(control)s")
            values = {"label": label[:200], "control": control.name}
            yield Problem(f"{place}[{index}]", message, values)


def choices(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check chosen labels; a nested choice is a path from the root."""
    chosen = value.get("choices")
    place = f"{place}.choices"
    if not isinstance(chosen, list) or not chosen:
        yield Problem(place, _("must be a list of at least one label"))
        return
    if control.single and len(chosen) > 1:
        yield Problem(place, _("only one choice is allowed"))
    for index, choice in enumerate(chosen):
        if isinstance(choice, list):
            yield from unknown_labels(control, choice, f"{place}[{index}]")
    plain = [choice for choice in chosen if not isinstance(choice, list)]
    yield from unknown_labels(control, plain, place)


def taxonomy(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check paths through a tree of labels."""
    paths = value.get("taxonomy")
    place = f"{place}.taxonomy"
    if not isinstance(paths, list) or not paths:
        yield Problem(place, _("must be a list of at least one path"))
        return
    for index, path in enumerate(paths):
        if not isinstance(path, list) or not path:
            yield Problem(f"{place}[{index}]", _("must be a list of at least one label"))
        else:
            yield from unknown_labels(control, path, f"{place}[{index}]")


def rating(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a number of stars."""
    stars, highest = value.get("rating"), control.options.get("maxrating", "5")
    limit = int(highest) if highest.isdecimal() else 5
    if not is_number(stars) or not 0 <= stars <= limit:  # type: ignore[operator]
        message = _("must be a number from 0 to %(limit)s")
        yield Problem(f"{place}.rating", message, {"limit": limit})


def words(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check typed text: one string or a list of them."""
    text = value.get("text")
    lines = text if isinstance(text, list) else [text]
    if not all(isinstance(line, str) for line in lines):
        yield Problem(f"{place}.text", _("must be text or a list of texts"))


def number(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a number."""
    if not is_number(value.get("number")):
        yield Problem(f"{place}.number", _("must be a finite number"))


def moment(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a date, whose form the configuration chooses."""
    date = value.get("datetime")
    if not isinstance(date, str) or not 0 < len(date) <= 64:
        yield Problem(f"{place}.datetime", _("must be a date as text"))


def pairwise(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check which of two was taken."""
    if value.get("selected") not in ("left", "right"):
        yield Problem(f"{place}.selected", _("must be left or right"))


def ranker(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check an order: a list of ids, or one for each bucket."""
    order = value.get("ranker")
    lists = list(order.values()) if isinstance(order, dict) else [order]
    if not all(isinstance(ids, list) and all(isinstance(i, str) for i in ids) for ids in lists):
        yield Problem(f"{place}.ranker", _("must be a list of texts, or one for each bucket"))


ANSWERS: dict[str, AnswerCheck] = {
    "choices": choices,
    "taxonomy": taxonomy,
    "rating": rating,
    "textarea": words,
    "number": number,
    "datetime": moment,
    "pairwise": pairwise,
    "ranker": ranker,
}
