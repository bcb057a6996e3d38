"""Take jobs, do them, and write down how they end, whatever happens meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from rq import Queue
from rq.serializers import JSONSerializer

from jinbiao.datasets import errors, jobs
from jinbiao.datasets.db import now
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.tests.server.world import World
from jinbiao.workers import queues, run, work
from jinbiao.workers.serve import serve
from jinbiao.workers.work import Work


def waiting(world: World, rows: Any = None) -> str:
    """Write an import down that nobody does yet."""
    return world.import_waiting(world.project(), rows or [{"text": "a"}])


def row(world: World, job: str) -> Job:
    """Return a job's row."""
    with world.installation.database.read() as session:
        return jobs.get(session, job)


def kind(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let imports do something else."""
    monkeypatch.setitem(run.KINDS, "import", act)


def test_a_job_is_done_once(world: World) -> None:
    job = waiting(world)
    assert run.perform(world.installation, job) == JobState.DONE
    assert run.perform(world.installation, job) is None
    assert row(world, job).attempt == 1
    assert run.perform(world.installation, "no such job") is None


def test_two_workers_do_not_share_a_job(world: World) -> None:
    job = waiting(world, [{"text": str(n)} for n in range(50)])
    ended: list[JobState | None] = []
    threads = [
        threading.Thread(target=lambda: ended.append(run.perform(world.installation, job)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, ended)) == ["None", "None", "None", "done"]
    assert row(world, job).result_values["tasks"] == 50


def test_an_error_of_ours_is_told_and_another_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_work: Work) -> dict[str, Any]:
        raise errors.Refused("no %(why)s", why="reason")

    def break_down(_work: Work) -> dict[str, Any]:
        raise ZeroDivisionError("secret detail")

    first, second = waiting(world), waiting(world)
    kind(monkeypatch, refuse)
    assert run.perform(world.installation, first) == JobState.FAILED
    assert str(jobs.failure(row(world, first))) == "no reason"
    kind(monkeypatch, break_down)
    assert run.perform(world.installation, second) == JobState.FAILED
    assert "secret detail" not in str(row(world, second).error)
    assert second in str(row(world, second).error)
    assert "ZeroDivisionError" in caplog.text


def test_a_part_that_is_away_is_waited_for_and_costs_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_work: Work) -> dict[str, Any]:
        raise errors.Unavailable("the store is away")

    job = waiting(world)
    original = run.KINDS["import"]
    kind(monkeypatch, away)
    pauses = []
    for attempt in range(1, 2 * jobs.ATTEMPTS):
        begin = now()
        assert run.perform(world.installation, job) is None
        found = row(world, job)
        assert (found.state, found.attempt, found.pauses) == (JobState.WAITING, attempt, attempt)
        assert found.not_before is not None
        pauses.append((found.not_before - begin).total_seconds())
        # Nobody takes it before that.
        assert run.perform(world.installation, job) is None
        assert row(world, job).attempt == attempt
        pass_time(world, job)
    assert pauses[:2] == sorted(pauses[:2]) and 2 <= pauses[0] < 3
    assert all(pause < 61 for pause in pauses)
    assert "the store is away" in str(jobs.failure(row(world, job)))
    # It is not taken for a job that kills its worker.
    lost: list[str | None] = []
    kind(monkeypatch, lambda given: lost.append(given.lost) or original(given))
    assert run.perform(world.installation, job) == JobState.DONE
    assert lost == [None]


def test_a_dead_database_is_waited_for_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_work: Work) -> dict[str, Any]:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("the server closed\nthe line"))

    job = waiting(world)
    kind(monkeypatch, fail)
    assert run.perform(world.installation, job) is None
    assert (row(world, job).state, row(world, job).pauses) == (JobState.WAITING, 1)
    assert str(jobs.failure(row(world, job))) == "the database is away: the server closed"


def pass_time(world: World, job: str) -> None:
    """Let a job's pause be over."""
    with world.installation.database.write() as session:
        session.get_one(Job, job).not_before = now()


def test_a_job_that_waits_for_a_part_is_cancelled_and_repeated_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_work: Work) -> dict[str, Any]:
        raise errors.Unavailable("the store is away")

    job = waiting(world)
    original = run.KINDS["import"]
    kind(monkeypatch, away)
    assert run.perform(world.installation, job) is None
    cancelled = world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
    assert cancelled["state"] == "cancelled"
    again = world.good(world.post("requester", f"/api/jobs/{job}/retry"))
    assert (again["state"], again["not_before"]) == ("waiting", None)
    kind(monkeypatch, original)
    assert run.perform(world.installation, job) == JobState.DONE


