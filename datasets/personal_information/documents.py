"""Find passports and travel permits: short numbers, believed only beside a word that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .hits import Found
from .writing import ALNUM, GAP, compact

# How far behind its word a number may stand, in code points.
_REACH = 24
_WORDS: dict[str, tuple[str, ...]] = {
    "passport": ("护照", "護照", "passport", "Passport", "PASSPORT"),
    "hk_mo_permit": ("通行证", "通行證", "回乡证", "回鄉證", "台胞证", "Permit", "permit"),
}
_FORMS: dict[str, re.Pattern[str]] = {
    "passport": re.compile(
        r"E[A-HJ-NP-Z0-9][0-9]{7}|G[0-9]{8}|[DSP]E?[0-9]{7}|(?:SE|DE|PE)[0-9]{7}|1[45][0-9]{7}"
    ),
    "hk_mo_permit": re.compile(
        r"C[A-HJ-NP-Z0-9][0-9]{7}|W[0-9]{8}|[HM](?:[0-9]{8}|[0-9]{10})|T[0-9]{8}|[LF][0-9]{8}"
    ),
}
_NUMBER = re.compile(f"(?<![{ALNUM}])[{ALNUM}](?:{GAP}[{ALNUM}]){{7,10}}(?![{ALNUM}])")


def find_documents(text: str) -> Iterator[Found]:
    """Yield passports and permits that follow a word that names them."""
    for kind, words in _WORDS.items():
        for word in words:
            at = text.find(word)
            while at >= 0:
                yield from _behind(text, kind, at + len(word))
                at = text.find(word, at + len(word))


def _behind(text: str, kind: str, at: int) -> Iterator[Found]:
    for number in _NUMBER.finditer(text, at, min(len(text), at + _REACH)):
        value = compact(number.group())
        if _FORMS[kind].fullmatch(value):
            yield kind, number.start(), number.end(), value, 0.9
            return
