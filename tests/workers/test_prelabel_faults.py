"""Whatever a model does wrong, its task says what happened and the job goes on."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets import circuits, errors, jobs
from jinbiao.datasets.circuits import Circuit
from jinbiao.datasets.db import now
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.models import PredictionFailure
from jinbiao.tests.server.world import World
from jinbiao.tests.workers.faulty import Faulty, Service
from jinbiao.workers import run
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.interface import Answer
from jinbiao.workers.prelabel import predicting

BAD = {
    "breaks": "ValueError",
    "refuses": "cannot be read",
    "unknown": "PLANET",
    "outside": "characters",
    "many": "10000 marks",
}


@pytest.fixture(autouse=True)
def _faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "faulty", Faulty())


def project_of(world: World, *texts: str) -> int:
    """Make a project of texts of which every one gets its pre-label."""
    project = world.project()
    wanted = {"prelabel_control_percent": 0}
    world.good(world.patch("requester", f"/api/projects/{project}/", wanted))
    world.import_list(project, [{"text": text} for text in texts])
    return project


def asked(world: World, project: int, model: str = "faulty") -> str:
    """Ask for pre-labels; return the job's id."""
    path = f"/api/projects/{project}/prelabel"
    return str(world.good(world.post("requester", path, {"model": model}), 202)["id"])


def failures(world: World) -> dict[int, str]:
    """Return task id → why it has no prediction."""
    with world.installation.database.read() as session:
        rows = session.scalars(sa.select(PredictionFailure))
        return {row.task_id: str(errors.from_json(row.reason)) for row in rows}


def test_a_bad_answer_stays_with_its_task(world: World) -> None:
    project = project_of(world, "good 一", *(f"{word} 二" for word in BAD), "nan 三", "good 四")
    job = world.finished(asked(world, project))
    assert job["state"] == JobState.DONE, job
    assert (job["result"]["predicted"], job["result"]["failed"]) == (3, len(BAD))
    found = failures(world)
    for task in world.tasks(project):
        word = task["data"]["text"].split()[0]
        assert len(task["predictions"]) == (word not in BAD), word
        assert (task["id"] in found) == (word in BAD)
        if word in BAD:
            assert BAD[word] in found[task["id"]]
        if word == "nan":
            (prediction,) = task["predictions"]
            assert prediction["score"] is None and "score" not in prediction["result"][0]


def test_what_failed_is_asked_again_and_forgotten_when_it_has_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(world, "breaks 一", "good 二")
    assert world.finished(asked(world, project))["result"]["failed"] == 1
    assert len(failures(world)) == 1
    monkeypatch.setattr(Faulty, "_answer", lambda _self, _text: Answer([], 0.5))
    again = world.finished(asked(world, project))["result"]
    assert (again["predicted"], again["failed"], failures(world)) == (1, 0, {})


def test_a_model_that_only_fails_ends_the_job(world: World) -> None:
    project = project_of(world, *(f"breaks {n}" for n in range(130)))
    job = world.finished(asked(world, project))
    assert job["state"] == JobState.FAILED
    assert "100 tasks in a row" in job["error"] or "ValueError" in job["error"]
    assert len(failures(world)) >= predicting.MOST_IN_A_ROW


def test_a_service_that_is_away_is_waited_for_and_the_job_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = Service(tmp_path / "away")
    monkeypatch.setitem(MODELS, "faulty_service", service)
    monkeypatch.setattr(predicting, "PAUSES", (0.0, 0.0))
    project = project_of(world, *(f"good {n}" for n in range(12)))
    service.sign.touch()
    job_id = asked(world, project, "faulty_service")
    run.perform(world.installation, job_id)
    job = world.good(world.get("requester", f"/api/jobs/{job_id}/"))
    assert job["state"] == JobState.WAITING and "nobody answers" in str(job)
    assert service.asked <= circuits.MOST_FAILURES
    # It is left alone while its circuit is open …
    before = service.asked
    _wait_no_longer(world, job_id)
    run.perform(world.installation, job_id)
    assert service.asked == before
    # … and asked again by itself when that is over.
    service.sign.unlink()
    with world.installation.database.write() as session:
        session.execute(sa.update(Circuit).values(open_until=now() - dt.timedelta(seconds=1)))
    _wait_no_longer(world, job_id)
    assert run.perform(world.installation, job_id) == JobState.DONE
    assert all(len(task["predictions"]) == 1 for task in world.tasks(project))


def _wait_no_longer(world: World, job_id: str) -> None:
    with world.installation.database.write() as session:
        session.execute(sa.update(Job).where(Job.id == job_id).values(not_before=None))


PROCESS = """
import sys
from jinbiao.datasets import settings
from jinbiao.datasets.installation import open_installation
from jinbiao.tests.workers.faulty import Faulty
from jinbiao.workers import heart, run
from jinbiao.workers.models import MODELS
from jinbiao.workers.prelabel import predicting

MODELS["faulty"] = Faulty()
predicting.TASK_SECONDS = predicting.BATCH_SECONDS = 2.0
heart.replaceable.set()
run.perform(open_installation(settings.load()), sys.argv[1])
"""


def perform_in_a_process(world: World, job_id: str) -> int:
    """Let a worker process do the job; return how it ended."""
    settings = world.installation.settings
    environment = {
        "PATH": "/usr/bin:/bin",
        "JINBIAO_HOME": str(settings.home),
        "JINBIAO_DATABASE_URL": world.installation.database.url.render_as_string(False),
    }
    root = Path(__file__).parents[2]
    start = "import importlib.util as u, sys; s = u.spec_from_file_location('jinbiao',"
    start += f" {str(root / '__init__.py')!r}, submodule_search_locations=[{str(root)!r}]);"
    start += " m = u.module_from_spec(s); sys.modules['jinbiao'] = m; s.loader.exec_module(m)\n"
    done = subprocess.run(
        [sys.executable, "-c", start + PROCESS, job_id], env=environment, timeout=60
    )
    return done.returncode


def test_tasks_at_which_the_process_dies_or_hangs_are_left_out(world: World) -> None:
    texts = ("good 一", "dies 二", "good 三", "hangs 四", "good 五")
    project = project_of(world, *texts)
    job_id = asked(world, project)
    ends = []
    for _ in range(12):
        ends.append(perform_in_a_process(world, job_id))
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
            state = jobs.get(session, job_id).state
        if state in jobs.ENDED:
            break
    job = world.good(world.get("requester", f"/api/jobs/{job_id}/"))
    assert job["state"] == JobState.DONE, (job, ends)
    assert (job["result"]["predicted"], job["result"]["failed"]) == (3, 2)
    assert 9 in ends and 3 in ends and ends[-1] == 0
    found = failures(world)
    for task in world.tasks(project):
        word = task["data"]["text"].split()[0]
        assert len(task["predictions"]) == (word == "good")
    reasons = " ".join(found.values())
    assert "died" in reasons and "2 seconds" in reasons
