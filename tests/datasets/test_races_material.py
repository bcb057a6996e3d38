"""Raw material that two bring, scan, treat, send or delete at once is counted and kept once."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jinbiao.datasets import (
    cleaning,
    collection,
    errors,
    feeds,
    findings,
    holdings,
    imports,
    libraries,
    notices,
    removal,
    retention,
    sending,
    transfers,
)
from jinbiao.datasets.cleaning import Cleaning, recipes
from jinbiao.datasets.collection import Brought
from jinbiao.datasets.db import now
from jinbiao.datasets.feeds import Feed
from jinbiao.datasets.findings import Finding, Scan, Wanted
from jinbiao.datasets.holdings import StorageUsage
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.libraries import Asset, Library, PreparedAsset
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.datasets.meanwhile import meanwhile
from jinbiao.tests.factories import Team
from jinbiao.tests.workers.feeding import Ground, ground
from jinbiao.workers import run

__all__ = ["ground"]

# SQLite has one writer at a time.
pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
MOBILE = "手机13800138000"


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def filled(installation: Installation, team: Team, number: int = 2) -> Library:
    """Make a library of texts that a feed has brought."""
    with installation.database.write() as session:
        library = libraries.create(session, team.requester, title="来料", retention_days=1)
        found = [
            PreparedAsset(n, "text", f"{n}", f"天津 {n}", f"{n}" * 64, 8, None, "{}", f"key {n}")
            for n in range(1, number + 1)
        ]
        import_id = str(uuid.uuid4())
        libraries.write(session, team.requester, library, import_id, found, feed_id=1)
        session.execute(sa.update(Asset).values(created_at=now() - dt.timedelta(days=9)))
        return library


def lapse_of(team: Team, library: Library) -> Any:
    """Return the act that takes away what a library keeps no longer; it says how many."""

    def act(session: Session) -> int:
        report = retention.begin(session, team.admin, str(uuid.uuid4()), is_dry=False)
        retention.lapse(session, report, library.id, 0, is_dry=False)
        return report.assets

    return act


def sending_of(team: Team, library: Library, most: int) -> Any:
    """Return the act that makes tasks of so many assets of a library; it says how many."""
    number, import_id = team.project.id, str(uuid.uuid4())

    def act(session: Session) -> int:
        row, project = session.get_one(Library, library.id), session.get_one(Project, number)
        found, _seen, _last = sending.batch(session, row, project, None, 0, most)
        return sending.keep(session, team.requester, project, import_id, found, None)

    return act


def test_an_asset_that_two_send_becomes_one_task(installation: Installation, team: Team) -> None:
    library = filled(installation, team)
    acts = [sending_of(team, library, 500) for _place in range(2)]
    assert meanwhile(installation.database, acts[0], acts[1]) == (2, 0)


def test_a_scan_is_asked_for_once(installation: Installation, team: Team) -> None:
    def ask(session: Session) -> str:
        project = session.get_one(Project, team.project.id)
        return findings.ask_scan(session, team.requester, project).id

    one, other = meanwhile(installation.database, ask, ask)
    assert one == other
    with installation.database.read() as session:
        assert session.scalars(sa.select(Job.id)).all() == [one]


def test_what_two_scans_find_stands_there_once(installation: Installation, team: Team) -> None:
    """A publish attempt looks, too, while somebody scans."""
    (task,) = factories.tasks(installation, team, 1)
    (seen,) = findings.look("text", MOBILE, b"k")
    with installation.database.write() as session:
        begun = [
            findings.begin(session, team.requester, team.project, str(n) * 36, "text-1").id
            for n in range(2)
        ]

    def keep(number: int) -> Any:
        def act(session: Session) -> int:
            scan = session.get_one(Scan, begun[number])
            return findings.keep(session, scan, {task.id: [seen]}, {task.id})

        return act

    assert meanwhile(installation.database, keep(0), keep(1)) == (1, 1)
    with installation.database.read() as session:
        assert len(session.scalars(sa.select(Finding)).all()) == 1


def test_those_who_decide_the_same_in_another_order_wait_for_one_another(
    installation: Installation, team: Team
) -> None:
    made = factories.tasks(installation, team, 2)
    (seen,) = findings.look("text", MOBILE, b"k")
    with installation.database.write() as session:
        scan = findings.begin(session, team.requester, team.project, "1" * 36, "text-1")
        findings.keep(session, scan, {task.id: [seen] for task in made})
        one, other = session.scalars(sa.select(Finding.id).order_by(Finding.id)).all()

    def decide(decision: str, *ids: int) -> Any:
        def act(session: Session) -> int:
            project, wanted = session.get_one(Project, team.project.id), Wanted(ids=ids or None)
            return findings.decide(session, team.requester, project, wanted, decision, "不是")

        return act

    # By now the database comes upon the second before the first, in whichever way it looks.
    for decision, number in (("confirmed", other), ("confirmed", one), ("open", one)):
        with installation.database.write() as session:
            decide(decision, number)(session)
    first, then = decide("dismissed", one), decide("dismissed", other)
    assert meanwhile(installation.database, first, decide("dismissed"), then) == (1, 0)


def test_what_is_deleted_while_it_is_looked_at_is_left_out(
    installation: Installation, team: Team
) -> None:
    one, other = factories.tasks(installation, team, 2)
    (seen,) = findings.look("text", MOBILE, b"k")
    with installation.database.write() as session:
        scan_id = findings.begin(session, team.requester, team.project, "1" * 36, "text-1").id

    def remove(session: Session) -> int:
        return removal.tasks(session, team.requester, team.project, [one.id])

    def keep(session: Session) -> int:
        found = {one.id: [seen], other.id: [seen]}
        return findings.keep(session, session.get_one(Scan, scan_id), found, {one.id, other.id})

    assert meanwhile(installation.database, remove, keep) == (1, 1)
    with installation.database.read() as session:
        assert session.scalars(sa.select(Finding.task_id)).all() == [other.id]
        scan = session.get_one(Scan, scan_id)
        assert (scan.records, scan.unseen, scan.last_id) == (1, 1, other.id)


def test_what_somebody_changed_is_not_treated_over(installation: Installation, team: Team) -> None:
    items = factories.texts(MOBILE)
    with installation.database.write() as session:
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
    run.do_here(installation, team.requester, team.project, "scan", {})

    def change(session: Session) -> None:
        row, project = session.get_one(Task, task.id), session.get_one(Project, team.project.id)
        brought = Brought(0, {"text": "天津"}, name=row.name)
        imports.replace(session, team.requester, row, collection.checked(project, brought))

    def treat(_session: Session) -> Job:
        asked = {"action": "mask", "wanted": {}}
        return run.do_here(installation, team.requester, team.project, "treat", asked)

    _changed, done = meanwhile(installation.database, change, treat)
    assert isinstance(done, Job), done
    assert (done.result_values["treated"], len(done.result_values["refused"])) == (0, 1)
    with installation.database.read() as session:
        assert session.get_one(Task, task.id).data_values == {"text": "天津"}


def test_a_quota_holds_for_all_who_fill_it_at_once(installation: Installation, team: Team) -> None:
    settings, home = replace(installation.settings, quota_bytes=100), team.home.id
    with installation.database.write() as session:
        library = libraries.create(session, team.requester, title="来料")

    def take(session: Session) -> None:
        holdings.take(session, settings, home, 60)

    def begin(session: Session) -> str:
        row = session.get_one(Library, library.id)
        told = {"name": "一.txt", "length": 30}
        return transfers.begin(session, settings, team.requester, row, **told).key

    _taken, again = meanwhile(installation.database, take, take)
    assert isinstance(again, errors.TooLarge), again
    assert again.values["used_bytes"] == 60
    _begun, again = meanwhile(installation.database, begin, begin)
    assert isinstance(again, errors.TooLarge), again
    with installation.database.read() as session:
        assert session.get_one(StorageUsage, home).taken == 60
        assert transfers.outstanding(session, home) == 30


def test_what_goes_in_two_ways_is_counted_off_once(installation: Installation, team: Team) -> None:
    """An asset is withdrawn at its source as its time here is over."""
    library = filled(installation, team)

    def withdraw(session: Session) -> int:
        return libraries.withdraw(session, session.get_one(Library, library.id), 1, ["key 1"])

    assert meanwhile(installation.database, withdraw, lapse_of(team, library)) == (1, 2)
    with installation.database.read() as session:
        row = session.get_one(Library, library.id)
        assert (row.assets, row.size) == (0, 0)
        assert session.scalars(sa.select(Asset)).all() == []


def test_what_somebody_sends_as_its_time_is_over(installation: Installation, team: Team) -> None:
    """What was sent first stays; what went first is not sent."""
    one, other = filled(installation, team, 3), filled(installation, team, 3)
    sent, lapsed = sending_of(team, one, 1), lapse_of(team, one)
    assert meanwhile(installation.database, sent, lapsed) == (1, 2)
    sent, lapsed = sending_of(team, other, 3), lapse_of(team, other)
    assert meanwhile(installation.database, lapsed, sent) == (3, 0)


def test_what_is_cleaned_as_its_time_is_over(installation: Installation, team: Team) -> None:
    library = filled(installation, team)
    with installation.database.write() as session:
        steps = [{"operator": "text.strip_html"}]
        _recipe, version = recipes.create(session, team.requester, name="清洗", steps=steps)
        row = session.get_one(Library, library.id)
        number = cleaning.ask(session, team.requester, row, version)[0].id
        ids = session.scalars(sa.select(Asset.id)).all()
    empty = {"part": 0, "state": "kept", "changed_steps": "[]", "facts": "{}"}
    names = ["text", "digest", "size", "content_type", "dropped_step", "reason", "duplicate_of"]
    values = {**dict.fromkeys(names), **empty}

    def write(session: Session) -> int:
        columns = {"asset_id": ids, **{name: [each] * len(ids) for name, each in values.items()}}
        return cleaning.advance(session, session.get_one(Cleaning, number), columns)

    assert meanwhile(installation.database, lapse_of(team, library), write) == (2, 0)


def test_a_library_is_removed_once(installation: Installation, team: Team) -> None:
    library = filled(installation, team)

    def remove(session: Session) -> None:
        libraries.remove(session, team.requester, session.get_one(Library, library.id))

    _removed, again = meanwhile(installation.database, remove, remove)
    assert isinstance(again, errors.NotFound), again


def test_one_looks_for_what_can_be_deleted(installation: Installation, team: Team) -> None:
    def ask(session: Session) -> Job:
        return retention.ask(session, team.admin, is_dry=True)

    _job, again = meanwhile(installation.database, ask, ask)
    assert isinstance(again, errors.Refused), again


@pytest.fixture
def feed(installation: Installation, team: Team) -> Feed:
    with installation.database.write() as session:
        library = libraries.create(session, team.requester, title="来料")
        told = {"addresses": ["https://192.0.43.10/one.txt"]}
        return feeds.add(session, installation.settings, team.requester, library, "addresses", told)


def test_a_feed_that_is_gone_runs_no_more(
    installation: Installation, team: Team, feed: Feed
) -> None:
    def delete(session: Session) -> None:
        feeds.delete(session, team.requester, session.get_one(Feed, feed.id))

    def ask(session: Session) -> str:
        return feeds.ask(session, team.requester, session.get_one(Feed, feed.id))[1].id

    def change(session: Session) -> None:
        row = session.get_one(Feed, feed.id)
        feeds.change(session, installation.settings, team.requester, row, {"title": "别名"})

    for act in (ask, delete, change):
        with installation.database.write() as session:
            session.get_one(Feed, feed.id).deleted_at = None
        _deleted, other = meanwhile(installation.database, delete, act)
        assert isinstance(other, errors.NotFound), other


def test_a_run_brings_nothing_to_a_feed_that_is_being_deleted(ground: Ground) -> None:
    """What it only referred to nobody could read, without the keys."""
    database, who = ground.installation.database, ground.team.requester
    (ground.folder / "a.txt").write_text("一份材料", encoding="utf-8")
    feed = ground.add("folder", path=str(ground.folder))
    job_id = ground.ask(feed)

    def delete(session: Session) -> None:
        feeds.delete(session, who, session.get_one(Feed, feed.id))

    def perform(_session: Session) -> object:
        return run.perform(ground.installation, job_id)

    assert meanwhile(database, delete, perform) == (None, JobState.CANCELLED)
    assert ground.texts() == []


def test_people_are_told_at_once_whatever_the_order(installation: Installation) -> None:
    """What is old of both goes while others tell them something as well."""
    with installation.database.write() as session:
        people = [factories.person(session).id for _place in range(2)]
        for user_id in people * notices.MOST_KEPT:
            notices.add(session, user_id, "flag", "about", {})

    def tell(*users: int) -> Any:
        def act(session: Session) -> None:
            for user_id in users:
                notices.add(session, user_id, "flag", "about", {})

        return act

    one, other = people
    told = meanwhile(installation.database, tell(one), tell(other, one), tell(other))
    assert told == (None, None)
