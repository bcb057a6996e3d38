"""A feed brings what is new, once; what changes comes again; what goes is followed with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, feeds, jobs, libraries
from jinbiao.datasets.db import now
from jinbiao.datasets.feeds import Feed, FeedObject, FeedRun, RunState
from jinbiao.datasets.libraries import AssetState
from jinbiao.datasets.tasks import Task
from jinbiao.tests.services_files import FileServer
from jinbiao.tests.workers.feeding import Ground, counts, ground, within
from jinbiao.workers import feed as feed_job
from jinbiao.workers import run

__all__ = ["ground"]


def write(ground: Ground, name: str, content: str) -> Path:
    """Put a text into the folder."""
    path = ground.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_the_same_run_twice_adds_nothing_and_changes_come_again(ground: Ground) -> None:
    write(ground, "a.txt", "第一份材料")
    write(ground, "deep/b.txt", "第二份材料")
    write(ground, "rows.jsonl", '{"text": "行一"}\n{"text": "行二"}\n{"other": 1, "third": 2}\n')
    (ground.folder / "link.txt").symlink_to("/etc/passwd")
    feed = ground.add("folder", path=str(ground.folder))
    first = ground.run(feed)
    assert (first.state, counts(first), first.brought) == (RunState.DONE, (3, 0, 0, 0), 4)
    assert ground.texts() == ["第一份材料", "第二份材料", "行一", "行二"]
    assert [a.source_key for a in ground.assets()][1:] == ["deep/b.txt", "rows.jsonl", "rows.jsonl"]
    assert first.rejected == 1 and "rows.jsonl: line 3" in ground.rejects(first)
    again = ground.run(feed)
    assert (counts(again), again.brought, again.rejected) == ((0, 0, 3, 0), 0, 0)

    write(ground, "rows.jsonl", '{"text": "行一"}\n{"text": "行三"}\n')
    write(ground, "c.txt", "第三份材料")
    third = ground.run(feed)
    assert (counts(third), third.brought, third.withdrawn) == ((1, 1, 2, 0), 3, 2)
    assert ground.texts() == ["第一份材料", "第三份材料", "第二份材料", "行一", "行三"]
    assert ground.texts(AssetState.WITHDRAWN) == ["行一", "行二"]


def test_a_touched_file_is_not_brought_again(ground: Ground) -> None:
    path = write(ground, "a.txt", "同样的内容")
    feed = ground.add("folder", path=str(ground.folder))
    ground.run(feed)
    path.write_text("同样的内容", encoding="utf-8")
    assert counts(ground.run(feed)) == (0, 0, 1, 0)
    assert len(ground.assets()) == 1 and not ground.assets(AssetState.WITHDRAWN)


def test_deletions_are_followed_when_the_feed_says_so_and_come_back(ground: Ground) -> None:
    for number in range(5):
        write(ground, f"{number}.txt", f"材料 {number}")
    feed = ground.add("folder", path=str(ground.folder), follows_deletions=True)
    ground.run(feed)
    (ground.folder / "0.txt").unlink()
    (ground.folder / "1.txt").unlink()
    ended = ground.run(feed)
    assert (ended.state, ended.gone, ended.withdrawn, ended.held) == (RunState.DONE, 2, 2, 0)
    assert ground.texts() == ["材料 2", "材料 3", "材料 4"]
    write(ground, "0.txt", "材料 0")
    assert counts(ground.run(feed)) == (1, 0, 3, 0)
    assert ground.texts() == ["材料 0", "材料 2", "材料 3", "材料 4"]
    with ground.installation.database.read() as session:
        library = session.get_one(libraries.Library, ground.library.id)
        assert library.assets == 4


def test_what_has_gone_stays_where_the_feed_does_not_follow(ground: Ground) -> None:
    path = write(ground, "a.txt", "留下")
    feed = ground.add("folder", path=str(ground.folder))
    ground.run(feed)
    path.unlink()
    assert counts(ground.run(feed)) == (0, 0, 0, 1)
    assert ground.texts() == ["留下"]


def test_more_than_half_gone_at_once_asks_first(ground: Ground) -> None:
    for number in range(4):
        write(ground, f"{number}.txt", f"材料 {number}")
    feed = ground.add("folder", path=str(ground.folder), follows_deletions=True)
    ground.run(feed)
    for number in range(3):
        (ground.folder / f"{number}.txt").unlink()
    write(ground, "new.txt", "新材料")
    held = ground.run(feed)
    assert (held.state, held.held, held.withdrawn, held.new) == (RunState.HELD, 3, 0, 1)
    assert len(ground.assets()) == 5
    confirmed = ground.run(feed, confirm=True)
    assert (confirmed.state, confirmed.gone, confirmed.withdrawn) == (RunState.DONE, 3, 3)
    assert ground.texts() == ["材料 3", "新材料"]


def test_a_list_that_breaks_off_withdraws_nothing(ground: Ground) -> None:
    write(ground, "in/a.txt", "材料")
    feed = ground.add("folder", path=str(ground.folder / "in"), follows_deletions=True)
    ground.run(feed)
    (ground.folder / "in").rename(ground.folder / "away")
    ended = ground.run(feed, confirm=True)
    assert ended.state == RunState.FAILED and "JINBIAO_LOCAL_FILES" in str(ended.problem)
    assert ground.texts() == ["材料"]


class Killed(BaseException):
    """What a killed process does not catch."""


def test_a_run_that_was_killed_goes_on_where_it_was(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'{{"text": "第 {number} 行"}}\n' for number in range(5300))
    write(ground, "a.txt", "先")
    write(ground, "b.jsonl", rows + "broken\n")
    write(ground, "c.txt", "后")
    feed = ground.add("folder", path=str(ground.folder))
    job_id = ground.ask(feed)
    written = libraries.write
    batches = 0

    def dying(*given: Any, **values: Any) -> list[int]:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise Killed
        return written(*given, **values)

    monkeypatch.setattr(libraries, "write", dying)
    with pytest.raises(Killed):
        run.perform(ground.installation, job_id)
    monkeypatch.undo()
    assert 0 < len(ground.assets()) < 5302
    with ground.installation.database.write() as session:
        assert jobs.lose(session, job_id, 1, errors.Refused("killed"))
    ended = ground.end(job_id)
    assert (ended.state, counts(ended), ended.brought) == (RunState.DONE, (3, 0, 0, 0), 5302)
    texts = ground.texts()
    assert len(texts) == len(set(texts)) == 5302
    assert ended.rejected == 1 and "b.jsonl: line 5301" in ground.rejects(ended)
    assert not ground.assets(AssetState.WITHDRAWN)
    assert counts(ground.run(feed)) == (0, 0, 3, 0)


def test_what_changed_while_a_run_was_dead_is_taken_whole(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(ground, "b.jsonl", "".join(f'{{"text": "旧 {number}"}}\n' for number in range(2500)))
    feed = ground.add("folder", path=str(ground.folder))
    job_id = ground.ask(feed)
    written, batches = libraries.write, []

    def dying(*given: Any, **values: Any) -> list[int]:
        if batches:
            raise Killed
        batches.append(1)
        return written(*given, **values)

    monkeypatch.setattr(libraries, "write", dying)
    with pytest.raises(Killed):
        run.perform(ground.installation, job_id)
    monkeypatch.undo()
    assert len(ground.assets()) == 2000
    write(ground, "b.jsonl", '{"text": "新"}\n')
    with ground.installation.database.write() as session:
        assert jobs.lose(session, job_id, 1, errors.Refused("killed"))
    ended = ground.end(job_id)
    assert ended.state == RunState.DONE
    assert ground.texts() == ["新"] and len(ground.assets(AssetState.WITHDRAWN)) == 2000


def test_a_feed_may_fill_a_project(ground: Ground) -> None:
    write(ground, "tasks.jsonl", '{"text": "标注我"}\n{"wrong": 1}\n')
    feed = ground.add("folder", to_project=True, path=str(ground.folder))
    ended = ground.run(feed)
    assert (ended.state, ended.brought, ended.rejected) == (RunState.DONE, 1, 1)
    assert ground.run(feed).brought == 0
    with ground.installation.database.read() as session:
        (task,) = session.scalars(sa.select(Task).where(Task.project_id == ground.team.project.id))
    assert task.data_values == {"text": "标注我"}
    with pytest.raises(errors.Invalid, match="follows_deletions"):
        ground.add("folder", to_project=True, path=str(ground.folder), follows_deletions=True)


def test_addresses_are_asked_with_what_they_said_before(ground: Ground) -> None:
    with FileServer() as server:
        server.files = {"/a.txt": "甲".encode(), "/b": b'{"text": "row"}\n'}
        server.types = {"/b": "application/x-ndjson"}
        server.moved = {"/old": "/a.txt"}
        listed = [f"{server.url}{path}" for path in ("/a.txt", "/b", "/gone", "/old")]
        feed = ground.add("addresses", addresses=listed, follows_deletions=True)
        first = ground.run(feed)
        assert (counts(first), first.rejected) == ((3, 0, 0, 0), 1)
        assert "answers 404" in ground.rejects(first)
        assert sorted(ground.texts()) == ["row", "甲", "甲"]
        server.sent.clear()
        again = ground.run(feed)
        assert (counts(again), again.brought) == ((0, 0, 3, 0), 0)
        assert ("/a.txt", 304) in server.sent and ("/b", 304) in server.sent
        server.has_etags = False
        assert counts(ground.run(feed)) == (0, 0, 3, 0)
        server.files["/b"] = b'{"text": "other"}\n'
        assert counts(ground.run(feed)) == (0, 1, 2, 0)
        # What only fails for a while is not gone, what says 404 is.
        server.statuses["/a.txt"] = 503
        del server.files["/b"]
        ended = ground.run(feed)
        assert (ended.state, ended.gone, ended.withdrawn) == (RunState.DONE, 1, 1)
        assert sorted(ground.texts()) == ["甲", "甲"]


def test_a_broken_or_too_long_answer_is_a_reject(ground: Ground) -> None:
    small = within(ground, maximum_upload_bytes=1000)
    with FileServer() as server:
        server.files = {"/cut.txt": b"x" * 100, "/long.txt": b"y" * 1001, "/good.txt": b"z"}
        server.broken = {"/cut.txt"}
        listed = [f"{server.url}{path}" for path in server.files]
        ended = small.run(small.add("addresses", addresses=listed))
    assert (ended.state, ended.brought, ended.rejected) == (RunState.DONE, 1, 2)
    told = ground.rejects(ended)
    assert "more than 1.0 kB" in told and "cannot be reached" in told


def test_a_feed_that_is_due_runs_by_itself_and_again(ground: Ground) -> None:
    write(ground, "a.txt", "定时")
    feed = ground.add("folder", path=str(ground.folder), every_hours=6)
    database = ground.installation.database
    feed_job._looked.clear()
    assert feed_job.begin_due(ground.installation) == []
    with database.write() as session:
        session.get_one(Feed, feed.id).next_at = now()
    feed_job._looked.clear()
    (job_id,) = feed_job.begin_due(ground.installation)
    feed_job._looked.clear()
    assert feed_job.begin_due(ground.installation) == []
    ended = ground.end(job_id)
    assert ended.is_automatic and ended.brought == 1
    with database.read() as session:
        row = session.get_one(Feed, feed.id)
    assert row.next_at is not None and (row.next_at - now()).total_seconds() > 5 * 3600


def test_a_feed_that_was_deleted_brings_nothing_and_keeps_no_keys(ground: Ground) -> None:
    write(ground, "a.txt", "不要了")
    feed = ground.add("folder", path=str(ground.folder))
    job_id = ground.ask(feed)
    with ground.installation.database.write() as session:
        feeds.delete(session, ground.team.requester, session.get_one(Feed, feed.id))
    ended = ground.end(job_id)
    assert not ground.assets()
    with ground.installation.database.read() as session:
        assert jobs.get(session, ended.job_id).state == jobs.JobState.CANCELLED


def test_who_lost_the_right_brings_nothing(ground: Ground) -> None:
    write(ground, "a.txt", "材料")
    feed = ground.add("folder", path=str(ground.folder))
    job_id = ground.ask(feed)
    with ground.installation.database.write() as session:
        session.merge(ground.team.requester).role = "annotator"
    ended = ground.end(job_id)
    assert ended.state == RunState.FAILED and "feed.manage" in str(ended.problem)


def test_two_askers_get_the_same_run(ground: Ground) -> None:
    feed = ground.add("folder", path=str(ground.folder))
    assert ground.ask(feed) == ground.ask(feed)
    with ground.installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(FeedRun)) == 1


def test_many_files_are_looked_up_together(ground: Ground) -> None:
    for number in range(600):
        write(ground, f"{number:04}.txt", f"材料 {number}")
    feed = ground.add("folder", path=str(ground.folder))
    assert ground.run(feed).brought == 600
    statements: list[str] = []

    @sa.event.listens_for(ground.installation.database.engine, "before_cursor_execute")
    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    assert counts(ground.run(feed)) == (0, 0, 600, 0)
    assert len([s for s in statements if "feed_objects" in s]) < 20
    with ground.installation.database.read() as session:
        rows = session.scalars(sa.select(FeedObject)).all()
    assert len(rows) == 600 and json.loads(rows[0].about or "{}") == {}
