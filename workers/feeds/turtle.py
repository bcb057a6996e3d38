"""Read Turtle (RDF 1.1) as triples of texts; literals lose their type and language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from ...datasets import errors
from ...datasets.errors import _

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DEEPEST = 64
Triple = tuple[str, str, str]
# Each is tried in this order at a place; long strings come before short ones.
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|\#[^\n]*)+)
    |(?P<iri><[^<>"{}|^`\\\x00-\x20]*(?:\\u[0-9A-Fa-f]{4}[^<>"{}|^`\\\x00-\x20]*)*>)
    |(?P<long>\"\"\"(?:\"{0,2}(?:[^"\\]|\\.))*\"\"\"|'''(?:'{0,2}(?:[^'\\]|\\.))*''')
    |(?P<string>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
    |(?P<directive>@prefix\b|@base\b)
    |(?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
    |(?P<mark>\^\^|\.(?!\d)|[;,\[\]()])
    |(?P<number>[+-]?(?:\d*\.\d+|\d+(?:\.(?=[eE]))?)(?:[eE][+-]?\d+)?(?![\w:]))
    |(?P<name>(?:_:|[\w.-]*:)(?:[\w:%-]|\.(?=[\w:%-])|\\[-_~.!$&'()*+,;=/?\#@%])*)
    |(?P<word>[A-Za-z]+)""",
    re.VERBOSE | re.DOTALL,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_PLAIN = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def read_turtle(text: str, base: str) -> Iterator[Triple]:
    """Give the triples of a document.

    Raises:
        errors.Refused: it is not Turtle; says at which line.
    """
    return _Reader(text, base).document()


class _Reader:
    """Read statement by statement; one token ahead."""

    def __init__(self, text: str, base: str) -> None:
        self._text, self._base, self._at, self._nameless = text, base, 0, 0
        self._prefixes: dict[str, str] = {}
        self._made: list[Triple] = []
        self._kind, self._token = "", ""
        self._advance()

    def document(self) -> Iterator[Triple]:
        """Give the triples in the order of the statements."""
        while self._kind != "end":
            if self._is_directive():
                self._directive()
            else:
                has_more = self._token == "["
                subject = self._thing(0)
                if not (has_more and self._token == "."):
                    self._predicates(subject, 0)
                self._expect(".")
            yield from self._made
            self._made = []

    def _advance(self) -> None:
        while True:
            if self._at >= len(self._text):
                self._kind, self._token = "end", ""
                return
            found = _TOKEN.match(self._text, self._at)
            if found is None or found.end() == self._at:
                raise self._broken()
            self._at = found.end()
            if found.lastgroup != "space":
                self._kind, self._token = str(found.lastgroup), found.group()
                return

    def _broken(self) -> errors.Refused:
        line = self._text.count("\n", 0, self._at) + 1
        return errors.Refused(_("the Turtle cannot be read at line %(line)s"), line=line)

    def _expect(self, mark: str) -> None:
        if self._token != mark:
            raise self._broken()
        self._advance()

    def _is_directive(self) -> bool:
        is_word = self._kind == "word" and self._token.lower() in ("prefix", "base")
        return is_word or self._kind == "directive"

    def _directive(self) -> None:
        word, ends = self._token.lstrip("@").lower(), self._token.startswith("@")
        self._advance()
        prefix = ""
        if word == "prefix":
            prefix = self._token
            if self._kind != "name" or not prefix.endswith(":"):
                raise self._broken()
            self._advance()
        if self._kind != "iri":
            raise self._broken()
        iri = self._iri()
        self._advance()
        if word == "prefix":
            self._prefixes[prefix[:-1]] = iri
        else:
            self._base = iri
        if ends:
            self._expect(".")

    def _predicates(self, subject: str, depth: int) -> None:
        while True:
            if self._kind == "word" and self._token == "a":
                predicate = f"{RDF}type"
                self._advance()
            else:
                predicate = self._thing(depth)
            while True:
                self._made.append((subject, predicate, self._value(depth)))
                if self._token != ",":
                    break
                self._advance()
            if self._token != ";":
                return
            while self._token == ";":
                self._advance()
            if self._token in (".", "]"):
                return

    def _value(self, depth: int) -> str:
        if self._kind in ("string", "long"):
            size = 3 if self._kind == "long" else 1
            text = _unescaped(self._token[size:-size])
            self._advance()
            if self._kind == "language":
                self._advance()
            elif self._token == "^^":
                self._advance()
                self._thing(depth)
            return text
        if self._kind == "number" or self._token in ("true", "false"):
            text = self._token
            self._advance()
            return text
        return self._thing(depth)

    def _thing(self, depth: int) -> str:
        if depth > DEEPEST:
            raise self._broken()
        if self._kind == "iri":
            found = self._iri()
        elif self._kind == "name":
            found = self._prefixed()
        elif self._token == "[":
            return self._nameless_thing(depth)
        elif self._token == "(":
            return self._collection(depth)
        else:
            raise self._broken()
        self._advance()
        return found

    def _iri(self) -> str:
        return resolved(self._base, _unescaped(self._token[1:-1]))

    def _prefixed(self) -> str:
        prefix, _colon, last = self._token.partition(":")
        if prefix == "_":
            return self._token
        if prefix not in self._prefixes:
            raise self._broken()
        return self._prefixes[prefix] + re.sub(r"\\(.)", r"\1", last)

    def _nameless_thing(self, depth: int) -> str:
        self._advance()
        subject = self._new()
        if self._token != "]":
            self._predicates(subject, depth + 1)
        self._expect("]")
        return subject

    def _collection(self, depth: int) -> str:
        self._advance()
        items = []
        while self._token != ")":
            if self._kind == "end":
                raise self._broken()
            items.append(self._value(depth + 1))
        self._advance()
        rest = f"{RDF}nil"
        for item in reversed(items):
            name = self._new()
            self._made += [(name, f"{RDF}first", item), (name, f"{RDF}rest", rest)]
            rest = name
        return rest

    def _new(self) -> str:
        self._nameless += 1
        return f"_:unnamed-{self._nameless}"


def resolved(base: str, reference: str) -> str:
    """Return what a reference names; a whole address stays as it is, down to an empty fragment."""
    return reference if _SCHEME.match(reference) else urljoin(base, reference)


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        told = found[1]
        if told[0] in "uU" and len(told) > 1:
            number = int(told[1:], 16)
            return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
        return _PLAIN.get(told, told)

    return _ESCAPE.sub(one, text) if "\\" in text else text
