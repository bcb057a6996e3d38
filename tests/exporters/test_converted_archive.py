"""The ZIP of a conversion: other programs read it, and can use what they unpacked."""

from __future__ import annotations

import io
import random
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.storage import FolderStorage
from jinbiao.exporters.converters.archive import Archive


@given(
    texts=st.dictionaries(st.text("ab 图.", min_size=1, max_size=9), st.binary(max_size=300)),
    pieces=st.lists(st.binary(max_size=100_000), max_size=5),
)
def test_python_reads_back_what_was_put_in(texts: dict[str, bytes], pieces: list[bytes]) -> None:
    out = io.BytesIO()
    archive = Archive(out)
    archive.folder("images")
    with archive.file("large/result.json") as file:
        for piece in pieces:
            file.write(piece)
    for path, content in texts.items():
        archive.text(path, content)
    archive.end([])
    with zipfile.ZipFile(out) as read:
        assert read.testzip() is None
        assert read.namelist() == ["images/", "large/result.json", *texts]
        assert read.read("large/result.json") == b"".join(pieces)
        assert {path: read.read(path) for path in texts} == texts


def test_a_stored_medium_and_what_was_left_out_come_along(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    content = random.Random(1).randbytes(3_000_000)
    stored = store.put_bytes(content)
    out = io.BytesIO()
    archive = Archive(out)
    archive.medium("images/图.png", store, stored.digest)
    archive.end([{"task": 1, "reason": "?"}])
    with zipfile.ZipFile(out) as read:
        assert read.testzip() is None
        assert read.namelist() == ["images/图.png", "left_out.json"]
        assert read.read("images/图.png") == content


def test_more_files_than_a_plain_directory_can_count() -> None:
    out = io.BytesIO()
    archive = Archive(out)
    number = 70_000
    for place in range(number):
        archive.text(f"labels/{place}.txt", b"0 0.5 0.5 1 1\n")
    archive.end([])
    with zipfile.ZipFile(out) as read:
        assert len(read.namelist()) == number
        assert read.read(f"labels/{number - 1}.txt") == b"0 0.5 0.5 1 1\n"


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not here")
def test_unzip_makes_folders_that_can_be_entered(tmp_path: Path) -> None:
    with (tmp_path / "made.zip").open("wb") as out:
        archive = Archive(out)
        archive.folder("labels")
        archive.text("labels/图.txt", b"0 0.5 0.5 1 1\n")
        archive.end([])
    subprocess.run(["unzip", "-q", "made.zip"], cwd=tmp_path, check=True)
    assert stat.S_IMODE((tmp_path / "labels").stat().st_mode) & 0o700 == 0o700
    assert (tmp_path / "labels" / "图.txt").read_bytes() == b"0 0.5 0.5 1 1\n"
