"""Read XML of label files as a stream: no document types, no entities, bounded depth and size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from ..errors import Invalid, _

_BLOCK = 1 << 16
MOST_DEPTH = 64
MOST_NODES = 1_000_000  # of one wanted element


class Node:
    """One element with its attributes, words and children."""

    __slots__ = ("attributes", "children", "line", "tag", "words")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag, self.attributes, self.line = tag, attributes, line
        self.children: list[Node] = []
        self.words = ""

    def all(self, tag: str) -> list[Node]:
        """List the children of a tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, path: str) -> Node | None:
        """Return the first element at a path of tags, such as `size/width`."""
        node: Node | None = self
        for tag in path.split("/"):
            node = next((c for c in node.children if c.tag == tag), None) if node else None
        return node

    def text(self, path: str) -> str:
        """Return the words of the first element at a path, '' without one."""
        node = self.first(path)
        return node.words.strip() if node else ""


class _Builder:
    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._open: list[Node] = []
        self._depth = 0
        self._nodes = 0
        self.root = ""
        self.ready: list[Node] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _doctype(self, *declaration: object) -> None:
        raise Invalid(_("a document type (DOCTYPE) is not allowed"))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self.root = self.root or tag
        if self._depth > MOST_DEPTH:
            raise Invalid(_("elements are nested deeper than %(limit)s"), limit=MOST_DEPTH)
        if not self._open and tag not in self._wanted:
            return
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Invalid(_("an element has more than %(limit)s parts"), limit=MOST_NODES)
        node = Node(tag, attributes, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._open:
            done = self._open.pop()
            if not self._open:
                self.ready.append(done)
                self._nodes = 0

    def _characters(self, words: str) -> None:
        if self._open:
            self._open[-1].words += words


def elements(stream: BinaryIO, *wanted: str) -> Iterator[Node]:
    """Give the elements of the wanted tags, outermost ones, as soon as each is complete.

    Raises:
        Invalid: it is no well-formed XML, or declares a document type.
    """
    builder = _Builder(frozenset(wanted))
    try:
        while block := stream.read(_BLOCK):
            builder.parser.Parse(block, False)
            yield from builder.ready
            builder.ready.clear()
        builder.parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code) or str(error)
        raise Invalid(
            _("not well-formed XML: %(reason)s"), place=f"line {error.lineno}", reason=reason
        ) from error
    except (LookupError, ValueError) as error:
        raise Invalid(_("not well-formed XML: %(reason)s"), reason=str(error)[:200]) from error
    yield from builder.ready


def root(head: bytes) -> str:
    """Return the tag of the root element as far as the first bytes of a file tell it."""
    builder = _Builder(frozenset())
    try:
        builder.parser.Parse(head, False)
    except (expat.ExpatError, Invalid, LookupError, ValueError):
        pass  # the whole file is judged when it is read
    return builder.root
