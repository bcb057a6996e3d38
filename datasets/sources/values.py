"""Parse JSON values one after another, strictly and at constant memory.

What RFC 8259 leaves open is closed here: no NaN or infinity, no repeated names in one object,
no NUL or lone surrogates, no integers beyond 64 bits, no nesting deeper than the limit, and no
names that are known to poison JavaScript objects.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ..errors import Invalid, Problem, _

_CHUNK = 1 << 16
_POISON = {"__proto__", "prototype"}
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|[\x00\ud800-\udfff]|\d{19}")
_DEEP = re.compile(r"[\[{]")
_SPACE = re.compile(r"[ \t\r\n]*")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def text_encoding(stream: BinaryIO) -> str:
    """Name the encoding by the byte order mark and go behind it; UTF-8 without one."""
    stream.seek(0)
    head = stream.read(3)
    for mark, name in _BOMS:
        if head.startswith(mark):
            stream.seek(len(mark))
            return name
    stream.seek(0)
    return "utf-8"


@dataclass
class _Hooks:
    """Remember what the parser met but JSON libraries let pass."""

    problems: list[Problem] = field(default_factory=list)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.problems.append(Problem("", _("one object has the same name twice")))
        if not _POISON.isdisjoint(found):
            self.problems.append(Problem("", _("the names __proto__ and prototype are refused")))
        return found

    def constant(self, word: str) -> None:
        self.problems.append(Problem("", _("%(word)s is not JSON"), {"word": word}))

    def number(self, text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            self.problems.append(Problem("", _("a number is too large")))
        return value


class Parser:
    """Parse single values out of a text; problems are told, syntax errors raise."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._hooks = _Hooks()
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._hooks.pairs,
            parse_constant=self._hooks.constant,
            parse_float=self._hooks.number,
        )

    def value(self, text: str, start: int = 0) -> tuple[Any, int, Problem | None]:
        """Return (value, offset after it, first problem); raise ValueError or RecursionError."""
        self._hooks.problems.clear()
        value, end = self._decoder.raw_decode(text, start)
        problem = self._hooks.problems[0] if self._hooks.problems else None
        return value, end, problem or self._look(value, text, start, end)

    def _look(self, value: Any, text: str, start: int, end: int) -> Problem | None:
        """Walk the value only when its text shows that something may be wrong."""
        brackets = text.count("[", start, end) + text.count("{", start, end)
        if brackets > self._depth and _depth_of(value) > self._depth:
            return _too_deep(self._depth)
        if _SUSPICIOUS.search(text, start, end):
            return _first_problem(value)
        return None


def _too_deep(depth: int) -> Problem:
    return Problem("", _("the JSON is nested deeper than %(limit)s"), {"limit": depth})


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth_of(value: Any) -> int:
    level, depth = [value], 0
    while level := [child for node in level for child in _children(node)]:
        depth += 1
    return depth


def _first_problem(value: Any) -> Problem | None:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending += node.keys()
        pending += _children(node)
        if isinstance(node, str):
            if "\x00" in node:
                return Problem("", _("a text holds a NUL character"))
            if any("\ud800" <= c <= "\udfff" for c in node):
                return Problem("", _("a text holds half a character (a lone surrogate)"))
        elif isinstance(node, int) and not -(2**63) <= node < 2**63:
            return Problem("", _("an integer has more than 64 bits; write it as a text"))
    return None


def lines(stream: BinaryIO, limit: int) -> Iterator[tuple[int, str | Problem]]:
    """Give (line number, text or what is wrong with it), leaving out blank lines.

    A line ends at LF only: U+2028 and its like are ordinary characters inside JSON.
    """
    pending, number, cut = b"", 0, False
    for block in _utf8_blocks(stream):
        if isinstance(block, Problem):
            yield number + 1, block
            return
        parts = (pending + block).split(b"\n")
        pending = parts.pop()
        for part in parts:
            number += 1
            if cut or part.strip():
                yield number, _line(part, limit, cut)
            cut = False
        if len(pending) > limit:
            pending, cut = b"", True
    if cut or pending.strip():
        yield number + 1, _line(pending, limit, cut)


def _line(part: bytes, limit: int, cut: bool) -> str | Problem:
    if cut or len(part) > limit:
        return Problem("", _("it is larger than %(limit)s MB"), {"limit": _megabytes(limit)})
    try:
        return part.decode()
    except UnicodeDecodeError:
        return Problem("", _("the text is not UTF-8"))


def _megabytes(limit: int) -> float:
    return round(limit / 1024**2, 3)


def _utf8_blocks(stream: BinaryIO) -> Iterator[bytes | Problem]:
    """Give the bytes as they are when the file is UTF-8, so that one bad line stays one."""
    name = text_encoding(stream)
    if name == "utf-8":
        while block := stream.read(_CHUNK):
            yield block
        return
    decoder = codecs.getincrementaldecoder(name)("surrogatepass")
    while block := stream.read(_CHUNK):
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield Problem("", _("the text is cut off in the middle of a character"))


