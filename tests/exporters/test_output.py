"""The collecting of files: whole or not at all, counted, and with a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jinbiao.datasets import errors
from jinbiao.datasets.labels import parse
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.layout import Layout, media_path
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters.conftest import Export


def test_a_missing_record_fails_the_export(texts: FrozenVersion, tmp_path: Path) -> None:
    output = Output(texts.store, tmp_path)
    output.count(7, 20)
    with pytest.raises(errors.Damaged) as caught:
        output.finish(texts, "jsonl")
    assert str(caught.value) == "7 records were written, but the version has 8"


def test_the_manifest_lists_every_file(texts: FrozenVersion, export: Export) -> None:
    done = export("jsonl", texts)
    manifest = json.loads(texts.store.read(done.manifest))
    assert manifest["format"] == "jinbiao-export/1"
    assert (manifest["name"], manifest["commit"]) == ("jsonl", texts.commit_id)
    assert (manifest["records"], manifest["regions"]) == (8, done.output.regions)
    assert manifest["files"] == [
        {"path": file.path, "sha256": file.digest, "size": file.size}
        for file in done.output.written
    ]


def test_a_file_that_fails_is_not_there(texts: FrozenVersion, tmp_path: Path) -> None:
    output = Output(texts.store, tmp_path)
    with pytest.raises(KeyError), output.file("half.txt") as file:
        file.write(b"half")
        raise KeyError
    assert output.written == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_told(texts: FrozenVersion, tmp_path: Path) -> None:
    output = Output(texts.store, tmp_path / "not there")
    with pytest.raises(errors.Unavailable, match="temporary files"), output.file("a"):
        pass


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a//b", "a/./b", "", "a\\b", "a\nb", "a/" + "b" * 500]
)
def test_paths_stay_inside(path: str, texts: FrozenVersion) -> None:
    with pytest.raises(errors.Invalid):
        Output(texts.store).link(path, "0" * 64, 0)


def test_one_path_takes_one_file(texts: FrozenVersion) -> None:
    output = Output(texts.store)
    output.link("图 1.jpg", "0" * 64, 1)
    output.link("图 1.jpg", "0" * 64, 1)
    assert len(output.written) == 1
    with pytest.raises(errors.Damaged):
        output.link("图 1.jpg", "1" * 64, 1)


def test_media_have_one_path(boards: FrozenVersion) -> None:
    record = list(boards.records())[1]
    assert media_path(boards, record, "image") == "images/train/电路板 01.jpg"
    assert media_path(boards, record, "template") == "template/train/电路板 01_temp.jpg"


def test_keys_do_not_collide_with_the_folders_of_formats() -> None:
    layout = Layout(
        parse(
            '<View><Image name="i" value="$照片"/>'
            '<RectangleLabels name="l" toName="i"><Label value="a"/></RectangleLabels></View>'
        )
    )
    assert layout.folder("照片") == "images"
    assert layout.folder("template") == "template"
    for key in ("images", "Labels", "data", "a/b", "..", "records"):
        folder = layout.folder(key)
        assert folder not in ("images", "Labels", "data", "records")
        assert "/" not in folder and ".." not in folder
