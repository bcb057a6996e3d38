"""Find numbers that tell who somebody is: identity cards, bank cards, telephones, credit codes.

One pattern looks for runs of at least eleven digits, however they are grouped; everything
else is asked of such runs alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import phonenumbers

from . import contexts
from .check_digits import is_foreign_id, is_id, is_luhn, is_old_id, is_uscc
from .hits import Found
from .writing import ALNUM, DIGIT, GAP, SEPARATOR, compact, groups, is_joined, is_letter

# It begins where no digit stands before, so that what is too short is tried once.
_RUN = re.compile(
    f"[{DIGIT}](?<![{DIGIT}][{DIGIT}])(?<![{DIGIT}][{SEPARATOR}][{DIGIT}])(?:{GAP}[{DIGIT}]){{10,}}+"
)
# Behind the code of the country a bracket may open.
_BRACKETED = re.compile(
    f"86(?:(?<![{DIGIT}]86)|(?<=0086)(?<![{DIGIT}]0086)){GAP}[(（](?:{GAP}[{DIGIT}]){{10,12}}+(?![{DIGIT}])"
)
_LAST_X = re.compile(f"{GAP}[XxＸｘ](?![{ALNUM}])")
# 18 characters, of which six digits in a row stand where the region is.
_USCC = re.compile(
    f"[1-9ANY１-９ＡＮＹ](?<![{ALNUM}][1-9ANY１-９ＡＮＹ]){GAP}[1-59１-５９](?:{GAP}[{DIGIT}]){{6}}+"
    f"(?:{GAP}[{ALNUM}]){{10}}(?![{ALNUM}])"
)
# As `pii_patterns` has it: the plan of phonenumbers leaves out the cards for things (140 … 149).
_MOBILE = re.compile(r"1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}")
_AREA = re.compile(r"0(?:10|2[0-57-9])[2-8]\d{7}|0[3-9]\d\d[2-8]\d{6,7}")
_COUNTRY = ("86", "0086")
# A letter may stand before a telephone number only as the end of such a word.
_CALLING = re.compile(
    r"(?<![A-Za-z])(?:tel|phone|mobile|mob|cell|call|sms|hp|ph|wx|vx|wechat|weixin|m|t)$",
    re.IGNORECASE,
)
# How people group the digits of one number.
_MOBILE_SHAPES = (
    (3, 4, 4), (3, 8), (7, 4), (3, 3, 5), (4, 4, 3), (4, 3, 4), (5, 6), (3, 5, 3)
)  # fmt: skip
# Landlines behind the code of the country; the area has a 0 before it, or none.
_ABROAD_SHAPES = (
    (2, 8), (2, 4, 4), (3, 7), (3, 3, 4), (4, 3, 4), (1, 2, 8), (1, 2, 4, 4), (1, 3, 7),
    (1, 3, 8), (1, 3, 4, 4), (4, 7), (4, 8), (4, 4, 4), (10,),
)  # fmt: skip
_SHAPES = frozenset(
    {
        *_MOBILE_SHAPES,
        *((len(country), *shape) for shape in _ABROAD_SHAPES for country in _COUNTRY),
        *((len(country), *shape) for shape in (*_MOBILE_SHAPES, (11,)) for country in _COUNTRY),
        # Landlines, with the area code apart.
        (4, 7), (4, 8), (4, 4, 4),
        # Identity cards: region, date, number.
        (6, 8, 4), (6, 4, 4, 4), (6, 4, 2, 2, 4), (6, 4, 4, 3, 1), (3, 3, 4, 4, 4), (6, 8, 3, 1),
        (6, 6, 6), (3, 3, 8, 4), (6, 12), (14, 4), (6, 6, 3), (6, 2, 2, 2, 3), (6, 8, 3),
        (6, 4, 4, 3), (6, 4, 2, 2, 3), (3, 3, 4, 4, 3), (6, 11), (14, 3), (4, 4, 4, 4, 1),
        # Bank cards.
        (4, 4, 4, 4), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 4, 4, 7), (6, 13), (6, 10), (4, 15),
        (6, 4, 4, 4, 1), (6, 4, 4, 5), (6, 4, 6), (4, 6, 5), (6, 4, 4, 2),
    }
)  # fmt: skip
# How many digits stand in the first group of a shape → of how many groups it is, most first.
_COUNTS = {
    first: sorted({len(shape) for shape in _SHAPES if shape[0] == first}, reverse=True)
    for first in {shape[0] for shape in _SHAPES}
}
# Groups of a table of numbers are seldom longer.
_SHORT = 5


def find_numbers(text: str) -> Iterator[Found]:
    """Yield identity cards, bank cards and telephones; they may overlap."""
    for run in _RUN.finditer(text):
        start, end = run.span()
        raw = run.group()
        if raw.isdigit() and raw.isascii():
            found = _single(text, raw, start, end)
            if found:
                yield found
        else:
            yield from _grouped(text, groups(text, start, end))
    if "(" in text or "（" in text:
        for run in _BRACKETED.finditer(text):
            start = run.start() - (2 if text.endswith("00", 0, run.start()) else 0)
            yield from _grouped(text, groups(text, start, run.end()))


def find_credit_codes(text: str) -> Iterator[Found]:
    """Yield unified social credit codes."""
    for candidate in _USCC.finditer(text):
        value = compact(candidate.group())
        if is_uscc(value) and not (value.isdigit() and is_id(value)):
            yield "uscc", candidate.start(), candidate.end(), value, 0.97


def _single(text: str, digits: str, start: int, end: int) -> Found | None:
    check = _BY_LENGTH.get(len(digits))
    found = check(text, digits, start, end) if check else None
    if found is None and digits.startswith(_COUNTRY):
        return _abroad(text, digits, start, end)
    return found


def _grouped(text: str, parts: list[tuple[str, int, int]]) -> Iterator[Found]:
    lengths = tuple([len(part[0]) for part in parts])
    at = 0
    while at < len(parts):
        found, taken = None, 1
        digits, start, end = parts[at]
        if len(digits) >= 11:
            found = _single(text, digits, start, end)
        elif len(digits) == 1:
            taken = _singles(text, parts, at)
            found = _joined(text, parts[at : at + taken]) if 11 <= taken <= 19 else None
            # The last of them may be the first of what is parted otherwise.
            taken = taken if found else max(taken - 1, 1)
        if found is None:
            for count in _COUNTS.get(len(digits), ()):
                if at + count <= len(parts) and lengths[at : at + count] in _SHAPES:
                    found = _shaped(text, parts, at, count)
                    if found:
                        taken = count
                        break
        if found:
            yield found
        at += taken


def _singles(text: str, parts: list[tuple[str, int, int]], at: int) -> int:
    """Return how many groups of one digit follow each other, all with the same between them."""
    last, between = at + 1, ""
    while last < len(parts) and len(parts[last][0]) == 1:
        gap = compact_gap(text, parts[last - 1][2], parts[last][1])
        if gap != (between or gap):
            break
        between, last = gap, last + 1
    return last - at


def _joined(text: str, some: list[tuple[str, int, int]]) -> Found | None:
    digits = "".join([part[0] for part in some])
    return _single(text, digits, some[0][1], some[-1][2])


def _shaped(text: str, parts: list[tuple[str, int, int]], at: int, count: int) -> Found | None:
    """Judge groups that together have the shape of a number."""
    some = parts[at : at + count]
    start = some[0][1]
    gaps = [compact_gap(text, some[i][2], some[i + 1][1]) for i in range(count - 1)]
    country = some[0][0] in _COUNTRY
    kinds = set(gaps) - _BRACKETS if country else set(gaps)
    if len(kinds) > (2 if country or some[0][0][0] == "0" else 1):
        return None
    found = _joined(text, some)
    if (
        found is None
        or found[0] == "id_card"
        or (found[0] == "landline" and _has_plus(text, start))
    ):
        return found
    # Part of a longer row of numbers: likelier a table than a telephone.
    lengths = [len(part[0]) for part in some]
    after = at + count
    before_it = parts[at - 1] if at else None
    after_it = parts[after] if after < len(parts) else None
    preceded = (
        before_it is not None
        and len(before_it[0]) <= _SHORT
        and compact_gap(text, before_it[2], some[0][1]) == gaps[0]
        and [len(part[0]) for part in parts[max(0, at - count) : at]] != lengths
    )
    followed = (
        after_it is not None
        and len(after_it[0]) <= _SHORT
        and compact_gap(text, some[-1][2], after_it[1]) == gaps[-1]
        and [len(part[0]) for part in parts[after : after + count]] != lengths
    )
    return (*found[:4], min(found[4], 0.4)) if preceded or followed else found


def compact_gap(text: str, start: int, end: int) -> str:
    """Return the separators between two groups, spaces and dashes each as one kind."""
    gap = text[start:end]
    if gap in _PLAIN:
        return gap
    gap = "".join([character for character in gap if character not in _UNSEEN])
    if not gap.strip():
        return " "
    return "-" if gap.strip() in _DASHES else gap.strip()


# What most groups are parted by is its own kind.
_PLAIN = frozenset((" ", "-", ".", ",", "/"))
_UNSEEN = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_DASHES = frozenset("-‐‑‒–—－")
_BRACKETS = frozenset("()（）")


def _eleven(text: str, digits: str, start: int, end: int) -> Found | None:
    if digits[0] == "0":
        return _landline(text, digits, start, end)
    return _mobile(text, digits, start, end) if _MOBILE.fullmatch(digits) else None


def _twelve(text: str, digits: str, start: int, end: int) -> Found | None:
    return _landline(text, digits, start, end) if digits[0] == "0" else None


def _thirteen(text: str, digits: str, start: int, end: int) -> Found | None:
    if digits[:2] == "86" and _MOBILE.fullmatch(digits, 2):
        return _mobile(text, digits[2:], start, end)
    return _bank_card(text, digits, start, end)


def _fifteen(text: str, digits: str, start: int, end: int) -> Found | None:
    if digits[:4] == "0086" and _MOBILE.fullmatch(digits, 4):
        return _mobile(text, digits[4:], start, end)
    if is_old_id(digits) and not _stands_in_a_word(text, start, end):
        word = contexts.named(text, start)
        if word == "id_card":
            return "id_card", start, end, digits, 0.95
        if word in ("", "mobile", "landline") and not is_luhn(digits):
            return "id_card", start, end, digits, 0.6
    return _bank_card(text, digits, start, end)


def _seventeen(text: str, digits: str, start: int, end: int) -> Found | None:
    last = _LAST_X.match(text, end)
    if last and (is_id(digits + "X") or _is_foreigner(text, digits + "X", start)):
        return _identity(text, digits + "X", start, last.end())
    return _bank_card(text, digits, start, end)


def _eighteen(text: str, digits: str, start: int, end: int) -> Found | None:
    if is_id(digits) or _is_foreigner(text, digits, start):
        return _identity(text, digits, start, end)
    return _bank_card(text, digits, start, end)


def _is_foreigner(text: str, value: str, start: int) -> bool:
    """Judge 18 characters that begin with 9; codes of organisations and orders do so too."""
    if value[0] != "9" or not is_foreign_id(value):
        return False
    word = contexts.named(text, start)
    return word == "id_card" or (word == "" and not is_uscc(value))


def _identity(text: str, value: str, start: int, end: int) -> Found | None:
    if end < len(text) and is_letter(text[end]):
        return None
    word = contexts.named(text, start)
    return "id_card", start, end, value, 0.7 if word == "other" else 0.99


def _mobile(text: str, digits: str, start: int, end: int) -> Found | None:
    first = start - _has_plus(text, start)
    before = text[max(0, start - 12) : start]
    if end < len(text) and is_letter(text[end]):
        return None
    if before and is_letter(before[-1]) and not _CALLING.search(before):
        return None
    if is_joined(text, end, 1) or (is_joined(text, first - 1, -1) and text[first - 2].isalnum()):
        return "mobile", first, end, digits, 0.4
    word = contexts.named(text, start)
    if word in ("mobile", "landline"):
        return "mobile", first, end, digits, 0.98
    sure = 0.35 if word in ("other", "bank_card", "uscc", "version") else 0.85
    return "mobile", first, end, digits, sure


def _landline(text: str, digits: str, start: int, end: int) -> Found | None:
    if not _AREA.fullmatch(digits) or _stands_in_a_word(text, start, end):
        return None
    opened = start > 0 and text[start - 1] in "(（" and any(c in ")）" for c in text[start:end])
    first = start - opened
    word = contexts.named(text, start)
    # Old papers and forms still have numbers of plans that have ended: a word makes up for it.
    planned = phonenumbers.is_valid_number(phonenumbers.parse(digits, "CN"))
    if word in ("mobile", "landline"):
        return "landline", first, end, digits, 0.95 if planned else 0.85
    parted = end - start > len(digits)
    if word or not parted or not planned:
        return "landline", first, end, digits, 0.35
    return "landline", first, end, digits, 0.8


def _abroad(text: str, digits: str, start: int, end: int) -> Found | None:
    """Judge a landline with the code of the country before it; its value is as without."""
    rest = digits[4 if digits[0] == "0" else 2 :]
    national = rest if rest[:1] == "0" else "0" + rest
    plus = _has_plus(text, start)
    if not _AREA.fullmatch(national) or _stands_in_a_word(text, start, end):
        return None
    first = start - plus
    planned = phonenumbers.is_valid_number(phonenumbers.parse(national, "CN"))
    word = contexts.named(text, start)
    # A sum, or a number with a fraction.
    added = plus and text[first - 1 : first].isalnum() and text[first - 1].isascii()
    if added or (text[end : end + 1] in ".．_" and is_joined(text, end, 1)):
        return "landline", first, end, national, 0.35
    if word in ("mobile", "landline"):
        return "landline", first, end, national, 0.95 if planned else 0.85
    parted = digits[0] == "0" and end - start > len(digits)
    if word or not planned or not (plus or parted):
        return "landline", first, end, national, 0.35
    return "landline", first, end, national, 0.85 if plus else 0.8


def _has_plus(text: str, start: int) -> bool:
    return start > 0 and text[start - 1] in "+＋"


def _bank_card(text: str, digits: str, start: int, end: int) -> Found | None:
    if not is_luhn(digits) or len(set(digits)) < 2 or _stands_in_a_word(text, start, end):
        return None
    if is_joined(text, start - 1, -1) or is_joined(text, end, 1):
        return None
    word = contexts.named(text, start)
    union_pay = digits[:2] == "62" and len(digits) >= 16
    if word == "bank_card":
        return "bank_card", start, end, digits, 0.97 if union_pay else 0.85
    if not union_pay:
        return None
    return "bank_card", start, end, digits, 0.4 if word else 0.85


def _stands_in_a_word(text: str, start: int, end: int) -> bool:
    return (start > 0 and is_letter(text[start - 1])) or (end < len(text) and is_letter(text[end]))


_BY_LENGTH: dict[int, Callable[[str, str, int, int], Found | None]] = {
    11: _eleven,
    12: _twelve,
    13: _thirteen,
    14: _bank_card,
    15: _fifteen,
    16: _bank_card,
    17: _seventeen,
    18: _eighteen,
    19: _bank_card,
}
