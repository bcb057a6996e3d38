"""Download and load with the unmodified ModelScope SDK, newest and older.

By plain HTTP the newest does all but stream; streaming, and all of the older one, go by
HTTPS only, whatever address they are told.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients import published
from jinbiao.tests.clients.certificates import Certificate, certified
from jinbiao.tests.clients.conftest import (
    CatalogueServer,
    client_environment,
    environment,
    serving,
)

PINS = {
    "modelscope-1.40.2": ("modelscope[datasets]==1.40.2",),
    "modelscope-1.30.0": ("modelscope[datasets]==1.30.0",),
}
NEWEST, OLDEST = PINS
# The first run of each installs the client, and importing it is slow.
pytestmark = pytest.mark.timeout(900)
SCRIPT = Path(__file__).with_name("modelscope_scenarios.py")
OWNER = published.OWNER
LARGE = hashlib.sha256(published.large_file()).hexdigest()


def digests(shards: int) -> dict[str, str]:
    """Return the digests of a release's files by path."""
    files = sorted(published.tree(shards).items())
    return {path: hashlib.sha256(data).hexdigest() for path, data in files}


EXPECTED: dict[str, Any] = {
    "command_line": digests(2),
    "command_line_tag": sorted(published.tree(1)),
    "command_line_file": {published.GUIDE: digests(2)[published.GUIDE]},
    "command_line_large": {"large.bin": LARGE},
    "load": [10, "焊缝 0000", [16, 12], []],
    "load_tag": 5,
    "snapshot": sorted(published.tree(2)),
    "files": [sorted(published.tree(2)), [["coco/annotations.json", "blob"]]],
    "information": [True, 4, published.NAME, 5, "CC-BY-4.0"],
    "existence": [True, False, False],
    # Refused to strangers and to whoever has not been admitted; closed to all but its own.
    "guarded": [["failed", "failed"], [8, "failed"], 8],
    "sign_in": ["refused", "refused", 3],
    "listed": [
        3,
        2,
        [f"{OWNER}/{published.LARGE}"],
        True,
        ["v1.1.0", "v1.0.0", "master"],
    ],
}
# The older one has no such list, and keeps what --token gives it for a host without a port:
# here only those who have signed in are known.
OLDER = {
    "listed": None,
    "guarded": [["failed", "failed"], ["failed", "failed"], "failed"],
}
STREAMED = [10, "焊缝 0007", [7, 80, 160]]


@cache
def results(
    client: str,
    server: CatalogueServer,
    home: Path,
    certificate: Certificate | None = None,
    left_out: tuple[str, ...] = (),
) -> dict[str, dict[str, Any]]:
    """Run the scenarios with one client and give what each of them told."""
    python = client_environment(client, *PINS[client])
    number = 3 + list(PINS).index(client)
    facts = {
        "token": server.token,
        "name": published.FULL_NAME,
        "guide": published.GUIDE,
        "server": server.url,
        "gated": f"{OWNER}/{published.GATED}",
        "closed": f"{OWNER}/{published.CLOSED}",
        "large": f"{OWNER}/{published.LARGE}",
        "builder": server.tokens.builders[number],
        "builder_name": f"builder-{number}",
        "expired": server.tokens.expired,
        "revoked": server.tokens.revoked,
        "left out": left_out,
    }
    given = environment(home, MODELSCOPE_ENDPOINT=server.url, MODELSCOPE_CACHE=str(home / "cache"))
    given["MODELSCOPE_DOMAIN"] = server.url.partition("://")[2]
    if certificate is not None:
        given |= {name: str(certificate.path) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
    ran = subprocess.run(
        [str(python), str(SCRIPT), json.dumps(facts)],
        env=given,
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"scen')]
    return {line["scenario"]: line for line in told}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the client an empty home, where nothing is cached."""
    return tmp_path_factory.mktemp("modelscope")


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_client_reads_the_catalogue(
    scenario: str, catalogue_server: CatalogueServer, home: Path
) -> None:
    told = results(NEWEST, catalogue_server, home, None, ("streaming",))
    assert "error" not in told[scenario], told[scenario]["error"]
    assert told[scenario]["value"] == EXPECTED[scenario]


@pytest.mark.parametrize("client", PINS)
def test_the_client_streams_over_tls(client: str, tmp_path: Path) -> None:
    if client != NEWEST and not os.environ.get("JINBIAO_ALL_CLIENTS"):
        pytest.skip("older clients are tried when JINBIAO_ALL_CLIENTS is set")
    certificate = certified(tmp_path)
    left_out = () if client == OLDEST else tuple(name for name in EXPECTED if name != "load")
    with serving(tmp_path, {}, certificate=certificate) as server:
        told = results(client, server, tmp_path, certificate, left_out)
    failed = {name: line["error"] for name, line in told.items() if "error" in line}
    assert not failed
    found = {name: line["value"] for name, line in told.items()}
    assert found.pop("versions") == client.rpartition("-")[2]
    assert found.pop("streaming") == STREAMED
    expected = EXPECTED | (OLDER if client == OLDEST else {})
    assert found == {name: expected[name] for name in EXPECTED if name not in left_out}
