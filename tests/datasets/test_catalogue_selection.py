"""Select datasets in the words of harvesters, alike on both databases."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jinbiao.datasets import catalogue
from jinbiao.datasets.catalogue import Dataset, Release, ReleaseFile, moments, selection
from jinbiao.datasets.catalogue.main_files import MOST_INSIDE, main_files
from jinbiao.datasets.catalogue.queries import DEEPEST, LONGEST, Everything, Term, parse
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.tests import factories
from jinbiao.tests.conftest import postgres_copy
from jinbiao.tests.factories import accepted, frozen

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
KEYWORDS = (["weld", "焊缝"], ["weld seam", 'a"b'], [], ["Weld", "road_sign"], ["100%", "焊缝"])
DOMAINS = ("industry", "transport", None, "industry", "health")
LICENCES = ("CC-BY-4.0", "MIT", "CC-BY-4.0", "CC0-1.0", "MIT")
NUMBER = len(KEYWORDS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Publish five datasets of two organisations, a day apart, once on either database."""
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), home / "jinbiao.sqlite3")
        made = fill(home, f"sqlite:///{home / 'jinbiao.sqlite3'}")
        yield made
        made.close()
        return
    template = request.getfixturevalue("postgres_template")
    with postgres_copy(request.getfixturevalue("postgres_url"), template) as url:
        made = fill(home, url)
        yield made
        made.close()


def fill(home: Path, url: str) -> Installation:
    """Publish the datasets."""
    objects = FolderStorage(home / "objects")
    installation = Installation(Settings(home, database_url=url), Database(url), objects)
    for part, numbers in enumerate(([0, 1, 2], [3, 4])):
        with installation.database.write() as session:
            team = factories.team(session)
            team.home.slug = f"bureau-{part}"
        accepted(installation, team, factories.tasks(installation, team, 2))
        version = frozen(installation, team)
        for number in numbers:
            release = factories.published(installation, team, version, f"set-{number}")
            with installation.database.write() as session:
                dataset = session.get_one(Dataset, release.dataset_id)
                dataset.title, dataset.description = f"数据 {number}", "图片 pictures"
                dataset.keywords = msgspec.json.encode(KEYWORDS[number]).decode()
                dataset.domain, dataset.licence = DOMAINS[number], LICENCES[number]
                dataset.search_text = f"set-{number} 数据 {number} 图片"
                dataset.modified_at = START + dt.timedelta(days=number)
                dataset.ckan_name = f"bureau-set-{number}"
    return installation


def found(installation: Installation, *texts: str, **asked: Any) -> list[int]:
    """Return the numbers of the datasets that fulfil all texts, in the order of the answer."""
    with installation.database.read() as session:
        chosen = selection.select(session, None, [parse(text, "fq") for text in texts], **asked)
        assert chosen.count >= len(chosen.datasets)
        return [int(dataset.name.removeprefix("set-")) for dataset in chosen.datasets]


ASKED: list[tuple[str, list[int]]] = [
    ("", [0, 1, 2, 3, 4]),
    ("*:*", [0, 1, 2, 3, 4]),
    ("organization:bureau-0 OR organization:nobody", [0, 1, 2]),
    ("-organization:bureau-0", [3, 4]),
    ("organization:bureau*", [0, 1, 2, 3, 4]),
    ("tags:weld", [0]),
    ('tags:"weld seam"', [1]),
    ('tags:"a\\"b"', [1]),
    ("tags:100%", [4]),
    ("tags:we*", [0, 1]),
    ("tags:(焊缝 OR road_sign)", [0, 3, 4]),
    ("tags:*", [0, 1, 3, 4]),
    ("groups:industry", [0, 3]),
    ("-groups:industry", [1, 2, 4]),
    ("groups:*", [0, 1, 3, 4]),
    ("license_id:MIT groups:health", [4]),
    ("license_id:MIT && !groups:health", [1]),
    ("+license_id:MIT -(groups:health)", [1]),
    ("NOT NOT license_id:MIT", [1, 4]),
    ("groups:industry OR license_id:MIT AND tags:焊缝", [0, 3, 4]),
    ("(groups:industry OR license_id:MIT) AND tags:焊缝", [0, 4]),
    ("metadata_modified:[2026-03-02T12:00:00Z TO 2026-03-04T12:00:00Z]", [1, 2, 3]),
    ("metadata_modified:{2026-03-02T12:00:00Z TO 2026-03-04T12:00:00Z}", [2]),
    ("metadata_modified:[2026-03-02T20:00:00+08:00 TO *]", [1, 2, 3, 4]),
    ("metadata_modified:[* TO 2026-03-02]", [0]),
    ("metadata_modified:[NOW-100YEARS TO *]", [0, 1, 2, 3, 4]),
    ("title:数据 title:3", [3]),
    ("图片 set-2", [2]),
    ("name:bureau-set-4", [4]),
    ("state:active dataset_type:dataset", [0, 1, 2, 3, 4]),
    ("state:deleted", []),
    ("private:false", [0, 1, 2, 3, 4]),
    ("capacity:private", []),
]


