"""Import raw data: goes on where it stopped, keeps the good, names the bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets.jobs import Job, JobState
from jinbiao.tests.server.world import BOXES, World, multipart, picture, zipped
from jinbiao.tests.workers.dying import die_after_writing
from jinbiao.workers import ingest, run


def test_it_goes_on_after_the_last_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 10)
    project = world.project()
    rows: list[dict[str, Any]] = [{"text": str(n)} for n in range(95)]
    rows[33] = {"bad": 1}
    job = world.import_waiting(project, rows)
    die_after_writing(world, monkeypatch, ingest.collection, job, 3, 5)
    assert run.perform(world.installation, job) == JobState.DONE
    found = world.good(world.get("requester", f"/api/jobs/{job}/"))
    assert (found["result"]["tasks"], found["result"]["rejected"], found["attempt"]) == (94, 1, 3)
    texts = [task["data"]["text"] for task in world.tasks(project)]
    assert texts == [str(n) for n in range(95) if n != 33]


def test_doing_it_twice_brings_nothing_twice(world: World) -> None:
    project = world.project()
    job = world.import_waiting(project, [{"text": str(n)} for n in range(20)])
    assert run.perform(world.installation, job) == JobState.DONE
    with world.installation.database.write() as session:
        # As if the worker had died before it could say that it was done.
        session.execute(sa.update(Job).values(state=JobState.WAITING, checkpoint="{}"))
    assert run.perform(world.installation, job) == JobState.DONE
    assert len(world.tasks(project)) == 20


def test_the_reject_file_names_place_and_reason(world: World) -> None:
    project = world.project(config=BOXES)
    files = {"好/a.png": picture(), "坏/b.png": b"text", "坏/c.png": b"", "d.jpg": picture(2)[:40]}
    (job,) = world.upload(project, ("a.zip", zipped(files)))
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 3)
    lines = ingest.reject_lines(world.installation.store.read(job["result"]["reject_file"]))
    assert [line["number"] for line in lines] == sorted(line["number"] for line in lines)
    assert {"坏/b.png", "坏/c.png", "d.jpg"} == {line["place"].split(":")[-1] for line in lines}
    assert all(line["reason"] for line in lines)


def test_only_files_of_the_shown_kind_are_data(world: World) -> None:
    files = {"a.png": picture(), "readme.txt": b"words", "b.wav": b"RIFF"}
    (job,) = world.upload(world.project(config=BOXES), ("a.zip", zipped(files)))
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 0)
    assert sum(job["result"]["skipped"].values()) == 2


def test_the_same_picture_is_stored_once(world: World) -> None:
    project = world.project(config=BOXES)
    files = {f"{n}.png": picture() for n in range(10)}
    (job,) = world.upload(project, ("a.zip", zipped(files)))
    assert job["result"]["tasks"] == 10
    assert len(set(world.installation.store.digests())) == 2, "the picture and the upload"


def test_a_request_over_http_cannot_name_a_path(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps([{"text": "secret"}]))
    project = world.project()
    sent = {"path": str(secret), "text": "x"}
    assert world.import_later(project, sent)["state"] == "done"
    assert world.import_list(project, sent)["task_count"] == 1
    assert {task["data"]["text"] for task in world.tasks(project)} == {"x"}


def test_a_retry_after_a_failure_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 10)
    project = world.project()
    job = world.import_waiting(project, [{"text": str(n)} for n in range(30)])
    original, calls = ingest.collection.write, [0]

    def breaks(*given: Any) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise ZeroDivisionError
        original(*given)

    monkeypatch.setattr(ingest.collection, "write", breaks)
    assert run.perform(world.installation, job) == JobState.FAILED
    assert len(world.tasks(project)) == 10
    world.good(world.post("requester", f"/api/jobs/{job}/retry"))
    assert world.finished(job)["result"]["tasks"] == 30


def test_a_ragged_line_of_a_table_does_not_stop_the_others(world: World) -> None:
    project = world.project()
    table = "text,场景\n天津,路口\n滨海\n武清,广场\n".encode()
    (job,) = world.upload(project, ("a.csv", table))
    assert (job["state"], job["result"]["tasks"], job["result"]["rejected"]) == ("done", 2, 1)
    (line,) = ingest.reject_lines(world.installation.store.read(job["result"]["reject_file"]))
    assert line["place"] == "line 3"
    assert [task["data"]["text"] for task in world.tasks(project)] == ["天津", "武清"]
    # A program that waits for the count gets all or nothing.
    data, kind = multipart(("a.csv", table))
    path = f"/api/projects/{project}/import"
    refused = world.ask("POST", path, "requester", data=data, content_type=kind)
    assert refused.status_code == 400 and "3" in refused.json["detail"]
    assert len(world.tasks(project)) == 2
