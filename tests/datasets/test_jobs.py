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
from jinbiao.datasets.errors import Cancelled, Invalid, NotFound, Problem, Refused, Unavailable
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


def test_a_kind_says_its_queue_unless_told(database: Database, requester: User) -> None:
    with database.write() as session:
        chosen = [jobs.add(session, requester, kind, {}).queue for kind in ("import", "predict")]
        chosen.append(jobs.add(session, requester, "prelabel", {}, queue="gpu").queue)
        assert chosen == ["cpu", "io", "gpu"]
        with pytest.raises(Invalid, match="cpu, gpu, io"):
            jobs.add(session, requester, "import", {}, queue="tpu")
        assert [hint.queue for hint in jobs.hints(session, jobs.waiting(session))] == chosen


def pause(database: Database, job: Job, attempt: int) -> float:
    """Let a part be away; return for how many seconds the job waits then."""
    with database.write() as session:
        assert jobs.pause(session, job.id, attempt, Unavailable("the store is away"))
    seen = look(database, job)
    assert seen.not_before is not None
    return (seen.not_before - now()).total_seconds()


def due(database: Database, job: Job) -> None:
    """Let a pause be over."""
    with database.write() as session:
        session.get_one(Job, job.id).not_before = now()


def test_pauses_grow_until_there_is_progress(database: Database, job: Job) -> None:
    expected = [2, 4, 8, 16, 32, 60, 60]
    for attempt, least in enumerate(expected, 1):
        assert begin(database, job)
        # The same place as before is no progress.
        advance(database, job, attempt, done=2, checkpoint={"number": 2}, total=9)
        if attempt == 1:
            advance(database, job, attempt, done=2, checkpoint={"number": 2}, total=9)
        waits = pause(database, job, attempt)
        assert least - 1 < waits <= min(least * 1.25, 60)
        with database.read() as session:
            assert jobs.waiting(session) == [] == jobs.hints(session, [job.id])
        assert begin(database, job) is None
        due(database, job)
    assert look(database, job).attempts_allowed >= ATTEMPTS + len(expected)
    begun = begin(database, job)
    assert begun and begun.not_before is None and begun.pauses == len(expected)
    advance(database, job, begun.attempt, done=3, checkpoint={"number": 3})
    assert look(database, job).pauses == 0
    assert pause(database, job, begun.attempt) < 3
    # Who lost it cannot let it wait.
    with database.write() as session:
        assert not jobs.pause(session, job.id, begun.attempt, Unavailable("late"))


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_no_pause_is_longer_than_a_minute(chance: float) -> None:
    found = [jobs.pause_seconds(pauses, chance) for pauses in (1, 2, 5, 6, 7, 10_000)]
    assert found == sorted(found)
    assert found[0] == 2 * (1 + chance / 4) and found[-1] == 60.0


def test_why_an_attempt_was_lost_is_told_to_the_next(database: Database, job: Job) -> None:
    begin(database, job)
    with database.write() as session:
        assert jobs.lose(session, job.id, 1, Refused("took more than %(seconds)s s", seconds=9))
    begun = begin(database, job)
    assert begun and str(begun.lost) == "took more than 9 s"
    fall_silent(database, job)
    begun = begin(database, job)
    assert begun and str(begun.lost) == "the worker process died"
    pause(database, job, 3)
    due(database, job)
    begun = begin(database, job)
    # A part that was away says nothing of the job itself.
    assert begun and begun.lost is None
    with database.write() as session:
        assert jobs.release(session, job.id, 4)
    begun = begin(database, job)
    assert begun and begun.attempt == 5


