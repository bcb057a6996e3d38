"""Freeze, export and publish: the same content gives the same bytes, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import exports, jobs, manifests
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.exports import Export
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.settings import S3Settings
from jinbiao.datasets.versions import Version
from jinbiao.tests.server.world import FACTS, World
from jinbiao.tests.services import S3Account
from jinbiao.workers import release, run
from jinbiao.workers.work import Work


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def started(world: World, path: str, asked: dict[str, Any]) -> str:
    """Write down a job that nobody does yet."""
    return str(world.good(world.post("requester", path, asked), 202)["id"])


def killed_once(world: World, job: str) -> None:
    """Let a worker die in a job, and the job be given back."""
    with pytest.raises(Killed):
        run.perform(world.installation, job)
    with world.installation.database.write() as session:
        jobs.reclaim(session, -1)


def once(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool) -> None:
    """Let a function die the first time it is called, before or after its work."""
    original, calls = getattr(place, name), [0]

    def dies(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] > 1:
            return original(*given, **named)
        if after:
            original(*given, **named)
        raise Killed

    monkeypatch.setattr(place, name, dies)


def dies_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the worker die when it records progress for this time, its transaction open."""
    original, calls = Work.advance, [0]

    def dies(self: Work, *given: Any, **named: Any) -> None:
        calls[0] += 1
        if calls[0] == number:
            raise Killed
        original(self, *given, **named)

    monkeypatch.setattr(Work, "advance", dies)


@pytest.mark.parametrize("moment", ["snapshot", "lines", "named"])
def test_a_killed_freezing_is_completed(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    project = world.labelled(5)
    path = f"/api/projects/{project}/versions/"
    job = started(world, path, {"tag": "v2.0.0"})
    if moment == "named":
        once(monkeypatch, manifests, "freeze", after=True)
    else:
        dies_at(monkeypatch, 1 if moment == "snapshot" else 2)
    killed_once(world, job)
    assert run.perform(world.installation, job) == JobState.DONE
    again = world.done(world.post("requester", path, {}))
    rows = world.good(world.get("requester", path))
    assert [(row["id"], row["tag"], row["records"]) for row in rows] == [
        (again["version"], "v2.0.0", 5)
    ]
    with world.installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count(Version.id))) == 1


def test_a_cancelled_freezing_leaves_its_tag_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = world.labelled(3)
    path = f"/api/projects/{project}/versions/"
    job = started(world, path, {"tag": "v1.0.0"})
    original = manifests.freeze

    def cancel_first(*given: Any, **named: Any) -> int:
        world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
        return original(*given, **named)

    monkeypatch.setattr(manifests, "freeze", cancel_first)
    assert run.perform(world.installation, job) == JobState.CANCELLED
    monkeypatch.undo()
    assert world.done(world.post("requester", path, {"tag": "v1.0.0"}))["tag"] == "v1.0.0"


def test_a_killed_export_is_written_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _project, version = world.frozen(4)
    path = f"/api/versions/{version}/exports/"
    job = started(world, path, {"format": "jsonl"})
    once(monkeypatch, exports, "add", after=False)
    killed_once(world, job)
    assert world.good(world.get("requester", path)) == []
    assert run.perform(world.installation, job) == JobState.DONE
    assert len(world.good(world.get("requester", path))) == 1
    assert not list((world.installation.settings.home / "spool").glob("*"))


def test_a_killed_publishing_shows_nothing_half(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project, version = world.frozen(4)
    asked = {**FACTS, "name": "texts", "title": "标题"}
    job = started(world, f"/api/versions/{version}/publish", asked)
    once(monkeypatch, release, "tree", after=True)
    killed_once(world, job)
    assert world.good(world.get(None, "/api/catalogue/"))["results"] == []
    assert run.perform(world.installation, job) == JobState.DONE
    (row,) = world.good(world.get(None, "/api/catalogue/"))["results"]
    assert (row["title"], len(row["releases"])) == ("标题", 1)


def test_a_failed_publishing_changes_nothing_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project, version = world.frozen(2)
    path = f"/api/versions/{version}/publish"
    world.done(world.post("requester", path, {**FACTS, "name": "texts", "title": "before"}))

    def breaks(*_given: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(release, "write_card", breaks)
    job = started(world, path, {"name": "texts", "title": "after"})
    assert run.perform(world.installation, job) == JobState.FAILED
    with world.installation.database.read() as session:
        assert session.scalars(sa.select(Dataset.title)).all() == ["before"]


def test_formats_that_do_not_suit_are_left_out_and_told(world: World) -> None:
    _project, version = world.frozen(2)
    asked = {**FACTS, "name": "t"}
    result = world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    assert set(result["left_out"]) >= {"coco", "yolo", "voc"}
    assert all(result["left_out"].values())
    assert result["files"] > 0


@pytest.fixture
def on_s3(world: World, s3: S3Account) -> Iterator[World]:
    """Open the same world over an S3 store."""
    keys = S3Settings(s3.endpoint, s3.access_key, s3.secret_key, s3.bucket)
    made = World(open_installation(replace(world.installation.settings, s3=keys)), world.tokens)
    yield made
    made.installation.close()


def test_s3_carries_the_whole_chain(on_s3: World) -> None:
    _project, version = on_s3.frozen(3)
    path = f"/api/versions/{version}/exports/"
    result = on_s3.done(on_s3.post("requester", path, {"format": "jsonl"}))
    with on_s3.installation.database.read() as session:
        files = exports.files(session, session.get_one(Export, result["export"]))
        digest = session.scalar(sa.select(Version.manifest_digest))
    assert files
    for file in files:
        assert len(on_s3.installation.store.read(file.digest)) == file.size
    assert on_s3.installation.store.size(str(digest))
    sent = on_s3.get("requester", f"/api/exports/{result['export']}/download")
    assert len(sent.data) == sent.content_length
    published = on_s3.done(
        on_s3.post("requester", f"/api/versions/{version}/publish", {**FACTS, "name": "t"})
    )
    assert published["files"] > len(files)
    home = on_s3.installation.settings.home
    assert not (home / "objects").exists()
    assert not list((home / "spool").glob("*"))
