"""Split texts into sentences, Chinese and English, quotations kept whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import _
from .contract import SAME, Operator, Option, Outcome, Record

_CLOSERS = "”’」』）)】》〉\"'"
_OPENERS = "“「『（《"
_PAIRED = dict(zip(_OPENERS, "”」』）》", strict=True))
# After a full stop comes a space or the end; none ends 3.14, U.S. or Dr.
_TOKEN = re.compile(
    rf"(?P<line>\n+)|(?P<open>[{_OPENERS}])|(?P<close>[{''.join(_PAIRED.values())}])|"
    rf"(?P<end>[。！？!?…；;]+[{_CLOSERS}]*|"
    rf"(?<![\s.][A-Za-z])(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bNo)(?<!\bMrs)"
    rf"\.+(?=[\s{_CLOSERS}]|$)[{_CLOSERS}]*)"
)
# One that is not closed after so many characters was never meant to be.
_LONGEST_QUOTATION = 300


def _apply(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    answers = []
    for record in records:
        parts = sentences(record.text or "", **options)
        answers.append(Outcome(parts=tuple(parts)) if parts else SAME)
    return answers


def sentences(text: str, *, least: int = 1, most: int = 500, quotations: bool = True) -> list[str]:
    """Return the sentences of a text, in order, without the spaces around them.

    `least`: one that is shorter joins the next one (the last, the one before); `most`: a longer
    one is cut, at a comma where there is one; `quotations`: none ends inside a quotation.
    """
    found: list[str] = []
    begun = 0
    for end in _ends(text, quotations):
        piece = text[begun:end].strip()
        if len(piece) >= max(least, 1):
            found += _cut(piece, most)
            begun = end
    rest = text[begun:].strip()
    if rest and found and len(rest) < least:
        found[-1] += rest
    elif rest:
        found += _cut(rest, most)
    return found


def _ends(text: str, quotations: bool) -> Iterator[int]:
    """Give the places where sentences end."""
    awaited, opened = "", 0
    for token in _TOKEN.finditer(text):
        what = token.lastgroup
        if awaited and token.start() - opened > _LONGEST_QUOTATION:
            awaited = ""
        if what == "line":
            awaited = ""
            yield token.end()
        elif what == "open":
            if quotations and not awaited:
                awaited, opened = _PAIRED[token.group()], token.start()
        elif what == "close":
            awaited = "" if token.group() == awaited else awaited
        elif not awaited or awaited in token.group():
            awaited = ""
            yield token.end()


def _cut(sentence: str, most: int) -> list[str]:
    """Return a sentence in pieces of at most so many characters."""
    pieces = []
    while len(sentence) > most:
        place = max(sentence.rfind(mark, most // 2, most) for mark in "，、,;： ") + 1 or most
        pieces.append(sentence[:place].strip())
        sentence = sentence[place:].strip()
    return [piece for piece in [*pieces, sentence] if piece]


SPLIT_SENTENCES = Operator(
    name="text.split_sentences",
    version=1,
    kind="text",
    title=_("Split into sentences"),
    does="split",
    apply=_apply,
    options=(
        Option("least", "whole", 2, _("Shorter ones join the next one"), least=1, most=1000),
        Option("most", "whole", 500, _("Longer ones are cut"), least=10, most=100_000),
        Option("quotations", "flag", True, _("Quotations stay whole")),
    ),
)

TEXT_SENTENCES = (SPLIT_SENTENCES,)
