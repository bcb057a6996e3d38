"""Read linked data with rdflib and hold it against shapes; run by test_dcat.py.

Each scenario prints one line of JSON: what it told, or the error that it met.
"""

from __future__ import annotations

import json
import sys
import traceback
import urllib.request
from pathlib import Path
from typing import Any

import pyshacl
import rdflib
from rdflib import DCAT, DCTERMS, RDF, URIRef
from rdflib.compare import isomorphic

FACTS = json.loads(sys.argv[1])
URL, NAME, SHAPES = FACTS["url"], FACTS["name"], FACTS["shapes"]
HYDRA = rdflib.Namespace("http://www.w3.org/ns/hydra/core#")
READERS = {
    "ttl": "turtle",
    "rdf": "xml",
    "xml": "xml",
    "jsonld": "json-ld",
    "nt": "nt",
    "n3": "n3",
}


def fetch(path: str, accept: str = "*/*") -> tuple[str, bytes]:
    """Return the content type and the bytes at an address."""
    asked = urllib.request.Request(URL + path, headers={"Accept": accept})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return answer.headers.get_content_type(), answer.read()


def graph(path: str, reader: str = "turtle") -> rdflib.Graph:
    """Read a graph."""
    return rdflib.Graph().parse(data=fetch(path)[1], format=reader)


def versions() -> Any:
    """Say which libraries these are."""
    return [rdflib.__version__, pyshacl.__version__]


def forms() -> Any:
    """Read a dataset and a version in every form: the graphs must be the same."""
    told = {}
    for path in (f"/dataset/{NAME}", f"/dataset/{NAME}/{FACTS['tag']}"):
        graphs = {end: graph(f"{path}.{end}", reader) for end, reader in READERS.items()}
        told[path] = [len(graphs["nt"]) > 100]
        told[path] += [isomorphic(graphs["nt"], each) for each in graphs.values()]
    return told


def hostile() -> Any:
    """Read a graph whose texts try to end what they are in: every form must hold the same."""
    folder = Path(FACTS["hostile"])
    graphs = [
        rdflib.Graph().parse(str(folder / f"hostile.{end}"), format=reader)
        for end, reader in READERS.items()
    ]
    told = sorted(str(each) for each in graphs[0].objects(None, DCTERMS.title))
    return [told, [isomorphic(graphs[0], each) for each in graphs]]


def negotiated() -> Any:
    """Ask for the catalogue in each type."""
    types = ["*/*", "text/turtle", "application/rdf+xml", "application/n-triples", "text/n3"]
    return {kind: fetch("/catalog", kind)[0] for kind in [*types, "application/ld+json"]}


def conforming() -> Any:
    """Hold the catalogue, a dataset and a version against the shapes."""
    told = {}
    paths = ["/catalog", f"/dataset/{NAME}", f"/dataset/{FACTS['gated']}"]
    for path in [*paths, f"/dataset/{NAME}/{FACTS['tag']}"]:
        for shape in ("shapes", "range"):
            shapes = str(Path(SHAPES) / f"{shape}.ttl")
            good, _graph, text = pyshacl.validate(
                graph(f"{path}.ttl"), shacl_graph=shapes, advanced=True
            )
            told[f"{path} {shape}"] = True if good else text[:500]
    return told


def paged() -> Any:
    """Follow the pages of the whole catalogue as harvesters do; list the datasets' names."""
    found, where, pages = [], "/catalog.jsonld", 0
    while where:
        page = graph(where, "json-ld")
        pages += 1
        found += [str(each).rpartition("/")[2] for each in page.subjects(RDF.type, DCAT.Dataset)]
        following = page.value(page.value(None, RDF.type, HYDRA.PartialCollectionView), HYDRA.next)
        where = str(following).removeprefix(URL) if following else ""
    return [pages, sorted(found)]


def related() -> Any:
    """Go from a dataset to its newest version, and from there to the one before."""
    concept = URIRef(f"{URL}/dataset/{NAME}")
    newest = graph(f"/dataset/{NAME}.ttl").value(concept, DCAT.hasCurrentVersion)
    about = graph(str(newest).removeprefix(URL) + ".ttl")
    before = about.value(newest, DCAT.previousVersion)
    versions = graph(f"/dataset/{NAME}.ttl").objects(concept, DCAT.hasVersion)
    return {
        "newest": str(newest).removeprefix(URL),
        "before": str(before).removeprefix(URL),
        "concept": about.value(newest, DCAT.isVersionOf) == concept,
        "all": sorted(str(each).rpartition("/")[2] for each in versions),
    }


SCENARIOS = (versions, forms, hostile, negotiated, conforming, paged, related)
for scenario in SCENARIOS:
    told: dict[str, Any] = {"scenario": scenario.__name__}
    try:
        told["value"] = scenario()
    except Exception:
        told["error"] = traceback.format_exc()[-1500:]
    print(json.dumps(told), flush=True)
