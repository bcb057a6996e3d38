"""Read what goes with a release with unmodified mlcroissant, frictionless and bagit."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients import packaged
from jinbiao.tests.clients.conftest import client_environment, environment, serving

# The first run installs the clients, and importing them is slow.
pytestmark = pytest.mark.timeout(900)
CROISSANT = {
    "croissant-1.1.1": ("mlcroissant==1.1.1", "pillow==13.0.0", "pyarrow==26.0.1"),
    "croissant-1.0.22": ("mlcroissant==1.0.22", "pillow==13.0.0", "pyarrow==26.0.1"),
}
FRICTIONLESS = ("frictionless-5.21", "frictionless[json]==5.21.0")
BAGIT = ("bagit-1.9", "bagit==1.9.0")
SCRIPT = Path(__file__).with_name("croissant_scenarios.py")
CHECK = """
import json, sys
from frictionless import Package, validate
for place in sys.argv[1:]:
    report = validate(place)
    told = {"valid": report.valid, "errors": report.flatten(["title", "message"])[:3]}
    told["rows"] = {task.name: task.stats.get("rows") for task in report.tasks}
    told["title"] = Package(place).title
    print(json.dumps(told))
"""


@dataclass(frozen=True)
class Packages:
    """Where the datasets are served, a token, and their files by dataset."""

    url: str
    token: str
    folder: Path

    def page(self, name: str) -> str:
        """Return the address of a dataset's page."""
        return f"{self.url}/datasets/{packaged.OWNER}/{name}"

    def croissant(self, name: str) -> str:
        """Return the address of a dataset's Croissant document."""
        return f"{self.url}/api/datasets/{packaged.OWNER}/{name}/croissant"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packages]:
    """Serve the datasets, and unpack the archive of each of them."""
    folder = tmp_path_factory.mktemp("packages")
    # The factory of versions names its database so.
    given = {"JINBIAO_DATABASE_URL": f"sqlite:///{folder / 'home' / 'jinbiao.db'}"}
    with serving(folder, given, packaged.fill) as server:
        made = Packages(server.url, server.token, folder / "trees")
        made.folder.mkdir()
        for name in (*packaged.OPEN, packaged.GATED):
            bag = _fetched(made, name, folder / f"{name}.zip")
            with zipfile.ZipFile(bag) as opened:
                opened.extractall(folder / "bags")
            tree = f"{packaged.OWNER}-{name}-{packaged.TAG}"
            (made.folder / name).symlink_to(folder / "bags" / tree / "data")
        yield made


def _fetched(made: Packages, name: str, target: Path) -> Path:
    """Download the bag of a dataset."""
    asked = urllib.request.Request(f"{made.page(name)}/archive/{packaged.TAG}.bag.zip")
    asked.add_header("Authorization", f"Bearer {made.token}")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        content = answer.read()
        assert int(answer.headers["Content-Length"]) == len(content)
    target.write_bytes(content)
    return target


