"""Read the marks in a language model's reply, and believe none that cannot be checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....datasets import errors
from ....datasets.errors import _
from ..interface import Answer, Box, Choice, Item, Mark, Span, Target
from .prompts import THOUSANDTHS, labels_of, sent_size

LONGEST_REPLY = 1_000_000  # characters
MOST_TRIES = 200  # places in a reply where an object may begin
MOST_MARKS = 1_000
_KEYS = {Choice: "labels", Span: "spans", Box: "boxes"}


def answer(reply: str, item: Item, target: Target, in_pixels: bool = False) -> Answer:
    """Return the marks in a reply; what is not in the task or no label is left out.

    Boxes are in thousandths of the picture, or `in_pixels` of the picture that was sent.

    Raises:
        errors.Invalid: there is no such JSON in it, or nothing of what it says can be used.
    """
    key = _KEYS[target.makes]
    told = found(reply, key)
    said = told[key]
    # One alone comes without its list now and then.
    listed = said if isinstance(said, list) else [said] if said else []
    known = labels_of(target)
    marks: list[Mark]
    if target.makes is Choice:
        marks = [*_choices(listed, told, known, target)]
    elif target.makes is Span:
        marks = [*_spans(listed, known, item.texts[target.key])]
    else:
        height, width = item.pictures[target.key].shape[:2]
        whole = sent_size(height, width) if in_pixels else (THOUSANDTHS, THOUSANDTHS)
        marks = [*_boxes(listed, known, (height, width), whole)]
    if listed and not marks:
        raise errors.Invalid(
            _("nothing that the model said fits the task and its labels: %(said)s"),
            said=json.dumps(listed, ensure_ascii=False, default=str)[:200],
        )
    scores = [mark.score for mark in marks]
    return Answer(marks[:MOST_MARKS], min(scores) if scores and target.makes is Choice else None)


def found(reply: str, key: str) -> dict[str, Any]:
    """Return the last JSON object with a key in a reply, whatever stands around it.

    Raises:
        errors.Invalid: there is none.
    """
    text = reply[:LONGEST_REPLY]
    # What it thought before it spoke, as some models and servers leave it in.
    spoken = text.rpartition("</think>")[2]
    told = [value for value in _values(spoken, "{") if isinstance(value, dict) and key in value]
    if told:
        return dict(told[-1])
    # Some give the bare list.
    for value in _values(spoken, "["):
        if isinstance(value, list) and all(isinstance(one, str | dict) for one in value):
            return {key: value}
    raise errors.Invalid(
        _("the model did not answer in the form that was asked: %(said)s"),
        said=" ".join(text.split())[:200],
    )


def _values(text: str, start: str) -> Iterator[Any]:
    """List the JSON values in a text that begin with a sign, also those inside of others."""
    decoder = json.JSONDecoder()
    place = -1
    for _try in range(MOST_TRIES):
        place = text.find(start, place + 1)
        if place < 0:
            return
        try:
            yield decoder.raw_decode(text, place)[0]
        except (ValueError, RecursionError):
            continue


def _choices(
    listed: Sequence[Any], told: Mapping[str, Any], known: Mapping[str, str], target: Target
) -> Iterator[Choice]:
    labels = dict.fromkeys(label for one in listed if (label := _label(one, known)))
    score = _share(told.get("confidence"))
    for number, label in enumerate(labels):
        if number == 0 or not target.single:
            yield Choice(label, score)


def _spans(listed: Sequence[Any], known: Mapping[str, str], text: str) -> Iterator[Span]:
    seen = set()
    for one in listed[: 2 * MOST_MARKS]:
        if not isinstance(one, dict) or not isinstance(one.get("text"), str):
            continue
        label = _label(one.get("label"), known)
        place = _place(text, one["text"], one.get("occurrence"))
        if label and place and (label, place) not in seen:
            seen.add((label, place))
            yield Span(label, *place, _share(one.get("confidence")))


def _place(text: str, quote: str, occurrence: Any) -> tuple[int, int] | None:
    """Return where a quotation stands in a text; None where it does not."""
    for wanted in (quote, quote.strip()):
        if not wanted or len(wanted) > len(text):
            continue
        number = occurrence if type(occurrence) is int and occurrence > 0 else 1
        start = -1
        first = text.find(wanted)
        for _time in range(min(number, MOST_MARKS)):
            start = text.find(wanted, start + 1)
            if start < 0:
                break
        if start < 0 <= first and text.find(wanted, first + 1) < 0:
            # It stands there once only: miscounted, but no doubt what is meant.
            start = first
        if start >= 0:
            return start, start + len(wanted)
    return None


def _boxes(
    listed: Sequence[Any],
    known: Mapping[str, str],
    size: tuple[int, int],
    whole: tuple[int, int],
) -> Iterator[Box]:
    """List the boxes in pixels of the picture of a size; `whole` is its size as they are told."""
    height, width = size
    for one in listed[: 2 * MOST_MARKS]:
        edges = one.get("box") if isinstance(one, dict) else None
        label = _label(one.get("label"), known) if isinstance(one, dict) else None
        if label is None or not isinstance(edges, list) or len(edges) != 4:
            continue
        if not all(_is_number(edge) for edge in edges):
            continue
        down, across = whole
        left, right = (min(max(edge / across, 0.0), 1.0) for edge in edges[::2])
        top, bottom = (min(max(edge / down, 0.0), 1.0) for edge in edges[1::2])
        if right > left and bottom > top:
            yield Box(
                label,
                left * width,
                top * height,
                (right - left) * width,
                (bottom - top) * height,
                _share(one.get("confidence")),
            )


def _label(said: Any, known: Mapping[str, str]) -> str | None:
    """Return the label that is meant; None for what is none."""
    if isinstance(said, dict):
        said = said.get("label")
    return known.get(said.strip().casefold()) if isinstance(said, str) else None


def _share(value: Any) -> float:
    """Return how sure it says it is; sure where it does not say."""
    return min(max(float(value), 0.0), 1.0) if _is_number(value) else 1.0


def _is_number(value: Any) -> bool:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return usable and abs(value) < 1e9 and math.isfinite(value)
