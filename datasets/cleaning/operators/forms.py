"""Bring characters to one form: full and half width, traditional and simplified."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import opencc

from ...errors import _
from .contract import SAME, Operator, Option, Outcome, Record

_DIGITS = "０１２３４５６７８９"
_LETTERS = "".join(map(chr, [*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]))
_SYMBOLS = "＃＄％＆＊＋－／＜＝＞＠＼＾＿｀｜～"
_PUNCTUATION = "！＂＇（），．：；？［］｛｝"
_KATAKANA = "".join(map(chr, range(0xFF65, 0xFFA0)))
# Signs that stand for letters or digits: ligatures, circled and Roman numbers, units. NFKC of
# anything else would take the meaning along, as of x² or ½.
_COMPATIBLE = "".join(
    map(chr, [*range(0x3380, 0x33E0), *range(0xF900, 0xFA6E), *range(0xFB00, 0xFB07)])
)


def _normalise(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    table, pattern = _folding(tuple(sorted(name for name, on in options.items() if on)))
    if pattern is None:
        return [SAME] * len(records)
    answers = []
    for record in records:
        text = record.text or ""
        if pattern.search(text) is None:
            answers.append(SAME)
            continue
        fresh = pattern.sub(lambda found: table[found[0]], text)
        if options.get("katakana"):
            # Marks of voicing become one with the letter before them.
            fresh = unicodedata.normalize("NFC", fresh)
        answers.append(Outcome(text=fresh))
    return answers


@cache
def _folding(names: tuple[str, ...]) -> tuple[dict[str, str], re.Pattern[str] | None]:
    sets = {
        "digits": _DIGITS,
        "letters": _LETTERS,
        "symbols": _SYMBOLS,
        "punctuation": _PUNCTUATION,
        "katakana": _KATAKANA,
        "compatible": _COMPATIBLE,
    }
    letters = "".join(sets.get(name, "") for name in names)
    table = {letter: unicodedata.normalize("NFKC", letter) for letter in letters}
    if "spaces" in names:
        spaces = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        table |= {letter: " " for letter in spaces + "\u202f\u205f\u3000"}
    changing = {letter: form for letter, form in table.items() if form != letter}
    if not changing:
        return {}, None
    return changing, re.compile(f"[{re.escape(''.join(changing))}]")


def _convert(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    converter = _converter(str(options["direction"]))
    answers = []
    for record in records:
        text = record.text or ""
        fresh = text if text.isascii() else converter.convert(text)
        answers.append(SAME if fresh == text else Outcome(text=fresh))
    return answers


# The names of the tables that OpenCC carries.
_DIRECTIONS = ("t2s", "s2t", "tw2sp", "s2twp", "hk2s", "s2hk")


@cache
def _converter(direction: str) -> Any:
    return opencc.OpenCC(direction)


NORMALISE_WIDTH = Operator(
    name="text.normalise_width",
    version=1,
    kind="text",
    title=_("Full width and half width"),
    does="change",
    apply=_normalise,
    options=(
        Option("digits", "flag", True, _("Digits to half width")),
        Option("letters", "flag", True, _("Latin letters to half width")),
        Option("symbols", "flag", True, _("Symbols to half width")),
        Option("punctuation", "flag", False, _("Punctuation to half width")),
        Option("spaces", "flag", True, _("Every kind of space to a plain one")),
        Option("katakana", "flag", False, _("Half-width katakana to full width")),
        Option("compatible", "flag", True, _("Unit signs, ligatures and compatibility characters")),
    ),
)

CONVERT_SCRIPT = Operator(
    name="text.convert_script",
    version=1,
    kind="text",
    title=_("Traditional and simplified Chinese"),
    does="change",
    apply=_convert,
    options=(
        Option(
            "direction",
            "choice",
            "t2s",
            _("direction of the conversion"),
            choices=_DIRECTIONS,
        ),
    ),
)

TEXT_FORMS = (NORMALISE_WIDTH, CONVERT_SCRIPT)
