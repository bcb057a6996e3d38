"""SM3 of stored objects: the standard's answers, each object read once, on both databases."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import checksums, errors
from jinbiao.datasets.db import Base, Database
from jinbiao.datasets.storage import FolderStorage

# GB/T 32905-2016, appendix A.
ANSWERS = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}


class Watched(FolderStorage):
    """A folder that counts how often each object is opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: Counter[str] = Counter()

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        self.opened[digest] += 1
        return super().open(digest, start, length)


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "watched")


@pytest.fixture
def tables(database: Database) -> Database:
    Base.metadata.create_all(database.engine)
    return database


def silent(_done: int, _total: int) -> None:
    """Show nothing."""


def put(store: Watched, *contents: bytes) -> dict[str, int]:
    """Store objects; return digest → size."""
    return {each.digest: each.size for each in store.put_many(contents)}


@pytest.mark.parametrize(("data", "expected"), ANSWERS.items())
def test_both_implementations_know_the_answers_of_the_standard(data: bytes, expected: str) -> None:
    bundled = checksums.BundledSm3()
    bundled.update(data)
    assert bundled.hexdigest() == expected == checksums.sm3(data).hexdigest()


@given(pieces=st.lists(st.binary(max_size=200), max_size=6))
def test_both_implementations_agree_in_any_pieces(pieces: list[bytes]) -> None:
    one, other = checksums.BundledSm3(), checksums.sm3()
    for piece in pieces:
        one.update(piece)
        other.update(piece)
        # Asked on the way, they go on.
        assert one.hexdigest() == other.hexdigest()
    assert one.hexdigest() == checksums.sm3(b"".join(pieces)).hexdigest()


def test_each_object_is_read_once_in_its_life(tables: Database, store: Watched) -> None:
    sizes = put(store, b"", *ANSWERS)
    found = checksums.complete(tables, store, sizes, silent)
    assert {found[hashlib.sha256(data).hexdigest()]: data for data in ANSWERS} == {
        answer: data for data, answer in ANSWERS.items()
    }
    sizes |= put(store, b"new")
    again = checksums.complete(tables, store, sizes, silent)
    assert again.items() >= found.items() and len(again) == 4
    assert set(store.opened.values()) == {1}
    with tables.read() as session:
        assert checksums.known(session, [*sizes, "0" * 64]) == again


def test_what_was_read_before_a_stop_is_not_read_again(
    tables: Database, store: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "BATCH", 2)
    sizes = put(store, *(bytes([number]) for number in range(7)))
    shown: list[tuple[int, int]] = []

    def stops(done: int, total: int) -> None:
        shown.append((done, total))
        if len(shown) == 2:
            raise errors.Cancelled("stopped")

    with pytest.raises(errors.Cancelled):
        checksums.complete(tables, store, sizes, stops)
    assert shown == [(2, 7), (4, 7)]
    assert len(checksums.complete(tables, store, sizes, silent)) == 7
    assert set(store.opened.values()) == {1}


def test_a_changed_or_missing_object_is_told_and_not_kept(tables: Database, store: Watched) -> None:
    sizes = put(store, b"first", b"second")
    changed, missing = (hashlib.sha256(data).hexdigest() for data in (b"first", b"second"))
    path = store.path(changed)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"fjrst")
    store.delete(missing)
    for digest in (changed, missing):
        with pytest.raises(errors.Damaged, match=digest):
            checksums.complete(tables, store, {digest: sizes[digest]}, silent)
    with tables.read() as session:
        assert checksums.known(session, sizes) == {}


def test_a_large_object_is_read_at_constant_memory_with_progress(
    tables: Database, store: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "BATCH_BYTES", 8 << 20)
    sizes = put(store, bytes(40 << 20))
    shown: list[int] = []
    tracemalloc.start()
    try:
        checksums.complete(tables, store, sizes, lambda done, _total: shown.append(done >> 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert shown == [8, 16, 24, 32, 40]
    assert peak < 8 << 20
