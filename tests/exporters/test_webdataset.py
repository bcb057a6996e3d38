"""WebDataset: shards whose files stand together by record, the same bytes each time."""

from __future__ import annotations

import io
import json
import tarfile
from collections import defaultdict

import pytest

from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters import webdataset
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters.conftest import Export


def samples(content: bytes) -> dict[str, dict[str, bytes]]:
    """Read a shard as the library does: a name up to its first dot is a sample."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    with tarfile.open(fileobj=io.BytesIO(content)) as shard:
        for member in shard:
            key, _dot, extension = member.name.partition(".")
            file = shard.extractfile(member)
            assert file is not None and member.mtime == member.uid == 0
            found[key][extension] = file.read()
    return dict(found)


def test_media_and_record_stand_together(boards: FrozenVersion, export: Export) -> None:
    done = export("webdataset", boards)
    for split in boards.splits:
        found = samples(done.read(f"webdataset/{split}-000000.tar"))
        lines = dict(zip((r.key for r in boards.records(split)), boards.lines(split), strict=True))
        assert list(found) == list(lines)
        for record in boards.records(split):
            sample = found[record.key]
            assert set(sample) == {"jpg", "template.jpg", "json"}
            assert json.loads(sample["json"]) == json.loads(lines[record.key])
            with boards.open_media(record.media["image"]) as picture:
                assert sample["jpg"] == picture.read()


def test_a_class_is_a_number(polygons: FrozenVersion, texts: FrozenVersion, export: Export) -> None:
    found = samples(export("webdataset", polygons).read("webdataset/train-000000.tar"))
    assert [sample["cls"] for sample in found.values()] == [b"1", b"0"]
    mixed = samples(export("webdataset", texts).read("webdataset/train-000000.tar"))
    assert {name for sample in mixed.values() for name in sample} >= {"json", "tone.cls"}


@pytest.mark.parametrize("shard_bytes", [1, 100_000])
def test_shards_hold_every_record_once(boards: FrozenVersion, shard_bytes: int) -> None:
    output = Output(boards.store)
    webdataset.write(boards, output, shard_bytes=shard_bytes)
    output.finish(boards, "webdataset")
    files = [file for file in output.written if file.path.startswith("webdataset/train-")]
    numbers = [file.path[-10:-4] for file in files]
    assert len(files) > 1 and numbers == [f"{number:06d}" for number in range(len(files))]
    keys = [key for file in files for key in samples(boards.store.read(file.digest))]
    assert keys == [record.key for record in boards.records("train")]
