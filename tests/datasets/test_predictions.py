"""A model answers a task once, and is one row however many jobs train it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import models, predictions
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.models import TrainedModel
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, submitted


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def rows(team: Team, tasks: list[Task], model_version: str = "m 1") -> list[dict[str, Any]]:
    return [
        {
            "project_id": team.project.id,
            "task_id": task.id,
            "trained_model_id": None,
            "model_version": model_version,
            "score": 0.5,
            "result": "[]",
        }
        for task in tasks
    ]


def test_the_same_model_answers_once(installation: Installation, team: Team) -> None:
    tasks = factories.tasks(installation, team, 3)
    with installation.database.write() as session:
        assert predictions.add_in_bulk(session, rows(team, tasks[:2])) == 2
        assert predictions.add_in_bulk(session, rows(team, tasks)) == 1
        assert predictions.add_in_bulk(session, rows(team, tasks, "m 2")) == 3
        assert predictions.add_in_bulk(session, []) == 0
    with installation.database.read() as session:
        assert predictions.count(session, team.project) == 3
        newest = predictions.of_tasks(session, [tasks[0].id])[tasks[0].id]
        assert [row.model_version for row in newest] == ["m 2", "m 1"]


def test_two_jobs_at_once_answer_once(installation: Installation, team: Team) -> None:
    tasks = factories.tasks(installation, team, 20)

    def add(number: int) -> int:
        chosen = tasks if number % 2 else tasks[::-1]
        with installation.database.write() as session:
            return predictions.add_in_bulk(session, rows(team, chosen))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 20
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Prediction)) == 20


def test_what_still_waits_for_a_model(installation: Installation, team: Team) -> None:
    tasks = factories.tasks(installation, team, 5)
    submitted(installation, team.annotator, team.project, tasks[0])
    with installation.database.write() as session:
        predictions.add_in_bulk(session, rows(team, tasks[1:2]))
        left = predictions.unpredicted(session, team.project, "m 1", after=0, limit=2)
        assert [task.id for task in left] == [tasks[2].id, tasks[3].id]
        rest = predictions.unpredicted(session, team.project, "m 1", after=tasks[3].id, limit=2)
        assert [task.id for task in rest] == [tasks[4].id]
        assert predictions.count_unpredicted(session, team.project, "m 1") == 3
        assert predictions.count_unpredicted(session, team.project, "m 2") == 4


def test_a_trained_model_is_one_row(installation: Installation, team: Team) -> None:
    def register(_number: int) -> int:
        with installation.database.write() as session:
            return models.register(
                session, team.project, name="m", version="1", weights_digest="f" * 64, examples=3
            ).id

    with ThreadPoolExecutor(4) as pool:
        (number,) = set(pool.map(register, range(8)))
    with installation.database.read() as session:
        (model,) = models.trained(session, team.project)
        assert (model.id, model.model_version) == (number, "m 1 ffffffffffff")
        assert TrainedModel(name="m", version="2", weights_digest="").model_version == (
            "m 2 untrained"
        )
