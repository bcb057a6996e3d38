"""Read CoNLL columns: a token and its tag a line, an empty line between texts.

The first column is the token, the last its tag in BIO, BIOES or BMES. Columns are separated by
a tab, else by spaces. Tokens are put together without a space beside a Chinese character, and
everywhere in a file whose tokens are all single characters; with one otherwise. Where every
token has a digit behind its one character (`科0`: the segmentation of the Weibo corpus), the
digit is left off.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from ..errors import Invalid, Problem, _
from ..sources import tables
from ..sources.encodings import BROKEN, is_broken
from .context import Context
from .sniffing import CONLL_NAMES, PLAIN
from .things import Fault, Found, Span, Thing, Words

LONGEST_LINE = 10_000
_UNREADABLE = "\ufffd"
MOST_TOKENS = 200_000  # of one text
_TAG = re.compile(r"(?:[OBIESLMU]|[BIESLMU][-_]\S+)")
_NUMBERED = re.compile(r".\d", re.DOTALL)
_CHINESE = re.compile(r"[⺀-〿぀-ヿ㄀-ㄯ㐀-䶿一-鿿豈-﫿＀-￯\U00020000-\U0003FFFF]")
_PROBED = 200  # lines that tell whether tokens carry a digit
_SUFFIXES = (*PLAIN, *CONLL_NAMES)


def documents(context: Context) -> list[str]:
    """List the files that are read."""
    return [
        path
        for path in context.files.paths
        if context.sniff(path) == "conll"
        or (context.chosen and path.lower().endswith(_SUFFIXES) and context.sniff(path) is None)
    ]


def read(context: Context) -> Iterator[Found]:
    """Give the texts of all files."""
    for path in documents(context):
        with context.files.opener(path).open() as stream:
            numbered, single = _habits(stream)
            stream.seek(0)
            yield from _texts(path, stream, numbered, "" if single else " ")


def _habits(stream: BinaryIO) -> tuple[bool, bool]:
    """Tell whether tokens carry a digit, and whether each is a single character."""
    tokens = [
        line.split("\t")[0].split(" ")[0]
        for _number, line in islice(_lines(stream), _PROBED)
        if isinstance(line, str) and line.strip()
    ]
    numbered = bool(tokens) and all(_NUMBERED.fullmatch(token) for token in tokens)
    return numbered, all(len(token) == 1 + numbered for token in tokens)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str | Invalid]]:
    """Give (number, line); a byte that is no UTF-8 or too much of it spoils its own line only."""
    encoding = tables.encoding_of(stream)
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, errors=BROKEN, newline="\n")
    try:
        yield from tables.whole_lines(text, LONGEST_LINE, ends=("\n",))
    finally:
        text.detach()


class _Text:
    """Gather the tokens of one text."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.tags: list[str] = []
        self.first = 0
        self.faults: list[Fault] = []

    def words(self, path: str, space: str) -> Words | None:
        if not self.tokens:
            return None
        text, places = _joined(self.tokens, space)
        found = Words(text, f"{path}, line {self.first}")
        found.things += self.faults
        for label, begin, end in entities(self.tags):
            span = Span(places[begin][0], places[end - 1][1])
            found.things.append(Thing(label, (span,), f"{path}, line {self.first + begin}"))
        return found


def _texts(path: str, stream: BinaryIO, numbered: bool, space: str) -> Iterator[Found]:
    text, is_over = _Text(), False
    for number, line in _lines(stream):
        place = f"{path}, line {number}"
        if isinstance(line, Invalid):
            text.faults.append(Fault(place, Problem(line.place, line.message, line.values)))
            continue
        is_between = not line.strip() or line.startswith("-DOCSTART-")
        if is_over and not is_between:
            continue
        is_over = False
        if is_between:
            if words := text.words(path, space):
                yield words
            text = _Text() if text.tokens or not text.faults else text
            if not text.tokens and text.faults:
                yield from text.faults
                text = _Text()
            continue
        if line.startswith("# ") and "\t" not in line and not text.tokens:
            continue
        try:
            token, tag = _columns(line)
        except Invalid as wrong:
            reason = Problem(wrong.place, wrong.message, wrong.values)
            text.faults.append(Fault(place, reason))
            if not wrong.values.get("replaced"):
                continue
            # The place of an unreadable character is kept, so that the others stand where
            # they stood.
            token, tag = _UNREADABLE + ("0" if numbered else ""), "O"
        text.first = text.first or number
        text.tokens.append(token[:-1] if numbered else token)
        text.tags.append(tag)
        if len(text.tokens) > MOST_TOKENS:
            # What is left of it is passed over; the texts after it may be good.
            message = _("a text has more than %(limit)s tokens")
            yield Fault(place, Problem("", message, {"limit": MOST_TOKENS}))
            text, is_over = _Text(), True
    if words := text.words(path, space):
        yield words
    else:
        yield from text.faults


def _columns(line: str) -> tuple[str, str]:
    if is_broken(line):
        message = _("the line holds bytes that are no text: %(replaced)s stands in their place")
        raise Invalid(message, replaced=_UNREADABLE)
    if "\x00" in line:
        raise Invalid(_("a text holds a NUL character"))
    words = line.split("\t") if "\t" in line else line.split(" ")
    words = [word for word in words if word != ""] if "\t" not in line else words
    if len(words) < 2 or not words[0]:
        raise Invalid(_("must be a token and its tag: %(count)s columns"), count=len(words))
    tag = words[-1].strip()
    if not _TAG.fullmatch(tag):
        raise Invalid(_("%(tag)s is no tag such as O, B-… or I-…"), tag=tag[:100])
    return words[0], tag


def _joined(tokens: list[str], space: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the text and where each token stands in it."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    before = ""
    for token in tokens:
        if before and not (_CHINESE.match(before[-1]) or _CHINESE.match(token[0])):
            parts.append(space)
            at += len(space)
        parts.append(token)
        places.append((at, at + len(token)))
        at += len(token)
        before = token
    return "".join(parts), places


def entities(tags: list[str]) -> Iterator[tuple[str, int, int]]:
    """Give (label, first token, token after the last) of tags in BIO, BIOES or BMES.

    An I- that continues nothing begins an entity, as the conlleval script has it.
    """
    label, begin = "", 0
    for at, tag in enumerate([*tags, "O"]):
        kind, name = tag[:1], tag[2:]
        goes_on = kind in "IEML" and name == label and label != ""
        if label and not goes_on:
            yield label, begin, at
            label = ""
        if not label and kind != "O" and name:
            label, begin = name, at
        if label and (kind in "SU" or (goes_on and kind in "EL")):
            yield label, begin, at + 1
            label = ""
