"""JSONL: the manifest's own lines, with all media linked."""

from __future__ import annotations

import json

from jinbiao.datasets.versions import FrozenVersion
from jinbiao.tests.exporters.conftest import Export


def test_lines_are_those_of_the_manifest(boards: FrozenVersion, export: Export) -> None:
    done = export("jsonl", boards)
    manifest = boards.store.read(boards.manifest_digest).splitlines()[1:]
    lines = [line for s in boards.splits for line in done.read(f"records/{s}.jsonl").splitlines()]
    assert sorted(lines) == sorted(manifest)
    train = [line for line in manifest if json.loads(line)["split"] == "train"]
    assert done.read("records/train.jsonl").splitlines() == train


def test_every_medium_is_linked_once(boards: FrozenVersion, export: Export) -> None:
    done = export("jsonl", boards)
    for record in boards.records():
        for key, folder in (("image", "images"), ("template", "template")):
            path = f"{folder}/{record.split}/{record.media[key].file}"
            (file,) = [file for file in done.output.written if file.path == path]
            assert (file.digest, file.size) == (
                record.media[key].sha256,
                record.media[key].size,
            )


def test_texts_count_their_regions(texts: FrozenVersion, export: Export) -> None:
    done = export("jsonl", texts)
    assert done.output.records == 8
    assert done.output.regions == sum(len(record.result) for record in texts.records())
