"""Find licence plates of vehicles as GA 36-2018 has them, new energy and special ones too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import contexts
from .hits import Found
from .writing import ALNUM, LETTER, NO_WIDTH, compact

PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_GAP = f"[ \u00a0\u3000·•．.\\-－{NO_WIDTH}]{{0,3}}"
_CANDIDATE = re.compile(
    f"[{PROVINCE}]{_GAP}[{LETTER}](?:{_GAP}[{ALNUM}]){{4,6}}(?:{_GAP}(?:应急|[挂学警港澳领]))?"
    f"(?![{ALNUM}])"
)
_SPECIAL = re.compile(
    f"使{_GAP}(?:[{ALNUM}]{_GAP}){{6}}(?![{ALNUM}])"
    f"|[WＷ]{_GAP}[JＪ]{_GAP}[{PROVINCE}]?{_GAP}(?:[{ALNUM}]{_GAP}){{4,5}}(?![{ALNUM}])"
    f"|军{_GAP}[{LETTER}]{_GAP}(?:[{ALNUM}]{_GAP}){{5}}(?![{ALNUM}])"
)
_PLAIN = re.compile(
    f"[{PROVINCE}][A-HJ-NP-Z](?:[A-HJ-NP-Z0-9]{{5}}|[A-HJ-NP-Z0-9]{{4}}[挂学警港澳领])"
)
_NEW_ENERGY = re.compile(
    f"[{PROVINCE}][A-HJ-NP-Z](?:[A-HJK][A-HJ-NP-Z0-9][0-9]{{4}}|[0-9]{{5}}[A-HJK])"
)
_RESCUE = re.compile(f"[{PROVINCE}][XS][0-9]{{4}}应急")
_SPECIAL_FORM = re.compile(f"使[0-9]{{6}}|WJ[{PROVINCE}]?[0-9]{{4}}[A-Z0-9]|军[A-Z][0-9]{{5}}")
# Words that end in the name of a province, and are none: 更新, 腾讯云, 天津 …
_WORDS_BEFORE = re.compile(
    r"[更最创全刷重革翻崭迎清]新$|[讯里为上浮多私公风]云$|[北南东]京$|天津$|[四百]川$|[辽南西]宁$|[吉浙湖内]蒙$"
)


def find_plates(text: str) -> Iterator[Found]:
    """Yield the licence plates of a text that is not all ASCII."""
    for candidate in _CANDIDATE.finditer(text):
        value = compact(candidate.group())
        if _NEW_ENERGY.fullmatch(value):
            kind, sure = "plate_nev", 0.93
        elif _PLAIN.fullmatch(value):
            kind = "plate_special" if value[-1] in "警港澳领" else "plate"
            digits = sum(map(str.isdigit, value))
            sure = 0.92 if digits >= 3 or not value[-1].isascii() else 0.6 if digits == 2 else 0
        elif _RESCUE.fullmatch(value):
            kind, sure = "plate_special", 0.92
        else:
            continue
        start = candidate.start()
        word = contexts.named(text, start)
        if word == "plate":
            sure = max(sure, 0.97)
        elif word in ("other", "version") or _WORDS_BEFORE.search(text[start - 1 : start + 1]):
            sure = min(sure, 0.35)
        if sure:
            yield kind, start, candidate.end(), value, sure
    for candidate in _SPECIAL.finditer(text):
        value = compact(candidate.group())
        if _SPECIAL_FORM.fullmatch(value):
            word = contexts.named(text, candidate.start())
            sure = 0.95 if word == "plate" else 0.35 if word == "other" else 0.75
            end = candidate.start() + len(candidate.group().rstrip(" \u00a0\u3000·•．.-－"))
            yield "plate_special", candidate.start(), end, value, sure
