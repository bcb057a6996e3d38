"""The list of an export's files: by path, each once, however many there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.errors import Damaged, Unavailable
from jinbiao.datasets.exports import WrittenFile
from jinbiao.exporters.file_list import FileList

PATHS = st.lists(st.text("ab/.图\n", min_size=1, max_size=4), max_size=40)


@given(PATHS, st.integers(1, 9), st.integers(1, 7))
def test_files_come_back_by_path(paths: list[str], held: int, together: int) -> None:
    """Sorted runs in the temporary file and what is in memory are one list."""
    files = FileList(held=held)
    for start in range(0, len(paths), together):
        batch = paths[start : start + together]
        files.add(batch, [f"digest of {path}" for path in batch], list(map(len, batch)))
    wanted = [WrittenFile(path, f"digest of {path}", len(path)) for path in sorted(set(paths))]
    assert list(files) == wanted
    assert list(files) == wanted


@pytest.mark.parametrize("held", [1, 100])
def test_one_path_for_two_files_is_told_at_the_latest_by_reading(held: int) -> None:
    files = FileList(held=held)
    with pytest.raises(Damaged, match="a/b"):
        for digest in ("0", "1"):
            files.add(["a/b"], [digest], [1])
        list(files)


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="temporary files"):
        FileList(tmp_path / "not there", held=1).add(["a"], ["0"], [1])
