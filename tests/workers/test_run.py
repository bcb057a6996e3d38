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


def test_a_part_that_is_away_costs_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_work: Work) -> dict[str, Any]:
        raise errors.Unavailable("the store is away")

    job = waiting(world)
    original = run.KINDS["import"]
    kind(monkeypatch, away)
    for attempt in range(1, 2 * jobs.ATTEMPTS):
        assert run.perform(world.installation, job) is None
        assert (row(world, job).state, row(world, job).attempt) == (JobState.RUNNING, attempt)
        with world.installation.database.write() as session:
            assert jobs.reclaim(session, -1) == [job]
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


def test_a_job_cancelled_between_attempts_does_not_begin_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting(world)
    with world.installation.database.write() as session:
        jobs.begin(session, job, "killed")
    world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
    with world.installation.database.write() as session:
        jobs.reclaim(session, -1)
    kind(monkeypatch, lambda _work: pytest.fail("it was begun"))
    assert run.perform(world.installation, job) == JobState.CANCELLED


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


def test_a_worker_that_stops_leaves_its_job_to_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting(world)
    monkeypatch.setattr(work, "stopping", threading.Event())
    work.stopping.set()
    assert run.perform(world.installation, job) is None
    assert row(world, job).state == JobState.RUNNING
    work.stopping.clear()
    with world.installation.database.write() as session:
        jobs.reclaim(session, -1)
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


def hints(world: World) -> list[str]:
    """List what the queue holds."""
    client = queues.connect(world.installation.settings)
    found = Queue(queues.QUEUE, connection=client, serializer=JSONSerializer).job_ids
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
    assert client.lpop(f"rq:queue:{queues.QUEUE}") is not None
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
    run.serve(queued.installation, burst=True)
    assert [row(queued, job).state for job in found] == [JobState.DONE] * 3
    assert hints(queued) == []
    queued.installation.close()


def test_an_import_survives_losing_its_upload(world: World) -> None:
    job = waiting(world)
    world.installation.store.delete(str(row(world, job).request_values["object"]))
    ended = world.finished(job)
    assert (ended["state"], bool(ended["error"])) == ("failed", True)
