"""The same content has the same commit id, wherever and however often it is frozen."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, manifests, versions
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.manifests import records
from jinbiao.datasets.people import Role
from jinbiao.datasets.reviews import Review
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.sources import Item
from jinbiao.datasets.storage import FolderStorage
from jinbiao.datasets.tasks import Task, TaskState
from jinbiao.datasets.versions import FrozenVersion, Version, VersionRecord
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, accepted, frozen, judged, submitted, tone


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def done(installation: Installation, team: Team) -> list[Annotation]:
    """Give a project of six accepted texts."""
    made = factories.tasks(installation, team, 6)
    return accepted(installation, team, made, lambda n: tone("good" if n % 2 else "bad"))


def choose(installation: Installation, team: Team, job_id: str = "job-1", **values: Any) -> Version:
    with installation.database.write() as session:
        return manifests.choose(session, team.requester, team.project, job_id=job_id, **values)


def freeze(installation: Installation, team: Team, version: Version) -> int:
    return manifests.freeze(
        installation.database, installation.store, version.id, team.requester, lambda *_: None
    )


def opened(installation: Installation, version: Version) -> FrozenVersion:
    with installation.database.read() as session:
        return versions.opened(session, installation.database, installation.store, version.id)


def manifest(installation: Installation, version: Version) -> bytes:
    return installation.store.read(str(version.manifest_digest))


def count(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


# --- the commit id -----------------------------------------------------------------------------


def test_the_commit_id_is_the_manifests_digest(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    version = frozen(installation, team)
    content = manifest(installation, version)
    assert re.fullmatch("[0-9a-f]{40}", str(version.commit_id))
    assert hashlib.sha256(content).hexdigest()[:40] == version.commit_id
    assert version.manifest_size == len(content)
    head, *lines = content.decode().splitlines()
    told = json.loads(head)
    assert (told["format"], told["records"], told["seed"]) == ("jinbiao-manifest/1", 6, 0)
    assert told["statistics"]["labels"] == {"bad": 3, "good": 3}
    assert lines == list(opened(installation, version).lines())
    keys = [json.loads(line)["key"] for line in lines]
    assert keys == sorted(keys) and len(set(keys)) == 6


def test_freezing_again_gives_the_version_that_is_there(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    first, second = frozen(installation, team), frozen(installation, team)
    assert (first.id, first.tag) == (second.id, "v1.0.0") == (second.id, second.tag)
    assert count(installation.database, Version) == 1
    assert count(installation.database, VersionRecord) == 6
    assert len(list(installation.store.digests())) == 1
    with installation.database.read() as session:
        actions = [event.action for event in audit.events(session, limit=2)]
    assert actions == ["version.freeze_again", "version.freeze"]
    # Another seed is another content, and takes the tag that the second try gave back.
    third = frozen(installation, team, seed=1)
    assert (third.tag, third.commit_id == first.commit_id) == ("v1.1.0", False)


def fill(
    installation: Installation, items: Callable[[], list[Item]], turn: bool = False
) -> Version:
    """Label items in one order or the other, and freeze them."""
    with installation.database.write() as session:
        team = factories.team(session, pseudonyms="person-")
        chosen = items()
        brought = factories.bring(
            session,
            installation.store,
            team.requester,
            team.project,
            chosen[::-1] if turn else chosen,
        )
    answers = {task.id: "good" if "1" in task.name else "bad" for task in brought}
    for task in brought:
        made = submitted(installation, team.annotator, team.project, task, tone(answers[task.id]))
        judged(installation, team.reviewer, made)
    return frozen(installation, team, seed=3)


def second_installation(tmp_path: Path, template: Path) -> Installation:
    """Give an SQLite installation in which other people have already worked."""
    home = tmp_path / "second"
    home.mkdir()
    shutil.copyfile(template, home / "jinbiao.sqlite3")
    database = Database(f"sqlite:///{home / 'jinbiao.sqlite3'}")
    store = FolderStorage(home / "objects")
    with database.write() as session:
        others = factories.team(session)
        factories.bring(
            session, store, others.requester, others.project, factories.texts("甲", "乙", "丙")
        )
    return Installation(Settings(home=home), database, store)


def test_the_id_depends_on_content_alone(
    installation: Installation, tmp_path: Path, sqlite_template: Path
) -> None:
    """Other row ids, another database, another order of work: the same content, the same id."""

    def items() -> list[Item]:
        return factories.texts("一", "二", "三", "同", "同", "同", group="")

    first = fill(installation, items)
    elsewhere = second_installation(tmp_path, sqlite_template)
    second = fill(elsewhere, items, turn=True)
    assert manifest(installation, first).decode() == manifest(elsewhere, second).decode()
    assert first.commit_id == second.commit_id
    elsewhere.database.close()


def test_equal_data_in_several_tasks_stay_several_records(
    installation: Installation, team: Team
) -> None:
    with installation.database.write() as session:
        made = factories.bring(
            session,
            installation.store,
            team.requester,
            team.project,
            factories.texts("同", "同", "异"),
        )
    accepted(installation, team, made)
    keys = [record.key for record in opened(installation, frozen(installation, team)).records()]
    assert len(set(keys)) == 3 and sum(key.endswith("-2") for key in keys) == 1


# --- what a record holds -----------------------------------------------------------------------


def test_a_record_tells_who_and_what_by_pseudonym(installation: Installation, team: Team) -> None:
    (task,) = factories.tasks(installation, team, 1)
    made = submitted(installation, team.annotator, team.project, task)
    judged(installation, team.reviewer, made, "fix", result=tone("bad"))
    version = frozen(installation, team)
    (record,) = opened(installation, version).records()
    assert record.result == tone("bad")
    assert record.data == {"text": "文本 0"}
    assert record.annotator == team.annotator.pseudonym
    assert record.review == versions.RecordReview(team.reviewer.pseudonym, "fix")
    assert team.annotator.username not in manifest(installation, version).decode()


def test_pictures_keep_their_names_and_never_share_one(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, factories.BOX_CONFIG)
        items = factories.pictures(3)
        for item, name in zip(items, ("a/缺陷.png", "b/缺陷.PNG", "../x\x00:y.png"), strict=True):
            item.media["image"] = replace(item.media["image"], name=name)  # type: ignore[type-var]
        made = factories.bring(session, installation.store, team.requester, team.project, items)
    accepted(installation, team, made, lambda _n: factories.box())
    version = opened(installation, frozen(installation, team))
    files = sorted(record.media["image"].file for record in version.records())
    assert len({name.lower() for name in files}) == 3
    assert sum(name.startswith("缺陷") for name in files) == 2 and "x_y.png" in files
    for record in version.records():
        with version.open_media(record.media["image"]) as stream:
            assert stream.read(4) == b"\x89PNG"


def test_groups_are_not_divided(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        items = [
            replace(item, group=f"设计 {item.number % 4}")
            for item in factories.texts(*(f"{n}" for n in range(12)))
        ]
        made = factories.bring(session, installation.store, team.requester, team.project, items)
    accepted(installation, team, made)
    found: dict[str, set[str]] = {}
    for record in opened(installation, frozen(installation, team)).records():
        found.setdefault(record.group, set()).add(record.split)
    assert len(found) == 4 and all(len(splits) == 1 for splits in found.values())
    assert set().union(*found.values()) == {"train", "validation", "test"}


def test_one_folder_that_holds_everything_is_divided(
    installation: Installation, team: Team
) -> None:
    with installation.database.write() as session:
        items = factories.texts(*(f"{n}" for n in range(12)), group="一号产线")
        made = factories.bring(session, installation.store, team.requester, team.project, items)
    accepted(installation, team, made)
    records = list(opened(installation, frozen(installation, team)).records())
    assert {record.group for record in records} == {"一号产线"}
    assert {record.split for record in records} == {"train", "validation", "test"}


def test_of_several_accepted_answers_the_one_accepted_first_counts(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    (task,) = factories.tasks(installation, team, 1)
    earlier = submitted(installation, team.annotator, team.project, task, tone("good"))
    later = submitted(installation, team.colleague, team.project, task, tone("bad"))
    judged(installation, team.reviewer, later)
    first = frozen(installation, team)
    judged(installation, team.reviewer, earlier)
    (record,) = opened(installation, first).records()
    assert record.result == tone("bad")
    # A second acceptance changes nothing that was decided.
    assert frozen(installation, team).commit_id == first.commit_id


def test_what_is_not_accepted_stays_out(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    waiting, returned = factories.tasks(installation, team, 2)
    submitted(installation, team.annotator, team.project, waiting)
    made = submitted(installation, team.annotator, team.project, returned)
    judged(installation, team.reviewer, made, "reject", reason="不对")
    assert frozen(installation, team).records == 6


# --- interruptions -----------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_freezing_ends_the_same(
    installation: Installation,
    team: Team,
    done: list[Annotation],
    batches: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "BATCH", 2)

    class Killed(BaseException):
        pass

    def until_killed(_session: Any, count: int, _total: int) -> None:
        if count > 2 * batches:
            raise Killed

    version = choose(installation, team)
    with pytest.raises(Killed):
        manifests.freeze(
            installation.database, installation.store, version.id, team.requester, until_killed
        )
    # Meanwhile others go on working; the snapshot was taken before.
    accepted(installation, team, factories.tasks(installation, team, 1))
    again = choose(installation, team)
    assert again.id == version.id
    number = freeze(installation, team, again)
    assert freeze(installation, team, again) == number
    with installation.database.read() as session:
        ended = session.get_one(Version, number)
    assert ended.records == 6
    plain = replace(installation, store=FolderStorage(installation.settings.home / "plain"))
    monkeypatch.undo()
    with plain.database.write() as session:
        last = session.scalars(sa.select(Annotation).order_by(Annotation.id.desc())).first()
        assert last
        session.get_one(Task, last.task_id).state = TaskState.WAITING
    assert frozen(plain, team).commit_id == ended.commit_id


def test_nobody_sees_an_unfinished_version(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    version = choose(installation, team, tag="v2.0.0")
    with installation.database.read() as session:
        assert versions.of_project(session, team.project) == []
        for reference in ("latest", "v2.0.0"):
            with pytest.raises(NotFound):
                versions.find(session, team.project, reference)
        with pytest.raises(NotFound):
            versions.get(session, team.requester, version.id, "version.read")
        with pytest.raises(NotFound):
            versions.opened(session, installation.database, installation.store, version.id)
    freeze(installation, team, version)
    with installation.database.read() as session:
        found = versions.find(session, team.project, "v2.0.0")
        assert versions.find(session, team.project, str(found.commit_id)).id == version.id
        assert versions.get(session, team.requester, version.id, "version.read")[0].is_frozen


def test_a_tag_is_free_again_when_a_freezing_is_given_up(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    version = choose(installation, team, tag="v2.0.0")
    with pytest.raises(Invalid, match="taken"):
        choose(installation, team, "job-2", tag="v2.0.0")
    with installation.database.write() as session:
        manifests.discard(session, version.id)
    assert count(installation.database, VersionRecord) == 0
    assert choose(installation, team, "job-3", tag="v2.0.0").tag == "v2.0.0"


def test_a_frozen_version_cannot_be_discarded(
    installation: Installation, team: Team, done: list[Annotation]
) -> None:
    version = frozen(installation, team)
    with installation.database.write() as session:
        manifests.discard(session, version.id)
    assert len(list(opened(installation, version).lines())) == 6


@pytest.mark.parametrize("seeds", [[0] * 4, [0, 1, 2, 3]])
def test_freezings_at_once(
    installation: Installation, team: Team, done: list[Annotation], seeds: list[int]
) -> None:
    start = threading.Barrier(len(seeds))

    def run(seed: int) -> Version:
        start.wait()
        return frozen(installation, team, seed=seed)

    with ThreadPoolExecutor(len(seeds)) as pool:
        made = list(pool.map(run, seeds))
    assert len({version.commit_id for version in made}) == len(set(seeds))
    assert len({version.tag for version in made}) == len(set(seeds))
    assert count(installation.database, Version) == len(set(seeds))


# --- what cannot be frozen ---------------------------------------------------------------------


def test_nothing_accepted_is_no_version(installation: Installation, team: Team) -> None:
    factories.tasks(installation, team, 2)
    with pytest.raises(Refused, match="nothing has been accepted"):
        choose(installation, team)
    assert count(installation.database, Version) == 0


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"tag": "1.0"}, "tag"),
        ({"tag": "v1.0.0/../x"}, "tag"),
        ({"tag": "v１.0.0"}, "tag"),
        ({"tag": "v1.0.0\n"}, "tag"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"fractions": {"train": 0.5}}, "fractions"),
    ],
)
def test_what_cannot_be_asked(
    installation: Installation,
    team: Team,
    done: list[Annotation],
    values: dict[str, Any],
    place: str,
) -> None:
    with pytest.raises(Invalid, match=place):
        choose(installation, team, **values)


def test_who_freezes(installation: Installation, team: Team, done: list[Annotation]) -> None:
    with installation.database.write() as session:
        stranger = factories.person(session, Role.REQUESTER)
        for actor, error in ((team.annotator, Forbidden), (stranger, NotFound)):
            with pytest.raises(error):
                manifests.choose(session, actor, team.project, job_id="j")


# --- size --------------------------------------------------------------------------------------


def fill_quickly(installation: Installation, number: int) -> Team:
    """Bring so many answered texts and accept them all, as a bulk acceptance does."""
    with installation.database.write() as session:
        team = factories.team(session)
        said = [{"result": [{**tone()[0], "meta": {"text": ["长" * 1500]}}]}]
        items = factories.texts(*(f"{n}" for n in range(number)), annotations=said)
        factories.bring(session, installation.store, team.requester, team.project, items)
        mine = Annotation.project_id == team.project.id
        columns = ["project_id", "annotation_id", "revision", "reviewer_id", "verdict"]
        session.execute(
            sa.insert(Review).from_select(
                [*columns, "reason", "created_at"],
                sa.select(
                    Annotation.project_id,
                    Annotation.id,
                    Annotation.revision,
                    sa.literal(team.reviewer.id),
                    sa.literal("accept"),
                    sa.literal(""),
                    sa.literal(now(), Review.created_at.type),
                ).where(mine),
            )
        )
        session.execute(sa.update(Annotation).where(mine).values(state=AnnotationState.ACCEPTED))
        session.execute(
            sa.update(Task)
            .where(Task.project_id == team.project.id)
            .values(state=TaskState.ACCEPTED)
        )
    return team


def test_three_thousand_records_need_no_more_memory_than_a_thousand(
    installation: Installation,
) -> None:
    peaks = []
    for number in (1000, 3000):
        team = fill_quickly(installation, number)
        tracemalloc.start()
        try:
            version = frozen(installation, team)
            assert sum(1 for _record in opened(installation, version).records()) == number
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.4, peaks
