"""Storage: what nothing refers to goes, never before its time, and every deletion is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from minio import Minio

from jinbiao.datasets import errors, holdings, jobs, libraries, people, retention, transfers
from jinbiao.datasets.db import Base, now
from jinbiao.datasets.holdings import DeletionReport, StorageUsage, UnusedObject
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.libraries import Asset, Library
from jinbiao.datasets.people import Role
from jinbiao.datasets.retention.references import References, digests
from jinbiao.datasets.storage import FolderStorage, ListedObject, S3Storage
from jinbiao.tests import factories
from jinbiao.tests.services import S3Account
from jinbiao.workers import retain, run

LONG_AGO = dt.timedelta(days=40)


def aged(installation: Installation, content: bytes) -> str:
    """Store bytes as if that had been long ago."""
    digest = installation.store.put_bytes(content).digest
    path = installation.store.path(digest)
    assert path is not None
    at = (now() - LONG_AGO).timestamp()
    os.utime(path, (at, at))
    return digest


def look(installation: Installation, *, is_dry: bool = False) -> DeletionReport:
    """Run the job in this process; return its report."""
    with installation.database.write() as session:
        actor = session.scalars(
            sa.select(people.User).where(people.User.role == Role.PLATFORM_ADMIN)
        ).first()
        actor = actor or factories.person(session, Role.PLATFORM_ADMIN)
        job = retention.ask(session, actor, is_dry=is_dry)
    run.perform(installation, job.id)
    with installation.database.read() as session:
        done = jobs.get(session, job.id)
        assert done.state == JobState.DONE, done.error
        return session.scalars(
            sa.select(DeletionReport).where(DeletionReport.job_id == job.id)
        ).one()


def unused_for(installation: Installation, days: float) -> None:
    """Make as if what is unused had been seen so some days ago."""
    with installation.database.write() as session:
        session.execute(sa.update(UnusedObject).values(since=now() - dt.timedelta(days=days)))


def test_what_nothing_refers_to_goes_after_its_time_and_is_told(installation: Installation) -> None:
    gone = aged(installation, b"nobody wants this")
    fresh = installation.store.put_bytes(b"just came").digest
    first = look(installation)
    assert (first.objects, first.size) == (0, 0), "seen as unused for the first time"
    unused_for(installation, 8)
    dry = look(installation, is_dry=True)
    assert (dry.objects, dry.size, dry.is_dry) == (1, 17, True)
    assert installation.store.size(gone) == 17, "a dry look deletes nothing"
    second = look(installation)
    assert (second.objects, second.size) == (1, 17)
    assert installation.store.size(gone) is None
    assert installation.store.size(fresh) == 9, "put within the last day"
    with installation.database.read() as session:
        (line,) = retention.lines(session, report_id=second.id)
        assert (line.digest, line.size, line.reason) == (gone, 17, "unused")
        assert session.get(UnusedObject, gone) is None
    third = look(installation)
    assert third.objects == 0


def test_in_a_bucket_too_only_what_is_unused_for_long_goes(
    installation: Installation, s3: S3Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Storage(
        s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, bucket=s3.bucket
    )
    here = replace(installation, store=store)
    gone, kept = store.put_bytes(b"nobody wants this").digest, store.put_bytes(b"needed").digest
    host = s3.endpoint.removeprefix("http://")
    client = Minio(host, s3.access_key, s3.secret_key, secure=False, region="us-east-1")
    client.put_object(s3.bucket, "notes/of-somebody.txt", io.BytesIO(b"not ours"), 8)
    with here.database.write() as session:
        team = factories.team(session)
        library = libraries.create(session, team.requester, title="原料")
        _asset(session, library, kept, 6, LONG_AGO)
    look(here)
    unused_for(here, 8)
    assert (look(here).objects, store.size(gone)) == (0, 17), "put within the last day"
    # A bucket cannot be told that something was put long ago: the day is made to pass.
    monkeypatch.setattr(retention, "FRESH", -dt.timedelta(minutes=1))
    dry = look(here, is_dry=True)
    assert (dry.objects, dry.size, store.size(gone)) == (1, 17, 17)
    report = look(here)
    assert (report.objects, report.size, report.assets) == (1, 17, 0)
    assert store.size(gone) is None and store.read(kept) == b"needed"
    assert sorted(str(each.object_name) for each in client.list_objects(s3.bucket)) == sorted(
        [kept, "notes/"]
    )
    with here.database.read() as session:
        (line,) = retention.lines(session, report_id=report.id)
        used = session.get_one(StorageUsage, team.home.id)
    assert (line.digest, line.reason, used.counted) == (gone, "unused", 6)
    assert look(here).objects == 0, "nothing is told twice"


class Busy(FolderStorage):
    """A store into which somebody puts something while it is listed."""

    installation: Installation
    home = 0

    def listing(self) -> Iterator[ListedObject]:
        """List what is there; meanwhile 500 bytes come."""
        with self.installation.database.write() as session:
            holdings.take(session, self.installation.settings, self.home, 500)
        return super().listing()


def test_what_is_taken_while_it_is_counted_is_not_forgotten(installation: Installation) -> None:
    with installation.database.write() as session:
        home = factories.person(session, Role.REQUESTER).organisation_id
        holdings.take(session, installation.settings, home, 7000)
    store = Busy(installation.settings.home / "objects")
    store.installation, store.home = installation, home
    look(dataclasses.replace(installation, store=store))

    def used() -> int:
        with installation.database.read() as session:
            return holdings.standing(session, installation.settings, home).used

    assert used() == 500, "what was taken before is counted, what came meanwhile stays taken"
    look(installation)
    assert used() == 0


def test_every_table_that_names_bytes_keeps_them(installation: Installation) -> None:
    """Whatever text column of whatever table holds a digest, its bytes stay."""
    with installation.database.write() as session:
        factories.team(session)
    held: dict[str, str] = {}
    places = {
        "organisations": "name",
        "projects": "instruction",
        "users": "name",
    }
    with installation.database.write() as session:
        for table, column in places.items():
            content = f"held by {table}".encode()
            digest = aged(installation, content)
            rows = Base.metadata.tables[table]
            session.execute(sa.update(rows).values({column: f"x{digest}.png"}).where(rows.c.id > 0))
            held[table] = digest
    loose = aged(installation, b"held by nothing")
    look(installation)
    unused_for(installation, 30)
    assert look(installation).objects == 1
    assert installation.store.size(loose) is None
    assert all(installation.store.size(digest) is not None for digest in held.values())


@pytest.mark.parametrize("state", ["stored", "brought"])
def test_bytes_of_an_upload_stay_as_long_as_its_row(installation: Installation, state: str) -> None:
    digest = aged(installation, b"uploaded, and its batch is not whole")
    with installation.database.write() as session:
        team = factories.team(session)
        made = libraries.create(session, team.requester, title="素材")
        row = transfers.begin(
            session,
            installation.settings,
            team.requester,
            made,
            name="一.zip",
            length=36,
            batch="b",
        )
        row.digest, row.state = digest, state
        home = team.home.id
    look(installation)
    unused_for(installation, 30)
    assert look(installation).objects == 0
    assert installation.store.size(digest) == 36
    with installation.database.write() as session:
        counts = {each.kind: each.size for each in holdings.parts(session, home)}
        assert counts == {"uploads": 36}
        transfers.remove(session, session.scalars(sa.select(transfers.Transfer)).one())
    look(installation)
    unused_for(installation, 30)
    assert look(installation).objects == 1
    assert installation.store.size(digest) is None


def test_bytes_that_are_wanted_again_are_no_longer_unused(installation: Installation) -> None:
    digest = aged(installation, b"comes back")
    look(installation)
    with installation.database.write() as session:
        team = factories.team(session)
        made = libraries.create(session, team.requester, title="素材")
        _asset(session, made, digest, 10)
    unused_for(installation, 30)
    assert look(installation).objects == 0
    assert installation.store.size(digest) == 10
    with installation.database.read() as session:
        assert session.get(UnusedObject, digest) is None


def test_what_was_put_just_now_is_not_deleted_though_it_is_due(installation: Installation) -> None:
    digest = aged(installation, b"put again at the last moment")
    before = now() - retention.FRESH
    installation.store.put_bytes(b"put again at the last moment")
    assert not installation.store.delete_old(digest, before)
    assert installation.store.read(digest) == b"put again at the last moment"
    aged(installation, b"put again at the last moment")
    assert installation.store.delete_old(digest, before)
    assert installation.store.size(digest) is None
    assert installation.store.delete_old(digest, before), "gone is gone"


def test_a_library_lets_its_assets_go_when_their_time_is_over(installation: Installation) -> None:
    digest = aged(installation, b"an old picture")
    with installation.database.write() as session:
        team = factories.team(session)
        made = libraries.create(session, team.requester, title="监控", retention_days=30)
        _asset(session, made, digest, 14, LONG_AGO)
        _asset(session, made, "0" * 64, 3, dt.timedelta(days=2), text="新的")
        made.assets, made.size = 2, 17
        library = made.id
    dry = look(installation, is_dry=True)
    assert dry.assets == 1
    report = look(installation)
    assert report.assets == 1
    with installation.database.read() as session:
        left = session.scalars(sa.select(Asset).where(Asset.library_id == library)).all()
        assert [asset.text for asset in left] == ["新的"]
        kept = session.get_one(Library, library)
        assert (kept.assets, kept.size) == (1, 3)
        lines = retention.lines(session, organisation_id=team.home.id)
        assert [(line.kind, line.reason, line.size) for line in lines] == [
            ("asset", "retention", 14)
        ]
    unused_for(installation, 8)
    assert look(installation).objects == 1
    assert installation.store.size(digest) is None


def test_bytes_count_once_for_each_organisation_and_kind(installation: Installation) -> None:
    shared = aged(installation, b"x" * 100)
    own = aged(installation, b"y" * 50)
    with installation.database.write() as session:
        one, two = factories.team(session), factories.team(session)
        first = libraries.create(session, one.requester, title="一")
        second = libraries.create(session, two.requester, title="二")
        for library in (first, second):
            _asset(session, library, shared, 100)
            _asset(session, library, shared, 100)
        _asset(session, first, own, 50)
        _asset(session, first, "1" * 64, 6, text="文字")
        homes = one.home.id, two.home.id
    look(installation)
    with installation.database.read() as session:
        used = [holdings.usage(session, home) for home in homes]
        assert [row.counted for row in used if row] == [156, 100]
        parts = {row.kind: row.size for row in holdings.parts(session, homes[0])}
        assert parts == {"originals": 156}
        (largest,) = holdings.largest(session, homes[0])
        assert (largest.subject, largest.size) == (f"library/{first.id}", 156)


def test_a_quota_names_what_is_used_and_the_limit(installation: Installation) -> None:
    settings = installation.settings
    with installation.database.write() as session:
        team = factories.team(session)
        admin = factories.person(session, Role.SYSTEM_ADMIN)
        holdings.take(session, settings, team.home.id, 700)  # no quota: nothing is refused
        holdings.change(session, admin, team.home, 1000)
        holdings.check(session, settings, team.home.id, 300)
        with pytest.raises(errors.TooLarge) as caught:
            holdings.take(session, settings, team.home.id, 301)
        assert caught.value.values == {"used_bytes": 700, "limit_bytes": 1000, "more_bytes": 301}
        holdings.take(session, settings, team.home.id, 300)
        with pytest.raises(errors.TooLarge):
            holdings.check(session, settings, team.home.id)
        with pytest.raises(errors.Forbidden):
            holdings.change(session, team.requester, team.home, None)
        holdings.change(session, admin, team.home, None)
        holdings.check(session, settings, team.home.id, 10**15)
        row = session.get_one(StorageUsage, team.home.id)
        assert row.used == 1000


def test_the_night_asks_once_a_day(installation: Installation) -> None:
    with installation.database.write() as session:
        admin = factories.person(session, Role.SYSTEM_ADMIN)
        assert retention.ask_at_night(session, retain.NIGHT, 3) is None, "on the first day"
        admin.created_at = now() - dt.timedelta(hours=30)
        session.flush()
        assert retention.ask_at_night(session, retain.NIGHT, 14) is None, "by day"
        job = retention.ask_at_night(session, retain.NIGHT, 3)
        assert job is not None and job.kind == "retain"
        assert retention.ask_at_night(session, retain.NIGHT, 3) is None, "one is enough"
    run.perform(installation, job.id)
    with installation.database.write() as session:
        assert retention.ask_at_night(session, retain.NIGHT, 4) is None, "it began just now"


@given(st.text('0123456789abcdefg/"-中', max_size=300), st.integers(0, 2**256 - 1))
def test_a_digest_is_found_wherever_it_stands(around: str, number: int) -> None:
    name = f"{number:064x}"
    assert name in set(digests(f"{name}-{around}"))
    assert name in set(digests(f'{around}"{name}"{around}'))


def _asset(
    session: Any,
    library: Library,
    digest: str,
    size: int,
    age: dt.timedelta = dt.timedelta(),
    text: str | None = None,
) -> None:
    session.add(
        Asset(
            library_id=library.id,
            import_id=str(uuid.uuid4()),
            row=1,
            kind="text" if text else "image",
            name="a",
            text=text,
            digest=digest,
            size=size,
            created_at=now() - age,
        )
    )
    session.flush()


def test_a_listing_tells_sizes_and_times(tmp_path: Any) -> None:
    store = FolderStorage(tmp_path)
    contents = [b"a", b"bb", b"ccc"]
    for content in contents:
        store.put(io.BytesIO(content))
    found = list(store.listing())
    assert [each.digest for each in found] == sorted(
        hashlib.sha256(content).hexdigest() for content in contents
    )
    assert sorted(each.size for each in found) == [1, 2, 3]
    assert all(abs((each.put_at - now()).total_seconds()) < 60 for each in found)


def test_gathering_is_done_in_a_file(installation: Installation) -> None:
    with References() as references:
        references.gather(installation.database, now(), now(), lambda: None)
        references.add([("a" * 64, 1, "other", "")])
        assert references.used(["b" * 64]) == ["b" * 64], "not there"
