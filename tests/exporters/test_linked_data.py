"""Write the same statements in every form, whatever their texts hold.

tests/clients/test_dcat.py reads the forms with a library of others; here each is read by the
rules of its own grammar.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from jinbiao.exporters.linked_data import (
    FORMS,
    PREFIXES,
    Graph,
    Term,
    address,
    jsonld,
    node,
    ntriples,
    rdfxml,
    text,
    turtle,
    typed,
)

Triple = tuple[str, str, tuple[str, str, str]]
RDF = PREFIXES["rdf"]
LINE = re.compile(
    r'(\S+) <([^>]*)> (?:<([^>]*)>|(_:\w+)|"((?:[^"\\]|\\.)*)"(?:@(\w+)|\^\^<([^>]*)>)?) \.'
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def full(name: str) -> str:
    """Return a name with its prefix written out."""
    prefix, _colon, rest = name.partition(":")
    return PREFIXES[prefix] + rest if prefix in PREFIXES else name


def of_ntriples(written: bytes) -> set[Triple]:
    """Read N-Triples."""
    found = set()
    for line in written.decode().rstrip("\n").split("\n"):
        match = LINE.fullmatch(line)
        assert match, line
        subject, predicate, name, blank, value, language, datatype = match.groups()
        subject = subject.strip("<>")
        if value is None:
            found.add((subject, predicate, (name or blank, "", "node")))
            continue
        value = re.sub(r"\\(.)", lambda each: ESCAPES.get(each[1], each[1]), value)
        found.add((subject, predicate, (value, language or "", datatype or "")))
    return found


def of_jsonld(written: bytes) -> set[Triple]:
    """Read JSON-LD in the one shape that we write."""
    told = json.loads(written)
    assert told["@context"] == PREFIXES
    found = set()
    for thing in told["@graph"]:
        subject = full(thing.pop("@id"))
        for kind in thing.pop("@type", []):
            found.add((subject, f"{RDF}type", (full(kind), "", "node")))
        for predicate, values in thing.items():
            for value in values:
                if "@id" in value:
                    said = (full(value["@id"]), "", "node")
                else:
                    kind = full(value.get("@type", ""))
                    said = (value["@value"], value.get("@language", ""), kind)
                found.add((subject, full(predicate), said))
    return found


def of_rdfxml(written: bytes) -> set[Triple]:
    """Read RDF/XML made of descriptions."""
    found = set()
    for thing in ElementTree.fromstring(written):
        blank = thing.get(f"{{{RDF}}}nodeID")
        subject = f"_:{blank}" if blank else thing.get(f"{{{RDF}}}about", "")
        for said in thing:
            predicate = said.tag.replace("{", "").replace("}", "")
            name, blank = (said.get(f"{{{RDF}}}{key}") for key in ("resource", "nodeID"))
            if name is not None or blank is not None:
                found.add((subject, predicate, (name or f"_:{blank}", "", "node")))
                continue
            language = said.get("{http://www.w3.org/XML/1998/namespace}lang", "")
            datatype = said.get(f"{{{RDF}}}datatype", "")
            found.add((subject, predicate, (said.text or "", language, datatype)))
    return found


TERMS = st.one_of(
    st.text(max_size=30).map(text),
    st.builds(text, st.text(max_size=30), st.sampled_from(["zh", "en"])),
    st.text(max_size=30).map(lambda tail: node(address(f"http://a/{tail}"))),
    st.integers(0).map(lambda number: typed(number, "xsd:integer")),
    st.sampled_from([node("_:b1"), node("dcat:Dataset"), text('"\\\r\n\t]]>&lt;\u2028')]),
)
STATEMENTS = st.tuples(st.sampled_from(["dct:title", "rdf:type", "adms:versionNotes"]), TERMS)


@given(
    said=st.lists(
        st.tuples(st.sampled_from(["http://a/x", "_:b1", "http://a/y#1"]), STATEMENTS), min_size=1
    )
)
def test_every_form_holds_the_same_statements(said: list[tuple[str, tuple[str, Term]]]) -> None:
    graph, expected = Graph(), set()
    for subject, (predicate, term) in said:
        if predicate == "rdf:type" and term.kind != "node":
            continue
        graph.add(subject, (predicate, term))
        kind = "node" if term.kind == "node" else full(term.datatype)
        value = full(term.value) if term.kind == "node" else term.value
        expected.add((subject, full(predicate), (value, term.language, kind)))
    if not expected:
        return
    assert of_ntriples(ntriples(graph)) == expected
    assert of_jsonld(jsonld(graph)) == expected
    assert of_rdfxml(rdfxml(graph)) == expected


def test_turtle_is_what_it_should_be() -> None:
    graph = Graph()
    place = graph.thing("dct:Location", ("rdfs:label", text('城\n"市"', "zh")))
    at = dt.datetime(2026, 1, 1, 8, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    graph.add("http://a/x", ("dct:spatial", place), ("dct:issued", typed(at, "xsd:dateTime")))
    head, _blank, body = turtle(graph).decode().partition("\n\n")
    assert head.splitlines() == [f"@prefix {name}: <{PREFIXES[name]}> ." for name in PREFIXES]
    assert body == (
        '_:b1 a dct:Location ;\n    rdfs:label "城\\n\\"市\\""@zh .\n\n'
        "<http://a/x> dct:spatial _:b1 ;\n"
        '    dct:issued "2026-01-01T00:00:00+00:00"^^xsd:dateTime .\n'
    )


@given(value=st.text(max_size=40))
def test_an_address_holds_nothing_that_ends_it(value: str) -> None:
    written = address(value)
    assert re.fullmatch(r"[!-~]*", written) and not set(written) & set('<>"{}|^`\\')
    assert address(written) == written


def test_what_is_known_is_described_once() -> None:
    graph = Graph()
    for _time in range(2):
        graph.thing("foaf:Agent", ("foaf:name", text("市局")), name="http://a/agent")
    assert len(graph.subjects["http://a/agent"]) == 2
    assert {form.content_type for form in FORMS.values()} >= {"text/turtle", "application/ld+json"}
