"""Models learn again when enough answers came in: once, by one of the workers, and not in vain."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, jobs, learning, models
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.models import ProjectModel
from jinbiao.tests import factories
from jinbiao.tests.factories import Team
from jinbiao.workers import training_due


@pytest.fixture(autouse=True)
def _first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin as a worker that has just started."""
    monkeypatch.setattr(training_due, "_looked", {})
    monkeypatch.setattr(training_due, "_seen", {})


def a_model(
    installation: Installation, team: Team, kind: str = "text_classifier", train_after: int = 3
) -> int:
    with installation.database.write() as session:
        row = models.add(
            session,
            installation.settings,
            team.requester,
            team.project,
            kind=kind,
            train_after=train_after,
        )
        return row.id


def answer(installation: Installation, team: Team, number: int) -> None:
    for task in factories.tasks(installation, team, number):
        factories.submitted(installation, team.annotator, team.project, task)


def a_team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def due(installation: Installation) -> list[int]:
    with installation.database.read() as session:
        return [row.id for row in learning.due(session, training_due.trainable())]


def look(installation: Installation) -> list[str]:
    """Look as a worker does whose last look is long ago."""
    training_due._looked.clear()
    return training_due.start_due(installation)


def prelabel_jobs(installation: Installation) -> list[Job]:
    with installation.database.read() as session:
        return list(session.scalars(sa.select(Job).where(Job.kind == "prelabel")))


def test_a_model_is_due_when_enough_answers_are_new(installation: Installation) -> None:
    team = a_team(installation)
    model = a_model(installation, team)
    answer(installation, team, 2)
    assert due(installation) == []
    answer(installation, team, 1)
    assert due(installation) == [model]

    (started,) = look(installation)
    (job,) = prelabel_jobs(installation)
    assert job.id == started
    assert job.request_values == {
        "project_model": model,
        "train": True,
        "predict": True,
        "answers": 3,
        "automatic": True,
    }
    assert (job.created_by, job.project_id) == (team.requester.id, team.project.id)
    with installation.database.read() as session:
        (event, *_older) = audit.events(session, subject=f"model/{model}")
    assert (event.action, event.actor) == ("model.train_due", "worker")
    # While it waits or runs, nothing more is started, however many answers come.
    answer(installation, team, 5)
    assert due(installation) == [] and look(installation) == []


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.DONE])
def test_a_training_that_came_to_nothing_waits_for_more_answers(
    installation: Installation, state: JobState
) -> None:
    team = a_team(installation)
    a_model(installation, team)
    answer(installation, team, 3)
    (started,) = look(installation)
    with installation.database.write() as session:
        session.get_one(Job, started).state = state
    assert due(installation) == []
    answer(installation, team, 2)
    assert due(installation) == []
    answer(installation, team, 1)
    assert len(look(installation)) == 1


def test_what_was_there_at_the_last_training_does_not_count(installation: Installation) -> None:
    team = a_team(installation)
    model = a_model(installation, team)
    answer(installation, team, 4)
    with installation.database.write() as session:
        session.get_one(ProjectModel, model).answers_at_training = 2
    assert due(installation) == []
    answer(installation, team, 1)
    assert due(installation) == [model]


def test_a_training_that_somebody_began_counts_what_was_there(
    installation: Installation,
) -> None:
    """It may have learned from the newest answers only, and have said so."""
    team = a_team(installation)
    model = a_model(installation, team)
    answer(installation, team, 6)
    with installation.database.write() as session:
        for train in (True, False):
            asked = {"project_model": model, "train": train}
            job = jobs.add(session, team.requester, "prelabel", asked, project_id=team.project.id)
            job.state = JobState.DONE
        session.get_one(ProjectModel, model).answers_at_training = 2
    answer(installation, team, 2)
    assert due(installation) == []
    answer(installation, team, 1)
    assert due(installation) == [model]


def test_models_that_are_off_or_never_learn_or_wait_for_people_are_left_alone(
    installation: Installation,
) -> None:
    team = a_team(installation)
    off = a_model(installation, team)
    a_model(installation, team, train_after=0)
    a_model(installation, team, kind="ocr")
    a_model(installation, team, kind="gone from this program")
    with installation.database.write() as session:
        session.get_one(ProjectModel, off).is_on = False
    answer(installation, team, 5)
    assert due(installation) == [] and look(installation) == []


def test_skips_and_rejected_answers_teach_nothing(installation: Installation) -> None:
    team = a_team(installation)
    a_model(installation, team)
    first, second, third, *_more = factories.tasks(installation, team, 4)
    for task in (first, second):
        factories.submitted(installation, team.annotator, team.project, task)
    made = factories.submitted(installation, team.annotator, team.project, third)
    factories.judged(installation, team.reviewer, made, "reject", reason="再看")
    factories.submitted(
        installation, team.colleague, team.project, _more[0], [], was_cancelled=True
    )
    assert due(installation) == []


def test_two_sweepers_start_it_once(installation: Installation) -> None:
    team = a_team(installation)
    model = a_model(installation, team)
    answer(installation, team, 3)
    together = threading.Barrier(4)

    def start() -> bool:
        together.wait()
        with installation.database.write() as session:
            return learning.begin(session, model, "cpu") is not None

    with ThreadPoolExecutor(4) as pool:
        started = [each.result() for each in [pool.submit(start) for _ in range(4)]]
    assert len([job for job in started if job]) == 1
    assert len(prelabel_jobs(installation)) == 1


def test_looking_is_rare_and_cheap(installation: Installation) -> None:
    team = a_team(installation)
    a_model(installation, team)
    asked: list[str] = []
    sa.event.listen(
        installation.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: asked.append(statement),
    )

    def questions() -> list[str]:
        return [each for each in asked if each.startswith("SELECT") and "pg_catalog" not in each]

    training_due.start_due(installation)
    asked.clear()
    for _round in range(20):
        assert training_due.start_due(installation) == []
    assert asked == []  # the next look is half a minute away
    look(installation)
    asked.clear()
    assert look(installation) == []
    assert len(questions()) == 1  # and without new answers, one question is all
