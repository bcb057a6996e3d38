"""Read the catalogue as linked data with libraries of others, and hold it against DCAT-AP."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jinbiao.exporters.linked_data import FORMS, Graph, address, text
from jinbiao.tests.clients import published
from jinbiao.tests.clients.conftest import (
    CHECKOUT,
    CatalogueServer,
    client_environment,
    environment,
)

# The first run installs the libraries.
pytestmark = pytest.mark.timeout(900)
PINS = ("pyshacl==0.40.1", "rdflib==7.6.0")
SCRIPT = Path(__file__).with_name("dcat_scenarios.py")
SHAPES = CHECKOUT.parent / "shared" / "contracts" / "dcat-ap-3.0.1"
OPEN = [f"{published.OWNER}-{name}" for name in (published.GATED, published.LARGE, published.NAME)]
PATHS = [f"/dataset/{OPEN[2]}", f"/dataset/{OPEN[2]}/{published.FIRST}"]
# Texts that try to end what they are in; XML takes the one line end for the other otherwise.
HOSTILE = [
    '"""\\',
    "</dct:title>&lt;]]>",
    "<http://a/b> . @zh",
    "\r\n\t\u2028 焊缝 \U0001f600",
    "_:b1 'x' \\u0041 \\",
]
RESULTS: dict[str, Any] = {
    "versions": ["7.6.0", "0.40.1"],
    "hostile": [sorted(HOSTILE), [True] * 6],
    "forms": {path: [True] * 7 for path in PATHS},
    "negotiated": {
        "*/*": "application/ld+json",
        **{
            kind: kind
            for kind in (
                "text/turtle",
                "application/rdf+xml",
                "application/n-triples",
                "text/n3",
                "application/ld+json",
            )
        },
    },
    "conforming": {
        f"{path} {shape}": True
        for path in ["/catalog", f"/dataset/{OPEN[0]}", *PATHS]
        for shape in ("shapes", "range")
    },
    "paged": [1, OPEN],
    "related": {
        "newest": f"/dataset/{OPEN[2]}/{published.SECOND}",
        "before": f"/dataset/{OPEN[2]}/{published.FIRST}",
        "concept": True,
        "all": [published.FIRST, published.SECOND],
    },
}


@cache
def results(server: CatalogueServer, home: Path) -> dict[str, dict[str, Any]]:
    """Run all scenarios and give what each of them told."""
    python = client_environment("dcat", *PINS)
    facts = {"url": server.url, "name": OPEN[2], "gated": OPEN[0]}
    facts |= {"tag": published.FIRST, "shapes": str(SHAPES), "hostile": str(home)}
    graph = Graph()
    for number, value in enumerate(HOSTILE):
        blank = graph.thing("dct:Location", ("rdfs:label", text(value, "zh")))
        place = address(f"http://a/{value}{number}")
        graph.add(place, ("dct:title", text(value)), ("dct:spatial", blank))
    for ending, form in FORMS.items():
        (home / f"hostile.{ending}").write_bytes(form.write(graph))
    ran = subprocess.run(
        [str(python), str(SCRIPT), json.dumps(facts)],
        env=environment(home),
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return {line["scenario"]: line for line in told}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the libraries an empty home."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("scenario", RESULTS)
def test_other_libraries_read_the_catalogue(
    scenario: str, catalogue_server: CatalogueServer, home: Path
) -> None:
    if scenario == "conforming" and not SHAPES.is_dir():
        pytest.skip("the shapes of DCAT-AP are in ../shared, which is not there")
    told = results(catalogue_server, home)[scenario]
    assert "error" not in told, told["error"]
    assert told["value"] == RESULTS[scenario]
