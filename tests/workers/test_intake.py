"""Bring raw material: goes on where it stopped, keeps the good, names the bad."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.libraries import Asset, Library
from jinbiao.tests.server.world import World, multipart
from jinbiao.tests.workers.dying import die_after_writing
from jinbiao.workers import ingest, intake, run


def waiting(world: World, lines: list[str]) -> tuple[int, str]:
    """Make a library and ask for an intake that nobody does yet; return both numbers."""
    made = world.good(world.post("requester", "/api/libraries/", {"title": "来料"}), 201)["id"]
    data, content_type = multipart(("a.jsonl", "\n".join(lines).encode()))
    path = f"/api/libraries/{made}/intake"
    answer = world.ask("POST", path, "requester", data=data, content_type=content_type)
    (job,) = world.good(answer, 202)
    return int(made), str(job["id"])


def test_it_goes_on_after_the_last_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH", 10)
    lines = [json.dumps({"text": f"第 {n} 条"}) for n in range(95)]
    lines[33] = "not json"
    number, job = waiting(world, lines)
    die_after_writing(world, monkeypatch, intake.libraries, job, 3, 5)
    assert run.perform(world.installation, job) == JobState.DONE
    told = world.good(world.get("requester", f"/api/jobs/{job}/"))["result"]
    assert (told["assets"], told["rejected"]) == (94, 1)
    (line,) = ingest.reject_lines(world.installation.store.read(told["reject_file"]))
    assert (line["number"], line["place"]) == (34, "a.jsonl: line 34")
    with world.installation.database.read() as session:
        texts = list(session.scalars(sa.select(Asset.text).order_by(Asset.id)))
        row = session.get_one(Library, number)
    assert texts == [f"第 {n} 条" for n in range(95) if n != 33]
    assert (row.assets, row.size) == (94, sum(len(text.encode()) for text in texts))


def test_nothing_comes_in_once_the_library_is_removed(world: World) -> None:
    number, job = waiting(world, ['{"text":"a"}'])
    world.good(world.ask("DELETE", f"/api/libraries/{number}/", "requester"), 202)
    assert world.finished(job)["state"] == "failed"
    with world.installation.database.read() as session:
        assert session.scalars(sa.select(Asset)).all() == []


def test_rows_are_locked_in_the_order_of_feeds(world: World) -> None:
    """The library's before the organisation's: neither waits for the other crosswise."""
    _number, job = waiting(world, ['{"text":"a"}'])
    order: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        words = statement.split()
        if words[0] == "UPDATE" and words[1] in ("libraries", "storage_usage"):
            order.append(words[1])

    engine = world.installation.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    assert run.perform(world.installation, job) == JobState.DONE
    sa.event.remove(engine, "before_cursor_execute", note)
    assert list(dict.fromkeys(order)) == ["libraries", "storage_usage"]
