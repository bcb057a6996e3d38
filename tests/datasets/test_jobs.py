"""One worker holds a job at a time; who lost it cannot write on; nothing runs for ever."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, errors, jobs
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Cancelled, Invalid, NotFound, Problem, Refused
from jinbiao.datasets.jobs import ATTEMPTS, Job, JobState
from jinbiao.datasets.people import Role, User
from jinbiao.tests import factories


@pytest.fixture
def requester(database: Database) -> User:
    with database.write() as session:
        return factories.person(session, Role.REQUESTER)


@pytest.fixture
def job(database: Database, requester: User) -> Job:
    with database.write() as session:
        return jobs.add(session, requester, "import", {"path": "/数据"}, project_id=None)


def begin(database: Database, job: Job, worker: str = "a") -> Job | None:
    with database.write() as session:
        return jobs.begin(session, job.id, worker)


def look(database: Database, job: Job) -> Job:
    with database.read() as session:
        return jobs.get(session, job.id)


def advance(database: Database, job: Job, attempt: int, **values: Any) -> None:
    with database.write() as session:
        jobs.advance(session, job.id, attempt, **values)


def end(database: Database, job: Job, attempt: int, state: JobState, **values: Any) -> bool:
    with database.write() as session:
        return jobs.end(session, job.id, attempt, state, **values)


def fall_silent(database: Database, job: Job) -> list[str]:
    """Let the worker be silent for longer than allowed, and the sweeper pass."""
    with database.write() as session:
        session.get_one(Job, job.id).heartbeat_at = now() - dt.timedelta(seconds=10)
    with database.write() as session:
        return jobs.reclaim(session, 6.0)


def test_from_waiting_to_done(database: Database, job: Job) -> None:
    assert look(database, job).state == JobState.WAITING
    begun = begin(database, job)
    assert begun and begun.request_values == {"path": "/数据"}
    advance(database, job, 1, done=3, total=9, checkpoint={"number": 3})
    seen = look(database, job)
    assert (seen.done, seen.total, seen.checkpoint_values) == (3, 9, {"number": 3})
    assert end(database, job, 1, JobState.DONE, result={"tasks": 9})
    seen = look(database, job)
    assert (seen.state, seen.result_values, seen.worker) == (JobState.DONE, {"tasks": 9}, "a")
    assert seen.started_at and seen.ended_at and seen.started_at <= seen.ended_at
    with database.read() as session:
        assert [event.action for event in audit.events(session)] == ["job.done", "job.import"]


def test_one_of_many_workers_begins(database: Database, requester: User) -> None:
    for _round in range(5):
        with database.write() as session:
            job = jobs.add(session, requester, "import", {})
        start = threading.Barrier(6)

        def take(number: int, job: Job = job, start: threading.Barrier = start) -> bool:
            start.wait()
            return begin(database, job, f"worker-{number}") is not None

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(take, range(6))) == 1
        assert look(database, job).attempt == 1


def test_a_worker_that_lost_its_job_cannot_write_on(database: Database, job: Job) -> None:
    begin(database, job, "slow")
    assert fall_silent(database, job) == [job.id]
    # Nobody has taken it yet, and still the slow one is shut out.
    with pytest.raises(Cancelled, match="took this job over"):
        advance(database, job, 1, done=5)
    begun = begin(database, job, "quick")
    assert begun and begun.attempt == 2
    with pytest.raises(Cancelled, match="took this job over"):
        advance(database, job, 1, done=5)
    assert not end(database, job, 1, JobState.FAILED)
    with database.write() as session:
        assert not jobs.beat(session, job.id, 1)
        assert jobs.beat(session, job.id, 2)
    advance(database, job, 2, done=1)
    assert end(database, job, 2, JobState.DONE)
    assert look(database, job).state == JobState.DONE


def test_the_work_of_a_batch_falls_with_its_refused_progress(database: Database, job: Job) -> None:
    begin(database, job)
    fall_silent(database, job)
    with pytest.raises(Cancelled), database.write() as session:
        factories.organisation(session, "half-done")
        jobs.advance(session, job.id, 1, done=1)
    with database.read() as session:
        found = session.scalars(sa.text("SELECT slug FROM organisations")).all()
    assert "half-done" not in found


def test_a_worker_that_speaks_keeps_its_job(database: Database, job: Job) -> None:
    begin(database, job)
    with database.write() as session:
        assert jobs.beat(session, job.id, 1)
        assert jobs.reclaim(session, 6.0) == []
    assert look(database, job).state == JobState.RUNNING


def test_it_goes_on_from_its_checkpoint(database: Database, job: Job) -> None:
    begin(database, job)
    advance(database, job, 1, done=500, checkpoint={"number": 500})
    fall_silent(database, job)
    begun = begin(database, job)
    assert begun and begun.checkpoint_values == {"number": 500}


def test_a_job_that_kills_its_workers_is_given_up(database: Database, job: Job) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        begun = begin(database, job)
        assert begun and begun.attempt == attempt
        fall_silent(database, job)
    assert begin(database, job) is None
    seen = look(database, job)
    assert seen.state == JobState.FAILED
    assert f"after {ATTEMPTS} attempts" in str(jobs.failure(seen))


def test_a_waiting_job_is_cancelled_at_once(database: Database, job: Job, requester: User) -> None:
    with database.write() as session:
        jobs.cancel(session, requester, jobs.get(session, job.id))
    assert look(database, job).state == JobState.CANCELLED
    assert begin(database, job) is None
    with database.write() as session, pytest.raises(Refused, match="already ended"):
        jobs.cancel(session, requester, jobs.get(session, job.id))


def test_a_running_job_stops_at_its_next_checkpoint(
    database: Database, job: Job, requester: User
) -> None:
    begin(database, job)
    with database.write() as session:
        jobs.cancel(session, requester, jobs.get(session, job.id))
    assert look(database, job).state == JobState.RUNNING
    with database.write() as session:
        assert not jobs.beat(session, job.id, 1)
    with pytest.raises(Cancelled, match="was cancelled"):
        advance(database, job, 1, done=1)
    assert end(database, job, 1, JobState.CANCELLED, error=Cancelled("the job was cancelled"))
    assert look(database, job).state == JobState.CANCELLED


def test_cancelling_looks_at_the_job_as_it_is_now(
    database: Database, job: Job, requester: User
) -> None:
    with database.read() as session:
        seen_waiting = jobs.get(session, job.id)
    begin(database, job)
    assert end(database, job, 1, JobState.DONE)
    with database.write() as session, pytest.raises(Refused, match="already ended"):
        jobs.cancel(session, requester, session.merge(seen_waiting, load=False))
    assert look(database, job).state == JobState.DONE


def test_a_failed_job_runs_again_from_where_it_was(
    database: Database, job: Job, requester: User
) -> None:
    begin(database, job)
    advance(database, job, 1, done=2, checkpoint={"number": 2})
    with database.write() as session, pytest.raises(Refused, match="only a failed"):
        jobs.retry(session, requester, jobs.get(session, job.id))
    end(database, job, 1, JobState.FAILED, error=Invalid("broken"))
    with database.write() as session:
        jobs.retry(session, requester, jobs.get(session, job.id))
    seen = look(database, job)
    assert (seen.state, seen.error, seen.ended_at) == (JobState.WAITING, None, None)
    # The worker of the first attempt is not let in again.
    with pytest.raises(Cancelled):
        advance(database, job, 1, done=3)
    begun = begin(database, job)
    assert begun and (begun.attempt, begun.checkpoint_values) == (2, {"number": 2})
    for _attempt in range(ATTEMPTS - 1):
        fall_silent(database, job)
        assert begin(database, job)


def test_a_failure_says_what_was_wrong_in_any_language(database: Database, job: Job) -> None:
    begin(database, job)
    problems = [Problem("line 7", "“%(label)s” is unknown", {"label": "开路"})]
    error = Invalid("%(count)s faults", place="tasks.json", problems=problems, count=1)
    end(database, job, 1, JobState.FAILED, error=error)
    found = jobs.failure(look(database, job))
    assert (found.code, str(found)) == ("invalid", "tasks.json: 1 faults")
    assert [str(problem) for problem in found.problems] == ["line 7: “开路” is unknown"]
    assert isinstance(errors.from_json(errors.to_json(found)), errors.JinbiaoError)


def test_lists_by_project_and_organisation(database: Database, job: Job, requester: User) -> None:
    with database.write() as session:
        other = factories.person(session, Role.VENDOR_ADMIN)
        mine = jobs.add(
            session,
            requester,
            "export",
            {},
            project_id=7,
            vendor_id=other.organisation_id,
        )
        everything = [found.id for found in jobs.recent(session)]
        assert everything == [mine.id, job.id]
        assert [found.id for found in jobs.recent(session, project_id=7)] == [mine.id]
        theirs = jobs.recent(session, organisation_id=other.organisation_id)
        assert [found.id for found in theirs] == [mine.id]
        own = jobs.recent(session, organisation_id=requester.organisation_id)
        assert [found.id for found in own] == [mine.id, job.id]
        before = jobs.recent(session, before=mine.created_at)
        assert [found.id for found in before] == [job.id]
        with pytest.raises(NotFound):
            jobs.get(session, "nothing")