def _told(client: str, packages: Packages, home: Path, names: Any, **more: str) -> list[Any]:
    python = client_environment(client, *CROISSANT[client])
    documents = {name: packages.croissant(name) for name in names}
    facts = {"documents": documents, "folder": str(packages.folder)}
    ran = subprocess.run(
        [str(python), str(SCRIPT), json.dumps(facts)],
        env=environment(home, **more),
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def _wanted(client: str) -> None:
    if client != next(iter(CROISSANT)) and not os.environ.get("JINBIAO_ALL_CLIENTS"):
        pytest.skip("older clients are tried when JINBIAO_ALL_CLIENTS is set")


@pytest.mark.parametrize("client", CROISSANT)
def test_mlcroissant_yields_the_records_of_every_record_set(
    client: str, packages: Packages, tmp_path: Path
) -> None:
    _wanted(client)
    told = _told(client, packages, tmp_path, packaged.OPEN)
    assert [line for line in told if "error" in line or line["is_equal"] is False] == []
    rows = Counter[str]()
    for line in told:
        if not line["record_set"].startswith("classes/"):
            rows[line["dataset"]] += line["rows"]
    assert rows == {"boxes": 12, "shards": 12, "spans": 8, "lines": 12, "choices": 2}
    shards = [line["record_set"] for line in told if line["dataset"] == "shards"]
    assert "train_00001" in shards and len(shards) > 10
    names = [line for line in told if line["record_set"] == "classes/objects/category"]
    assert [line["rows"] for line in names] == [6, 2, 6]
    # Without Parquet there is only what readers get right of JSON lines.
    (line,) = [x for x in told if (x["dataset"], x["record_set"]) == ("lines", "test")]
    assert "'test/result/type': b'rectanglelabels'" in line["first"]


@pytest.mark.parametrize("client", CROISSANT)
def test_mlcroissant_finds_nothing_wrong(client: str, packages: Packages, tmp_path: Path) -> None:
    _wanted(client)
    program = client_environment(client, *CROISSANT[client]).with_name("mlcroissant")
    for place in (packages.croissant("boxes"), packages.folder / "spans" / "croissant.json"):
        ran = subprocess.run(
            [str(program), "validate", "--jsonld", str(place)],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        assert "Done." in ran.stderr
        assert "error" not in ran.stderr.lower()


def test_mlcroissant_reads_what_needs_an_application(packages: Packages, tmp_path: Path) -> None:
    client = next(iter(CROISSANT))
    for home in ("stranger", "owner"):
        (tmp_path / home).mkdir()
    told = _told(client, packages, tmp_path / "stranger", [packaged.GATED])
    assert {"error" in line for line in told if "/" not in line["record_set"]} == {True}
    given = {"CROISSANT_BASIC_AUTH_USERNAME": "li"}
    given["CROISSANT_BASIC_AUTH_PASSWORD"] = packages.token
    told = _told(client, packages, tmp_path / "owner", [packaged.GATED], **given)
    assert {line.get("is_equal") for line in told} == {True}


def test_frictionless_finds_the_package_right_here_and_far_away(
    packages: Packages, tmp_path: Path
) -> None:
    python = client_environment(*FRICTIONLESS)
    local = packages.folder / "boxes" / "datapackage.json"
    places = [str(local), f"{packages.page('spans')}/resolve/main/datapackage.json"]
    told = _checked(python, tmp_path, places)
    assert [(line["valid"], line["errors"]) for line in told] == [(True, [])] * 2
    assert told[0]["rows"]["records-train.jsonl"] == 8
    assert told[1]["rows"]["records-train.jsonl"] == 6
    assert told[1]["title"] == "样例 spans · Sample spans"


@pytest.mark.parametrize(
    "path", ["data/train-00000-of-00001.parquet", "records/train.jsonl", "README.md"]
)
def test_frictionless_finds_a_changed_byte(path: str, packages: Packages, tmp_path: Path) -> None:
    python = client_environment(*FRICTIONLESS)
    with zipfile.ZipFile(packages.folder.parent / "spans.zip") as opened:
        opened.extractall(tmp_path)
    tree = tmp_path / f"{packaged.OWNER}-spans-{packaged.TAG}" / "data"
    data = bytearray((tree / path).read_bytes())
    # A letter of a text: what is read is still a table.
    place = data.find("张".encode()) if path.startswith("records/") else len(data) // 2
    data[place + 2 : place + 3] = bytes([data[place + 2] ^ 1])
    (tree / path).write_bytes(data)
    (told,) = _checked(python, tmp_path, [str(tree / "datapackage.json")])
    assert not told["valid"]


def _checked(python: Path, home: Path, places: list[str]) -> list[dict[str, Any]]:
    ran = subprocess.run(
        [str(python), "-c", CHECK, *places],
        env=environment(home),
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("name", ["boxes", "shards"])
def test_bagit_finds_the_bag_right_and_a_changed_byte(
    name: str, packages: Packages, tmp_path: Path
) -> None:
    program = client_environment(*BAGIT).with_name("bagit.py")
    with zipfile.ZipFile(packages.folder.parent / f"{name}.zip") as opened:
        opened.extractall(tmp_path)
    bag = tmp_path / f"{packaged.OWNER}-{name}-{packaged.TAG}"
    assert _validated(program, bag).returncode == 0, _validated(program, bag).stderr
    picture = sorted(bag.rglob("*.parquet"))[0]
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 1
    picture.write_bytes(data)
    found = _validated(program, bag)
    assert found.returncode == 1 and picture.name in found.stderr


def _validated(program: Path, bag: Path) -> subprocess.CompletedProcess[str]:
    command = [str(program.with_name("python")), str(program), "--validate", str(bag)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)


def test_the_document_is_public_and_the_files_are_not(packages: Packages) -> None:
    with urllib.request.urlopen(packages.croissant(packaged.GATED), timeout=30) as answer:
        document = json.loads(answer.read())
    address = document["distribution"][0]["contentUrl"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=30)
    with refused.value as answer:
        assert answer.code == 401
    pair = base64.b64encode(f"li:{packages.token}".encode()).decode()
    asked = urllib.request.Request(address, headers={"Authorization": f"Basic {pair}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert len(answer.read()) == int(document["distribution"][0]["contentSize"].split()[0])
