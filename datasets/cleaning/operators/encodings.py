"""Repair texts that were read in a wrong encoding, and take out what nobody can see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ...errors import _
from .contract import SAME, Operator, Option, Outcome, Record

# What the bytes 0x80 to 0xff become when they are read as Windows-1252 or Latin-1.
_HIGH = "\u0080-\u00ff" + "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_HIGH_RUN = re.compile(f"[{_HIGH}]{{2,}}")
# UTF-8 that was read as GBK begins with one of these: its bytes are e4 to e9, then 80 to bf.
_WIDE_RUN = re.compile("[\u0080-\ufffc\ue000-\uf8ff]{2,}")
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029|\u0085")
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
_CONTROLS = re.compile(f"[{_CONTROL}]")
# Zero width, byte order marks, soft hyphens, marks of direction; a joiner stays between signs.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]|\u200d(?![\u2600-\u27bf\U0001f000-\U0001faff])")
_SHARED = "。，、；：？！…—·“”‘’《》（）【】〈〉「」『』～\u3000"


def _apply(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    answers = []
    for record in records:
        text = record.text or ""
        fresh = repaired(text, **options)
        answers.append(SAME if fresh == text else Outcome(text=fresh))
    return answers


def repaired(
    text: str, *, mojibake: bool = True, controls: bool = True, invisible: bool = True
) -> str:
    """Return the text as it was meant.

    `mojibake`: runs that are strictly valid in the encoding they were written in, and say
    something common there. `controls`: control characters, NUL, halves of characters and line
    ends other than \\n. `invisible`: zero width, byte order marks, marks of direction.
    """
    if _anything().search(text) is None:
        return text
    if mojibake:
        text = _HIGH_RUN.sub(_from_latin, text)
        if _suspects().search(text):
            text = _WIDE_RUN.sub(_from_gbk, text)
    if controls:
        text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    return _INVISIBLE.sub("", text) if invisible else text


def _from_latin(found: re.Match[str]) -> str:
    """Read a run of Latin letters as the bytes they were: UTF-8, else GB 2312."""
    run = found.group()
    content = run.translate(_bytes()).encode("latin-1")
    try:
        meant = content.decode("utf-8")
    except UnicodeDecodeError:
        meant = ""
    if meant and not _HIGH_RUN.search(meant):
        return meant
    if len(content) < 4 or len(content) % 2:
        return run
    try:
        meant = content.decode("gb2312")
    except UnicodeDecodeError:
        return run
    return meant if all(letter in _common() for letter in meant) else run


@cache
def _bytes() -> dict[int, int]:
    """Return the byte that each letter above ASCII is written with in Latin-1 or Windows-1252."""
    found = {code: code for code in range(0x80, 0x100)}
    for code in range(0x80, 0xA0):
        letter = bytes((code,)).decode("cp1252", "ignore")
        if letter:
            found[ord(letter)] = code
    return found


def _from_gbk(found: re.Match[str]) -> str:
    """Read a run as the GBK bytes it was written with, if they are Chinese in UTF-8.

    Bytes that were lost at its end, where their number was odd, stay lost: U+FFFD.
    """
    run = found.group()
    try:
        content = run.encode("gb18030")
    except UnicodeEncodeError:
        return run
    try:
        meant, lost = content.decode("utf-8"), ""
    except UnicodeDecodeError as problem:
        if problem.end < len(content):
            return run
        meant, lost = content[: problem.start].decode("utf-8"), "\ufffd"
    # Nearly all must be common: two characters may look like UTF-8 by chance, as 联通 does.
    common = sum(letter in _common() for letter in meant)
    return meant + lost if len(meant) >= 2 and common >= 0.9 * len(meant) else run


@cache
def _common() -> frozenset[str]:
    """Return the 3,755 characters of GB 2312 level 1, and Chinese punctuation."""
    letters = set(_SHARED)
    for lead in range(0xB0, 0xD8):
        for trail in range(0xA1, 0xFF):
            letters.update(bytes((lead, trail)).decode("gb2312", "ignore"))
    return frozenset(letters)


@cache
def _anything() -> re.Pattern[str]:
    """Match whatever there may be to repair: one look spares most texts all the others.

    Whatever was read as Latin letters has one of them: the first byte of each character.
    """
    return re.compile(f"[{_CONTROL}{_UNSEEN}\u200d\u2028\u2029\u00a1-\u00ff{_begins()}]")


@cache
def _suspects() -> re.Pattern[str]:
    """Match what `_begins` names."""
    return re.compile(f"[{_begins()}]")


@cache
def _begins() -> str:
    """Return what the first two bytes of a common Chinese character in UTF-8 are in GBK."""
    letters: set[str] = set()
    for lead in (0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEF):
        for trail in range(0x80, 0xC0):
            letters.update(bytes((lead, trail)).decode("gb18030", "ignore"))
    return "".join(sorted(letters - _common()))


REPAIR_ENCODING = Operator(
    name="text.repair_encoding",
    version=1,
    kind="text",
    title=_("Repair encoding"),
    does="change",
    apply=_apply,
    options=(
        Option("mojibake", "flag", True, _("Undo a wrong encoding (UTF-8, GBK, Latin-1)")),
        Option("controls", "flag", True, _("Remove control characters, unify line ends")),
        Option("invisible", "flag", True, _("Remove zero-width and direction marks")),
    ),
)

TEXT_ENCODINGS = (REPAIR_ENCODING,)
