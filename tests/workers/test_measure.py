"""What is measured on people's own work switches models and labels off, and tells the owner."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from jinbiao.datasets import benefit, jobs, models, notices, people, predictions, projects
from jinbiao.datasets.benefit import measuring
from jinbiao.datasets.db import now
from jinbiao.datasets.models import Gate, ProjectModel
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.server.world import World, entity
from jinbiao.workers import measure, run

KIND = "sequence_tagger"
Answer = Callable[[int, bool], list[Any]]
RIGHT = entity(0, 4)


def worked(
    world: World,
    answer: Answer,
    *,
    number: int = 60,
    seconds: tuple[float, float] = (20.0, 20.0),
    truth: list[Any] | None = None,
) -> int:
    """Make a project whose tasks were all done; `answer` says what people made of a task.

    `seconds` are the median times without and with a pre-label. With a `truth` the reviewer
    corrects every answer to it.
    """
    project = world.project()
    world.import_list(project, [{"text": f"天津大学{place}"} for place in range(number)])
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        owner, annotator, reviewer = (
            people.get_user(session, name) for name in ("requester", "annotator", "reviewer")
        )
        model = models.add(session, world.installation.settings, owner, row, kind=KIND)
        trained = models.register(
            session, row, name=KIND, version="1", weights_digest="ab", examples=1
        )
        models.use(session, model, trained, 1)
        projects.set_option(row, "prelabel_control_percent", 50)
        tasks = list(session.scalars(sa.select(Task).where(Task.project_id == project)))
        shown = msgspec.json.encode(RIGHT).decode()
        values = {"project_id": project, "trained_model_id": trained.id, "result": shown}
        named = {"model_version": trained.model_version, "score": 0.9}
        predictions.add_in_bulk(session, [{"task_id": t.id, **values, **named} for t in tasks])
        made = predictions.of_tasks(session, [task.id for task in tasks])
    chance = np.random.default_rng(6)
    for place, task in enumerate(tasks):
        is_blank = benefit.is_blank(row, task.id)
        took = seconds[0 if is_blank else 1] * float(chance.lognormal(0, 0.1))
        began = {} if is_blank else {"parent_prediction": made[task.id][0].id}
        done = factories.submitted(
            world.installation,
            annotator,
            row,
            task,
            answer(place, is_blank),
            lead_time=took,
            **began,
        )
        if truth is not None:
            factories.judged(world.installation, reviewer, done, "fix", result=truth)
    return project


def measured(world: World, project: int) -> tuple[dict[str, Any], ProjectModel, list[str]]:
    """Measure a project; return the job's result, its model, and what the owner was told."""
    with world.installation.database.read() as session:
        owner = people.get_user(session, "requester")
        row = session.get_one(Project, project)
    job = run.do_here(world.installation, owner, row, measuring.KIND, {})
    with world.installation.database.read() as session:
        (model,) = models.of_project(session, row)
        told = [str(notice.said) for notice in notices.listing(session, owner.id)]
    return job.result_values, model, told


def test_marks_that_people_throw_away_close_the_gate(world: World) -> None:
    """Nobody keeps what the model says: looking at it costs more than it spares."""
    project = worked(world, lambda _place, _blank: entity(2, 3, "LOC", 9))
    result, model, told = measured(world, project)
    assert result["closed"] == [model.id]
    assert (model.gate, model.is_shown) == (Gate.CLOSED, False)
    report = model.gate_values
    assert (report["method"], report["reason"]) == ("measured", "unaccepted")
    assert report["accepted_high"] < report["needed"]
    assert report["model_version"] == f"{KIND} 1 ab"
    assert len(told) == 1 and KIND in told[0] and "accept 0 %" in told[0]
    again, _model, told = measured(world, project)
    assert again["closed"] == [] and len(told) == 1


def test_good_marks_that_make_people_quicker_open_it(world: World) -> None:
    """Half the time, and nothing to correct."""
    project = worked(world, lambda _place, _blank: RIGHT, seconds=(20, 10))
    result, model, told = measured(world, project)
    assert (result["closed"], result["labels_off"], told) == ([], [], [])
    assert (model.gate, model.gate_values["reason"]) == (Gate.OPEN, "quicker")
    assert 0.4 < model.gate_values["low"] < model.gate_values["saving"] < 0.6
    with world.installation.database.read() as session:
        row = session.get_one(Project, project)
        assert measuring.newest(session, row) == result["report"]


