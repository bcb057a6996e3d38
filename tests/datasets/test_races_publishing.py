"""Two requests at once publish, withdraw, grant and send no more than one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jinbiao.datasets import (
    annotations,
    catalogue,
    manifests,
    opening,
    pushes,
    removal,
    tombstones,
)
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.catalogue import Dataset, Release
from jinbiao.datasets.catalogue.facets import DatasetFacets
from jinbiao.datasets.catalogue.words import DatasetWord
from jinbiao.datasets.errors import Invalid, JinbiaoError, NotFound, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.opening import Application, State
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.pushes import Push, Target
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import Version, VersionRecord
from jinbiao.tests import factories
from jinbiao.tests.datasets.meanwhile import meanwhile
from jinbiao.tests.factories import APPLICATION, Team, accepted, frozen, published
from jinbiao.workers import release as releasing
from jinbiao.workers import run

# SQLite has one writer at a time.
pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
TARGET = {"name": "hub", "kind": "hugging_face", "url": "https://hub.example", "owner": "city"}


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def first(installation: Installation, team: Team) -> Release:
    """Publish a version of two records."""
    accepted(installation, team, factories.tasks(installation, team, 2))
    return published(installation, team, frozen(installation, team))


def grown(installation: Installation, team: Team) -> Version:
    """Freeze a version with one record more."""
    items = factories.texts("新的一条")
    with installation.database.write() as session:
        made = factories.bring(session, installation.store, team.requester, team.project, items)
    accepted(installation, team, made)
    return frozen(installation, team)


def key_of(installation: Installation, release: Release) -> str:
    """Return the key of a record that was published."""
    query = sa.select(VersionRecord.key).where(VersionRecord.version_id == release.version_id)
    with installation.database.read() as session:
        return str(session.scalars(query).first())


def withdrawn(session: Session, team: Team, release: Release, key: str) -> tombstones.Tombstone:
    dataset = session.get_one(Dataset, release.dataset_id)
    return tombstones.withdraw(session, team.requester, dataset, key, "含有个人信息")


def test_a_record_that_is_withdrawn_during_the_long_work_is_not_published(
    installation: Installation, team: Team, first: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, version = key_of(installation, first), grown(installation, team)
    accompany = releasing.accompany

    def slowly(*about: Any) -> Any:
        with installation.database.write() as session:
            withdrawn(session, team, first, key)
        return accompany(*about)

    monkeypatch.setattr(releasing, "accompany", slowly)
    facts = {"facts": factories.FACTS, "formats": ["jsonl"]}
    request = {"version": version.id, "name": "tones", **facts}
    with pytest.raises(JinbiaoError, match="withdrawn record"):
        run.do_here(installation, team.requester, team.project, "publish", request)
    with installation.database.read() as session:
        assert session.scalars(sa.select(Release.id)).all() == [first.id]


def test_whoever_withdraws_a_record_waits_for_a_release_that_holds_it(
    installation: Installation, team: Team, first: Release
) -> None:
    key, version = key_of(installation, first), grown(installation, team)

    def publish(session: Session) -> Release:
        dataset = session.get_one(Dataset, first.dataset_id)
        catalogue.lock_dataset(session, dataset)
        tombstones.check_without(session, dataset, version.id)
        file = catalogue.files(session, session.get_one(Release, first.id))[0]
        row = session.get_one(Version, version.id)
        return catalogue.publish(session, team.requester, dataset, row, [file], card="{}")

    made, stone = meanwhile(
        installation.database, publish, lambda session: withdrawn(session, team, first, key)
    )
    assert isinstance(stone, tombstones.Tombstone)
    with installation.database.read() as session:
        assert set(tombstones.of_releases(session, [first.id, made.id])) == {first.id, made.id}


def test_people_are_told_once_of_a_withdrawn_record(
    installation: Installation, team: Team, first: Release
) -> None:
    """Withdrawn by two clicks, it has two jobs, which end at the same moment."""
    key = key_of(installation, first)
    with installation.database.write() as session:
        stone = withdrawn(session, team, first, key).id

    def complete(session: Session) -> None:
        row, dataset = tombstones.get(session, stone)
        tombstones.complete(session, row, dataset, {team.annotator.id})

    assert meanwhile(installation.database, complete, complete) == (None, None)
    with installation.database.read() as session:
        told = sa.select(Notice.id).where(Notice.kind == "withdrawn")
        assert len(session.scalars(told).all()) == 1


def test_a_version_has_the_labels_of_its_answers(installation: Installation, team: Team) -> None:
    """Whoever freezes while the labels change waits, and takes those that are there then."""
    accepted(installation, team, factories.tasks(installation, team, 1))
    known = threading.Event()

    def change(session: Session) -> str:
        project = session.get_one(Project, team.project.id, with_for_update=True)
        project.label_config = project.label_config.replace("好", "很好")
        return project.label_config

    def freeze(session: Session) -> str:
        project = session.get_one(Project, team.project.id)
        known.set()
        version = manifests.choose(session, team.requester, project, job_id="1" * 36)
        return version.label_config

    config, of_version = meanwhile(installation.database, change, freeze)
    assert known.is_set() and of_version == config


def under_conditions(installation: Installation, team: Team, release: Release) -> User:
    """Open a dataset under conditions; return somebody who wants it."""
    with installation.database.write() as session:
        dataset = session.get_one(Dataset, release.dataset_id)
        told = {"openness": "conditional", "open_condition": "仅限研究"}
        catalogue.describe(session, team.requester, dataset, told)
        return factories.person(session, Role.MODEL_BUILDER)


def test_access_is_granted_once(installation: Installation, team: Team, first: Release) -> None:
    wants = under_conditions(installation, team, first)

    def grant(session: Session) -> Application:
        dataset = session.get_one(Dataset, first.dataset_id)
        return opening.grant(session, team.requester, dataset, wants)

    _granted, again = meanwhile(installation.database, grant, grant)
    assert isinstance(again, Refused), again
    with installation.database.read() as session:
        assert session.scalars(sa.select(Application.state)).all() == [State.RELEASED]


def test_a_draft_is_not_granted_over_and_goes_once(
    installation: Installation, team: Team, first: Release
) -> None:
    wants = under_conditions(installation, team, first)

    def ask(session: Session) -> int:
        dataset = session.get_one(Dataset, first.dataset_id)
        return opening.save_draft(session, wants, dataset, APPLICATION).id

    def grant(session: Session) -> Application:
        dataset = session.get_one(Dataset, first.dataset_id)
        return opening.grant(session, team.requester, dataset, wants)

    def discard(session: Session) -> None:
        opening.discard(session, wants, session.get_one(Application, number))

    number, granted = meanwhile(installation.database, ask, grant)
    assert isinstance(granted, Refused), granted
    _done, again = meanwhile(installation.database, discard, discard)
    assert isinstance(again, NotFound), again


def add(session: Session, installation: Installation, team: Team, **changes: str) -> int:
    told = {**TARGET, "token": "t", **changes}
    return pushes.add(session, installation.settings, team.requester, **told).id


def test_the_name_of_a_target_is_taken_once(installation: Installation, team: Team) -> None:
    def named(session: Session) -> int:
        return add(session, installation, team)

    def rename(session: Session) -> None:
        row = session.get_one(Target, other)
        given = {"name": "third"}
        pushes.change(session, installation.settings, team.requester, row, given)

    _number, again = meanwhile(installation.database, named, named)
    assert isinstance(again, Invalid), again
    with installation.database.write() as session:
        other = add(session, installation, team, name="other")
    third = lambda session: add(session, installation, team, name="third")  # noqa: E731
    _number, renamed = meanwhile(installation.database, third, rename)
    assert isinstance(renamed, Invalid), renamed


def test_a_target_is_not_deleted_under_what_is_on_its_way(
    installation: Installation, team: Team, first: Release
) -> None:
    with installation.database.write() as session:
        numbers = [add(session, installation, team, name=name) for name in ("one", "two")]

    def ask(number: int) -> Any:
        def act(session: Session) -> int:
            dataset = session.get_one(Dataset, first.dataset_id)
            release, target = session.get_one(Release, first.id), session.get_one(Target, number)
            return pushes.ask(session, team.requester, dataset, release, target)[0].id

        return act

    def delete(number: int) -> Any:
        return lambda session: pushes.delete(
            session, team.requester, session.get_one(Target, number)
        )

    sent, gone = meanwhile(installation.database, ask(numbers[0]), delete(numbers[0]))
    assert gone is None, gone
    with installation.database.read() as session:
        push = session.get_one(Push, sent)
        assert (push.target_id, push.state) == (None, pushes.PushState.FAILED)
    _gone, asked = meanwhile(installation.database, delete(numbers[1]), ask(numbers[1]))
    assert isinstance(asked, NotFound), asked


def test_two_names_that_are_one_in_ckan_become_two(installation: Installation) -> None:
    with installation.database.write() as session:
        teams = [factories.team(session) for _place in range(2)]
        for team, slug in zip(teams, ("tj-north", "tj"), strict=True):
            session.merge(team.home).slug = slug

    def opened(team: Team, name: str) -> Any:
        def act(session: Session) -> str:
            project = session.get_one(Project, team.project.id)
            return catalogue.open_dataset(
                session, team.requester, project, name, title="语气"
            ).ckan_name

        return act

    names = meanwhile(installation.database, opened(teams[0], "a"), opened(teams[1], "north-a"))
    assert names == ("tj-north-a", "tj-north-a-2")


def test_an_index_is_made_once(installation: Installation, team: Team, first: Release) -> None:
    """Two workers find the same dataset in no index."""
    for table in (DatasetFacets, DatasetWord):
        with installation.database.write() as session:
            session.execute(sa.delete(table))

    def index(session: Session) -> int:
        rows = catalogue.unindexed(session)
        for row in rows:
            catalogue.index(session, row)
        return len(rows)

    assert meanwhile(installation.database, index, index) == (1, 1)
    with installation.database.read() as session:
        assert catalogue.unindexed(session) == []


def test_whoever_answers_a_task_that_is_being_deleted_is_told_so(
    installation: Installation, team: Team
) -> None:
    one, other, third = factories.tasks(installation, team, 3)

    def delete(task: Task) -> Callable[[Session], int]:
        return lambda session: removal.tasks(session, team.requester, team.project, [task.id])

    def answer(task: Task, who: User) -> Callable[[Session], Annotation]:
        return lambda session: annotations.submit(
            session,
            installation.settings,
            who,
            team.project,
            session.get_one(Task, task.id),
            factories.tone(),
        )

    database = installation.database
    _deleted, told = meanwhile(database, delete(one), answer(one, team.annotator))
    assert isinstance(told, Refused) and "no place left" in told.message
    _deleted, told = meanwhile(database, delete(third), answer(third, team.requester))
    assert isinstance(told, NotFound) and "deleted" in told.message
    kept, refused = meanwhile(database, answer(other, team.annotator), delete(other))
    assert isinstance(refused, Refused) and "try again" in refused.message
    with installation.database.write() as session:
        assert session.scalars(sa.select(Annotation.id)).all() == [kept.id]
        assert removal.tasks(session, team.requester, team.project, [other.id]) == 1
