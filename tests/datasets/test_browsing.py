"""Chinese words find datasets; facets count them; differences and distributions are exact."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import catalogue, comparisons, downloads, histograms, labels, versions
from jinbiao.datasets.catalogue import Dataset, Question, queries, selection, words
from jinbiao.datasets.catalogue.search import with_words
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.versions import Record, VersionRecord
from jinbiao.tests import factories
from jinbiao.tests.factories import Team

HAN = st.text("天津焊缝缺陷检测数据集大学电路板轴承", min_size=1, max_size=8)


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def publish(installation: Installation, team: Team, name: str, **words: Any) -> Dataset:
    """Publish the team's one version under another name and with other words."""
    factories.published(installation, team, _version(installation, team), name)
    with installation.database.write() as session:
        given = {"title": "语气", "facts": factories.facts(), **words}
        return catalogue.open_dataset(session, team.requester, team.project, name, **given)


def _version(installation: Installation, team: Team) -> versions.Version:
    with installation.database.read() as session:
        there = session.scalar(
            sa.select(versions.Version).where(versions.Version.project_id == team.project.id)
        )
    if there is not None:
        return there
    factories.accepted(installation, team, factories.tasks(installation, team, 3))
    return factories.frozen(installation, team)


def found(installation: Installation, question: Question, viewer: Any = None) -> list[str]:
    """Browse page by page of one; return the names in order."""
    names: list[str] = []
    after = None
    while True:
        with installation.database.read() as session:
            page = catalogue.browse(session, question, viewer=viewer, after=after, limit=1)
        names += [dataset.name for dataset in page.datasets]
        if page.following is None:
            return names
        after = page.following


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "tokens", "phrases"),
    [
        ("焊缝", ("焊缝",), ()),
        ("津", ("津",), ()),
        ("缺陷检测", ("缺陷", "检测"), ()),
        ("ＡＯＩ 2026", ("aoi", "2026"), ()),
        ("weld_seams", ("weld", "seams"), ()),
        ("数据集", ("数据", "据集"), ("数据集",)),
        ("%", (), ()),
        ("_", (), ()),
        ("a\0b", ("a", "b"), ()),
    ],
)
def test_a_question_is_cut_into_what_must_occur(
    question: str, tokens: tuple[str, ...], phrases: tuple[str, ...]
) -> None:
    asked = words.asked(question)
    assert set(asked.tokens) == set(tokens)
    assert asked.phrases == phrases


@given(HAN, HAN, HAN)
def test_every_part_of_a_chinese_text_finds_it(before: str, part: str, after: str) -> None:
    indexed = words.weighed([(before + part + after, words.TITLE)])
    assert set(words.asked(part).tokens) <= indexed.keys()


@given(st.text(max_size=60))
def test_any_text_can_be_asked_and_indexed(text: str) -> None:
    asked = words.asked(text)
    assert len(asked.tokens) <= words.MOST_ASKED
    for token, weight in words.weighed([(text, words.DESCRIPTION)]).items():
        assert 0 < len(token) <= words.LONGEST and weight > 0 and "=" not in token


def test_words_find_datasets_the_best_first(installation: Installation, team: Team) -> None:
    publish(installation, team, "welds", title="焊缝缺陷检测", keywords=["工业"])
    publish(installation, team, "boards", title="电路板", description="含有焊缝，也含有缺陷。")
    publish(installation, team, "speech", title="方言语音", title_en="Dialects")
    for question, names in (
        ("焊缝", ["welds", "boards"]),
        ("焊缝缺陷", ["welds", "boards"]),
        ("天津焊缝", []),
        ("dialects", ["speech"]),
        ("工业 焊缝", ["welds"]),
        ("WELDS", ["welds"]),
        ("焊", ["welds"]),
        ("缝陷", []),
        ("%", []),
    ):
        assert found(installation, Question(question, sort="relevance")) == names, question
    # What is said of a dataset changes, and so does what finds it.
    publish(installation, team, "speech", title="方言语音与焊缝")
    assert found(installation, Question("dialects")) == []
    assert set(found(installation, Question("焊缝"))) == {"welds", "boards", "speech"}


SPOKEN = [
    ("检测电路", ["boards"]),
    ("缺陷检测演示", ["boards"]),
    ("演示机构", ["boards"]),
    ("电路板 演示", ["boards"]),
    ("ＢＯＡＲＤＳ", ["boards"]),
    ("方言检测", []),
    ("缝陷", []),
    ("天津焊缝", []),
    ("boards licence=CC-BY-4.0", []),
]


