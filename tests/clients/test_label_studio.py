"""Let the recorded calls of the unmodified SDK, and the SDK itself, work against Jinbiao."""

from __future__ import annotations

import io
import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from PIL import Image

from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.settings import load
from jinbiao.server.app import create
from jinbiao.tests import services
from jinbiao.tests.clients.conftest import CHECKOUT, client_environment, environment
from jinbiao.tests.clients.label_studio_differences import differences
from jinbiao.tests.clients.model_backend import ModelBackend
from jinbiao.tests.clients.served import PASSWORD, Served, serving
from jinbiao.tests.conftest import postgres_copy, short_directory
from jinbiao.tests.server import documented

RECORDINGS = CHECKOUT.parent / "shared" / "contracts" / "label-studio"
SDK = "label-studio-sdk==2.1.2"
HERE = Path(__file__).parent
# The first run installs the SDK: half a gigabyte.
pytestmark = pytest.mark.timeout(1200)
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings are not beside this checkout"
)


@pytest.fixture(scope="module")
def backend() -> Iterator[ModelBackend]:
    """Give a model backend that also takes webhooks."""
    server = ModelBackend().start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give the settings of either database; both must answer alike."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres_copy(request.getfixturevalue("postgres_url")) as url:
        yield {"JINBIAO_DATABASE_URL": url}


@pytest.fixture(scope="module")
def served(database_settings: dict[str, str], backend: ModelBackend) -> Iterator[Served]:
    """Serve an installation that may call this machine's own addresses."""
    with short_directory() as folder:
        pictures = folder / "pictures"
        pictures.mkdir()
        for number in range(2):
            (pictures / f"{number}.jpg").write_bytes(picture(number, "JPEG"))
        settings = {
            "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8",
            "JINBIAO_LOCAL_FILES": str(pictures),
            **database_settings,
        }
        with serving(folder, **settings) as running:
            yield running


def bucket_with(swift: services.SwiftServer, names: dict[str, bytes]) -> str:
    """Make a bucket that holds these objects; return its name."""
    account = Minio(
        swift.endpoint.removeprefix("http://"),
        swift.access_key,
        swift.secret_key,
        secure=False,
        region="us-east-1",
    )
    name = f"test-{secrets.token_hex(6)}"
    account.make_bucket(name)
    for key, content in names.items():
        account.put_object(name, key, io.BytesIO(content), len(content))
    return name


def run_in_sdk(script: str, folder: Path, *arguments: str) -> None:
    """Run a script of ours with the Python that knows only the SDK."""
    python = client_environment("label-studio-sdk-2.1.2", SDK)
    done = subprocess.run(
        [str(python), str(HERE / script), *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-5000:]}"


def replayed(
    served: Served, swift: services.SwiftServer, backend: ModelBackend, folder: Path
) -> Any:
    """Replay all recordings; return the answers."""
    pictures = {f"imgs/img{number}.jpg": picture(number, "JPEG") for number in range(3)}
    bucket = bucket_with(swift, pictures)
    given = {
        **served.told,
        "username": "admin",
        "password": PASSWORD,
        "backend": backend.url,
        "folder": str(served.pictures),
        "s3_endpoint": swift.endpoint,
        "s3_access_key": swift.access_key,
        "s3_secret_key": swift.secret_key,
        "bucket": bucket,
    }
    settings, answers = folder / "settings.json", folder / "answers.json"
    settings.write_text(json.dumps(given), encoding="utf-8")
    run_in_sdk("label_studio_replay.py", folder, str(RECORDINGS), str(settings), str(answers))
    found: list[dict[str, Any]] = json.loads(answers.read_text(encoding="utf-8"))
    return found


