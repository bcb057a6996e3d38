"""Real readers read what is exported: WebDataset's own library, and nltk's CoNLL reader."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from jinbiao.tests.clients.conftest import client_environment, environment
from jinbiao.tests.exporters import versions_factory
from jinbiao.tests.exporters.conftest import unpack
from jinbiao.tests.exporters.versions_factory import World

pytestmark = pytest.mark.timeout(900)
SCRIPT = Path(__file__).with_name("format_scenarios.py")
READERS = ("webdataset==1.0.2", "nltk==3.9.2", "pillow", "numpy")


def read(what: str, folder: Path) -> dict[str, Any]:
    """Run a reader in its own environment and return what it saw."""
    python = client_environment("formats", *READERS)
    done = subprocess.run(
        [str(python), "-I", str(SCRIPT), what, str(folder)],
        capture_output=True,
        text=True,
        env=environment(folder),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_webdataset_reads_every_record_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    version = versions_factory.boards(world)
    output = Output(version.store, tmp_path)
    FORMATS["webdataset"].write(version, output)
    found = read("shards", unpack(version, output.written, tmp_path / "tree"))
    records = {record.key: record for record in version.records()}
    assert set(found) == set(records)
    for key, sample in found.items():
        assert sample["record"] == key
        assert sample["size"] == [640, 640]
        assert sample["shard"] == f"{records[key].split}-000000.tar"
        assert sample["columns"] == ["jpg", "json", "template.jpg"]
    world.database.close()


def test_a_conll_reader_sees_tokens_and_tags(tmp_path: Path) -> None:
    world = World(tmp_path)
    version = versions_factory.texts(world)
    output = Output(version.store, tmp_path)
    FORMATS["conll"].write(version, output)
    found = read("columns", unpack(version, output.written, tmp_path / "tree"))
    for split in version.splits:
        sentences = found[f"{split}.conll"]
        texts = ["".join(token for token, _tag in sentence) for sentence in sentences]
        assert texts == [record.data["text"] for record in version.records(split)]
        assert sentences[0][:2] == [["张", "B-PER"], ["三", "I-PER"]]
    world.database.close()