def test_a_job_that_kills_its_worker_is_given_up(world: World) -> None:
    job = waiting(world)
    for _ in range(jobs.ATTEMPTS):
        with world.installation.database.write() as session:
            assert jobs.begin(session, job, "killed") is not None
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
    assert run.perform(world.installation, job) is None
    assert row(world, job).state == JobState.FAILED
    told = str(jobs.failure(row(world, job)))
    assert told == f"given up after {jobs.ATTEMPTS} attempts: the worker process died"
    answer = world.post("requester", f"/api/jobs/{job}/retry")
    assert world.good(answer)["state"] == "waiting"
    assert run.perform(world.installation, job) == JobState.DONE


def test_a_job_that_goes_on_is_not_given_up(world: World) -> None:
    job = waiting(world)
    for number in range(3 * jobs.ATTEMPTS):
        with world.installation.database.write() as session:
            begun = jobs.begin(session, job, "killed")
            assert begun is not None
            jobs.advance(session, job, begun.attempt, done=number, checkpoint={"number": 0})
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
    assert run.perform(world.installation, job) == JobState.DONE


def test_a_running_job_stops_at_its_next_checkpoint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_on(given: Work) -> dict[str, Any]:
        for number in range(1000):
            with given.installation.database.write() as session:
                given.advance(session, number, 1000)
            if number == 3:
                world.good(world.post("requester", f"/api/jobs/{given.id}/cancel"))
        return {}

    job = waiting(world)
    kind(monkeypatch, go_on)
    assert run.perform(world.installation, job) == JobState.CANCELLED
    assert row(world, job).done == 3


def test_a_job_cancelled_while_its_worker_was_dead_does_not_begin_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting(world)
    with world.installation.database.write() as session:
        jobs.begin(session, job, "killed")
    world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
    with world.installation.database.write() as session:
        assert jobs.reclaim(session, -1) == []
    kind(monkeypatch, lambda _work: pytest.fail("it was begun"))
    assert run.perform(world.installation, job) is None
    found = row(world, job)
    assert (found.state, found.error) == (JobState.CANCELLED, None)
    assert found.ended_at is not None


def test_who_lost_a_job_writes_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(given: Work) -> dict[str, Any]:
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
            assert jobs.begin(session, given.id, "another") is not None
        with given.installation.database.write() as session:
            given.advance(session, 99)
        return {"lost": True}

    job = waiting(world)
    kind(monkeypatch, lose)
    run.perform(world.installation, job)
    found = row(world, job)
    assert (found.state, found.worker, found.done) == (JobState.RUNNING, "another", 0)


def test_a_worker_that_stops_leaves_its_job_to_another(world: World) -> None:
    job = waiting(world)
    work.stopping.set()
    try:
        assert run.perform(world.installation, job) is None
    finally:
        work.stopping.clear()
    # Another one may take it at once; it was nobody's fault.
    found = row(world, job)
    assert (found.state, found.not_before, found.pauses) == (JobState.WAITING, None, 0)
    assert found.attempts_allowed == jobs.ATTEMPTS + 1
    assert run.perform(world.installation, job) == JobState.DONE


def test_progress_is_shown_and_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, int | None]] = []

    def go_on(given: Work) -> dict[str, Any]:
        with given.installation.database.write() as session:
            given.advance(session, 7, 9)
        return {}

    job = waiting(world)
    kind(monkeypatch, go_on)
    run.perform(world.installation, job, lambda done, total: shown.append((done, total)))
    assert shown == [(7, 9)]
    assert (row(world, job).done, row(world, job).total) == (7, 9)