def picture(number: int, kind: str) -> bytes:
    """Return a small picture, another one for each number."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (number, 99, 99)).save(out, kind)
    return out.getvalue()


def named_differences() -> set[tuple[str, str, str]]:
    """Read the table of docs/label-studio.md: recordings, place, what differs."""
    text = (CHECKOUT / "docs" / "label-studio.md").read_text(encoding="utf-8")
    found = set()
    for numbers, place, what in re.findall(
        r"^\| ([\d, ]+) \| `([^`]+)` \| `([^`]+)` \|", text, re.M
    ):
        found |= {(number, place, what) for number in numbers.replace(",", " ").split()}
    return found


@needs_recordings
def test_recorded_calls_are_answered_as_recorded(
    served: Served, swift: services.SwiftServer, backend: ModelBackend, tmp_path: Path
) -> None:
    answers = replayed(served, swift, backend, tmp_path)
    assert len(answers) == 186
    check_documented(answers, tmp_path)
    found = set(differences(RECORDINGS, answers))
    print("\n".join(map(" | ".join, sorted(found))))
    assert not [each for each in found if each[2].endswith(("→ 500", "→ 502", "→ 503"))]
    named = named_differences()
    assert sorted(found - named) == [], "differences that docs/label-studio.md does not name"
    assert sorted(named - found) == [], "named differences that are none any more"


def check_documented(answers: list[dict[str, Any]], folder: Path) -> None:
    """Hold each answer against the OpenAPI document."""
    installation = open_installation(load({"JINBIAO_HOME": str(folder / "empty")}))
    app, held = create(installation), 0
    exchanges = [exchange for answer in answers for exchange in answer["exchanges"]]
    for each in exchanges:
        path, status, kind = each["path"], each["status"], each["kind"]
        held += documented.check_told(app, each["method"], path, status, kind, each["body"])
    # The others are files, and addresses of the edition that is not open.
    assert held > 0.9 * len(exchanges)
    installation.close()


EXPECTED: dict[str, Any] = {
    "whole_chain": {
        "imported": [5, 5],
        "listed": [5, 5],
        "score": 0.5,
        "coco": 5,
        "yolo": ["Car\nPerson\n", 5],
        "converter": {"images": 5, "annotations": 5},
        "frame": 5,
        "deleted": 404,
    },
    "tokens": ["admin", "admin", "admin", 401],
    "interface": {"choices": ["good"]},
    "legacy": [3, 1, {"m": 0.5}, 3, "completed", "changed", 3],
    "filters": [[24, 23, 22, 21, 20], [20, 21, 22, 23, 24], 25, 5],
    "model_backend": {"predicted": True, "state": "CO", "told": True, "versions": ["stub-1"]},
    # Two pictures that two people agree on by 1 and by a third; the model says what the truth is.
    "agreement": {
        "matrix": [[1.0, 0.3333], [0.3333, 1.0]],
        "users": [True, True],
        "total": 0.6667,
        "labels": {"Car": 0.6667},
        "iaa": [[[1.0, 0.6667], [0.6667, 1.0]], [[2, 2], [2, 2]], 0.0, 2],
        "annotator": 0.6667,
        "annotators": [0.6667, 0.6667],
        "truth": [None, 0.6667],
        "user_truth": 0.6667,
        "model": 0.8333,
        "model_truth": 1.0,
        "predicted": 0.6667,
    },
}


def test_the_sdk_works_unmodified(served: Served, backend: ModelBackend, tmp_path: Path) -> None:
    given = {**served.told, "backend": backend.url, "samples": samples()}
    settings, results = tmp_path / "given.json", tmp_path / "results.json"
    settings.write_text(json.dumps(given), encoding="utf-8")
    run_in_sdk("label_studio_scenarios.py", tmp_path, str(settings), str(results))
    found = json.loads(results.read_text(encoding="utf-8"))
    counts = found.pop("samples")
    assert found == EXPECTED
    assert not isinstance(counts, str), counts
    assert len(counts) == len(samples()) and all(count[0] for count in counts.values())
    assert "ANNOTATION_CREATED" in backend.events()


def samples() -> list[tuple[str, str]]:
    """List (config, export) of the shared samples."""
    folder = CHECKOUT.parent / "shared" / "samples" / "formats" / "label_studio_converter"
    found = [(path, path.with_name("data.json")) for path in folder.rglob("label_config.xml")]
    return [(str(config), str(tasks)) for config, tasks in sorted(found) if tasks.is_file()]
