"""What was acknowledged arrives, however long nobody looked; what nobody finishes goes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import threading
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import libraries, transfers
from jinbiao.datasets.db import now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import Job
from jinbiao.datasets.libraries import Asset
from jinbiao.datasets.transfers import Transfer, pieces
from jinbiao.tests import factories
from jinbiao.tests.server.world import World
from jinbiao.workers import run, taking

DAY = dt.timedelta(days=1)


class Uploads:
    """Somebody who uploads to a library of theirs."""

    def __init__(self, installation: Installation) -> None:
        """Make the person and the library."""
        self.installation = installation
        with installation.database.write() as session:
            self.user = factories.team(session).requester
        self.library = self.another()

    def another(self) -> libraries.Library:
        """Make one more library."""
        with self.installation.database.write() as session:
            return libraries.create(session, self.user, title="来料")

    def send(self, name: str, content: bytes, *, length: int = 0, **values: Any) -> str:
        """Send a file as far as its content goes, and put it away where that is all of it."""
        key = self.piece(name, content, length=length, **values)
        taking.finish(self.installation, key)
        return key

    def piece(
        self,
        name: str,
        content: bytes,
        *,
        length: int = 0,
        batch: str | None = None,
        library: libraries.Library | None = None,
    ) -> str:
        """Send a file, and let the process die after its last piece."""
        settings, database = self.installation.settings, self.installation.database
        with database.write() as session:
            row = transfers.begin(
                session,
                settings,
                self.user,
                library or self.library,
                name=name,
                length=length or len(content),
                batch=batch,
            )
        with pieces.locked(settings, row.key) as file:
            pieces.write(file, 0, content)
        with database.write() as session:
            transfers.received(session, settings, row, 0, len(content))
        return row.key

    def wait(self, time: dt.timedelta) -> None:
        """Let that time go by for all uploads and their files."""
        with self.installation.database.write() as session:
            for row in session.scalars(sa.select(Transfer)):
                row.touched_at -= time
                row.expires_at -= time
        for path in pieces.folder(self.installation.settings).iterdir():
            at = path.stat().st_mtime - time.total_seconds()
            os.utime(path, (at, at))

    def brought(self) -> list[str]:
        """Run the jobs that were asked for; return the names of all assets."""
        with self.installation.database.read() as session:
            waiting = list(session.scalars(sa.select(Job.id).where(Job.state == "waiting")))
        for job_id in waiting:
            run.perform(self.installation, job_id)
        with self.installation.database.read() as session:
            return sorted(session.scalars(sa.select(Asset.name)))

    def states(self) -> dict[str, str]:
        """Return the states of the uploads by name."""
        with self.installation.database.read() as session:
            rows = session.execute(sa.select(Transfer.name, Transfer.state))
            return {name: str(state) for name, state in rows}

    def files(self) -> set[str]:
        """Return the keys of the files on the disk."""
        return {path.name for path in pieces.folder(self.installation.settings).iterdir()}


@pytest.fixture
def uploads(installation: Installation) -> Uploads:
    """Give somebody who uploads, where the queue is away: the table is the truth."""
    settings = dataclasses.replace(installation.settings, redis_url="unix:///nowhere/redis.sock")
    return Uploads(dataclasses.replace(installation, settings=settings))


def test_a_batch_arrives_though_all_workers_were_away_for_longer_than_uploads_are_kept(
    uploads: Uploads,
) -> None:
    for name in ("a.txt", "b.txt"):
        uploads.send(name, b"hello", batch="batch-0001")
    uploads.wait(8 * DAY)
    taking.sweep(uploads.installation)
    assert uploads.brought() == ["a.txt", "b.txt"]
    taking.sweep(uploads.installation)
    assert uploads.states() == {"a.txt": "brought", "b.txt": "brought"}


def test_many_batches_that_waited_too_long_all_arrive(uploads: Uploads) -> None:
    names = [f"{number}.txt" for number in range(23)]
    for number, name in enumerate(names):
        uploads.send(name, b"x", batch=f"batch-{number:04}")
    uploads.wait(8 * DAY)
    taking.sweep(uploads.installation)
    taking.sweep(uploads.installation)
    assert uploads.brought() == sorted(names)


def test_one_unfinished_file_holds_up_nothing_but_itself(uploads: Uploads) -> None:
    uploads.send("a.txt", b"hello", batch="batch-0001")
    late = uploads.piece("b.txt", b"half", length=8, batch="batch-0001")
    taking.sweep(uploads.installation)
    assert uploads.brought() == [], "its batch is not quiet yet"
    uploads.wait(taking.QUIET)
    taking.sweep(uploads.installation)
    assert uploads.brought() == ["a.txt"]
    settings = uploads.installation.settings
    with uploads.installation.database.write() as session, pieces.locked(settings, late) as file:
        row = transfers.get(session, uploads.user, late)
        pieces.write(file, 4, b"more")
        transfers.received(session, settings, row, 4, 8)
    taking.finish(uploads.installation, late)
    uploads.wait(taking.QUIET)
    taking.sweep(uploads.installation)
    assert uploads.brought() == ["a.txt", "b.txt"]


def test_a_piece_that_comes_while_it_is_swept_keeps_its_upload(uploads: Uploads) -> None:
    key = uploads.piece("a.txt", b"half", length=8)
    uploads.wait(8 * DAY)
    installation = uploads.installation
    sweeping = threading.Thread(target=taking.sweep, args=(installation,))
    with installation.database.write() as session:
        row = transfers.get(session, uploads.user, key)
        transfers.received(session, installation.settings, row, 4, 6)
        # It sees what was committed, and waits for this transaction to delete.
        sweeping.start()
        sweeping.join(0.5)
    sweeping.join()
    assert uploads.states() == {"a.txt": "open"}
    assert uploads.files() == {key}


def test_batches_that_cannot_be_brought_hold_up_no_others(uploads: Uploads) -> None:
    gone = uploads.another()
    for number in range(20):
        uploads.send(f"lost-{number}.txt", b"x", batch=f"batch-{number:04}", library=gone)
    uploads.wait(taking.QUIET)
    uploads.send("good.txt", b"hello", batch="batch-good")
    # In a batch with something that cannot be brought, and after it.
    uploads.send("better.txt", b"hello", batch="batch-0000")
    with uploads.installation.database.write() as session:
        session.execute(
            sa.update(libraries.Library)
            .where(libraries.Library.id == gone.id)
            .values(deleted_at=now())
        )
    uploads.wait(taking.QUIET)
    for _round in range(2):
        taking.sweep(uploads.installation)
    assert uploads.brought() == ["better.txt", "good.txt"]
    uploads.wait(8 * DAY)
    taking.sweep(uploads.installation)
    assert set(uploads.states().values()) == {"brought"}, "what cannot be brought lapses"


def test_an_upload_whose_process_died_at_its_end_arrives_by_itself(uploads: Uploads) -> None:
    uploads.piece("a.txt", b"hello")
    taking.sweep(uploads.installation)
    assert uploads.states() == {"a.txt": "open"}, "its client may be asking for it"
    uploads.wait(8 * DAY)
    taking.sweep(uploads.installation)
    assert uploads.brought() == ["a.txt"]
    assert uploads.files() == set()


def test_what_is_whole_on_another_host_is_left_to_that_host(uploads: Uploads) -> None:
    key = uploads.piece("a.txt", b"hello")
    uploads.wait(7 * DAY)
    path = pieces.path(uploads.installation.settings, key)
    path.rename(path.with_suffix(".elsewhere"))
    taking.sweep(uploads.installation)
    path.with_suffix(".elsewhere").rename(path)
    taking.sweep(uploads.installation)
    assert uploads.brought() == ["a.txt"]


def test_files_that_no_row_knows_are_swept_by_the_host_that_has_them(uploads: Uploads) -> None:
    settings = uploads.installation.settings
    key = uploads.piece("a.txt", b"half", length=8)
    orphan = str(uuid.uuid4())
    with pieces.locked(settings, orphan) as file:
        pieces.write(file, 0, b"its row was forgotten by another host")
    (pieces.folder(settings) / "readme").write_text("none of ours")
    taking.sweep(uploads.installation)
    assert uploads.files() == {key, orphan, "readme"}, "it may have come just now"
    uploads.wait(taking.ORPHANED)
    assert uploads.states() == {"a.txt": "open"}
    taking.sweep(uploads.installation)
    assert uploads.files() == {key, "readme"}


def test_a_host_without_workers_sweeps_when_somebody_uploads(world: World) -> None:
    number = world.good(world.post("requester", "/api/libraries/", {"title": "来料"}), 201)["id"]
    orphan = pieces.path(world.installation.settings, str(uuid.uuid4()))
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"left over")
    old = (now() - taking.ORPHANED - DAY).timestamp()
    os.utime(orphan, (old, old))
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "4",
        "Upload-Metadata": "filename YS50eHQ=",
    }
    path = f"/api/transfers/?library={number}"
    assert world.post("requester", path, headers=headers).status_code == 201
    assert not orphan.exists()