class _Window:
    """Hold as much decoded text as one value needs."""

    def __init__(self, stream: BinaryIO) -> None:
        self._decoder = codecs.getincrementaldecoder(text_encoding(stream))()
        self._stream = stream
        self.text = ""
        self.at = 0
        self.ended = False

    def fill(self, wanted: int) -> None:
        """Read until `wanted` characters lie ahead or the text ends; drop what was read."""
        have = len(self.text) - self.at
        if have >= wanted or self.ended:
            return
        parts = [self.text[self.at :]]
        while have < wanted and not self.ended:
            block = self._stream.read(_CHUNK)
            self.ended = not block
            try:
                parts.append(self._decoder.decode(block, final=self.ended))
            except UnicodeDecodeError as error:
                raise Invalid(_("the text is not UTF-8, or UTF-16 with its mark")) from error
            have += len(parts[-1])
        self.text, self.at = "".join(parts), 0

    def peek(self) -> str:
        """Skip white space and return the next character, '' at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self.fill(1)


def first_character(stream: BinaryIO) -> str:
    """Return the first character that is no white space, '' when there is none."""
    encoding = text_encoding(stream)
    return stream.read(4096).decode(encoding, "ignore").lstrip()[:1]


def values(stream: BinaryIO, limit: int, depth: int) -> Iterator[tuple[Any, Problem | None]]:
    """Give the values of one array, or values one after another, with what is wrong with each.

    After a syntax error nothing can be trusted: the last pair is (None, problem).
    """
    window, parser = _Window(stream), Parser(depth)
    try:
        array = window.peek() == "["
        window.at += array
        closed = not array
        while following := window.peek():
            if array and following == "]":
                window.at += 1
                closed = True
                break
            yield _next_value(window, parser, limit)
            if array and window.peek() == ",":
                window.at += 1
                if window.peek() == "]":
                    raise Invalid(_("the list has a comma too many"))
            elif array and window.peek() != "]":
                break
        if not closed:
            raise Invalid(_("the list breaks off or a comma is missing"))
        if window.peek():
            raise Invalid(_("there is text after the end of the list"))
    except Invalid as error:
        yield None, Problem("", error.message, error.values)


def members(
    stream: BinaryIO, limit: int, depth: int
) -> Iterator[tuple[str, int, Any, Problem | None]]:
    """Give (name, place, value, problem) of the members of one object, at constant memory.

    A list is given item by item, with places from 0, after its own line (name, -1, [], None);
    any other value has the place -1. After a syntax error nothing can be trusted: the last
    line has an empty name and a problem.
    """
    window, parser = _Window(stream), Parser(depth)
    try:
        if window.peek() != "{":
            raise Invalid(_("a JSON object is expected"))
        window.at += 1
        while window.peek() not in ("}", ""):
            name, problem = _next_value(window, parser, limit)
            if not isinstance(name, str) or window.peek() != ":":
                raise Invalid(_("this is not JSON: %(reason)s"), reason="Expecting ':'")
            window.at += 1
            if window.peek() == "[":
                yield name, -1, [], problem
                for place, (value, wrong) in enumerate(_listed(window, parser, limit)):
                    yield name, place, value, wrong
            else:
                value, wrong = _next_value(window, parser, limit)
                yield name, -1, value, problem or wrong
            if window.peek() == ",":
                window.at += 1
        if not window.peek():
            raise Invalid(_("the list breaks off or a comma is missing"))
    except Invalid as error:
        yield "", -1, None, Problem("", error.message, error.values)


def _listed(window: _Window, parser: Parser, limit: int) -> Iterator[tuple[Any, Problem | None]]:
    """Give the items of a list and go behind it; raise Invalid where it breaks off."""
    window.at += 1
    while (following := window.peek()) != "]":
        if not following:
            raise Invalid(_("the list breaks off or a comma is missing"))
        yield _next_value(window, parser, limit)
        if window.peek() == ",":
            window.at += 1
        elif window.peek() != "]":
            raise Invalid(_("the list breaks off or a comma is missing"))
    window.at += 1


def _next_value(window: _Window, parser: Parser, limit: int) -> tuple[Any, Problem | None]:
    wanted = _CHUNK
    while True:
        window.fill(wanted)
        try:
            value, end, problem = parser.value(window.text, window.at)
            # A number at the very end of what was read may go on.
            if end < len(window.text) or window.ended:
                start, window.at = window.at, end
                if end - start > limit:
                    problem = Problem(
                        "", _("it is larger than %(limit)s MB"), {"limit": _megabytes(limit)}
                    )
                return value, problem
        except RecursionError as error:
            raise Invalid(_("the JSON is nested too deeply")) from error
        except ValueError as error:
            if window.ended or wanted > limit:
                text = getattr(error, "msg", _("a number is too long"))
                raise Invalid(_("this is not JSON: %(reason)s"), reason=text) from error
        if wanted > limit:
            raise Invalid(_("one value is larger than %(limit)s MB"), limit=_megabytes(limit))
        wanted *= 2
