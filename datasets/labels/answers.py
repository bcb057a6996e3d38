"""Check the answers to questions: choices, ratings, words, numbers, dates, trees, orders."""

from __future__ import annotations

import datetime as dt
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
            yield from _path_problems(control, choice, f"{place}[{index}]")
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
            yield from _path_problems(control, path, f"{place}[{index}]")


def _path_problems(control: Control, path: list[Any], place: str) -> Iterator[Problem]:
    """Check that every label is known and that they lead from the root of the tree downward."""
    problems = list(unknown_labels(control, path, place))
    yield from problems
    known = not problems and control.paths and not control.dynamic
    if known and tuple(path) not in control.path_set:
        message = _("the labels of %(control)s have no path %(path)s")
        yield Problem(place, message, {"control": control.name, "path": " / ".join(path)[:500]})


def rating(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a number of stars."""
    stars, highest = value.get("rating"), control.options.get("maxrating", "5")
    limit = int(highest) if highest.isdecimal() else 5
    if not is_number(stars) or stars != int(stars) or not 0 <= stars <= limit:  # type: ignore[arg-type]
        message = _("must be a whole number from 0 to %(limit)s")
        yield Problem(f"{place}.rating", message, {"limit": limit})


def words(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check typed text: one string or a list of them."""
    text = value.get("text")
    lines = text if isinstance(text, list) else [text]
    if not all(isinstance(line, str) for line in lines):
        yield Problem(f"{place}.text", _("must be text or a list of texts"))


def number(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a number and the bounds that the configuration sets for it."""
    given = value.get("number")
    if not is_number(given):
        yield Problem(f"{place}.number", _("must be a finite number"))
        return
    low, high = _bound(control, "min"), _bound(control, "max")
    if low is not None and given < low:  # type: ignore[operator]
        yield Problem(f"{place}.number", _("must be at least %(limit)s"), {"limit": low})
    if high is not None and given > high:  # type: ignore[operator]
        yield Problem(f"{place}.number", _("must be at most %(limit)s"), {"limit": high})


def _bound(control: Control, name: str) -> float | None:
    try:
        bound = float(control.options.get(name, ""))
    except ValueError:
        return None
    return bound if is_number(bound) else None


def moment(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check a date: ISO 8601 unless the configuration chooses another form, or a part of one."""
    date, place = value.get("datetime"), f"{place}.datetime"
    if control.options.get("only") == "year" and type(date) is int:
        date = str(date)
    if not isinstance(date, str) or not 0 < len(date) <= 64:
        yield Problem(place, _("must be a date as text"))
    elif not (control.options.get("format") or control.options.get("only")):
        if not _is_iso(date):
            yield Problem(place, _("must be a date such as 2026-11-20 or 2026-11-20T14:05"))
            return
        first, last = control.options.get("min", ""), control.options.get("max", "")
        if _is_iso(first) and date[: len(first)] < first:
            yield Problem(place, _("must not lie before %(limit)s"), {"limit": first})
        if _is_iso(last) and date[: len(last)] > last:
            yield Problem(place, _("must not lie after %(limit)s"), {"limit": last})


def _is_iso(date: str) -> bool:
    try:
        dt.datetime.fromisoformat(date)
    except ValueError:
        return False
    return True


def pairwise(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check which of two was taken; clicking it again takes it back."""
    if value.get("selected") not in ("left", "right", "none"):
        yield Problem(f"{place}.selected", _("must be left or right"))


def ranker(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check an order: a list of ids, or one for each bucket."""
    for ids in _orders(value):
        if not (isinstance(ids, list) and all(isinstance(each, str) for each in ids)):
            message = _("must be a list of texts, or one for each bucket")
            yield Problem(f"{place}.ranker", message)
            return


def unknown_items(value: Value, place: str, known: frozenset[str] | None) -> Iterator[Problem]:
    """Check that an order names items of the task's list, each once; None: not known."""
    orders = [ids for ids in _orders(value) if isinstance(ids, list)]
    named = [each for ids in orders for each in ids if isinstance(each, str)]
    place = f"{place}.ranker"
    if len(set(named)) < len(named):
        yield Problem(place, _("an item is there twice"))
    for item in named:
        if known is not None and item not in known:
            yield Problem(place, _("the list has no item %(id)s"), {"id": item[:200]})


def _orders(value: Value) -> list[Any]:
    order = value.get("ranker")
    return list(order.values()) if isinstance(order, dict) else [order]


def message(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check one message of a conversation: who says what."""
    said, place = value.get("chatmessage"), f"{place}.chatmessage"
    if not isinstance(said, dict):
        yield Problem(place, _("must be an object"))
        return
    for name in ("role", "content"):
        if not isinstance(said.get(name), str):
            yield Problem(f"{place}.{name}", _("must be text"))
    made = said.get("createdAt")
    if made is not None and not is_number(made):
        yield Problem(f"{place}.createdAt", _("must be a finite number"))


def own_value(control: Control, value: Value, place: str) -> Iterator[Problem]:
    """Check the answer of a tag that brings its own form: an object."""
    if not isinstance(value.get(control.tag.lower()), dict):
        yield Problem(f"{place}.{control.tag.lower()}", _("must be an object"))


ANSWERS: dict[str, AnswerCheck] = {
    "choices": choices,
    "taxonomy": taxonomy,
    "rating": rating,
    "textarea": words,
    "number": number,
    "datetime": moment,
    "pairwise": pairwise,
    "ranker": ranker,
    "chatmessage": message,
    "reactcode": own_value,
    "custominterface": own_value,
}