def test_the_protocols_find_by_the_same_words_as_the_page(
    installation: Installation, team: Team
) -> None:
    with installation.database.write() as session:
        session.merge(team.home).name = "演示机构"
    publish(installation, team, "boards", title="电路板缺陷检测", description="演示数据")
    with installation.database.write() as session:
        session.merge(team.home).name = "天津某院"
    publish(installation, team, "speech", title="方言语音", title_en="Dialects, welding 100%")
    for question, names in SPOKEN:
        assert found(installation, Question(question)) == names, question
        assert spoken(installation, question) == names, question
    # Clients look for parts of a name; the beginning is enough. So are signs, found as they are.
    for question, names in (
        ("board", ["boards"]),
        ("weld dial", ["speech"]),
        ("10", []),
        ("%", ["speech"]),
        ("we", []),
        ("licence", []),
    ):
        assert spoken(installation, question) == names, question
    for query, names in (
        ("-检测电路", ["speech"]),
        ("检测电路 OR 方言语音", ["boards", "speech"]),
        ("we*", ["speech"]),
        ("text:检测电路", ["boards"]),
        ('"电路 检测"', ["boards"]),
        ("title:检测电路", []),
    ):
        assert harvested(installation, query) == names, query


def spoken(installation: Installation, words: str) -> list[str]:
    """Find by words as the hub and CKAN do, which must agree; return the names."""
    with installation.database.read() as session:
        listed = sorted(each.name for each in catalogue.ranked(session, words=words))
        assert sorted(each.name for each in catalogue.search(session, words=words)) == listed
        assert catalogue.how_many(session, words=words) == len(listed)
    assert harvested(installation, " ".join(f'"{word}"' for word in words.split())) == listed
    return listed


def harvested(installation: Installation, query: str) -> list[str]:
    """Find by a query of CKAN; return the names."""
    with installation.database.read() as session:
        chosen = selection.select(session, None, [queries.parse(query, "q")])
        assert chosen.count == len(chosen.datasets)
    return sorted(each.name for each in chosen.datasets)


@pytest.mark.parametrize("question", ["检测电路", "weld", "weld 检测"])
def test_words_are_found_by_their_index(installation: Installation, question: str) -> None:
    query = sa.select(Dataset.id).where(*with_words(question))
    with installation.database.read() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
        if not sqlite:
            session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plain = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        way = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        rows = session.connection().exec_driver_sql(f"{way} {plain}").all()
    told = [str(row[-1]) for row in rows]
    assert not [line for line in told if "SCAN datasets" in line or "Seq Scan" in line], told
    assert [line for line in told if ("dataset_words" in line and "token" in line)] or [
        line for line in told if "Index Cond" in line and "token" in line
    ], told


def test_facets_narrow_and_count(installation: Installation, team: Team) -> None:
    tasks = (["object-detection"], ["object-detection", "image-classification"], [])
    for place, categories in enumerate(tasks):
        publish(
            installation,
            team,
            f"set-{place}",
            task_categories=categories,
            licence="MIT" if place else "CC0-1.0",
            facts=factories.facts(openness="closed") if place == 2 else factories.facts(),
        )
    with installation.database.write() as session:
        stranger = factories.person(session)
        for viewer, number in ((None, 2), (stranger, 2), (team.requester, 3), (team.admin, 3)):
            counts = catalogue.counts(session, Question(), viewer)
            assert sum(found for _value, found in counts["licence"]) == number
            assert counts["task"] == [("object-detection", 2), ("image-classification", 1)]
    for question in (
        Question(chosen={"licence": "MIT"}),
        Question(chosen={"task": "image-classification", "licence": "MIT"}),
        Question("语气", chosen={"licence": "MIT"}, sort="relevance"),
    ):
        assert found(installation, question) == ["set-1"]
        with installation.database.read() as session:
            assert catalogue.counts(session, question)["licence"] == [("MIT", 1)]
    assert found(installation, Question(chosen={"task": "object"})) == []
    for wrong in ({"chosen": {"colour": "red"}}, {"sort": "price"}):
        with pytest.raises(Invalid):
            Question(**wrong)  # type: ignore[arg-type]


def test_counts_are_kept_until_something_changes(installation: Installation, team: Team) -> None:
    publish(installation, team, "one")
    with installation.database.write() as session:
        key, stamp, kept = catalogue.kept_counts(session, None, (), {})
        assert kept is None
        catalogue.keep_counts(session, key, stamp, catalogue.counts(session, Question()))
        assert catalogue.kept_counts(session, None, (), {})[2] == catalogue.counts(
            session, Question()
        )
        # Who sees more, and who asks for something else, is not given these.
        assert catalogue.kept_counts(session, team.requester, (), {})[2] is None
        assert catalogue.kept_counts(session, None, ("焊缝",), {})[2] is None
    publish(installation, team, "two")
    with installation.database.read() as session:
        assert catalogue.kept_counts(session, None, (), {})[2] is None


# --- differences --------------------------------------------------------------------------------

PARTS = ("result", "media", "data", "name")


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(*[st.integers(0, 1)] * 5), max_size=8),
    st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(*[st.integers(0, 1)] * 5), max_size=8),
)
def test_a_digest_tells_each_part_apart(
    one: dict[str, tuple[int, ...]], other: dict[str, tuple[int, ...]]
) -> None:
    for key in one.keys() & other.keys():
        digests = [versions.record_digest(line(key, values)) for values in (one[key], other[key])]
        same = [
            digests[0][start : start + 16] == digests[1][start : start + 16]
            for start in (0, 16, 32, 48)
        ]
        assert same == [one[key][place] == other[key][place] for place in range(4)]


