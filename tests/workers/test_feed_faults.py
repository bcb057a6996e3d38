"""What goes wrong in a run loses nothing, doubles nothing, and is looked at again."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, feeds, libraries
from jinbiao.datasets.feeds import FeedObject, FeedRun, RunState, key_digest, options
from jinbiao.datasets.tasks import Task
from jinbiao.tests.workers.feeding import Ground, counts, ground, within
from jinbiao.workers.feeds import bringing

__all__ = ["ground"]

ROWS = 300


@pytest.fixture
def large(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a file into the folder that is written in several transactions; return its texts."""
    monkeypatch.setattr(bringing, "BATCH", 50)
    texts = [f"{number:04d} " + "字" * 30 for number in range(ROWS)]
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    (ground.folder / "large.jsonl").write_text(lines, encoding="utf-8")
    return texts


def test_a_quota_that_is_full_ends_the_run_and_the_next_goes_on(
    ground: Ground, large: list[str]
) -> None:
    room = sum(len(text.encode()) for text in large[:125])
    feed = ground.add("folder", path=str(ground.folder))
    full = within(ground, quota_bytes=room).run(feed)
    assert full.state == RunState.FAILED
    assert full.problem is not None and "quota is full" in full.problem.message
    assert (ground.texts(), full.brought) == (large[:100], 100)
    with ground.installation.database.read() as session:
        assert session.scalar(sa.select(FeedObject)) is None
    # Whoever asks in vain meanwhile takes nothing away from it.
    (ground.folder / "large.jsonl").rename(ground.folder / "aside")
    ground.folder.rename(ground.folder.with_name("away"))
    assert ground.run(feed).state == RunState.FAILED
    ground.folder.with_name("away").rename(ground.folder)
    (ground.folder / "aside").rename(ground.folder / "large.jsonl")

    after = ground.run(feed)
    assert (after.state, after.brought, counts(after)) == (RunState.DONE, 200, (1, 0, 0, 0))
    assert ground.texts() == large and ground.texts("withdrawn") == []
    assert counts(ground.run(feed)) == (0, 0, 1, 0)


def test_what_a_failed_run_left_of_another_form_is_withdrawn(
    ground: Ground, large: list[str]
) -> None:
    room = sum(len(text.encode()) for text in large[:125])
    feed = ground.add("folder", path=str(ground.folder))
    within(ground, quota_bytes=room).run(feed)
    (ground.folder / "large.jsonl").write_text('{"text": "新的一行"}\n', encoding="utf-8")
    assert ground.run(feed).state == RunState.DONE
    assert ground.texts() == ["新的一行"] and ground.texts("withdrawn") == large[:100]


def test_a_key_that_comes_twice_is_brought_once_and_stays(ground: Ground, tmp_path: Path) -> None:
    file = ground.folder / "rows.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER, text TEXT)")
        connection.executemany("INSERT INTO notes VALUES (?, ?)", [(1, "甲"), (1, "乙"), (2, "丙")])
    connection.close()
    given = {"query": "SELECT id, text FROM notes", "key_column": "id"}
    feed = ground.add("database", to_project=True, url=f"sqlite:///{file}", **given)
    first = ground.run(feed)
    assert (counts(first), first.brought, first.rejected) == ((2, 0, 0, 0), 2, 1)
    for _again in range(3):
        again = ground.run(feed)
        assert (counts(again), again.brought, again.rejected) == ((0, 0, 2, 0), 0, 1)
    with ground.installation.database.read() as session:
        found = [json.loads(text)["text"] for text in session.scalars(sa.select(Task.data))]
    assert sorted(found) == ["丙", "甲"]


def test_what_was_refused_is_looked_at_again(ground: Ground) -> None:
    with ground.installation.database.write() as session:
        row = session.get_one(libraries.Library, ground.library.id)
        libraries.change(session, ground.team.requester, row, text_key="wrong")
    (ground.folder / "a.csv").write_text("id,note\n1,甲文字\n2,乙文字\n", encoding="utf-8")
    feed = ground.add("folder", path=str(ground.folder), follows_deletions=True)
    first = ground.run(feed)
    assert (first.brought, counts(first)) == (0, (1, 0, 0, 0)) and first.rejected
    again = ground.run(feed)
    assert (again.brought, counts(again), again.rejected) == (0, (0, 0, 1, 0), first.rejected)
    with ground.installation.database.write() as session:
        row = session.get_one(libraries.Library, ground.library.id)
        libraries.change(session, ground.team.requester, row, text_key="note")
    mended = ground.run(feed)
    assert (mended.brought, counts(mended), mended.rejected) == (2, (0, 1, 0, 0), 0)
    assert ground.texts() == ["甲文字", "乙文字"]
    assert counts(ground.run(feed)) == (0, 0, 1, 0)


def test_a_confirmation_counts_for_the_run_that_waits_already(ground: Ground) -> None:
    for number in range(4):
        (ground.folder / f"{number}.txt").write_text(f"材料 {number}", encoding="utf-8")
    feed = ground.add("folder", path=str(ground.folder), follows_deletions=True)
    ground.run(feed)
    for number in range(3):
        (ground.folder / f"{number}.txt").unlink()
    waiting = ground.ask(feed)
    assert ground.ask(feed, confirm=True) == waiting
    ended = ground.end(waiting)
    assert (ended.state, ended.gone, ended.withdrawn) == (RunState.DONE, 3, 3)
    assert ground.texts() == ["材料 3"]


def test_a_confirmation_counts_for_the_run_that_just_held_back(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ground.folder / "a.txt").write_text("材料", encoding="utf-8")
    feed = ground.add("folder", path=str(ground.folder), follows_deletions=True)
    ground.run(feed)
    (ground.folder / "a.txt").unlink()
    follow = bringing.Bringing.follow

    def confirmed_after(self: bringing.Bringing) -> None:
        follow(self)
        ground.ask(feed, confirm=True)

    monkeypatch.setattr(bringing.Bringing, "follow", confirmed_after)
    job_id = ground.ask(feed)
    ended = ground.end(job_id)
    assert (ended.state, ended.held, ended.withdrawn) == (RunState.DONE, 0, 1)
    assert ground.texts() == []


def test_any_number_of_objects_is_noted(ground: Ground) -> None:
    feed = ground.add("folder", path=str(ground.folder))
    (ground.folder / "a.txt").write_text("材料", encoding="utf-8")
    ended = ground.run(feed)
    # More than a statement of either database takes at once.
    digests = [key_digest(f"{number}") for number in range(300_000)]
    with ground.installation.database.write() as session:
        row = session.get_one(FeedRun, ended.id)
        feeds.note_same(session, row, [*digests, key_digest("a.txt")])


@pytest.mark.parametrize("told", [{}, {"access_key": "B"}, {"session_token": "x"}])
def test_no_kept_secret_goes_to_another_address(told: dict[str, str]) -> None:
    given = {"bucket": "raw", "endpoint": "https://one.example"}
    keys = {"access_key": "A", "secret_key": "S", "session_token": "T"}
    present, kept = options.checked("s3", given | keys)
    other = {"endpoint": "https://two.example"}
    with pytest.raises(errors.Invalid) as refused:
        options.checked("s3", other | told, present, kept)
    assert refused.value.place == "secret_key"
    new = {"access_key": "B", "secret_key": "R"}
    assert options.checked("s3", other | new, present, kept)[1] == new
    assert options.checked("s3", {"prefix": "a/"} | told, present, kept)[1] == kept | told
