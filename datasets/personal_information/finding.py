"""Find personal information in a text: every detector over it once, overlaps settled."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator

from .documents import find_documents
from .hiding import masked
from .hits import LEAST, Found, Hit
from .kinds import KINDS
from .names import find_names
from .networks import find_addresses as find_network_addresses
from .numbers import find_credit_codes, find_numbers
from .places import find_addresses, find_locations
from .plates import find_plates
from .writing import compact, narrow

# Grows when the same text may give other hits.
DETECTOR = "text-3"
# Without a digit or one of these there is a name or an address at most.
_ANY = re.compile("[0-9０-９@＠]")


def find(text: str, kinds: Collection[str] | None = None, least: float = LEAST) -> list[Hit]:
    """Return the personal information in a text, in its order and without overlaps.

    Args:
        text: any text; places are code points of it as it is, not normalised.
        kinds: names of `KINDS` to look for; None looks for all.
        least: leaves out hits that are less sure than this (0 to 1).
    """
    return [_shown(each) for each in _settled(text, kinds, least)]


def find_values(
    text: str, kinds: Collection[str] | None = None, least: float = LEAST
) -> list[tuple[Hit, str]]:
    """Return the hits of `find`, each with its value in one form; values are never kept."""
    return [(_shown(each), each[3]) for each in _settled(text, kinds, least)]


def normalised(kind: str, raw: str) -> str:
    """Return how a value is written for comparing: half width, no separators, upper case."""
    if kind in ("email",):
        return narrow(raw).lower()
    if kind in ("ipv4", "ipv6", "address", "name", "precise_location"):
        return narrow(raw).strip()
    return compact(raw)


def _shown(found: Found) -> Hit:
    kind, start, end, value, confidence = found
    return Hit(kind, start, end, masked(kind, value), confidence)


def _settled(text: str, kinds: Collection[str] | None, least: float) -> list[Found]:
    found = [
        each for each in _all(text) if each[4] >= least and (kinds is None or each[0] in kinds)
    ]
    return _apart(found) if len(found) > 1 else found


def _apart(found: list[Found]) -> list[Found]:
    """Keep of hits that overlap the stronger kind, then the longer; in the order of the text."""
    found.sort(key=lambda each: (-KINDS[each[0]].strength, each[1] - each[2], each[1]))
    kept: list[tuple[int, int, Found]] = []
    for each in found:
        _kind, start, end, *_rest = each
        at = bisect_left(kept, (start,))
        if (at == 0 or kept[at - 1][1] <= start) and (at == len(kept) or kept[at][0] >= end):
            kept.insert(at, (start, end, each))
    return [each for _start, _end, each in kept]


def _all(text: str) -> Iterator[Found]:
    if _ANY.search(text):
        yield from find_numbers(text)
        yield from find_credit_codes(text)
        yield from find_network_addresses(text)
        yield from find_locations(text)
        yield from find_documents(text)
        if not text.isascii():
            yield from find_plates(text)
    if not text.isascii():
        yield from find_addresses(text)
        yield from find_names(text)
