"""Whole jobs with models from outside: what goes wrong stays with its task, the rest is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from jinbiao.datasets import jobs, models
from jinbiao.datasets.circuits import Circuit
from jinbiao.datasets.models import PredictionFailure, ProjectModel
from jinbiao.datasets.people import User
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.world import BOXES, World, picture
from jinbiao.tests.workers import onnx_files
from jinbiao.tests.workers.model_service import Heard, ModelService, Said
from jinbiao.workers.models import MODELS
from jinbiao.workers.prelabel import predicting

SECRET = "sk-live-0123456789abcdefghij"


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world that may call loopback."""
    made = connected(populated, tmp_path / "home")
    yield made
    made.installation.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less between tries."""
    monkeypatch.setattr(predicting, "PAUSES", (0.01, 0.01))


def use(
    place: World,
    project: int,
    kind: str,
    options: dict[str, Any],
    file: bytes | None = None,
    secret: str = "",
) -> int:
    """Let a project use a model as its page does; return its number."""
    place.good(
        place.patch("requester", f"/api/projects/{project}/", {"prelabel_control_percent": 0})
    )
    checked = MODELS[kind].check(options, file)
    installation = place.installation
    digest = installation.store.put_bytes(file).digest if file else ""
    with installation.database.write() as session:
        actor = session.scalars(sa.select(User).where(User.username == "requester")).one()
        row = models.add(
            session,
            installation.settings,
            actor,
            session.get_one(Project, project),
            kind=kind,
            options=checked,
            secret=secret,
            file_digest=digest,
            file_name="model.onnx" if file else "",
        )
        return row.id


def prelabelled(place: World, project: int, model: int) -> dict[str, Any]:
    """Do the job and return how it ended."""
    with place.installation.database.write() as session:
        row = session.get_one(Project, project)
        job = jobs.add(
            session,
            session.scalars(sa.select(User).where(User.username == "requester")).one(),
            "prelabel",
            {"project_model": model},
            project_id=row.id,
            organisation_id=row.organisation_id,
            vendor_id=row.vendor_id,
        )
    return place.finished(job.id)


def results(place: World, project: int) -> dict[int, str]:
    """Return the result of each task that has a prediction."""
    with place.installation.database.read() as session:
        rows = session.scalars(sa.select(Prediction).where(Prediction.project_id == project))
        return {row.task_id: row.result for row in rows}


def reasons(place: World) -> str:
    """Return all that is kept of failures."""
    with place.installation.database.read() as session:
        return "".join(session.scalars(sa.select(PredictionFailure.reason)))


def test_an_onnx_file_boxes_every_picture(place: World) -> None:
    project = place.project(config=BOXES)
    for number in range(3):
        place.upload(project, (f"{number}.png", picture(number, (64, 64))))
    numbers = np.zeros((1, 5, 84), np.float32)
    numbers[0, :, 0] = (20, 20, 20, 20, 0.9)
    numbers[0, :, 1] = (60, 60, 40, 40, 0.8)
    file = onnx_files.constant(numbers)
    model = use(place, project, "onnx", {"form": "yolo", "labels": ["dent"]}, file)
    job = prelabelled(place, project, model)
    assert (job["state"], job["result"]["predicted"]) == ("done", 3), job
    told = results(place, project)
    assert len(told) == 3 and all(each.count("dent") == 2 for each in told.values())


def test_a_language_model_that_says_nonsense_of_one_task_keeps_the_others(place: World) -> None:
    def says(heard: Heard) -> Said:
        text = heard.body["messages"][1]["content"]
        found = [{"label": "ORG", "text": "天津大学"}]
        content = (
            '{"spans": [{"label": "X", "text": "?"}]}'
            if "第3号" in text
            else str({"spans": found}).replace("'", '"')
        )
        counted = {"prompt_tokens": 50, "completion_tokens": 5}
        return Said({"choices": [{"message": {"content": content}}], "usage": counted})

    project = place.project()
    ids = list(
        place.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(10)])["task_ids"]
    )
    with ModelService(says) as service:
        options = {"url": service.url, "model": "m"}
        model = use(place, project, "language_model", options, secret=SECRET)
        job = prelabelled(place, project, model)
        assert (job["state"], job["result"]["predicted"], job["result"]["failed"]) == (
            "done",
            9,
            1,
        ), job
        assert [one["task"] for one in job["result"]["failures"]] == [ids[3]]
        assert set(results(place, project)) == {*ids} - {ids[3]}
        with place.installation.database.read() as session:
            row = session.get_one(ProjectModel, model)
        # The task that failed is asked about twice: with its batch, and by itself.
        assert len(service.heard) == 11
        assert (row.tokens_in, row.tokens_out) == (50 * 11, 5 * 11)
    assert SECRET not in reasons(place) + str(job)


def test_a_service_that_is_gone_opens_its_circuit_and_nothing_is_lost(place: World) -> None:
    project = place.project()
    ids = list(place.import_list(project, [{"text": f"第{n}号"} for n in range(10)])["task_ids"])
    with ModelService(lambda heard: Said({"error": SECRET}, 503)) as service:
        options = {"url": service.url, "model": "m"}
        model = use(place, project, "language_model", options, secret=SECRET)
        job = prelabelled(place, project, model)
        assert job["state"] != "done" and results(place, project) == {}, job
        with place.installation.database.read() as session:
            row = session.get(Circuit, f"model/{model}")
        assert row is not None and row.failures >= 5 and "503" in row.reason
        assert SECRET not in row.reason + reasons(place) + str(job)
    assert len(ids) == 10
