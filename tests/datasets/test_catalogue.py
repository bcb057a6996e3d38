"""What is published stays as it was published, and can be found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, catalogue, manifests
from jinbiao.datasets.catalogue import Dataset, Release, ReleaseFile
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, Refused
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role
from jinbiao.datasets.versions import Version
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, accepted, frozen, published

FILES = [
    "README.md",
    "coco/annotations.json",
    "data/a/1.txt",
    "data/a/2.txt",
    "data/b.txt",
    "data-old.txt",
    "data0.txt",
    "说明/规范.md",
]


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def version(installation: Installation, team: Team) -> Version:
    accepted(installation, team, factories.tasks(installation, team, 3))
    return frozen(installation, team)


def open_dataset(
    installation: Installation, team: Team, name: str = "tones", **values: Any
) -> Dataset:
    with installation.database.write() as session:
        words = {"title": "语气", "facts": factories.facts(), **values}
        return catalogue.open_dataset(session, team.requester, team.project, name, **words)


def publish(
    installation: Installation,
    team: Team,
    dataset: Dataset,
    version: Version,
    paths: list[str] | None = None,
) -> Release:
    with installation.database.write() as session:
        return catalogue.publish(
            session,
            team.requester,
            session.get_one(Dataset, dataset.id),
            session.get_one(Version, version.id),
            [WrittenFile(path, "f" * 64, 7) for path in (FILES if paths is None else paths)],
            card="{}",
        )


# --- entries -----------------------------------------------------------------------------------


def test_an_entry_is_made_once_and_then_brought_up_to_date(
    installation: Installation, team: Team
) -> None:
    first = open_dataset(installation, team, title="旧", keywords=["焊缝"])
    again = open_dataset(installation, team, title=" 新 ", licence="MIT", title_en="Tones")
    assert first.id == again.id
    assert (again.title, again.licence, again.keyword_list) == ("新", "MIT", [])
    assert again.full_name == f"{team.home.slug}/tones"
    assert "tones" in again.search_text and "新" in again.search_text


def test_an_entry_that_two_jobs_open_at_once_is_one(installation: Installation, team: Team) -> None:
    def run(number: int) -> int:
        return open_dataset(installation, team, title=f"标题 {number}").id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(run, range(12)))) == 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "数据"}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "a--b"}, "name"),
        ({"name": "a..b"}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "a.git"}, "name"),
        ({"name": "x" * 56}, "name"),
        ({"name": "a\n"}, "name"),
        ({"title": ""}, "title"),
        ({"licence": "mine"}, "licence"),
    ],
)
def test_entries_that_are_refused(
    installation: Installation, team: Team, values: dict[str, str], place: str
) -> None:
    with pytest.raises(Invalid, match=place):
        open_dataset(installation, team, **values)


def test_a_name_belongs_to_one_project(installation: Installation, team: Team) -> None:
    open_dataset(installation, team)
    with installation.database.write() as session:
        from_other = factories.projects.create(
            session, team.requester, title="另一个", label_config=factories.TEXT_CONFIG
        )
        with pytest.raises(Invalid, match="another project"):
            catalogue.open_dataset(session, team.requester, from_other, "tones", title="x")


def test_who_publishes(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        stranger = factories.person(session, Role.REQUESTER)
        for actor, error in ((team.reviewer, Forbidden), (stranger, NotFound)):
            with pytest.raises(error):
                catalogue.open_dataset(session, actor, team.project, "tones", title="x")


# --- releases ----------------------------------------------------------------------------------


def test_a_release_is_published_once(
    installation: Installation, team: Team, version: Version
) -> None:
    dataset = open_dataset(installation, team)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: publish(installation, team, dataset, version), range(4)))
    assert len({release.id for release in made}) == 1
    assert (made[0].tag, made[0].commit_id, made[0].size) == (
        "v1.0.0",
        version.commit_id,
        7 * len(FILES),
    )
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ReleaseFile)) == len(FILES)
        said = audit.events(session, subject=f"dataset/{dataset.full_name}")
        assert [event.action for event in said] == ["dataset.publish"]
        assert [one.id for one in catalogue.of_version(session, version)] == [dataset.id]


def test_nothing_is_seen_before_its_release(
    installation: Installation, team: Team, version: Version
) -> None:
    dataset = open_dataset(installation, team)
    with installation.database.read() as session:
        assert catalogue.find(session, dataset.full_name) is None
        assert catalogue.search(session) == catalogue.ranked(session) == []
    publish(installation, team, dataset, version)
    with installation.database.read() as session:
        found = catalogue.find(session, dataset.full_name)
        assert found and found.id == dataset.id
        assert catalogue.find(session, "nobody/tones") is None
        assert catalogue.find(session, "tones") is None


def test_what_is_no_release(installation: Installation, team: Team, version: Version) -> None:
    dataset = open_dataset(installation, team)
    with pytest.raises(Invalid, match="two files"):
        publish(installation, team, dataset, version, ["a", "b", "a"])
    with pytest.raises(Invalid, match="at least one"):
        publish(installation, team, dataset, version, [])
    with installation.database.write() as session:
        unfinished = manifests.choose(
            session, team.requester, team.project, job_id="j", tag="v9.0.0"
        )
        other = factories.team(session)
    with pytest.raises(Refused, match="frozen"):
        publish(installation, team, dataset, unfinished)
    theirs = open_dataset(installation, other)
    with pytest.raises(Refused, match="project"):
        publish(installation, other, theirs, version)


def test_a_revision_is_a_branch_a_tag_or_a_commit(
    installation: Installation, team: Team, version: Version
) -> None:
    first = published(installation, team, version)
    second = published(installation, team, frozen(installation, team, seed=1))
    with installation.database.read() as session:
        dataset = session.get_one(Dataset, first.dataset_id)

        def resolve(revision: str) -> int | None:
            found = catalogue.resolve(session, dataset, revision)
            return None if found is None else found.id

        for name in ("main", "master", "refs/heads/main", "v1.1.0", second.commit_id):
            assert resolve(name) == second.id
        for name in ("v1.0.0", "refs/tags/v1.0.0", first.commit_id):
            assert resolve(name) == first.id
        for name in ("", "dev", "v1", first.commit_id[:12], "refs/pr/1"):
            assert resolve(name) is None
        assert [one.id for one in catalogue.releases(session, dataset)] == [second.id, first.id]
        assert catalogue.newest(session, [dataset])[dataset.id].id == second.id
        history = catalogue.history(session, second, limit=9)
        assert [one.id for one in history] == [second.id, first.id]
        assert [one.id for one in catalogue.history(session, first, limit=9)] == [first.id]
        older = catalogue.history(session, second, before=second.id, limit=9)
        assert [one.id for one in older] == [first.id]


# --- files -------------------------------------------------------------------------------------


def test_the_tree_of_a_release(installation: Installation, team: Team, version: Version) -> None:
    release = publish(installation, team, open_dataset(installation, team), version)
    with installation.database.read() as session:

        def paths(folder: str = "", after: str = "", limit: int | None = None) -> list[str]:
            found = catalogue.files(session, release, folder=folder, after=after, limit=limit)
            return [file.path for file in found]

        def listed(folder: str = "", after: str = "", limit: int = 99) -> list[str]:
            found = catalogue.entries(session, release, folder=folder, after=after, limit=limit)
            return [one if isinstance(one, str) else one.path for one in found]

        everything = sorted(FILES, key=str.encode)
        assert paths() == everything
        assert paths("data") == ["data/a/1.txt", "data/a/2.txt", "data/b.txt"]
        assert paths(after=everything[2], limit=2) == everything[3:5]
        assert listed() == ["README.md", "coco", "data-old.txt", "data", "data0.txt", "说明"]
        assert listed("data") == ["data/a", "data/b.txt"]
        assert listed(limit=2) == ["README.md", "coco"]
        assert listed(after="coco/", limit=2) == ["data-old.txt", "data"]
        assert listed("dat") == listed("nothing") == []
        asked = ["data", "data/a", "说明", "coco/annotations.json", "dat", "README.md"]
        assert catalogue.folders_at(session, release, asked) == {"data", "data/a", "说明"}
        assert set(catalogue.files_at(session, release, asked)) == {
            "README.md",
            "coco/annotations.json",
        }
        one = catalogue.file(session, release, "data/b.txt")
        assert one == WrittenFile("data/b.txt", "f" * 64, 7)
        assert catalogue.file(session, release, "data") is None
        few = catalogue.first_files(session, [release], 2)
        assert [file.path for file in few[release.id]] == everything[:2]


# --- search ------------------------------------------------------------------------------------


@pytest.fixture
def three(installation: Installation, team: Team, version: Version) -> list[Dataset]:
    """Publish three datasets, the last one last."""
    made = []
    for name, title, category in (
        ("welds", "焊缝 100% 缺陷", "object-detection"),
        ("tones", "政务语气", "text-classification"),
        ("old-tones", "旧语气", "text-classification"),
    ):
        dataset = open_dataset(
            installation, team, name, title=title, task_categories=[category], keywords=["津"]
        )
        publish(installation, team, dataset, version)
        made.append(dataset)
    with installation.database.write() as session:
        for _download in range(3):
            catalogue.count_download(session, made[0].id)
    return made


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["old-tones", "tones", "welds"]),
        ({"words": "语气"}, ["old-tones", "tones"]),
        ({"words": "  语气  政务 "}, ["tones"]),
        ({"words": "WELDS 津"}, ["welds"]),
        ({"words": "100%"}, ["welds"]),
        ({"words": "%"}, ["welds"]),
        ({"words": "_"}, []),
        ({"words": "没有"}, []),
        ({"category": "object-detection"}, ["welds"]),
        ({"category": "detection"}, []),
        ({"author": "nobody"}, []),
    ],
)
def test_every_word_must_occur(
    installation: Installation, three: list[Dataset], asked: dict[str, str], names: list[str]
) -> None:
    with installation.database.read() as session:
        assert [found.name for found in catalogue.search(session, **asked)] == names  # type: ignore[arg-type]
        if "category" not in asked:
            assert [found.name for found in catalogue.ranked(session, **asked)] == names  # type: ignore[arg-type]


VALUES: dict[str, Callable[[Dataset], dt.datetime | int]] = {
    "modified": lambda dataset: dataset.modified_at,
    "created": lambda dataset: dataset.created_at,
    "downloads": lambda dataset: dataset.downloads,
}


@pytest.mark.parametrize("order", sorted(VALUES))
def test_pages_in_every_order(
    installation: Installation, three: list[Dataset], team: Team, order: str
) -> None:
    with installation.database.read() as session:
        everything = catalogue.ranked(session, order=order, author=team.home.slug)
        seen: list[Dataset] = []
        while True:
            before = (VALUES[order](seen[-1]), seen[-1].id) if seen else None
            found = catalogue.ranked(session, order=order, before=before, limit=1)
            if not found:
                break
            seen += found
    assert [one.id for one in seen] == [one.id for one in everything]
    assert seen[0].name == ("welds" if order == "downloads" else "old-tones")
