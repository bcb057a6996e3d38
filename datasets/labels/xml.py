"""Read a labelling configuration from XML, without resolving, fetching or running anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from ..errors import Invalid, Problem, TooLarge, _
from .tags import CANONICAL

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64


@dataclass
class Node:
    """One element: canonical tag name, attributes as written, its line, and its children."""

    tag: str
    attributes: dict[str, str]
    line: int
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    text: str = ""

    @property
    def place(self) -> str:
        """Say where the element is."""
        return f"line {self.line} <{self.tag}>"

    def get(self, name: str) -> str | None:
        """Read an attribute without regard to the case of its name, as the editor does."""
        for key, value in self.attributes.items():
            if key.lower() == name:
                return value
        return None

    def walk(self) -> Iterator[Node]:
        """Yield this element and everything in it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def read(xml: str) -> Node:
    """Parse into nodes; raise TooLarge past 256 KiB and Invalid for anything but plain XML.

    A document type is refused before any entity in it is read, so nothing expands.
    """
    try:
        data = xml.encode()
    except UnicodeEncodeError as error:
        raise _refusal(Problem("", _("the text has characters that are not Unicode"))) from error
    if len(data) > MAX_BYTES:
        message = _("the labelling configuration has %(size)s bytes; at most %(limit)s are read")
        raise TooLarge(message, size=len(data), limit=MAX_BYTES)
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        message = _("not well-formed XML: %(reason)s")
        reason = expat.ErrorString(error.code) or str(error)
        problem = Problem(f"line {error.lineno}", message, {"reason": reason})
        raise _refusal(problem) from error
    if builder.root is None:
        raise _refusal(Problem("", _("the labelling configuration is empty")))
    return builder.root


def _refusal(problem: Problem) -> Invalid:
    message = _("the labelling configuration cannot be used: %(first)s")
    return Invalid(message, problems=[problem], first=str(problem))


class _Builder:
    """Collect expat's events into nodes."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        # The text is already decoded, so an encoding named in the XML declaration is void.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.ProcessingInstructionHandler = self._instruction
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words

    def _line(self) -> str:
        return f"line {self.parser.CurrentLineNumber}"

    def _doctype(self, *declaration: object) -> None:
        raise _refusal(Problem(self._line(), _("a document type (DOCTYPE) is not allowed")))

    def _instruction(self, *instruction: object) -> None:
        raise _refusal(Problem(self._line(), _("a processing instruction is not allowed")))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            message = _("elements are nested deeper than %(limit)s")
            raise _refusal(Problem(self._line(), message, {"limit": MAX_DEPTH}))
        parent = self._open[-1] if self._open else None
        name = CANONICAL.get(tag.lower(), tag)
        node = Node(name, attributes, self.parser.CurrentLineNumber, parent)
        if parent is None:
            self.root = node
        else:
            parent.children.append(node)
        self._open.append(node)

    def _end(self, tag: str) -> None:
        self._open.pop()

    def _words(self, words: str) -> None:
        if self._open:
            self._open[-1].text += words
