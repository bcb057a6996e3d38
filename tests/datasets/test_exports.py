"""A version has at most one export of each format, and its files are listed by path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, exports
from jinbiao.datasets.exports import Export, ExportFile, WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.versions import Version
from jinbiao.tests import factories
from jinbiao.tests.factories import Team

# Byte order, whatever the locale of the database: capitals, small letters, Chinese.
PATHS = ["Z.txt", "a/b.txt", "a0.txt", "b.txt", "说明.txt"]


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def version(installation: Installation, team: Team) -> Version:
    factories.accepted(installation, team, factories.tasks(installation, team, 3))
    return factories.frozen(installation, team)


def add(installation: Installation, team: Team, version: Version, digest: str = "f") -> Export:
    with installation.database.write() as session:
        return exports.add(
            session,
            team.requester,
            version.id,
            "coco",
            [WrittenFile(path, digest * 64, 10) for path in reversed(PATHS)],
            records=3,
            regions=4,
            manifest_digest=digest * 64,
        )


def test_an_export_is_there_with_all_its_files(
    installation: Installation, team: Team, version: Version
) -> None:
    made = add(installation, team, version)
    with installation.database.read() as session:
        found = exports.find(session, version.id, "coco")
        assert found and (found.id, found.size, found.records, found.regions) == (made.id, 50, 3, 4)
        assert [file.path for file in exports.files(session, found)] == PATHS
        assert [one.format for one in exports.of_version(session, version)] == ["coco"]
        assert exports.find(session, version.id, "voc") is None
        (event,) = audit.events(session, subject=f"version/{version.id}", limit=1)
    assert event.action == "version.export"


def test_the_first_of_several_counts(
    installation: Installation, team: Team, version: Version
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda d: add(installation, team, version, d), "abcd"))
    assert len({one.id for one in made}) == len({one.manifest_digest for one in made}) == 1
    with installation.database.read() as session:
        digests = set(session.scalars(sa.select(ExportFile.digest)))
    assert digests == {made[0].manifest_digest}
