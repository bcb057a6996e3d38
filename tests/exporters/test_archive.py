"""The streamed ZIP: read by others, its length known, the same bytes every time."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
import zlib
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
from jinbiao.exporters.archive import layout, stream_zip, zip_size


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


class Counted(FolderStorage):
    """A store that tells what was opened of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[tuple[str, int, int | None]] = []

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        self.opened.append((digest, start, length))
        return super().open(digest, start, length)


class Sums:
    """What is known of files that lie outside a part; nothing to begin with."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def find(self, file: WrittenFile) -> int | None:
        return self.known.get(file.digest)

    def keep(self, file: WrittenFile, crc: int) -> None:
        assert file.digest not in self.known
        self.known[file.digest] = crc


def test_every_part_is_that_part_of_the_whole(tmp_path: Path) -> None:
    store = Counted(tmp_path)
    contents = {"a": b"12345", "b": b"", "中文/c": b"x" * 40, "d": b"12345"}
    files = [_file(store, path, data) for path, data in contents.items()]
    whole, plan = b"".join(stream_zip(store, files)), layout(files)
    assert plan.size == len(whole)
    kept = Sums()
    for start in range(len(whole) + 1):
        for length in (0, 1, 7, 60, len(whole)):
            for sums in (None, Sums(), kept):
                pieces = list(plan.stream(store, start, length, sums))
                assert b"".join(pieces) == whole[start : start + length]
                # An empty piece would end an answer that is sent in chunks.
                assert all(pieces)


def test_what_lies_outside_a_part_is_not_read(tmp_path: Path) -> None:
    store, sums = Counted(tmp_path), Sums()
    files = [_file(store, f"{n}", bytes([n]) * 1000) for n in range(9)]
    plan = layout(files)
    whole = b"".join(plan.stream(store))
    sums.known = {file.digest: zlib.crc32(bytes([n]) * 1000) for n, file in enumerate(files)}
    store.opened.clear()
    # The last file and the directory, which tells the sums of all.
    start = whole.index(bytes([8]) * 1000) + 600
    assert b"".join(plan.stream(store, start, None, sums)) == whole[start:]
    assert store.opened == [(files[8].digest, 600, 400)]
    store.opened.clear()
    assert b"".join(plan.stream(store, len(whole) - 22, None)) == whole[-22:]
    assert store.opened == []


def test_sums_that_are_not_known_are_read_once_and_kept(tmp_path: Path) -> None:
    store, sums = Counted(tmp_path), Sums()
    files = [_file(store, f"{n}", bytes([n]) * 1000) for n in range(9)]
    plan = layout(files)
    whole, start = b"".join(plan.stream(store)), 8_500
    assert b"".join(plan.stream(store, start, None, sums)) == whole[start:]
    assert len(sums.known) == 9
    store.opened.clear()
    assert b"".join(plan.stream(store, start, None, sums)) == whole[start:]
    assert len(store.opened) == 1


def test_a_mark_is_that_of_the_bytes(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    one, two = _file(store, "one", b"1"), _file(store, "two", b"2")
    marks = [layout(each).mark for each in ([one, two], [two, one], [one], [])]
    assert marks[0] == marks[1] and len(set(marks)) == 3


def test_a_file_that_is_too_short_ends_a_part(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    file = _file(store, "a", b"four")
    plan = layout([WrittenFile("a", file.digest, 9)])
    with pytest.raises(errors.Damaged, match="not as long"):
        list(plan.stream(store, 33, 8))