def test_a_query_finds_what_it_says(filled: Installation) -> None:
    assert [(text, sorted(found(filled, text))) for text, _numbers in ASKED] == ASKED


def test_identifiers_find_too(filled: Installation) -> None:
    with filled.database.read() as session:
        pairs = selection.organisations(session, None)
        assert [(org.slug, count) for org, count in pairs] == [("bureau-0", 3), ("bureau-1", 2)]
        second = selection.organisation_uid(pairs[1][0])
        one = session.scalars(sa.select(Dataset).where(Dataset.name == "set-2")).one()
        named = [selection.named(session, None, each) for each in (one.uid, one.ckan_name)]
        assert named == [one, one] and selection.named(session, None, "set-2") is None
        assert one in selection.beginning(session, None, one.uid[:13])
    assert sorted(found(filled, f"owner_org:{second}")) == [3, 4]
    assert found(filled, f"id:{one.uid}") == [2]
    assert found(filled, f"groups:{selection.domain_uid('health')}") == [4]
    assert uuid.UUID(second).version == 5


def test_pages_follow_each_other_without_gaps(filled: Installation) -> None:
    assert found(filled) == [4, 3, 2, 1, 0]
    assert found(filled, order=[("metadata_modified", False)]) == [0, 1, 2, 3, 4]
    pages = [found(filled, order=[("id", False)], start=n, limit=2) for n in range(0, 8, 2)]
    assert sorted(sum(pages, [])) == [0, 1, 2, 3, 4] and pages[3] == []
    # What is equal in what is asked for follows by identifier.
    pages = [found(filled, order=[("title", True)], start=n, limit=1) for n in range(5)]
    assert sum(pages, []) == found(filled, order=[("title", True)])


def test_values_are_counted(filled: Installation) -> None:
    with filled.database.read() as session:
        assert selection.counts(session, None, "organization") == {"bureau-0": 3, "bureau-1": 2}
        assert selection.counts(session, None, "groups") == {
            "industry": 2,
            "health": 1,
            "transport": 1,
        }
        tags = selection.counts(session, None, "tags", [parse("license_id:MIT", "q")])
        assert tags == {"100%": 1, 'a"b': 1, "weld seam": 1, "焊缝": 1}
        assert selection.names(session, None, start=1, limit=2) == [
            "bureau-set-1",
            "bureau-set-2",
        ]
        with pytest.raises(Invalid):
            selection.counts(session, None, "res_format")


def test_closed_datasets_are_their_own_peoples(filled: Installation) -> None:
    with filled.database.write() as session:
        closed = session.scalars(sa.select(Dataset).where(Dataset.name == "set-3")).one()
        closed.openness = catalogue.Openness.CLOSED
        owner = factories.person(session, home=closed.organisation)
        stranger = factories.person(session)
    private = [parse("private:true", "fq")]
    with filled.database.read() as session:
        for viewer, count in ((None, 0), (stranger, 0), (owner, 1)):
            assert selection.select(session, viewer, private).count == count
            known = selection.named(session, viewer, closed.uid)
            assert (known is not None) is bool(count)
        assert selection.counts(session, None, "organization")["bureau-1"] == 1
    with filled.database.write() as session:
        session.get_one(Dataset, closed.id).openness = catalogue.Openness.OPEN


