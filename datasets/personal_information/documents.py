"""Find passports and travel permits: short numbers, believed only beside a word that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .hits import Found
from .writing import ALNUM, DIGIT, GAP, compact, is_joined

# How far behind its word a number may stand, in code points.
_REACH = 24
_WORDS: dict[str, tuple[str, ...]] = {
    "passport": ("护照", "護照", "assport", "PASSPORT"),
    "hk_mo_permit": ("通行证", "通行證", "回乡证", "回鄉證", "胞证", "胞證", "Permit", "permit"),
}
_FORMS: dict[str, re.Pattern[str]] = {
    "passport": re.compile(
        r"E[A-HJ-NP-Z0-9][0-9]{7}|G[0-9]{8}|[DSP]E?[0-9]{7}|(?:SE|DE|PE)[0-9]{7}|1[45][0-9]{7}"
    ),
    "hk_mo_permit": re.compile(
        r"C[A-HJ-NP-Z0-9][0-9]{7}|W[0-9]{8}|[HM](?:[0-9]{8}|[0-9]{10})|T[0-9]{8}|[LF][0-9]{8}"
    ),
}
# Permits of people from Taiwan are of eight digits alone: right behind their word, and no date
# unless the word says number.
_TAIWAN = re.compile("[台臺]湾|[台臺]灣|[台臺]胞|大[陆陸]通行")
_EIGHT = re.compile(
    rf"[）)]?\s{{0,2}}(?P<word>(?:证件|證件|证|編|编)?[号號][码碼]?|[Nn][Oo][.．]?)?[）)]?\s{{0,2}}(?P<sign>[:：=＝为為是])?\s{{0,2}}"
    rf"(?P<number>[{DIGIT}]{{8}})(?![{ALNUM}]|\s?[年月份张張本人件次元名\-－.．/])"
)
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_NUMBER = re.compile(f"(?<![{ALNUM}])[{ALNUM}](?:{GAP}[{ALNUM}]){{7,10}}(?![{ALNUM}])")


def find_documents(text: str) -> Iterator[Found]:
    """Yield passports and permits that follow a word that names them."""
    for kind, words in _WORDS.items():
        for word in words:
            at = text.find(word)
            while at >= 0:
                begin, at = at, at + len(word)
                yield from _behind(text, kind, at)
                if kind == "hk_mo_permit" and _TAIWAN.search(text, max(0, begin - 8), at):
                    yield from _of_taiwan(text, at)
                at = text.find(word, at)


def _behind(text: str, kind: str, at: int) -> Iterator[Found]:
    first, last = at, at + _REACH
    # A word such as `no` may stand before it, so the next try begins one letter later.
    while number := _NUMBER.search(text, first, last + 1):
        start, end = number.span()
        value = compact(number.group())
        bound = start - 2 >= at and is_joined(text, start - 1, -1) and text[start - 1] not in ".．"
        if end <= last and not bound and _FORMS[kind].fullmatch(value):
            yield kind, start, end, value, 0.9
            return
        first = start + 1


def _of_taiwan(text: str, at: int) -> Iterator[Found]:
    found = _EIGHT.match(text, at)
    if found is None:
        return
    value = compact(found.group("number"))
    if found.group("word") or not _DATE.fullmatch(value):
        sure = 0.9 if found.group("word") or found.group("sign") else 0.7
        yield "hk_mo_permit", found.start("number"), found.end("number"), value, sure
