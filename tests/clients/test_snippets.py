"""Copy the lines of a dataset's page into unmodified clients: they run as they stand."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from jinbiao.datasets import audit, migrations, people
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.exporters import jsonl, parquet, webdataset
from jinbiao.tests.clients import packaged
from jinbiao.tests.clients.conftest import (
    CatalogueServer,
    client_environment,
    environment,
    serving,
)
from jinbiao.tests.clients.published import Tokens
from jinbiao.tests.clients.test_formats import READERS
from jinbiao.tests.clients.test_packages import CROISSANT, FRICTIONLESS
from jinbiao.tests.exporters import versions_factory

pytestmark = pytest.mark.timeout(900)
SHARD_BYTES = 200_000
COUNT = "\nprint(len({each['__key__'] for each in data}))"
# Where a client is, what its snippet is known by, what tells that it worked, and what it says.
RUNS = [
    (("formats", *READERS), "wds.WebDataset(", COUNT, "8"),
    (FRICTIONLESS, "from frictionless import", "", "records-train.jsonl"),
    (("croissant-1.1.1", *CROISSANT["croissant-1.1.1"]), "import mlcroissant", "", "objects"),
    ((), "pd.read_parquet(", "\nprint(len(table.columns) > 3)", "True"),
]


def fill(installation: Installation) -> Tokens:
    """Publish twelve boards, eight of them to train with, in the open and under conditions."""
    world = versions_factory.World(installation.settings.home)
    world.store = installation.store
    migrations.METADATA.create_all(installation.database.engine)
    with installation.database.write() as session:
        session.add(audit.AuditHead(id=1, length=0, hash=audit.FIRST_HASH))
        owner = session.get_one(User, world.user_id)
        _token, secret = people.add_token(session, owner)
    version = versions_factory.boards(world)
    formats: list[tuple[str, packaged.Write]] = [
        ("parquet", parquet.write),
        ("jsonl", jsonl.write),
        ("webdataset", partial(webdataset.write, shard_bytes=SHARD_BYTES)),
    ]
    for name, openness in (("streamed", "open"), ("guarded", "conditional")):
        packaged.publish(installation, owner, version, name, formats, openness=openness)
    world.database.close()
    return Tokens(secret, (), "", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogueServer]:
    """Serve both."""
    folder = tmp_path_factory.mktemp("snippets")
    # The factory of versions names its database so.
    given = {"JINBIAO_DATABASE_URL": f"sqlite:///{folder / 'home' / 'jinbiao.db'}"}
    with serving(folder, given, fill) as served:
        yield served


def snippet(server: CatalogueServer, name: str, mark: str) -> str:
    """Return the lines of the page that name a client, with the token where it goes."""
    with urllib.request.urlopen(f"{server.url}/datasets/{packaged.OWNER}/{name}") as answer:
        page = answer.read().decode()
    found = [html.unescape(each) for each in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)]
    (text,) = [each for each in found if mark in each]
    return text.replace("…", server.token)


@pytest.mark.parametrize("name", ["streamed", "guarded"])
@pytest.mark.parametrize(("client", "mark", "more", "told"), RUNS, ids=[run[1] for run in RUNS])
def test_the_lines_run_as_they_stand(
    server: CatalogueServer,
    tmp_path: Path,
    name: str,
    client: tuple[str, ...],
    mark: str,
    more: str,
    told: str,
) -> None:
    text = snippet(server, name, mark)
    # All shards of the split to train with, not the first alone.
    assert ("-{000000..0000" in text) == ("wds." in mark)
    if f'"{name}/' in text:
        fetch(server, name, tmp_path)
    # polars, of which the same lines speak, is not among our clients.
    text = text.partition("\n\nimport polars")[0] + more
    python = client_environment(*client) if client else Path(sys.executable)
    ran = subprocess.run(
        [str(python), "-I", "-c", text],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert told in ran.stdout, ran.stdout[-3000:]


@pytest.mark.parametrize("name", ["streamed", "guarded"])
def test_curl_gets_linked_data_and_the_archive(
    server: CatalogueServer, tmp_path: Path, name: str
) -> None:
    for mark in ("text/turtle", ".zip"):
        lines = snippet(server, name, mark)
        ran = subprocess.run(
            ["sh", "-c", lines], env=environment(tmp_path), cwd=tmp_path, capture_output=True
        )
        assert ran.returncode == 0, ran.stderr
        if mark == "text/turtle":
            assert b"a dcat:Dataset" in ran.stdout
    assert zipfile.is_zipfile(tmp_path / f"{name}-{packaged.TAG}.zip")


def fetch(server: CatalogueServer, name: str, folder: Path) -> None:
    """Download all files into a folder of the dataset's name, as the hf command does."""
    page = f"{server.url}/datasets/{packaged.OWNER}/{name}/archive/{packaged.TAG}.zip"
    asked = urllib.request.Request(page, headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(asked) as answer, zipfile.ZipFile(BytesIO(answer.read())) as files:
        files.extractall(folder / name)
