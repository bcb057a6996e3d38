"""Divided exports: wherever a version is cut, and whoever does the parts, the bytes are one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import labels
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.versions import FrozenVersion, Record
from jinbiao.exporters.divided import Divided, Part, Parts, alone, kept
from jinbiao.exporters.formats import FORMATS, export
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

NAMES = [name for name, entry in FORMATS.items() if entry.divided is not None]
BOXES = labels.TEMPLATES["defect_boxes"].config
_packed = msgspec.msgpack.encode
_unpacked = msgspec.msgpack.Decoder(Part).decode


@pytest.fixture(scope="module")
def versions(world: World) -> Callable[[str, int], FrozenVersion]:
    """Give versions of any size, each made once."""
    made: dict[tuple[bool, int], FrozenVersion] = {}

    def version(name: str, size: int) -> FrozenVersion:
        texts = name == "conll"
        if (texts, size) not in made:
            record = factory.text_record if texts else factory.box_record
            config = factory.TEXT_CONFIG if texts else BOXES
            made[texts, size] = world.freeze(config, map(record, range(size)))
        return made[texts, size]

    return version


def cut(lengths: Sequence[int]) -> Parts:
    """Work out parts of these lengths, the last one first, and hand them over packed."""

    def parts(version: FrozenVersion, divided: Divided) -> Generator[Part, None, None]:
        lines = list(itertools.chain.from_iterable(version.batches()))
        given, starts = iter(lengths), [0]
        while starts[-1] < len(lines):
            starts.append(min(len(lines), starts[-1] + next(given, len(lines))))
        pieces = [
            divided.part(lines[start:end], start)
            for start, end in reversed(list(itertools.pairwise(starts)))
        ]
        found = list(map(_packed, kept(pieces, version.store)))
        yield from map(_unpacked, reversed(found))

    return parts


def written(
    name: str, version: FrozenVersion, folder: Path, parts: Parts
) -> tuple[str, list[WrittenFile]]:
    """Export; return the digest of the manifest, and the files."""
    output = Output(version.store, folder)
    return export(name, version, output, parts), output.written


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 24), lengths=st.lists(st.integers(1, 9), max_size=24))
def test_the_bytes_do_not_depend_on_where_a_version_is_cut(
    name: str,
    size: int,
    lengths: list[int],
    versions: Callable[[str, int], FrozenVersion],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    version, folder = versions(name, size), tmp_path_factory.getbasetemp()
    assert written(name, version, folder, cut(lengths)) == written(name, version, folder, alone)


@pytest.mark.parametrize("name", NAMES)
def test_turned_shapes_and_files_without_content_are_divided_as_well(
    name: str, boards: FrozenVersion, texts: FrozenVersion, tmp_path: Path
) -> None:
    version = texts if name == "conll" else boards
    assert written(name, version, tmp_path, cut([1] * 50)) == written(
        name, version, tmp_path, alone
    )


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, 9), length=st.integers(0, 9))
def test_a_range_of_positions_is_read_as_a_list_is_sliced(
    start: int, length: int, versions: Callable[[str, int], FrozenVersion]
) -> None:
    version, end = versions("coco", 7), start + length
    read = [line for batch in version.batches(start=start, end=end) for line in batch]
    assert read == [line.encode() for line in version.lines()][start:end]
    assert all(msgspec.json.decode(line, type=Record) for line in read)
