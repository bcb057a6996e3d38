"""Kill the server, the worker and the queue while people work: nothing is lost or doubled."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.catalogue import ReleaseFile
from jinbiao.datasets.db import Database
from jinbiao.datasets.exports import Export, ExportFile
from jinbiao.datasets.feeds import ReferringStore
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.jobs import Job
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.reviews import Review
from jinbiao.datasets.settings import load
from jinbiao.datasets.storage import FolderStorage
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import Version, VersionRecord
from jinbiao.tests import services
from jinbiao.tests.conftest import short_directory
from jinbiao.tests.server.command import Command, Up, wait_until
from jinbiao.tests.server.world import World, populate
from jinbiao.tests.survival import LABELLED, NOTES, PAIRS, Chain, InProcess, Killer, Notes, OverHTTP
from jinbiao.workers import spool

SEED = int(os.environ.get("JINBIAO_TEST_SEED", "3"))


@pytest.fixture
def homes() -> Iterator[tuple[Command, Command, dict[str, str]]]:
    """Give two homes with the same people, whose pseudonyms are in the manifest."""
    with short_directory() as directory:
        quiet, loud = Path(directory) / "quiet", Path(directory) / "loud"
        quiet.mkdir()
        database = Database(f"sqlite:///{quiet / 'jinbiao.sqlite3'}")
        tokens = populate(database)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        loud.mkdir()
        shutil.copy(quiet / "jinbiao.sqlite3", loud / "jinbiao.sqlite3")
        port = str(services.free_ports(1)[0])
        given = {"JINBIAO_LANGUAGE": "en", "JINBIAO_PORT": port}
        yield Command(quiet, given), Command(loud, given), tokens


def undisturbed(command: Command, tokens: dict[str, str]) -> tuple[Chain, dict[str, Any]]:
    """Run the chain in this process."""
    world = World(open_installation(load(command.environment)), tokens)
    ask = InProcess(world)
    chain = Chain(ask)
    chain.prepare()
    # The same numbers of tasks as there: which of them train a model is drawn by number.
    Notes(ask).prepare()
    chain.run()
    facts = content(world.installation)
    world.installation.close()
    return chain, facts


# What an installation signs with keys of its own, and what sums that up.
SIGNED = ("release.json", "release.json.sig", "checksums.sha256", "checksums.sm3")


def content(installation: Installation) -> dict[str, Any]:
    """Return what must not depend on how often something was killed."""
    with installation.database.read() as session:
        return {
            "manifests": session.scalars(sa.select(Version.manifest_digest)).all(),
            "exports": session.execute(
                sa.select(Export.format, Export.manifest_digest, Export.size).order_by(
                    Export.format
                )
            ).all(),
            "files": session.execute(
                sa.select(Export.format, ExportFile.path, ExportFile.digest, ExportFile.size)
                .join(ExportFile, ExportFile.export_id == Export.id)
                .order_by(Export.format, ExportFile.path)
            ).all(),
            "release": session.execute(
                sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size)
                .where(ReleaseFile.path.not_in(SIGNED))
                .order_by(ReleaseFile.path)
            ).all(),
            "paths": session.scalars(sa.select(ReleaseFile.path).order_by(ReleaseFile.path)).all(),
        }


def disturbed(up: Up, tokens: dict[str, str]) -> tuple[Chain, Notes, Killer]:
    """Run the chain over HTTP, people labelling beside it, while parts are killed."""
    ask = OverHTTP(up.address, tokens)
    chain, notes, killer = Chain(ask), Notes(ask), Killer(up, SEED)
    chain.prepare()
    notes.prepare()
    begin = time.monotonic()
    killer.start()
    notes.start()
    try:
        chain.run()
    finally:
        killer.end()
        notes.end()
    print(
        f"\n{time.monotonic() - begin:.0f} s, killed {len(killer.killed)}: {killer.killed}\n"
        f"requests repeated: {ask.repeated}, annotations: "
        f"{len(chain.acknowledged) + len(notes.acknowledged)}\n"
        f"a killed worker's job ran again after {[round(s, 1) for s in killer.recovered]} s, "
        f"where more was killed meanwhile {[round(s, 1) for s in killer.recovered_late]} s"
    )
    return chain, notes, killer


def test_nothing_is_lost_or_doubled_when_parts_are_killed(
    homes: tuple[Command, Command, dict[str, str]],
) -> None:
    quiet, loud, tokens = homes
    _chain, expected = undisturbed(quiet, tokens)
    up = Up(loud)
    try:
        up.wait_until_healthy()
        chain, notes, killer = disturbed(up, tokens)
        up.wait_until_healthy()
        installation = open_installation(load(loud.environment))
        wait_until(lambda: not open_jobs(installation), 30, up.tail)
        assert up.stop() < 15
    finally:
        up.end()
    assert killer.killed and all(seconds < 10 for seconds in killer.recovered)
    check_rows(installation, chain, notes)
    check_files(installation)
    found = content(installation)
    for name in expected:
        assert set(found[name]) == set(expected[name]), name
    assert found == expected
    installation.close()


def open_jobs(installation: Installation) -> int:
    """Count the jobs that have not ended."""
    with installation.database.read() as session:
        query = sa.select(sa.func.count()).where(Job.ended_at.is_(None))
        return int(session.scalar(query) or 0)


def check_rows(installation: Installation, chain: Chain, notes: Notes) -> None:
    """Find every acknowledged annotation exactly once, and nothing else."""
    with installation.database.read() as session:
        made = dict(session.execute(sa.select(Annotation.id, Annotation.task_id)).all())
        for task, annotation in chain.acknowledged + notes.acknowledged:
            assert made[annotation] == task
        for project, number in ((chain.project, PAIRS), (notes.project, NOTES)):
            query = sa.select(sa.func.count()).where(Task.project_id == project)
            assert session.scalar(query) == number
        per_task = sa.select(sa.func.count(Annotation.id)).group_by(Annotation.task_id)
        assert set(session.scalars(per_task)) == {1}
        assert len(chain.acknowledged) == PAIRS - LABELLED
        # One answer may have been kept whose acknowledgement nobody waited for.
        extra = len(made) - PAIRS - len(notes.acknowledged)
        assert extra == 0
        assert session.scalar(sa.select(sa.func.count(Review.id))) == PAIRS
        per_task = sa.select(sa.func.count(Prediction.id)).group_by(Prediction.task_id)
        assert set(session.scalars(per_task)) == {1}
        assert session.scalar(sa.select(sa.func.count(Prediction.id))) == PAIRS - LABELLED
        assert {job.state for job in session.scalars(sa.select(Job))} == {"done"}
        assert session.scalar(sa.select(sa.func.count(Version.id))) == 1
        records = sa.select(sa.func.count()).select_from(VersionRecord)
        assert session.scalar(records) == PAIRS
        assert audit.verify(session).fault is None


def check_files(installation: Installation) -> None:
    """Find no file half written, once the sweeper has looked at those of killed processes."""
    store = installation.store
    assert isinstance(store, ReferringStore) and isinstance(store.own, FolderStorage)
    home = installation.settings.home
    long_ago = time.time() - 2 * spool.UNFINISHED_SECONDS
    for path in (home / "objects" / "unfinished").iterdir():
        os.utime(path, (long_ago, long_ago))
    spool.sweep(installation)
    assert not list((home / "objects" / "unfinished").iterdir())
    assert not (home / "spool").exists() or not list((home / "spool").iterdir())
    for digest in store.digests():
        store.read(digest)
