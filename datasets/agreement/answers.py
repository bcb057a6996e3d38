"""Say how much two answers to a question agree: 0 for not at all, 1 for the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..labels import Control

LONGEST_TEXT = 20_000  # characters of an answer that is compared
MOST_ITEMS = 500  # of an order that is compared

Region = Mapping[str, Any]
Answers = Sequence[Region]
Measure = Callable[[Control, Answers, Answers], float | None]


def jaccard(first: frozenset[Any], second: frozenset[Any]) -> float:
    """Return how many are in both of those in either; one choice of each is equal or not."""
    either = first | second
    return len(first & second) / len(either) if either else 1.0


def chosen(regions: Answers) -> frozenset[Any]:
    """Return the choices or the paths of a tree that somebody took."""
    found: set[Any] = set()
    for region in regions:
        for item in region["value"].get(region["type"]) or ():
            found.add(tuple(item) if isinstance(item, list) else item)
    return frozenset(found)


def _choices(control: Control, first: Answers, second: Answers) -> float:
    return jaccard(chosen(first), chosen(second))


def _rating(control: Control, first: Answers, second: Answers) -> float:
    """Return 1 − |a − b| / the number of stars there are."""
    highest = control.options.get("maxrating", "5")
    most = int(highest) if highest.isdecimal() and int(highest) > 0 else 5
    apart: float = abs(_said(first, "rating") - _said(second, "rating"))
    return max(0.0, 1 - apart / most)


def _number(control: Control, first: Answers, second: Answers) -> float:
    """Return 1 − |a − b| / (max − min) of the config, else divided by the larger magnitude."""
    one: float = _said(first, "number")
    other: float = _said(second, "number")
    if one == other:
        return 1.0
    low, high = (_bound(control, name) for name in ("min", "max"))
    bounded = low is not None and high is not None and high > low
    width = high - low if bounded else max(abs(one), abs(other))  # type: ignore[operator]
    return max(0.0, 1 - abs(one - other) / width)


def _bound(control: Control, name: str) -> float | None:
    try:
        return float(control.options.get(name, ""))
    except ValueError:
        return None


def _said(regions: Answers, name: str) -> Any:
    return regions[-1]["value"][name]


def _same(name: str) -> Measure:
    def measure(control: Control, first: Answers, second: Answers) -> float:
        return float(str(_said(first, name)) == str(_said(second, name)))

    return measure


def _text(control: Control, first: Answers, second: Answers) -> float | None:
    one, other = _words(first), _words(second)
    if max(len(one), len(other)) > LONGEST_TEXT:
        return None
    return similarity(one, other)


def _words(regions: Answers) -> str:
    lines: list[str] = []
    for region in regions:
        text = region["value"]["text"]
        lines += text if isinstance(text, list) else [text]
    return "\n".join(lines)


def similarity(first: str, second: str) -> float:
    """Return 1 − Levenshtein's distance / the longer length, of code points."""
    longest = max(len(first), len(second))
    return 1 - distance(first, second) / longest if longest else 1.0


def distance(first: str, second: str) -> int:
    """Return how many characters must be put in, taken out or changed (Levenshtein 1966).

    A column of the table is kept as bits of two whole numbers (Myers 1999, Hyyrö 2003).
    """
    if not first or not second:
        return len(first) + len(second)
    where: dict[str, int] = {}
    for place, character in enumerate(first):
        where[character] = where.get(character, 0) | 1 << place
    every = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    rises, falls, found = every, 0, len(first)
    for character in second:
        same = where.get(character, 0)
        diagonal = (((same & rises) + rises) ^ rises) | same | falls
        up, down = falls | ~(diagonal | rises) & every, diagonal & rises
        found += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & every
        down = down << 1 & every
        rises, falls = down | ~(diagonal | up) & every, up & diagonal
    return found


def _ranker(control: Control, first: Answers, second: Answers) -> float | None:
    one, other = _said(first, "ranker"), _said(second, "ranker")
    if isinstance(one, dict) and isinstance(other, dict):
        return jaccard(_placed(one), _placed(other))
    if isinstance(one, dict) or isinstance(other, dict):
        return None
    return None if max(len(one), len(other)) > MOST_ITEMS else concordance(one, other)


def _placed(buckets: Mapping[str, list[str]]) -> frozenset[tuple[str, str]]:
    return frozenset((name, item) for name, items in buckets.items() for item in items)


def concordance(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of pairs that two orders have the same way round.

    Of the same items that is Kendall's τ brought to 0 … 1, (τ + 1) / 2; a pair that one
    order lacks is not the same way round.
    """
    places = [{item: place for place, item in enumerate(order)} for order in (first, second)]
    items = list(places[0] | places[1])
    if len(items) < 2:
        return float(places[0].keys() == places[1].keys())
    agreed = sum(
        all(one in order and other in order for order in places)
        and (places[0][one] < places[0][other]) == (places[1][one] < places[1][other])
        for one, other in combinations(items, 2)
    )
    return agreed / (len(items) * (len(items) - 1) // 2)


# Conversations and tags that bring their own form have none.
MEASURES: dict[str, Measure] = {
    "Choices": _choices,
    "Taxonomy": _choices,
    "Rating": _rating,
    "Number": _number,
    "TextArea": _text,
    "DateTime": _same("datetime"),
    "Pairwise": _same("selected"),
    "Ranker": _ranker,
}
