"""Give each module one world with the versions that exporters are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters import versions_factory
from jinbiao.tests.exporters.versions_factory import World


@dataclass(frozen=True)
class Exported:
    """A complete export, and its files by path."""

    version: FrozenVersion
    output: Output
    manifest: str

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        digests = {file.path: file.digest for file in self.output.written}
        return self.version.store.read(digests[path])

    def unpack(self, folder: Path) -> Path:
        """Write the export's tree below a folder."""
        return unpack(self.version, self.output.written, folder)


def unpack(version: FrozenVersion, files: Iterable[WrittenFile], folder: Path) -> Path:
    """Write files of a version below a folder."""
    for file in files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(version.store.read(file.digest))
    return folder


Export = Callable[[str, FrozenVersion], Exported]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def boards(world: World) -> FrozenVersion:
    return versions_factory.boards(world)


@pytest.fixture(scope="session")
def texts(world: World) -> FrozenVersion:
    return versions_factory.texts(world)


@pytest.fixture(scope="session")
def polygons(world: World) -> FrozenVersion:
    return versions_factory.polygons(world)


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Write a version in a format and finish the export."""

    def write(name: str, version: FrozenVersion) -> Exported:
        output = Output(version.store, tmp_path)
        FORMATS[name].write(version, output)
        return Exported(version, output, output.finish(version, name))

    return write