def line(key: str, values: tuple[int, ...]) -> bytes:
    """Write a record's line whose parts are numbers."""
    record = Record(
        key=key,
        name=str(values[3]),
        group="",
        split=("train", "test")[values[4]],
        media={},
        data={"text": values[2]},
        result=[{"value": values[0]}],
        annotator="p",
        prediction=None,
        review=None,
    )
    told = msgspec.to_builtins(record)
    told["media"] = {"n": values[1]}
    return msgspec.json.encode(told, order="sorted")


def test_differences_of_two_versions(installation: Installation, team: Team) -> None:
    versions_made = [_version(installation, team), factories.frozen(installation, team, seed=9)]
    content = [
        {"a": (0,) * 5, "b": (0,) * 5, "c": (0,) * 5, "d": (0,) * 5},
        {"b": (0,) * 5, "c": (1, 0, 0, 0, 0), "d": (0, 0, 1, 1, 1), "e": (0,) * 5},
    ]
    releases = []
    for version, records in zip(versions_made, content, strict=True):
        release = factories.published(installation, team, version)
        with installation.database.write() as session:
            session.execute(sa.delete(VersionRecord).where(VersionRecord.version_id == version.id))
            for place, (key, values) in enumerate(records.items()):
                text = line(key, values).replace(b'"media":{"n":0}', b'"media":{}')
                session.add(
                    VersionRecord(
                        version_id=version.id,
                        position=place,
                        task_id=1,
                        annotation_id=1,
                        key=key,
                        split=("train", "test")[values[4]],
                        line=text.decode(),
                        digest=versions.record_digest(text),
                    )
                )
            row = session.get_one(catalogue.Release, release.id)
            row.records = len(records)
            releases.append(row)
    old, new = releases
    with installation.database.read() as session:
        counts = comparisons.count(session, old, new)
        assert (counts.added, counts.removed, counts.changed, counts.same) == (1, 1, 2, 1)
        assert counts.aspects == {"labels": 1, "split": 1, "media": 0, "data": 1, "making": 1}
        listed = {
            kind: [each.key for each in comparisons.differences(session, old, new, kind)]
            for kind in comparisons.KINDS
        }
        assert listed == {"added": ["e"], "removed": ["a"], "changed": ["c", "d"]}
        (later,) = comparisons.differences(session, old, new, "changed", after="c")
        assert later.aspects == ("split", "data", "making")
        assert comparisons.changed_keys(session, old, new.version_id, ["a", "b", "c"]) == {"a", "c"}


# --- distributions, downloads -------------------------------------------------------------------


def test_distributions_are_counted_in_steps() -> None:
    config = labels.LabelConfig.from_json(labels.parse(factories.BOX_CONFIG).to_json())

    def record(split: str, *sizes: tuple[float, float]) -> Record:
        result = [
            {
                "type": "rectanglelabels",
                "value": {"width": w, "height": h, "rectanglelabels": ["x"]},
            }
            for w, h in sizes
        ]
        return Record("k", "n", "", split, {}, {}, result, "p", None, None)

    found = histograms.count(
        config,
        [record("train", (10, 10), (100, 100)), record("test", (1, 1)), record("train")],
    )
    # Shares 0.01, 1.0 and 0.0001 of the picture.
    assert found["boxes"]["splits"] == {
        "train": [0, 0, 0, 1, 0, 0, 0, 1],
        "test": [1, 0, 0, 0, 0, 0, 0, 0],
    }
    assert found["boxes"]["labels"] == {"x": [1, 0, 0, 1, 0, 0, 0, 1]}
    assert found["regions"]["splits"] == {
        "train": [1, 0, 1, 0, 0, 0, 0, 0, 0],
        "test": [0, 1, 0, 0, 0, 0, 0, 0, 0],
    }
    assert "texts" not in found


def test_a_day_forgets_who_came(
    installation: Installation, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = factories.published(installation, team, _version(installation, team))

    def take(address: str, times: int = 1) -> None:
        with installation.database.write() as session:
            downloads.note(
                session,
                dataset_id=release.dataset_id,
                release_id=release.id,
                path="data/a",
                visitor=None,
                address=address,
                client="hub",
                times=times,
            )

    first = now()
    days = {"shift": 0}
    monkeypatch.setattr(downloads, "now", lambda: first + dt.timedelta(days=days["shift"]))
    take("192.0.2.1")
    take("192.0.2.1", 2)
    with installation.database.read() as session:
        (kept,) = session.scalars(sa.select(downloads.DownloadVisit.visitor))
    days["shift"] = 40
    take("192.0.2.1")
    with installation.database.read() as session:
        (later,) = session.scalars(sa.select(downloads.DownloadVisit.visitor))
        assert later != kept and len(list(session.scalars(sa.select(downloads.DownloadSalt)))) == 1
        counts = downloads.counts(session, release.dataset_id)
    assert (counts.downloads, counts.visitors) == (4, 2)
    assert (counts.recent_downloads, counts.recent_visitors) == (1, 1)
