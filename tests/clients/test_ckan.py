"""Read the catalogue with CKAN's own unmodified client: its library and its command."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients import published
from jinbiao.tests.clients.conftest import CatalogueServer, client_environment, environment

# The first run installs the client.
pytestmark = pytest.mark.timeout(900)
PINS = ("ckanapi==4.11",)
SCRIPT = Path(__file__).with_name("ckan_scenarios.py")
OPEN = [f"{published.OWNER}-{name}" for name in (published.GATED, published.LARGE, published.NAME)]
PACKAGE = """author author_email creator_user_id extras groups id isopen license_id license_title
license_url maintainer maintainer_email metadata_created metadata_modified name notes
num_resources num_tags organization owner_org private relationships_as_object
relationships_as_subject resources state tags title type url version""".split()
RESOURCE = """cache_last_updated cache_url created description format hash hash_algorithm id
last_modified license metadata_modified mimetype mimetype_inner name package_id position
resource_type rights size state url url_type""".split()

EXPECTED: dict[str, Any] = {
    "versions": "4.11",
    "names": [OPEN, OPEN[1:2]],
    "shown": {
        "same": True,
        "keys": PACKAGE,
        "resource": RESOURCE,
        "digest": True,
        "size": True,
        "alone": True,
        "first": "ZIP",
        "formats": ["HTML", "Markdown", "Parquet", "TXT", "ZIP"],
        "ids": True,
        "version": published.SECOND,
        "tags": ["object-detection", "weld", "焊缝"],
        "previous": [published.FIRST],
    },
    "searched": {
        "all": 3,
        "words": 3,
        "none": 0,
        "owner": 3,
        "not owner": 0,
        "two": 3,
        "group": 3,
        "since": 3,
        "before": 0,
        "udata": 3,
    },
    "harvested": [3, True],
    "private": {
        "stranger": 0,
        "without asking": 0,
        "own": [f"{published.OWNER}-{published.CLOSED}"],
        "shown": [True],
        "hidden": "NotFound",
    },
    "conditional": {"open": False, "stranger": 1, "page": True, "own": True},
    "others": {
        "organizations": [published.OWNER],
        "owner": ["天津", 3, 3],
        "same owner": published.OWNER,
        "groups": ["industry"],
        "group": "工业",
        "tags": ["object-detection", "weld", "焊缝"],
        "licences": True,
        "site": [True, "津标 Jinbiao"],
        "help": True,
        "current": 2,
        "facets": {published.OWNER: 3},
    },
    "failures": {
        "not found": "NotFound",
        "missing": "ValidationError",
        "query": "ValidationError",
        "field": "ValidationError",
        "sort": "ValidationError",
        "rows": "ValidationError",
        "write": "NotAuthorized",
        "bad key": "NotAuthorized",
        "unknown": "CKANAPIError",
        "upload": "NotAuthorized",
    },
    "command_line": {
        "action": OPEN[2],
        "search": OPEN,
        "dump": OPEN,
        "organizations": [published.OWNER],
        "groups": ["industry"],
        "datapackage": OPEN[2],
        "files": True,
    },
}


@cache
def results(server: CatalogueServer, home: Path) -> dict[str, dict[str, Any]]:
    """Run all scenarios and give what each of them told."""
    python = client_environment("ckanapi-4.11", *PINS)
    facts = {"url": server.url, "token": server.token, "name": OPEN[2], "gated": OPEN[0]}
    given = environment(home)
    given["PATH"] = f"{python.parent}:{given['PATH']}"
    ran = subprocess.run(
        [str(python), str(SCRIPT), json.dumps(facts)],
        env=given,
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
    """Give the client an empty home."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_client_reads_the_catalogue(
    scenario: str, catalogue_server: CatalogueServer, home: Path
) -> None:
    told = results(catalogue_server, home)[scenario]
    assert "error" not in told, told["error"]
    assert told["value"] == EXPECTED[scenario]
