"""Hold a graph of linked data and write it in the five forms that catalogues exchange.

The forms are written here rather than by a library: our graphs use a fixed vocabulary, and a
catalogue page of 100 datasets is 20,000 statements, which general libraries take seconds for
(docs/decisions.md). Tests read every form back with one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import msgspec

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


class Term(msgspec.Struct, frozen=True, gc=False):
    """The object of a statement: a node (`kind` "node"), or a text with language or type."""

    # A page has 30,000 of these: going through them again and again to collect what no
    # longer refers to itself took more than half of its time.
    kind: str
    value: str
    language: str = ""
    datatype: str = ""


def node(name: str) -> Term:
    """Return a node by its address, or by its `_:` name within the graph."""
    return Term("node", name)


def text(value: str, language: str = "") -> Term:
    """Return a text in a language; what XML cannot hold is left out."""
    return Term("text", _UNWRITABLE.sub("", value), language)


def typed(value: object, datatype: str) -> Term:
    """Return a value of a type such as `xsd:date`; times become UTC."""
    if isinstance(value, dt.datetime):
        value = value.astimezone(dt.UTC).isoformat(timespec="seconds")
    return Term("typed", str(value), datatype=datatype)


def address(value: str) -> str:
    """Return an address with what no form can hold percent-encoded."""
    return _UNSAFE.sub(_percent, value)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))


_UNSAFE = re.compile(r'[^\x21-\x7e]|[<>"{}|^`\\]')
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


Statement = tuple[str, Term]


class Graph:
    """Statements by subject, in the order in which they were made."""

    def __init__(self) -> None:
        self.subjects: dict[str, list[Statement]] = {}
        self._blank = 0

    def add(self, subject: str, *statements: tuple[str, Term | None]) -> None:
        """State (predicate such as `dct:title`, object) of a subject; None states nothing."""
        said = [(predicate, term) for predicate, term in statements if term is not None]
        self.subjects.setdefault(subject, []).extend(said)

    def thing(self, kind: str, *statements: tuple[str, Term | None], name: str = "") -> Term:
        """Describe a thing of a type (`dct:Location`); without `name` it has no address.

        What is there by that name is described already: nothing is added to it.
        """
        if not name:
            self._blank += 1
            name = f"_:b{self._blank}"
        if name not in self.subjects:
            self.add(name, ("rdf:type", node(kind)), *statements)
        return node(name)


def _full(name: str) -> str:
    """Return the address of a name with a prefix; others are as they are."""
    prefix, _colon, rest = name.partition(":")
    return PREFIXES[prefix] + rest if prefix in PREFIXES else name


def _told(graph: Graph) -> Iterable[tuple[str, list[Statement]]]:
    return ((subject, said) for subject, said in graph.subjects.items() if said)


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'[\\"\n\r\t]')


def _quoted(value: str) -> str:
    return '"' + _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value) + '"'


def ntriples(graph: Graph) -> bytes:
    """Write a graph as N-Triples."""

    def named(name: str) -> str:
        return name if name.startswith("_:") else f"<{_full(name)}>"

    def term(of: Term) -> str:
        if of.kind == "node":
            return named(of.value)
        mark = f"^^<{_full(of.datatype)}>" if of.datatype else ""
        return _quoted(of.value) + (f"@{of.language}" if of.language else mark)

    lines = [
        f"{named(subject)} <{_full(predicate)}> {term(said)} .\n"
        for subject, statements in _told(graph)
        for predicate, said in statements
    ]
    return "".join(lines).encode()


def turtle(graph: Graph) -> bytes:
    """Write a graph as Turtle, which is N3 too."""

    def named(name: str) -> str:
        if name.startswith("_:") or name.partition(":")[0] in PREFIXES:
            return name
        return f"<{name}>"

    def term(of: Term) -> str:
        if of.kind == "node":
            return named(of.value)
        mark = f"^^{of.datatype}" if of.datatype else ""
        return _quoted(of.value) + (f"@{of.language}" if of.language else mark)

    parts = [f"@prefix {prefix}: <{place}> .\n" for prefix, place in PREFIXES.items()]
    for subject, statements in _told(graph):
        said = (
            f"{'a' if predicate == 'rdf:type' else predicate} {term(of)}"
            for predicate, of in statements
        )
        parts.append(f"\n{named(subject)} " + " ;\n    ".join(said) + " .\n")
    return "".join(parts).encode()


def rdfxml(graph: Graph) -> bytes:
    """Write a graph as RDF/XML."""
    spaces = "".join(f' xmlns:{prefix}="{place}"' for prefix, place in PREFIXES.items())
    parts = [f'<?xml version="1.0" encoding="utf-8"?>\n<rdf:RDF{spaces}>\n']
    for subject, statements in _told(graph):
        parts.append(f"<rdf:Description {_pointer(subject, 'about')}>\n")
        for predicate, of in statements:
            if of.kind == "node":
                parts.append(f"  <{predicate} {_pointer(of.value, 'resource')}/>\n")
                continue
            mark = f' xml:lang="{of.language}"' if of.language else ""
            if of.datatype:
                mark = f' rdf:datatype="{_full(of.datatype)}"'
            value = escape(of.value, {"\r": "&#13;"})
            parts.append(f"  <{predicate}{mark}>{value}</{predicate}>\n")
        parts.append("</rdf:Description>\n")
    parts.append("</rdf:RDF>\n")
    return "".join(parts).encode()


def _pointer(name: str, attribute: str) -> str:
    if name.startswith("_:"):
        return f"rdf:nodeID={quoteattr(name[2:])}"
    return f"rdf:{attribute}={quoteattr(_full(name))}"


def jsonld(graph: Graph) -> bytes:
    """Write a graph as JSON-LD whose context lies inside, so that nobody has to fetch one."""
    encode = msgspec.json.encode

    def value(of: Term) -> dict[str, str]:
        if of.kind == "node":
            return {"@id": of.value}
        if of.language:
            return {"@value": of.value, "@language": of.language}
        return {"@value": of.value, **({"@type": of.datatype} if of.datatype else {})}

    def thing(subject: str, statements: list[Statement]) -> bytes:
        told: dict[str, Any] = {"@id": subject}
        for predicate, of in statements:
            key, said = ("@type", of.value) if predicate == "rdf:type" else (predicate, value(of))
            told.setdefault(key, []).append(said)
        return encode(told)

    # One thing after another: what is kept is bytes, which cost no collecting.
    things = b",\n".join(thing(*each) for each in _told(graph))
    return b'{"@context":%s,"@graph":[\n%s\n]}\n' % (encode(PREFIXES), things)


class Form(NamedTuple):
    """A form of linked data: its content type, and what writes it."""

    content_type: str
    write: Callable[[Graph], bytes]


# By the ending of an address; the first of a type is the one that is linked to.
FORMS = {
    "jsonld": Form("application/ld+json", jsonld),
    "ttl": Form("text/turtle", turtle),
    "rdf": Form("application/rdf+xml", rdfxml),
    "nt": Form("application/n-triples", ntriples),
    "n3": Form("text/n3", turtle),
    "xml": Form("application/rdf+xml", rdfxml),
}