def test_a_checkpoint_without_progress_does_not_keep_a_job_alive(
    database: Database, job: Job
) -> None:
    for attempt in range(1, ATTEMPTS + 2):
        begun = begin(database, job)
        if begun is None:
            break
        advance(database, job, attempt, done=0, checkpoint={"singly": True})
        with database.write() as session:
            jobs.lose(session, job.id, attempt, Refused("used too much"))
    # The first one was progress.
    assert begin(database, job) is None
    seen = look(database, job)
    assert (seen.state, seen.attempt) == (JobState.FAILED, ATTEMPTS + 1)
    assert str(jobs.failure(seen)) == f"given up after {ATTEMPTS + 1} attempts: used too much"


def at(seconds: float) -> dt.datetime:
    """Return a moment."""
    return dt.datetime(2026, 3, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)


def counted(**values: Any) -> Job:
    """Return a job that has run for 20 seconds, from 100 to 300 of 1,000."""
    known = {
        "state": JobState.RUNNING,
        "attempt": 2,
        "done": 300,
        "total": 1000,
        "attempt_done": 100,
        "started_at": at(-500),
        "attempt_at": at(0),
        "heartbeat_at": at(20),
    }
    return Job(**{**known, **values})


def test_a_rate_is_that_of_the_present_attempt() -> None:
    assert jobs.rate(counted()) == 10.0
    assert jobs.remaining_seconds(counted()) == 70.0
    assert jobs.remaining_seconds(counted(total=None)) is None
    assert jobs.remaining_seconds(counted(done=1200)) == 0.0
    ended = counted(state=JobState.DONE, ended_at=at(10), done=1000)
    assert (jobs.rate(ended), jobs.remaining_seconds(ended)) == (90.0, None)
    at_once = counted(state=JobState.DONE, attempt=1, attempt_done=300, ended_at=at(10))
    assert jobs.rate(at_once) == 300 / 510
    unknown: list[dict[str, Any]] = [
        {"state": JobState.WAITING},
        {"attempt_at": None},
        {"heartbeat_at": at(0.4)},
        {"done": 100},
        {"done": 50},
    ]
    for values in unknown:
        assert jobs.rate(counted(**values)) is None, values
        assert jobs.remaining_seconds(counted(**values)) is None


def test_the_count_begins_where_the_total_is_known_and_anew_where_it_falls(
    database: Database, job: Job
) -> None:
    begin(database, job)
    begun_at = look(database, job).attempt_at
    advance(database, job, 1, done=0, checkpoint={"trained": True})
    assert look(database, job).attempt_at == begun_at
    advance(database, job, 1, done=5, total=50)
    seen = look(database, job)
    assert seen.attempt_at and begun_at and seen.attempt_at > begun_at
    assert seen.attempt_done == 5
    advance(database, job, 1, done=20, total=50)
    assert (look(database, job).attempt_done, look(database, job).attempt_at) == (
        5,
        seen.attempt_at,
    )
    fall_silent(database, job)
    begin(database, job)
    assert look(database, job).attempt_done == 20
    advance(database, job, 2, done=3)
    assert look(database, job).attempt_done == 3


def test_a_queue_that_nobody_serves_hides_no_other(database: Database, requester: User) -> None:
    with database.write() as session:
        for _ in range(1001):
            jobs.add(session, requester, "prelabel", {}, queue="gpu")
        last = jobs.add(session, requester, "predict", {})
    with database.read() as session:
        found = jobs.waiting(session)
    assert last.id in found and len(found) == 1001


def test_a_lost_job_that_is_to_stop_ends(database: Database, job: Job, requester: User) -> None:
    for let_go in (jobs.lose, jobs.pause):
        begun = begin(database, job)
        assert begun
        with database.write() as session:
            jobs.cancel(session, requester, jobs.get(session, job.id))
        with database.write() as session:
            assert let_go(session, job.id, begun.attempt, Unavailable("away"))
        seen = look(database, job)
        assert seen.state == JobState.CANCELLED and seen.ended_at is not None
        with database.write() as session:
            jobs.retry(session, requester, jobs.get(session, job.id))
        seen = look(database, job)
        assert (seen.not_before, seen.pauses, seen.error, seen.started_at) == (None, 0, None, None)
