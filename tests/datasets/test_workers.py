"""Workers are known while they live; queues tell what waits, and failures why."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, jobs, workers
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.workers import QueueState, Worker
from jinbiao.tests import factories


@pytest.fixture
def requester(database: Database) -> User:
    with database.write() as session:
        return factories.person(session, Role.REQUESTER)


def register(database: Database, name: str, *queues: str, host: str = "a") -> None:
    """Let a worker begin to serve."""
    with database.write() as session:
        workers.register(session, name, host=host, process=7, queues=queues, version="1.0")


def fall_silent(database: Database, name: str, seconds: float) -> None:
    """Let a worker's last word be so long ago."""
    with database.write() as session:
        at = now() - dt.timedelta(seconds=seconds)
        session.execute(sa.update(Worker).where(Worker.name == name).values(heartbeat_at=at))


def ended(session: sa.orm.Session, actor: User, error: errors.JinbiaoError, **ago: float) -> Job:
    """Write down a job that failed a while ago."""
    job = jobs.add(session, actor, "import", {})
    job.state, job.ended_at = JobState.FAILED, now() - dt.timedelta(**ago)
    job.error = errors.to_json(error)
    return job


def test_a_worker_is_seen_from_its_first_word_to_its_last(database: Database) -> None:
    register(database, "b-7", "cpu", "gpu", host="b")
    register(database, "a-7", "io")
    with database.write() as session:
        assert workers.beat(session, "b-7", memory_bytes=2**33, models=["ocr 1", "crf 2"])
        assert not workers.beat(session, "nobody", memory_bytes=1)
    with database.read() as session:
        assert workers.served(session) == {"cpu", "gpu", "io"}
        first, second = workers.everyone(session)
    assert (first.name, second.name) == ("a-7", "b-7")
    assert (second.memory_bytes, second.model_versions) == (2**33, ["ocr 1", "crf 2"])
    assert second.queue_names == ["cpu", "gpu"] and not second.is_silent
    with database.write() as session:
        workers.leave(session, "b-7")
        assert workers.served(session) == {"io"}


def test_one_that_falls_silent_is_shown_for_an_hour(database: Database) -> None:
    for name in ("well", "silent", "long dead"):
        register(database, name, "cpu" if name == "well" else "gpu")
    fall_silent(database, "silent", 60)
    fall_silent(database, "long dead", 3700)
    with database.write() as session:
        assert workers.served(session) == {"cpu"}
        assert workers.forget_dead(session) == 1
        found = {row.name: row.is_silent for row in workers.everyone(session)}
    assert found == {"well": False, "silent": True}


def test_a_process_of_the_same_name_takes_the_place(database: Database) -> None:
    register(database, "container-1", "cpu")
    register(database, "container-1", "io")
    with database.read() as session:
        (row,) = workers.everyone(session)
    assert row.queue_names == ["io"]


def test_its_job_is_known_and_counted(database: Database) -> None:
    register(database, "a-7", "cpu")
    with database.write() as session:
        workers.take(session, "a-7", "some job")
        assert workers.everyone(session)[0].job_id == "some job"
        workers.put_down(session, "a-7")
        # Without a job there is nothing to count.
        workers.put_down(session, "a-7")
    with database.read() as session:
        (row,) = workers.everyone(session)
    assert (row.job_id, row.jobs_done) == (None, 1)


def test_queues_tell_what_they_hold(database: Database, requester: User) -> None:
    register(database, "a-7", "cpu", "gpu")
    register(database, "gone", "io")
    fall_silent(database, "gone", 60)
    with database.write() as session:
        first, second = (jobs.add(session, requester, "predict", {}) for _ in range(2))
        busy = jobs.add(session, requester, "import", {})
        assert jobs.begin(session, busy.id, "a-7")
        assert jobs.begin(session, second.id, "gone")
        assert jobs.pause(session, second.id, 1, errors.Unavailable("away"))
        for _ in range(20):
            ended(session, requester, errors.Refused("no"), minutes=1)
        ended(session, requester, errors.Refused("no"), minutes=20)
    with database.read() as session:
        found = workers.queue_states(session)
    assert found == [
        QueueState("cpu", 0, 0, 1, 20, None, None, 1),
        QueueState("gpu", 0, 0, 0, 0, None, None, 1),
        QueueState("io", 2, 1, 0, 0, first.id, first.created_at, 0),
    ]
    assert found[0].per_minute == 2.0


def test_failures_are_grouped_by_what_was_wrong(database: Database, requester: User) -> None:
    with database.write() as session:
        other = factories.person(session, Role.REQUESTER)
        for number in range(3):
            error = errors.Refused("no project %(id)s", id=number)
            ended(session, requester, error, minutes=number)
        lost = [errors.Problem("", "the worker process died")]
        given_up = errors.Unavailable("given up: %(first)s", problems=lost, first="x")
        mine = ended(session, requester, given_up, minutes=1)
        lost = [errors.Problem("", "used more")]
        given_up = errors.Unavailable("given up: %(first)s", problems=lost, first="x")
        ended(session, other, given_up, minutes=1)
        ended(session, requester, errors.Refused("long ago"), days=8)
    with database.read() as session:
        everything = workers.failures(session)
        own = workers.failures(session, requester.organisation_id)
    assert [len(group.jobs) for group in everything] == [3, 1, 1]
    assert str(everything[0].reason) == "no project 0"
    assert everything[0].jobs[0].ended_at > everything[0].jobs[1].ended_at  # type: ignore[operator]
    assert [[job.id for job in group.jobs] for group in own][1:] == [[mine.id]]
