"""Apply for data, decide on it and lose it again with the unmodified Hugging Face libraries."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients import published
from jinbiao.tests.clients.conftest import CatalogueServer
from jinbiao.tests.clients.test_huggingface import (
    GENERATIONS,
    PARQUET,
    home,
    results,
    skip_older,
)

__all__ = ["home"]

pytestmark = pytest.mark.timeout(900)
SCRIPT = Path(__file__).with_name("huggingface_access.py")
BYTES = hashlib.sha256(PARQUET).hexdigest()
NO, BAD = "GatedRepoError", ["BadRequestError", 400]
OLDEST = "huggingface-3.6"


def expected(client: str) -> dict[str, Any]:
    """Return what each scenario tells with one generation of the client."""
    person = f"builder-{list(GENERATIONS).index(client)}"
    said = published.APPLICATION
    told = [person, said["contact_name"], said["contact_email"], "pending", said["purpose"]]
    refused = ["HfHubHTTPError", 401]
    bad = [["HTTPError", 401] if client == OLDEST else refused, refused, refused]
    missing = ["RepositoryNotFoundError", 404]
    newer = client != OLDEST
    return {
        "gated_is_described": ["manual", False, 13, True],
        "gated_is_not_given": {
            "stranger": [NO, 401],
            "builder": [NO, 403],
            "check": [NO, 403],
            "own check": [],
            "load": "DatasetNotFoundError",
            "snapshot": NO,
        },
        # One application at a time.
        "asking": [200, 400, [told], []],
        # To refuse needs a reason.
        "rejecting": [BAD, 0, 1, NO],
        "accepting": [200, ["HfHubHTTPError", 403], 1, 0],
        "accepted_loads": [BYTES, {"train": 5, "test": 3}, 3, NO],
        "revoking": [NO, BAD],
        "granting": [BYTES, BAD, ["HfHubHTTPError", 404]],
        "settings": [["HfHubHTTPError", 403], BAD, [False, BYTES], "manual", NO],
        "closed": {
            "stranger": ["RepositoryNotFoundError", 401],
            "builder": missing,
            "file": missing,
            "own": [True, False],
            "listed": [False, True],
            "loaded": 3,
            "write": [[], ["HfHubHTTPError", 403]] if newer else None,
        },
        "bad_tokens": {"expired": bad, "revoked": bad},
        "who": [["owner", "tianjin", "write", "write"], [person, "builders", "read", "read"]],
        "leaderboard": ["HfHubHTTPError", 404] if newer else None,
        "cache_verify": 0 if newer else None,
        "resumed": [hashlib.sha256(published.large_file()).hexdigest(), True],
    }


@pytest.mark.parametrize("scenario", expected(OLDEST))
@pytest.mark.parametrize("client", GENERATIONS)
def test_the_client_asks_for_access(
    client: str, scenario: str, catalogue_server: CatalogueServer, home: Path
) -> None:
    skip_older(client)
    (home / client).mkdir(exist_ok=True)
    told = results(client, catalogue_server, home / client, SCRIPT)
    assert "error" not in told[scenario], told[scenario]["error"]
    assert told[scenario]["value"] == expected(client)[scenario]
