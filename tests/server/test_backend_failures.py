"""A model backend that misbehaves costs its tasks, not the job; one that is gone is left alone."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets.circuits import Circuit
from jinbiao.datasets.db import now
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.test_backends import asked, connect, predictions, texts
from jinbiao.tests.server.world import BOXES, World, box, entity, picture
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import predict

ENGLISH = {"Accept-Language": "en"}
HTML = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<!doctype html><title>Log in</title>"
)


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world that may call loopback."""
    made = connected(populated, tmp_path / "home")
    yield made
    made.installation.close()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelBackend]:
    """Serve a backend that marks the first four characters of every text."""
    monkeypatch.setattr(predict, "PAUSES", (0.01, 0.01))
    with ModelBackend(result=lambda _task: entity()) as made:
        yield made


def done(place: World, project: int) -> dict[str, Any]:
    """Ask about all tasks of a project and return the finished job."""
    found = asked(place, project, None)
    assert found.job is not None
    place.finished(found.job.id)
    job: dict[str, Any] = place.good(
        place.get("admin", f"/api/jobs/{found.job.id}/", headers=ENGLISH)
    )
    return job


def circuit(place: World, backend: int) -> Circuit | None:
    with place.installation.database.read() as session:
        return session.get(Circuit, f"backend/{backend}")


def wait_over(place: World, backend: int) -> None:
    """Let the time pass until the circuit lets somebody try."""
    with place.installation.database.write() as session:
        row = session.get_one(Circuit, f"backend/{backend}")
        row.open_until = now() - dt.timedelta(seconds=1)


def test_nonsense_of_a_model_stays_with_its_task(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 12)
    made = connect(place, project, model)
    far = [{**entity()[0], "value": {**entity()[0]["value"], "start": 5, "end": 9_000}}]
    said: dict[int, Any] = {
        ids[0]: [{**entity()[0], "score": float("nan")}],
        ids[1]: [{**entity()[0], "from_name": "none"}],
        ids[2]: far,
        ids[3]: "nonsense",
        ids[4]: [None],
        ids[5]: {"a": 1},
        ids[6]: entity() * 10_000,
        ids[7]: entity() * 20_001,
        ids[8]: entity(label="ZZZ"),
    }
    model.result = lambda task: said.get(task["id"], entity())
    job = done(place, project)
    assert job["state"] == "done", job
    told = {one["task"]: one["reason"] for one in job["result"]["failures"]}
    kept = {row[0] for row in predictions(place, project)}
    assert set(told) | kept == set(ids) and not set(told) & kept
    assert set(ids[9:]) <= kept and set(ids[:6]) | {ids[7], ids[8]} <= set(told)
    assert "20001" in told[ids[7]] and "ZZZ" in told[ids[8]]
    assert circuit(place, made["id"]) is None, "it was there all the time"


def test_boxes_outside_the_picture_are_not_kept(place: World, model: ModelBackend) -> None:
    project = place.project(config=BOXES)
    for number in range(4):
        place.upload(project, (f"{number}.png", picture(number)))
    ids = [task["id"] for task in place.tasks(project)]
    said = {ids[0]: box(x=150.0), ids[1]: box(width=-5.0), ids[2]: box(x=95.0)}
    model.result = lambda task: [said.get(task["id"], box())]
    connect(place, project, model)
    job = done(place, project)
    assert job["state"] == "done", job
    assert {ids[0], ids[1]} <= {one["task"] for one in job["result"]["failures"]}
    assert ids[3] in {row[0] for row in predictions(place, project)}


def test_a_web_page_instead_of_predictions_ends_the_job_and_says_so(
    place: World, model: ModelBackend
) -> None:
    project, _ids = texts(place, 45)
    made = connect(place, project, model)
    model.instead["/predict"] = HTML
    job = done(place, project)
    assert job["state"] == "failed" and "web page" in str(job["error"])
    assert predictions(place, project) == []
    row = circuit(place, made["id"])
    assert row is not None and "web page" in row.reason


def test_one_that_is_gone_is_left_alone_and_comes_back_by_itself(
    place: World, model: ModelBackend
) -> None:
    project, ids = texts(place, 5)
    made = connect(place, project, model, is_interactive=True)
    model.instead["/predict"] = b""  # it hangs up
    assert done(place, project)["state"] == "failed"
    asked_before = len(model.to("/predict"))
    assert asked_before == 5
    start = time.monotonic()
    job = done(place, project)
    assert job["state"] == "failed" and "5 failures in a row" in str(job["error"])
    assert len(model.to("/predict")) == asked_before and time.monotonic() - start < 5
    help_path = f"/api/ml/{made['id']}/interactive-annotating"
    told = place.good(place.post("annotator", help_path, {"task": ids[0]}, headers=ENGLISH))
    assert "5 failures in a row" in str(told["errors"])
    assert len(model.to("/predict")) == asked_before, "nobody waits for it either"
    # Its time is over, but it is not well: one question is enough to know.
    wait_over(place, made["id"])
    assert done(place, project)["state"] == "failed"
    assert len(model.to("/predict")) == asked_before + 1
    model.instead.clear()
    wait_over(place, made["id"])
    assert done(place, project)["state"] == "done"
    assert circuit(place, made["id"]) is None
    assert len(predictions(place, project)) == 5


def test_a_trial_by_a_person_closes_the_circuit(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 5)
    made = connect(place, project, model)
    model.instead["/predict"] = (503, {})
    assert done(place, project)["state"] == "failed"
    row = circuit(place, made["id"])
    assert row is not None and row.open_until is not None
    path = f"/api/ml/{made['id']}/predict/test?task_id={ids[0]}"
    place.good(place.post("requester", path))
    assert circuit(place, made["id"]) is not None, "503 again"
    model.instead.clear()
    place.good(place.post("requester", path))
    assert circuit(place, made["id"]) is None
    assert done(place, project)["state"] == "done"


def test_one_that_hangs_costs_its_own_seconds_only(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 3)
    made = connect(place, project, model, timeout=0.3)
    model.slow["/predict"] = 2.0
    start = time.monotonic()
    job = done(place, project)
    assert job["state"] == "failed" and "0.3" in str(job["error"])
    assert time.monotonic() - start < 10
    row = circuit(place, made["id"])
    assert row is not None and row.failures == 5
    model.slow.clear()
    wait_over(place, made["id"])
    assert done(place, project)["state"] == "done"
    assert [row[0] for row in predictions(place, project)] == ids