def test_pre_labels_that_make_people_slower_close_it(world: World) -> None:
    """They keep what is shown, and yet take longer."""
    project = worked(world, lambda _place, _blank: RIGHT, seconds=(10, 20))
    result, model, told = measured(world, project)
    assert result["closed"] == [model.id]
    assert model.gate_values["reason"] == "slower"
    assert model.gate_values["high"] < 0
    assert len(told) == 1 and "times as long" in told[0]


def test_a_label_whose_errors_rise_is_switched_off(world: World) -> None:
    """With the pre-label people say ORG, without it they see that it is none."""
    truth = entity(0, 4, "LOC")
    project = worked(world, lambda _place, blank: truth if blank else RIGHT, truth=truth)
    result, model, told = measured(world, project)
    assert result["labels_off"] == ["ORG"]
    assert model.labels_off_values == ["ORG"]
    assert any("“ORG” is no longer pre-labelled" in line for line in told)
    again, _model, _told = measured(world, project)
    assert again["labels_off"] == []


@pytest.mark.parametrize("database", ["world", "postgres_world"])
def test_a_project_is_due_after_fifty_answers(
    request: pytest.FixtureRequest, database: str
) -> None:
    """Asked for by itself, once; nobody is told of a job that nobody started."""
    world: World = request.getfixturevalue(database)
    opened = world.installation.database
    project = worked(world, lambda _place, _blank: RIGHT, number=measuring.EVERY - 1)
    with opened.read() as session:
        assert measuring.due(session) == []
    extra = worked(world, lambda _place, _blank: RIGHT, number=measuring.EVERY)
    with opened.read() as session:
        assert [row.id for row in measuring.due(session)] == [extra]
    look = measure.Look()
    measure.begin_due(world.installation, look)
    (waiting,) = world.waiting()
    measure.begin_due(world.installation, look)
    measure.begin_due(world.installation, measure.Look())
    assert world.waiting() == [waiting]
    run.perform(world.installation, waiting)
    with opened.read() as session:
        job = jobs.get(session, waiting)
        assert (job.project_id, job.kind, job.state) == (extra, "measure", "done")
        assert measuring.due(session) == []
        assert session.get_one(Project, project).deleted_at is None


def test_whoever_started_a_job_is_told_of_its_end(world: World) -> None:
    """Unless it was over at once, was cancelled, or the platform started it by itself."""
    database = world.installation.database
    project = world.project()

    def ended(state: jobs.JobState, seconds: float, request: dict[str, Any]) -> list[str]:
        with database.write() as session:
            owner = people.get_user(session, "requester")
            before = len(notices.listing(session, owner.id))
            job = jobs.add(session, owner, "prelabel", request, project_id=project)
            begun = jobs.begin(session, job.id, "w")
            assert begun is not None
            begun.created_at = now() - dt.timedelta(seconds=seconds)
            session.flush()
            assert jobs.end(session, job.id, begun.attempt, state)
            found = notices.listing(session, owner.id)
            return [f"{row.kind} {row.address}" for row in found[: len(found) - before]]

    (done,) = ended(jobs.JobState.DONE, 9, {})
    assert done.startswith("job.done /jobs/")
    (failed,) = ended(jobs.JobState.FAILED, 9, {})
    assert failed.startswith("job.failed /jobs/")
    assert ended(jobs.JobState.DONE, 2, {}) == []
    assert ended(jobs.JobState.CANCELLED, 9, {}) == []
    assert ended(jobs.JobState.DONE, 9, {jobs.AUTOMATIC: True}) == []


def test_old_notices_go(world: World) -> None:
    """Nobody has more than they can read, and unread ones are counted up to a bound."""
    with world.installation.database.write() as session:
        owner: User = people.get_user(session, "requester")
        for number in range(notices.MOST_KEPT + 5):
            notices.add(session, owner.id, "job.done", "“%(job)s” is done", {"job": number})
        found = notices.listing(session, owner.id, limit=1000)
        assert len(found) == notices.MOST_KEPT
        assert found[0].said.values == {"job": notices.MOST_KEPT + 4}
        assert notices.unread_count(session, owner.id) == notices.MOST_COUNTED
        assert notices.mark_read(session, owner.id) == notices.MOST_KEPT
        assert notices.unread_count(session, owner.id) == 0