def test_the_heartbeat_beats_during_long_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dt.datetime | None] = []

    def rest(given: Work) -> dict[str, Any]:
        for _ in range(3):
            time.sleep(1.1)
            seen.append(row(world, given.id).heartbeat_at)
        return {}

    job = waiting(world)
    kind(monkeypatch, rest)
    run.perform(world.installation, job)
    assert len(set(seen)) == 3


def test_the_sweeper_takes_silent_jobs_only(world: World) -> None:
    silent, alive = waiting(world), waiting(world)
    long_ago = now() - dt.timedelta(seconds=60)
    with world.installation.database.write() as session:
        for job in (silent, alive):
            jobs.begin(session, job, "somebody")
        session.execute(sa.update(Job).where(Job.id == silent).values(heartbeat_at=long_ago))
    run.sweep(world.installation)
    assert row(world, silent).state == JobState.WAITING
    assert row(world, alive).state == JobState.RUNNING


def test_a_wait_for_the_database_is_no_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one writer holds SQLite, nobody can beat: the jobs are not taken from anybody."""
    job = waiting(world)
    with world.installation.database.write() as session:
        jobs.begin(session, job, "somebody")
        session.execute(sa.update(Job).values(heartbeat_at=now() - dt.timedelta(seconds=60)))
    holding, swept = threading.Event(), threading.Event()

    def hold() -> None:
        with world.installation.database.write() as session:
            session.connection()
            holding.set()
            time.sleep(1.5)

    writer = threading.Thread(target=hold)
    writer.start()
    holding.wait()
    run.sweep(world.installation)
    swept.set()
    writer.join()
    assert row(world, job).state == JobState.RUNNING
    run.sweep(world.installation)
    assert row(world, job).state == JobState.WAITING


@pytest.fixture
def queued(world: World, redis_url: str) -> World:
    """Give the world a queue that is there."""
    redis.Redis.from_url(redis_url).flushall()
    settings = replace(world.installation.settings, redis_url=redis_url)
    return World(open_installation(settings), world.tokens)


def hints(world: World, queue: str = "cpu") -> list[str]:
    """List what a queue holds."""
    client = queues.connect(world.installation.settings)
    found = Queue(queues.name_of(queue), connection=client, serializer=JSONSerializer).job_ids
    client.close()
    return list(found)


def test_a_job_is_announced_once_and_again_when_the_hint_is_lost(queued: World) -> None:
    job = waiting(queued)
    assert hints(queued) == [f"{job}-0"]
    for _ in range(3):
        run.sweep(queued.installation)
    assert hints(queued) == [f"{job}-0"]
    client = queues.connect(queued.installation.settings)
    # A worker took the hint and was killed before it began the job.
    assert client.lpop("rq:queue:jinbiao-cpu") is not None
    run.sweep(queued.installation)
    assert hints(queued) == [f"{job}-0"]
    client.flushall()
    client.close()
    run.sweep(queued.installation)
    assert hints(queued) == [f"{job}-0"]
    queued.installation.close()


def test_a_worker_does_what_waits_and_stops(queued: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [waiting(queued) for _ in range(3)]
    monkeypatch.setattr(run, "_installation", lambda: queued.installation)
    serve(queued.installation, burst=True)
    assert [row(queued, job).state for job in found] == [JobState.DONE] * 3
    assert hints(queued) == []
    queued.installation.close()


def test_a_worker_leaves_the_queues_of_others_alone(
    queued: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting(queued)
    monkeypatch.setattr(run, "_installation", lambda: queued.installation)
    serve(queued.installation, ("gpu", "io"), burst=True)
    assert row(queued, job).state == JobState.WAITING
    assert (hints(queued), hints(queued, "io")) == ([f"{job}-0"], [])
    serve(queued.installation, ("io", "cpu"), burst=True)
    assert row(queued, job).state == JobState.DONE
    queued.installation.close()


def test_every_kind_of_job_has_a_queue() -> None:
    assert set(run.KINDS) <= set(jobs.KINDS)


def test_an_import_survives_losing_its_upload(world: World) -> None:
    job = waiting(world)
    world.installation.store.delete(str(row(world, job).request_values["object"]))
    ended = world.finished(job)
    assert (ended["state"], bool(ended["error"])) == ("failed", True)
