"""The streamed ZIP: read by others, its length known, the same bytes every time."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import errors
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.storage import FolderStorage
from jinbiao.exporters import archive
from jinbiao.exporters.archive import stream_zip, zip_size


def _file(store: FolderStorage, path: str, data: bytes) -> WrittenFile:
    stored = store.put_bytes(data)
    return WrittenFile(path, stored.digest, stored.size)


@given(
    contents=st.dictionaries(
        st.text("ab 电路/.", min_size=1, max_size=12).filter(
            lambda path: not {"", ".", ".."} & set(path.split("/"))
        ),
        st.binary(max_size=200),
        max_size=6,
    )
)
def test_python_reads_back_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    store = FolderStorage(tmp_path_factory.getbasetemp() / "zips")
    files = [_file(store, path, data) for path, data in contents.items()]
    data = b"".join(stream_zip(store, files))
    assert len(data) == zip_size(files)
    assert data == b"".join(stream_zip(store, reversed(files)))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.namelist() == sorted(contents)
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == contents


def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("unzip is not installed")
    store = FolderStorage(tmp_path / "store")
    files = [_file(store, f"images/train/电路板 {n}.jpg", bytes([n]) * n) for n in range(50)]
    target = tmp_path / "all.zip"
    target.write_bytes(b"".join(stream_zip(store, files)))
    tested = subprocess.run([unzip, "-t", str(target)], capture_output=True, timeout=60)
    assert tested.returncode == 0, tested.stdout
    assert b"No errors detected" in tested.stdout


class _Zeros(FolderStorage):
    """A store whose every object is zeros of a given length."""

    def __init__(self, root: Path, length: int) -> None:
        super().__init__(root)
        self._length = length

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        return io.BufferedReader(_ZeroStream(self._length))


class _ZeroStream(io.RawIOBase):
    def __init__(self, left: int) -> None:
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        amount = min(len(buffer), self._left)  # type: ignore[arg-type]
        self._left -= amount
        return amount


def test_large_files_and_far_offsets_use_zip64(tmp_path: Path) -> None:
    size = (4 << 30) + 5
    store = _Zeros(tmp_path, size)
    files = [WrittenFile("a.bin", "0" * 64, size), WrittenFile("b.bin", "1" * 64, 0)]
    store_small = _Zeros(tmp_path, 0)
    target = tmp_path / "large.zip"
    # A file with a hole: runs of zeros are skipped, so 4 GB need no room.
    with target.open("wb") as out:
        for chunk in _both(store, store_small, files):
            if len(chunk) == archive.CHUNK:
                out.seek(len(chunk), io.SEEK_CUR)
            else:
                out.write(chunk)
    assert target.stat().st_size == zip_size(files)
    with zipfile.ZipFile(target) as opened:
        large, small = opened.infolist()
        assert (large.filename, large.file_size) == ("a.bin", size)
        assert (small.filename, small.file_size) == ("b.bin", 0)
        assert small.header_offset > 1 << 32
        assert opened.read("b.bin") == b""
        with opened.open("a.bin") as stream:
            assert stream.read(16) == bytes(16)


def _both(large: _Zeros, small: _Zeros, files: list[WrittenFile]) -> Iterator[bytes]:
    class Either(FolderStorage):
        def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
            return (large if digest[0] == "0" else small).open(digest)

    return stream_zip(Either(Path()), files)


def test_many_files_use_zip64(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    empty = store.put_bytes(b"")
    files = [WrittenFile(f"{n:05d}", empty.digest, 0) for n in range(70_000)]
    data = b"".join(stream_zip(store, files))
    assert len(data) == zip_size(files)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(opened.namelist()) == 70_000


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_wrong_length_ends_the_stream(tmp_path: Path, difference: int) -> None:
    store = FolderStorage(tmp_path)
    file = _file(store, "a", b"four")
    wrong = WrittenFile("a", file.digest, file.size + difference)
    with pytest.raises(errors.Damaged, match="not as long"):
        list(stream_zip(store, [wrong]))