REFUSED = [
    "(",
    "a OR",
    "AND a",
    "-",
    "title:",
    "title:(a",
    "a)",
    '"open',
    "a^2",
    "a~",
    "te?t",
    "*a*b",
    "{!func}x",
    "/re/",
    "[a TO b]",
    "title:[a TO b]",
    "a:b:c",
    "vocab:x",
    "tags:[* TO *]",
    "metadata_modified:yesterday",
    "metadata_modified:[NOW-999999YEARS TO *]",
    "metadata_modified:[0001-01-01T00:00:00+14:00 TO *]",
    "metadata_modified:[NOW/FORTNIGHT TO *]",
    "(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1),
    "a " * (LONGEST // 2 + 1),
    "a OR " * 700 + "a",
]


def test_what_is_not_spoken_is_refused(filled: Installation) -> None:
    for text in REFUSED:
        with pytest.raises(Invalid) as refused:
            found(filled, text)
        assert refused.value.place in ("fq", "metadata_modified"), text


def test_words_are_read_as_they_are_written() -> None:
    assert parse("  ", "q") == Everything()
    assert parse("weld-seams", "q") == Term(None, "weld-seams")
    assert parse(r"title:a\:b\*", "q") == Term("title", "a:b*")
    assert parse("C++ ", "q") == Term(None, "C++")
    assert parse("name:x*", "q") == Term("name", "x", is_prefix=True)


def test_times_are_read_as_solr_writes_them() -> None:
    at = moments.moment("2026-01-31T08:00:00.5+08:00", "x")
    assert at == dt.datetime(2026, 1, 31, 0, 0, 0, 500_000, tzinfo=dt.UTC)
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert moments.moment("NOW/DAY-7DAYS", "x") == today - dt.timedelta(days=7)
    assert moments.moment("NOW/YEAR", "x") == today.replace(month=1, day=1)
    assert moments.moment("NOW/MONTH+1MONTH", "x").day == 1


VALUES: dict[str, list[set[str]]] = {
    "organization": [{"bureau-0"}] * 3 + [{"bureau-1"}] * 2,
    "tags": [set(words) for words in KEYWORDS],
    "groups": [{domain} if domain else set() for domain in DOMAINS],
    "license_id": [{licence} for licence in LICENCES],
}
Told = tuple[str, frozenset[int]]


def _terms() -> st.SearchStrategy[Told]:
    known = [
        (f'{field}:"{value.replace(chr(34), chr(92) + chr(34))}"', field, value)
        for field, sets in VALUES.items()
        for value in sorted({each for values in sets for each in values} | {"none"})
    ]

    def told(term: tuple[str, str, str]) -> Told:
        text, field, value = term
        return text, frozenset(n for n in range(NUMBER) if value in VALUES[field][n])

    return st.sampled_from(known).map(told)


def _joined(parts: st.SearchStrategy[Told]) -> st.SearchStrategy[Told]:
    def both(sign: str, join: Callable[[frozenset[int], frozenset[int]], Any]) -> Any:
        return st.tuples(parts, parts).map(
            lambda pair: (f"({pair[0][0]}{sign}{pair[1][0]})", join(pair[0][1], pair[1][1]))
        )

    everything = frozenset(range(NUMBER))
    return st.one_of(
        both(" AND ", frozenset.intersection),
        both(" ", frozenset.intersection),
        both(" OR ", frozenset.union),
        parts.map(lambda part: (f"-{part[0]}", everything - part[1])),
    )


EASY = hypothesis_settings(
    max_examples=60,
    deadline=None,
)


@EASY
@given(told=st.recursive(_terms(), _joined, max_leaves=6))
def test_logic_is_that_of_sets(filled: Installation, told: Told) -> None:
    text, numbers = told
    assert set(found(filled, text)) == numbers


@EASY
@given(text=st.text(st.sampled_from('ab:*()"[]{}-+!&|\\ ^~/?焊\u2028 TO OR AND'), max_size=25))
@example('name:"\\"')
@example("title:%_\\%")
@example("tags:\\\\")
def test_any_text_is_answered_or_refused(filled: Installation, text: str) -> None:
    try:
        numbers = found(filled, text)
    except Invalid:
        return
    assert set(numbers) <= set(range(NUMBER))


PATHS = st.lists(
    st.one_of(
        st.sampled_from(["README.md", "a.json", "data0", "data-x.txt", "~", "说明.md"]),
        st.builds(
            "{}/{}".format,
            st.sampled_from(["data", "images", "annotations", "data0", "说明", "a/b"]),
            st.sampled_from(["1.txt", "2/x", "z", "焊"]),
        ),
    ),
    min_size=1,
    unique=True,
)


@EASY
@given(trees=st.lists(PATHS, min_size=1, max_size=3))
def test_main_files_are_those_of_the_roots_and_folders(
    filled: Installation, trees: list[list[str]]
) -> None:
    with filled.database.write() as session:
        releases = list(session.scalars(sa.select(Release).limit(len(trees))))
        session.execute(sa.delete(ReleaseFile))
        for release, paths in zip(releases, trees, strict=True):
            session.add_all(
                ReleaseFile(release_id=release.id, path=path, digest="0" * 64, size=1)
                for path in paths
            )
        session.flush()
        told = main_files(session, releases, ("data", "annotations"))
    for release, paths in zip(releases, trees, strict=True):
        chosen = [
            path
            for path in sorted(paths)
            if "/" not in path or path.startswith(("data/", "annotations/"))
        ]
        assert told[release.id] == [WrittenFile(path, "0" * 64, 1) for path in chosen]


def test_a_folder_of_thousands_fills_no_list(filled: Installation) -> None:
    with filled.database.write() as session:
        release = session.scalars(sa.select(Release)).first()
        assert release is not None
        rows = [{"path": f"data/{n:05}.parquet"} for n in range(MOST_INSIDE + 20)]
        rows += [{"path": f"images/{n:05}.jpg"} for n in range(500)] + [{"path": "README.md"}]
        session.execute(sa.delete(ReleaseFile))
        same = {"release_id": release.id, "digest": "0" * 64, "size": 1}
        session.execute(sa.insert(ReleaseFile), [{**same, **row} for row in rows])
        (files,) = main_files(session, [release], ("data",)).values()
    inside = [file.path for file in files if file.path.startswith("data/0")]
    assert inside == [f"data/{n:05}.parquet" for n in range(MOST_INSIDE)]
    assert "README.md" in {file.path for file in files}
