"""Read small graphs of linked data: JSON-LD, RDF/XML and Turtle, as catalogues write them.

No context and no document is fetched: of JSON-LD the context must stand in the answer itself
(terms, prefixes, @id and @type coercion, @graph, @list and nesting are read); RDF/XML is read
in its usual forms (typed nodes, rdf:about, rdf:resource, nested nodes, property attributes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from lxml import etree

from ...datasets import errors
from ...datasets.errors import _
from .turtle import read_turtle, resolved

ACCEPT = "application/ld+json, application/rdf+xml;q=0.9, text/turtle;q=0.8, */*;q=0.1"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MOST_TRIPLES = 2_000_000
DEEPEST = 64
_XML = "{http://www.w3.org/XML/1998/namespace}"


class Graph:
    """Triples by subject; objects are texts, names of things and literals alike."""

    def __init__(self) -> None:
        self._by_subject: dict[str, dict[str, list[str]]] = {}
        self._count = 0

    def add(self, subject: str, predicate: str, value: str) -> None:
        """Add a triple.

        Raises:
            errors.TooLarge: there are too many.
        """
        self._count += 1
        if self._count > MOST_TRIPLES:
            raise errors.TooLarge(
                _("the graph has more than %(most)s statements"), most=MOST_TRIPLES
            )
        self._by_subject.setdefault(subject, {}).setdefault(predicate, []).append(value)

    def of_type(self, kind: str) -> list[str]:
        """List the things of a type, in the order in which they were met."""
        wanted = f"{RDF}type"
        return [name for name, told in self._by_subject.items() if kind in told.get(wanted, ())]

    def of(self, subject: str, predicate: str) -> list[str]:
        """List what a thing has under a predicate."""
        return self._by_subject.get(subject, {}).get(predicate, [])

    def values(self, predicate: str) -> list[str]:
        """List what anything has under a predicate."""
        return [text for told in self._by_subject.values() for text in told.get(predicate, ())]

    def text(self, subject: str, predicate: str) -> str:
        """Return the first of what a thing has under a predicate, "" for none.

        Of a nameless thing its label is meant: formats and licences are often such.
        """
        found = self.of(subject, predicate)
        if not found:
            return ""
        if found[0].startswith("_:"):
            told = self._by_subject.get(found[0], {})
            label = "http://www.w3.org/2000/01/rdf-schema#label"
            return next(iter(told.get(label) or told.get(f"{RDF}value") or ()), "")
        return found[0]


def read_graph(content: bytes, content_type: str, base: str) -> Graph:
    """Return the graph that an answer holds.

    Raises:
        errors.Refused: it is none of JSON-LD, RDF/XML and Turtle, or broken.
    """
    kind = content_type.partition(";")[0].strip().lower()
    graph = Graph()
    start = content.lstrip()[:1]
    if "json" in kind or (start in b"{[" and start and "turtle" not in kind):
        _read_json(graph, content, base)
    elif "xml" in kind or start == b"<" and b"<rdf:RDF" in content[:4096]:
        _read_xml(graph, content, base)
    elif kind in ("text/turtle", "application/x-turtle", "text/n3", "text/plain", "text/rdf+n3"):
        for triple in read_turtle(_text(content), base):
            graph.add(*triple)
    else:
        raise errors.Refused(
            _("the answer is no linked data that is read here: %(kind)s"), kind=kind[:80]
        )
    return graph


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise errors.Refused(_("the answer is no UTF-8")) from problem


def _read_json(graph: Graph, content: bytes, base: str) -> None:
    try:
        told = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.Refused(_("the answer is not JSON")) from problem
    _JsonReader(graph, base).read(told, {})


class _JsonReader:
    """Read JSON-LD whose context stands in it."""

    def __init__(self, graph: Graph, base: str) -> None:
        self._graph, self._base, self._nameless = graph, base, 0

    def read(self, told: Any, context: dict[str, Any], depth: int = 0) -> str | None:
        """Read a node, a list of nodes or a document; return the name of a node."""
        if depth > DEEPEST:
            raise errors.Refused(_("the JSON is nested too deeply"))
        if isinstance(told, list):
            for each in told:
                self.read(each, context, depth + 1)
            return None
        if not isinstance(told, dict):
            return None
        if "@context" in told:
            context = self._context(told["@context"], context)
        if "@graph" in told:
            self.read(told["@graph"], context, depth + 1)
        alias = {name: term for name, term in context.items() if term in ("@id", "@type")}
        names = {alias.get(name, name): name for name in told}
        rest = [name for name in told if not name.startswith("@") and name not in alias]
        if "@id" not in names and "@type" not in names and not rest:
            return None
        given = told.get(names.get("@id", ""))
        subject = self._iri(given, context) if isinstance(given, str) else self._nameless_name()
        kinds = told.get(names.get("@type", ""), [])
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            if isinstance(kind, str):
                self._graph.add(subject, f"{RDF}type", self._term(kind, context))
        for name in rest:
            self._property(subject, name, told[name], context, depth)
        return subject

    def _property(
        self, subject: str, name: str, told: Any, context: dict[str, Any], depth: int
    ) -> None:
        predicate = self._term(name, context)
        if depth > DEEPEST:
            raise errors.Refused(_("the JSON is nested too deeply"))
        if ":" not in predicate:
            return
        defined = context.get(name)
        names_things = isinstance(defined, dict) and defined.get("@type") in ("@id", "@vocab")
        for each in told if isinstance(told, list) else [told]:
            value: str | None = None
            if isinstance(each, dict) and "@list" in each:
                self._property(subject, name, each["@list"], context, depth + 1)
            elif isinstance(each, dict) and "@value" in each:
                value = _literal(each["@value"])
            elif isinstance(each, dict):
                value = self.read(each, context, depth + 1)
            elif isinstance(each, str) and names_things:
                value = self._iri(each, context)
            else:
                value = _literal(each)
            if value is not None:
                self._graph.add(subject, predicate, value)

    def _context(self, told: Any, present: dict[str, Any]) -> dict[str, Any]:
        found = dict(present)
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, str):
                raise errors.Refused(
                    _("the context of the JSON-LD is elsewhere; it is not fetched")
                )
            if not isinstance(each, dict):
                continue
            for name, value in each.items():
                found[name] = value
        return found

    def _term(self, name: str, context: dict[str, Any], depth: int = 0) -> str:
        defined = context.get(name)
        if isinstance(defined, dict):
            defined = defined.get("@id")
        if isinstance(defined, str) and defined != name and depth < 8:
            return self._term(defined, context, depth + 1)
        prefix, colon, last = name.partition(":")
        if colon and not last.startswith("//"):
            space = context.get(prefix)
            space = space.get("@id") if isinstance(space, dict) else space
            if isinstance(space, str) and depth < 8:
                return self._term(space, context, depth + 1) + last
        if not colon and isinstance(context.get("@vocab"), str) and not name.startswith("@"):
            return str(context["@vocab"]) + name
        return name

    def _iri(self, given: str, context: dict[str, Any]) -> str:
        if given.startswith("_:"):
            return given
        prefix, colon, last = given.partition(":")
        if colon and not last.startswith("//") and prefix in context:
            return self._term(given, context)
        base = context.get("@base")
        return resolved(base if isinstance(base, str) else self._base, given)

    def _nameless_name(self) -> str:
        self._nameless += 1
        return f"_:nameless{self._nameless}"


def _literal(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _read_xml(graph: Graph, content: bytes, base: str) -> None:
    # No entity is expanded, no document type read, nothing fetched.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise errors.Refused(_("the answer is no good XML")) from problem
    if root.getroottree().docinfo.doctype:
        raise errors.Refused(_("the XML has a document type; that is not read"))
    reader = _XmlReader(graph, base)
    nodes = list(root) if root.tag == f"{{{RDF}}}RDF" else [root]
    for node in nodes:
        if isinstance(node.tag, str):
            reader.node(node, root.get(f"{_XML}base") or base)


class _XmlReader:
    """Read RDF/XML, node elements and property elements by turns."""

    def __init__(self, graph: Graph, base: str) -> None:
        self._graph, self._base, self._nameless = graph, base, 0

    def node(self, element: Any, base: str) -> str:
        """Read a node element and return its name."""
        base = element.get(f"{_XML}base") or base
        subject = self._name(element, base)
        kind = _iri(element.tag)
        if kind != f"{RDF}Description":
            self._graph.add(subject, f"{RDF}type", kind)
        for name, value in element.attrib.items():
            if not name.startswith((f"{{{RDF}}}", _XML)) and name.startswith("{"):
                self._graph.add(subject, _iri(name), value)
        for child in _elements(element):
            self._property(subject, child, base)
        return subject

    def _property(self, subject: str, element: Any, base: str) -> None:
        predicate = _iri(element.tag)
        resource = element.get(f"{{{RDF}}}resource")
        nameless = element.get(f"{{{RDF}}}nodeID")
        children = list(_elements(element))
        if resource is not None:
            self._graph.add(subject, predicate, resolved(base, resource))
        elif nameless is not None:
            self._graph.add(subject, predicate, f"_:{nameless}")
        elif element.get(f"{{{RDF}}}parseType") == "Resource":
            name = self._nameless_name()
            self._graph.add(subject, predicate, name)
            for child in children:
                self._property(name, child, base)
        elif children:
            for child in children:
                self._graph.add(subject, predicate, self.node(child, base))
        else:
            self._graph.add(subject, predicate, (element.text or "").strip())

    def _name(self, element: Any, base: str) -> str:
        about: str | None = element.get(f"{{{RDF}}}about")
        nameless: str | None = element.get(f"{{{RDF}}}nodeID")
        if about is not None:
            return resolved(base, about)
        local: str | None = element.get(f"{{{RDF}}}ID")
        if local is not None:
            return resolved(base, f"#{local}")
        return self._nameless_name() if nameless is None else f"_:{nameless}"

    def _nameless_name(self) -> str:
        self._nameless += 1
        return f"_:unnamed{self._nameless}"


def _elements(element: Any) -> Iterator[Any]:
    return (child for child in element if isinstance(child.tag, str))


def _iri(tag: str) -> str:
    return tag[1:].replace("}", "", 1) if tag.startswith("{") else tag
