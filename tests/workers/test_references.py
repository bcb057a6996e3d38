"""Objects of a bucket that are referred to: read there, never kept, and copied before a freeze."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from minio import Minio

from jinbiao.datasets import (
    emptying,
    errors,
    feeds,
    holdings,
    jobs,
    libraries,
    projects,
    retention,
    sending,
)
from jinbiao.datasets.db import now
from jinbiao.datasets.feeds import Feed, MediaReference, ReferringStore, reading
from jinbiao.datasets.holdings import StorageCount
from jinbiao.datasets.installation import store_of
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.libraries import AssetState, Library
from jinbiao.datasets.storage import FolderStorage
from jinbiao.datasets.tasks import QueuedTask, Task
from jinbiao.datasets.versions import Version, VersionRecord
from jinbiao.tests import factories
from jinbiao.tests.server.world import BOXES, box, picture, zipped
from jinbiao.tests.services import S3Account
from jinbiao.tests.workers.feeding import Ground, counts, ground, within
from jinbiao.workers import run

__all__ = ["ground"]


@dataclass
class Bucket:
    """A bucket of somebody, and the ground on which a feed refers to what is in it."""

    ground: Ground
    client: Minio
    account: S3Account

    def put(self, key: str, content: bytes) -> None:
        """Put an object."""
        self.client.put_object(self.account.bucket, key, io.BytesIO(content), len(content))

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.client.remove_object(self.account.bucket, key)

    def told(self, **values: object) -> dict[str, object]:
        """Return what is said of the bucket to make a feed of it."""
        return {
            "endpoint": self.account.endpoint,
            "region": "us-east-1",
            "bucket": self.account.bucket,
            "access_key": self.account.access_key,
            "secret_key": self.account.secret_key,
            "keeps": "references",
            **values,
        }

    def feed(self, **values: object) -> Feed:
        """Add a feed that refers."""
        return self.ground.add("s3", **self.told(**values))

    @property
    def store(self) -> ReferringStore:
        """Return the store that everybody sees."""
        store = self.ground.installation.store
        assert isinstance(store, ReferringStore)
        return store

    def rows(self) -> list[MediaReference]:
        """List the references."""
        with self.ground.installation.database.read() as session:
            return list(session.scalars(sa.select(MediaReference).order_by(MediaReference.key)))

    def job(self, job: Job) -> Job:
        """Do a job and return it as it ended."""
        run.perform(self.ground.installation, job.id)
        with self.ground.installation.database.read() as session:
            return jobs.get(session, job.id)


@pytest.fixture
def bucket(ground: Ground, s3: S3Account, objects: FolderStorage) -> Iterator[Bucket]:
    """Give a bucket that is there, on either database."""
    host = s3.endpoint.removeprefix("http://")
    client = Minio(host, s3.access_key, s3.secret_key, secure=False, region="us-east-1")
    client.make_bucket(s3.bucket)
    here = ground.installation
    store = ReferringStore(objects, here.settings, here.database)
    yield Bucket(replace(ground, installation=replace(here, store=store)), client, s3)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def test_an_object_is_an_asset_whose_bytes_stay_in_the_bucket(bucket: Bucket) -> None:
    whole, inside = picture(1, (300, 200)), picture(2)
    bucket.put("图/一 1.png", whole)
    bucket.put("二.txt", "正文".encode())
    bucket.put("三.zip", zipped({"a.png": inside}))
    ground, feed = bucket.ground, bucket.feed()
    ended = ground.run(feed)
    assert (counts(ended), ended.brought, ended.rejected) == ((3, 0, 0, 0), 3, 0)
    assert {asset.kind for asset in ground.assets()} == {"text", "image"}
    (row,) = bucket.rows()
    assert (row.key, row.digest, row.size) == ("图/一 1.png", digest_of(whole), len(whole))
    store = bucket.store
    assert store.own.size(row.digest) is None and store.own.size(digest_of(inside)) is not None
    assert store.size(row.digest) == len(whole) and store.path(row.digest) is None
    assert row.digest not in set(store.digests())
    assert store.read(row.digest) == whole
    with store.open(row.digest) as stream:
        assert stream.read(10) == whole[:10] and stream.seek(-4, io.SEEK_END)
        assert stream.read() == whole[-4:] and stream.seek(0) == 0
        assert stream.read() == whole
    for start, length in ((5, 7), (5, None), (0, 3), (len(whole) - 2, 100)):
        end = None if length is None else start + length
        with store.open(row.digest, start, length) as stream:
            assert stream.read() == whole[start:end]
    with store.open(row.digest, len(whole) + 5) as stream:
        assert stream.read() == b""
    with pytest.raises(errors.NotFound):
        store.open("0" * 64)
    with ground.installation.database.read() as session:
        home = ground.library.organisation_id
        used = holdings.standing(session, ground.installation.settings, home).used
    assert used == len("正文".encode()) + len(inside), "what is referred to takes nothing"
    assert counts(ground.run(feed)) == (0, 0, 3, 0)


def test_a_process_of_the_engine_reads_by_its_settings_alone(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    bucket.ground.run(bucket.feed())
    with store_of(bucket.ground.installation.settings).open(digest_of(picture(1))) as stream:
        assert stream.read() == picture(1)


def test_a_changed_object_comes_anew_and_the_earlier_one_says_where_it_was(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    bucket.put("b.png", picture(2))
    ground, feed = bucket.ground, bucket.feed(follows_deletions=True)
    ground.run(feed)
    bucket.put("a.png", picture(3))
    with pytest.raises(errors.Away, match="was changed since") as away:
        bucket.store.open(digest_of(picture(1)))
    assert away.value.values == {"key": "a.png", "bucket": bucket.account.bucket}
    ended = ground.run(feed)
    assert (counts(ended), ended.withdrawn) == ((0, 1, 1, 0), 1)
    assert bucket.store.read(digest_of(picture(3))) == picture(3)
    with pytest.raises(errors.Away, match="was changed since"):
        bucket.store.read(digest_of(picture(1)))
    bucket.remove("b.png")
    ended = ground.run(feed)
    assert (ended.gone, ended.withdrawn) == (1, 1)
    with pytest.raises(errors.Away, match=r"b\.png is not in the bucket"):
        bucket.store.open(digest_of(picture(2)))
    assert [asset.digest for asset in ground.assets()] == [digest_of(picture(3))]
    with ground.installation.database.read() as session:
        assert feeds.references.standing(session, [feed.id])[feed.id].held == 1
    bucket.put("b.png", picture(2))
    ended = ground.run(feed)
    assert (ended.new, bucket.store.read(digest_of(picture(2)))) == (1, picture(2))


def test_what_two_organisations_refer_to_names_no_bucket_of_the_other(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    ground = bucket.ground
    ground.run(bucket.feed())
    with ground.installation.database.write() as session:
        team = factories.team(session)
        library = libraries.create(session, team.requester, title="别人的")
    theirs = replace(bucket, ground=replace(ground, team=team, library=library))
    theirs.put("b/theirs.png", picture(1))
    ended = theirs.ground.run(theirs.feed(prefix="b"))
    assert ended.brought == 1 and len(bucket.rows()) == 2
    bucket.remove("a.png")
    assert bucket.store.read(digest_of(picture(1))) == picture(1), "the other place holds it"
    bucket.remove("b/theirs.png")
    with pytest.raises(errors.Away) as away:
        bucket.store.open(digest_of(picture(1)))
    assert "png" not in str(away.value) and away.value.values == {}


def test_what_is_here_costs_no_query_and_what_is_not_no_memory(bucket: Bucket) -> None:
    own = bucket.store.put_bytes(picture(5)).digest
    asked: list[str] = []
    engine = bucket.ground.installation.database.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert bucket.store.read(own) == picture(5) and bucket.store.size(own)
    bucket.store.open(own, 3, 4).close()
    assert asked == []
    large = b"RIFF" + (40 * 1024**2 + 36).to_bytes(4, "little") + b"WAVEfmt "
    large += bytes.fromhex("10000000 0100 0100 803e0000 007d0000 0200 1000") + b"data"
    large += (40 * 1024**2).to_bytes(4, "little") + bytes(40 * 1024**2)
    bucket.put("long.wav", large)
    assert bucket.ground.run(bucket.feed()).brought == 1
    digest, size = digest_of(large), len(large)
    del large
    tracemalloc.start()
    with bucket.store.open(digest) as stream:
        read = sum(len(piece) for piece in iter(lambda: stream.read(1 << 18), b""))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == size and peak < 4 * 1024**2, peak


def test_what_went_is_told_where_deletions_are_not_followed(bucket: Bucket) -> None:
    for name in ("a.png", "b.png", "c.png"):
        bucket.put(name, picture(ord(name[0])))
    ground, feed = bucket.ground, bucket.feed()
    ground.run(feed)
    bucket.remove("a.png")
    assert ground.run(feed).gone == 1

    def lost() -> list[str]:
        return [row.key for row in bucket.rows() if row.lost_at is not None]

    assert lost() == ["a.png"] and len(ground.assets()) == 3
    bucket.put("a.png", picture(ord("a")))
    ground.run(feed)
    assert lost() == [], "it is there again, in the same form"


def test_other_bytes_under_a_known_form_are_not_passed_on(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    bucket.ground.run(bucket.feed())
    wrong = "7" * 64
    with bucket.ground.installation.database.write() as session:
        session.execute(sa.update(MediaReference).values(digest=wrong))
    with pytest.raises(errors.Damaged, match=r"a\.png"):
        bucket.store.read(wrong)
    with pytest.raises(errors.Damaged, match=r"a\.png"):
        bucket.store.put(bucket.store.open(wrong))
    assert list(bucket.store.digests()) == []


def test_a_bucket_that_is_away_or_says_no_is_tried_again(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    ground, feed = bucket.ground, bucket.feed()
    ground.run(feed)
    settings = ground.installation.settings
    for values in ({"secret_key": "wrong"}, bucket.told(endpoint="http://127.0.0.1:1")):
        with ground.installation.database.write() as session:
            row = session.get_one(Feed, feed.id)
            feeds.apply(settings, row, values)
            row.updated_at = now()
        with pytest.raises(errors.Unavailable):
            bucket.store.open(digest_of(picture(1)))
    inside = within(ground, outside_allowed=()).installation
    closed = ReferringStore(bucket.store.own, inside.settings, inside.database)
    with pytest.raises(errors.Unavailable, match="JINBIAO_OUTSIDE_ALLOWED|inside"):
        closed.open(digest_of(picture(1)))


@contextmanager
def answering(status: str, rest: bytes, *, drips: bool = False) -> Iterator[str]:
    """Serve on loopback as a bucket that means no good; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with suppress(OSError):
                    one, _address = listening.accept()
                    with one:
                        one.recv(65536)
                        one.sendall(f"HTTP/1.1 {status}\r\n".encode() + rest)
                        while not stop.is_set() and (drips or status[0] != "2"):
                            one.sendall(b"x" if drips else b"x" * 65536)
                            stop.wait(0.01 if drips else 0)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        stop.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_bucket_that_means_no_good_takes_no_memory_and_no_time(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.png", picture(1))
    ground, feed = bucket.ground, bucket.feed()
    ground.run(feed)
    digest, size = digest_of(picture(1)), len(picture(1))
    monkeypatch.setattr(reading, "OBJECT_SECONDS", 0.3)
    told = f"Content-Length: {size}\r\n\r\n".encode()
    for status, rest, drips in (
        ("412 No", b"\r\n", False),
        ("200 OK", told, True),
        ("200 OK", told + b"short", False),
        ("200 OK", b"Content-Length: 99999999\r\n\r\n", False),
    ):
        with answering(status, rest, drips=drips) as address:
            with ground.installation.database.write() as session:
                row = session.get_one(Feed, feed.id)
                feeds.apply(ground.installation.settings, row, bucket.told(endpoint=address))
                row.updated_at = now()
            began = time.monotonic()
            with pytest.raises(errors.Unavailable):
                bucket.store.read(digest)
            assert time.monotonic() - began < 20, status


def test_the_option_is_refused_where_it_cannot_hold(bucket: Bucket) -> None:
    ground = bucket.ground
    settings, requester = ground.installation.settings, ground.team.requester
    with pytest.raises(errors.Invalid) as refused:
        ground.add("s3", to_project=True, **bucket.told())
    assert refused.value.place == "keeps"
    with pytest.raises(errors.Invalid) as refused:
        bucket.feed(keeps="links")
    assert refused.value.place == "keeps"
    bucket.put("a.png", picture(1))
    feed = bucket.feed()
    with ground.installation.database.write() as session:
        row = session.get_one(Feed, feed.id)
        feeds.change(session, settings, requester, row, {"keeps": "copies"})
        feeds.change(session, settings, requester, row, {"keeps": "references"})
    ground.run(feed)
    changes = ({"keeps": "copies"}, {"bucket": "another"}, bucket.told(endpoint="http://x.cn"))
    for values in changes:
        with (
            pytest.raises(errors.Invalid, match="first run") as refused,
            ground.installation.database.write() as session,
        ):
            row = session.get_one(Feed, feed.id)
            feeds.change(session, settings, requester, row, values)
        assert refused.value.place in values
    copies = bucket.feed(keeps="copies", title="复制")
    ground.run(copies)
    with pytest.raises(errors.Invalid), ground.installation.database.write() as session:
        row = session.get_one(Feed, copies.id)
        feeds.change(session, settings, requester, row, {"keeps": "references"})


def test_a_feed_that_is_read_from_goes_with_a_word_and_its_assets_with_it(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    ground, feed = bucket.ground, bucket.feed()
    ground.run(feed)
    requester = ground.team.requester
    with (
        pytest.raises(errors.Refused, match="never copied"),
        ground.installation.database.write() as session,
    ):
        feeds.delete(session, requester, session.get_one(Feed, feed.id))
    with ground.installation.database.write() as session:
        feeds.delete(session, requester, session.get_one(Feed, feed.id), confirmed=True)
    assert ground.assets() == [] and len(ground.assets(AssetState.WITHDRAWN)) == 1
    with pytest.raises(errors.Away, match="before its feed was deleted"):
        bucket.store.open(digest_of(picture(1)))


def sent(bucket: Bucket) -> tuple[factories.Team, list[Task]]:
    """Send the library's assets to a project of pictures; return it with its tasks."""
    ground = bucket.ground
    requester = ground.team.requester
    with ground.installation.database.write() as session:
        project = projects.create(session, requester, title="图片", label_config=BOXES)
        job = sending.ask(session, requester, ground.library, project)
    assert bucket.job(job).state == JobState.DONE
    with ground.installation.database.read() as session:
        query = sa.select(Task).where(Task.project_id == project.id).order_by(Task.id)
        return replace(ground.team, project=project), list(session.scalars(query))


def accepted(bucket: Bucket, team: factories.Team, tasks: list[Task]) -> None:
    """Let somebody label the tasks and another accept them."""
    boxes = [box("dent")]
    factories.accepted(bucket.ground.installation, team, tasks, lambda _place: boxes)


def asked_to_freeze(bucket: Bucket, team: factories.Team) -> Job:
    """Ask for a version and do its job; return the job."""
    with bucket.ground.installation.database.write() as session:
        job = jobs.add(session, team.requester, "freeze", {}, project_id=team.project.id)
    return bucket.job(job)


def test_what_is_frozen_is_copied_first_and_needs_no_bucket(bucket: Bucket) -> None:
    contents = [picture(number) for number in (1, 2, 3)]
    for number, content in enumerate(contents):
        bucket.put(f"{number}.png", content)
    ground = bucket.ground
    ground.run(bucket.feed())
    team, tasks = sent(bucket)
    assert len(tasks) == 3 and list(bucket.store.digests()) == []
    accepted(bucket, team, tasks[:2])
    used = [contents[0], contents[1]]
    settings = ground.installation.settings
    full = within(ground, quota_bytes=len(used[0])).installation
    narrow = replace(bucket, ground=replace(ground, installation=full))
    ended = asked_to_freeze(narrow, team)
    assert ended.state == JobState.FAILED and "quota" in str(ended.error)
    ended = asked_to_freeze(bucket, team)
    assert ended.state == JobState.DONE, ended.error
    kept = set(bucket.store.own.digests())
    assert set(map(digest_of, used)) < kept and digest_of(contents[2]) not in kept
    assert [row.digest for row in bucket.rows()] == [digest_of(contents[2])]
    with ground.installation.database.read() as session:
        used_bytes = holdings.standing(session, settings, team.home.id).used
        assert used_bytes == sum(map(len, used)), "counted when it was copied, once"
        version = session.scalars(sa.select(Version).where(Version.commit_id.is_not(None))).one()
        lines = session.scalars(
            sa.select(VersionRecord.line).where(VersionRecord.version_id == version.id)
        ).all()
    assert all(any(digest_of(each) in str(line) for line in lines) for each in used)
    for number in range(3):
        bucket.remove(f"{number}.png")
    assert [bucket.store.read(digest_of(each)) for each in used] == used


def test_nothing_is_frozen_of_what_a_bucket_does_not_hold_any_more(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    ground = bucket.ground
    ground.run(bucket.feed())
    team, tasks = sent(bucket)
    accepted(bucket, team, tasks)
    bucket.put("a.png", picture(9))
    ended = asked_to_freeze(bucket, team)
    assert ended.state == JobState.FAILED
    assert "a.png" in str(ended.error) and bucket.account.bucket in str(ended.error)
    with ground.installation.database.read() as session:
        assert session.scalars(sa.select(Version)).all() == [], "the tag is free again"


def test_the_nightly_look_counts_and_deletes_nothing_of_others(bucket: Bucket) -> None:
    bucket.put("a.png", picture(1))
    bucket.put("b.png", picture(2))
    ground, feed = bucket.ground, bucket.feed()
    ground.run(feed)
    # Somebody else stores the same bytes: that is theirs to pay, and not seen by the sum here.
    bucket.store.put_bytes(picture(2))
    sent(bucket)

    def look() -> dict[str, int]:
        with ground.installation.database.write() as session:
            job = retention.ask(session, ground.team.admin, is_dry=False)
        ended = bucket.job(job)
        assert ended.state == JobState.DONE, ended.error
        with ground.installation.database.read() as session:
            query = sa.select(StorageCount.kind, StorageCount.size)
            return {kind: size for kind, size in session.execute(query) if size}

    assert look() == {}
    assert len(bucket.rows()) == 2
    with ground.installation.database.write() as session:
        actor, library = ground.team.requester, session.get_one(Library, ground.library.id)
        libraries.remove(session, actor, library, confirmed=True)
        job = emptying.ask(session, actor, library)
        session.execute(sa.update(MediaReference).values(created_at=now() - dt.timedelta(days=9)))
    assert bucket.job(job).state == JobState.DONE
    with ground.installation.database.write() as session:
        session.execute(sa.delete(QueuedTask))
        session.execute(sa.delete(Task).where(Task.data.contains(digest_of(picture(1)))))
        # What a job was given holds bytes until it is long done.
        session.execute(sa.update(Job).values(ended_at=now() - dt.timedelta(days=90)))
    look()
    assert [row.key for row in bucket.rows()] == ["b.png"], "a task still needs the other"
    assert bucket.store.read(digest_of(picture(2))) == picture(2)
    names = {each.object_name for each in bucket.client.list_objects(bucket.account.bucket)}
    assert names == {"a.png", "b.png"}
