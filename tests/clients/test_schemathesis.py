"""Let schemathesis ask everything that the OpenAPI document announces: no 5xx, no surprise."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients.conftest import client_environment, environment
from jinbiao.tests.clients.model_backend import ModelBackend
from jinbiao.tests.clients.schemathesis_things import fill
from jinbiao.tests.clients.served import Served, serving
from jinbiao.tests.conftest import postgres_copy, short_directory

VERSION = "4.32.5"
SEED, EXAMPLES = "20261121", "8"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# How many sets of everything are there: to ask about, to delete one by one, and so on; see
# schemathesis_hooks.py.
SETS = {"kept": 2, "doomed": 3, "emptied": 1, "condemned": 2}
# The share of operations that must have succeeded at least once: what is only ever refused
# proves little. (Jobs have ended before anybody could cancel one.)
ENOUGH = 0.97
# What an administrator, who asks here, may never do: they know the answers of examinations and
# see what others made, and only who was returned an answer objects. Their own tests ask these.
NOT_AN_ADMINISTRATORS = {
    "GET /api/exam-attempts/{attempt_id}/",
    "GET /api/exam-attempts/{attempt_id}/next",
    "POST /api/exam-attempts/{attempt_id}/answers",
    "POST /api/projects/{project_id}/exam/start",
    "POST /api/annotations/{annotation_id}/objections",
    # The administrator, who has all files, applies for none: these are the applicant's.
    "POST /api/datasets-applications/",
    "DELETE /api/datasets-applications/{application_id}/",
    "POST /api/datasets-applications/{application_id}/report",
    "POST /api/datasets-applications/{application_id}/sign",
    "POST /api/datasets-applications/{application_id}/take-back",
}
HERE = Path(__file__).parent
Statuses = dict[str, Counter[int]]
# The first run installs it.
pytestmark = pytest.mark.timeout(900)


Things = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give the settings of either database: what one takes, the other may choke on."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres_copy(request.getfixturevalue("postgres_url")) as url:
        yield {"JINBIAO_DATABASE_URL": url}


@pytest.fixture(scope="module")
def served(database_settings: dict[str, str]) -> Iterator[tuple[Served, Things]]:
    """Serve an installation that may call this machine, with several of everything in it."""
    backend = ModelBackend().start()
    with short_directory() as folder:
        pictures = folder / "pictures"
        pictures.mkdir()
        allowed = {"JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8", "JINBIAO_LOCAL_FILES": str(pictures)}
        with serving(folder, **allowed, **database_settings) as running:
            yield (
                running,
                {
                    fate: [
                        fill(running, backend, f"{fate}-{number}", apart=fate == "doomed")
                        for number in range(count)
                    ]
                    for fate, count in SETS.items()
                },
            )
    backend.stop()


def run(
    served: Served, things: dict[str, Any], folder: Path
) -> tuple[str, dict[str, Counter[int]]]:
    """Run schemathesis; return what it says and operation → how often it answered what."""
    python = client_environment(f"schemathesis-{VERSION}", f"schemathesis=={VERSION}")
    there, report = folder / "things.json", folder / "report.ndjson"
    there.write_text(json.dumps(things), encoding="utf-8")
    hooks = {
        "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py"),
        "FUZZ_THINGS": str(there),
        "FUZZ_TOKEN": served.token,
    }
    command = [str(python.with_name("st")), "run", f"{served.url}/api/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing,stateful"]
    command += ["--seed", SEED, "--max-examples", EXAMPLES, "--generation-database", "none"]
    command += ["--request-timeout", "20", "--continue-on-failure", "--no-shrink"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--no-color"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(report)]
    done = subprocess.run(
        command,
        env=environment(folder, **hooks),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    said = done.stdout[-12_000:] + ("" if done.returncode == 0 else f"\nexit {done.returncode}")
    return said, answered(report)


def answered(report: Path) -> Statuses:
    """Read a report: operation → status → how often; 0 where no answer came."""
    found: Statuses = defaultdict(Counter)
    for line in report.read_text(encoding="utf-8").splitlines():
        recorded = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        label = str(recorded.get("label"))
        for each in recorded.get("interactions", {}).values():
            # It also tries methods that an address does not take.
            if label.startswith(f"{each['request']['method']} "):
                answer = each.get("response")
                found[label][answer["status_code"] if answer else 0] += 1
    return found


def test_whatever_is_asked_the_answer_is_one_that_is_documented(
    served: tuple[Served, Things], tmp_path: Path
) -> None:
    running, things = served
    said, statuses = run(running, things, tmp_path)
    assert "No issues found" in said and "exit" not in said, said
    assert not [name for name, told in statuses.items() if any(s >= 500 or s == 0 for s in told)]
    assert statuses.keys() >= NOT_AN_ADMINISTRATORS
    useless = {name for name, told in statuses.items() if not any(s < 300 for s in told)}
    useless -= NOT_AN_ADMINISTRATORS
    assert len(useless) <= (1 - ENOUGH) * len(statuses), "\n".join(sorted(useless))
