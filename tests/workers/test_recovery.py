"""Kill, hang, freeze or bloat a worker in the middle of a job: another one goes on in 10 s."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from jinbiao.datasets import jobs, migrations, webhooks, workers
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.settings import load
from jinbiao.datasets.workers import Worker
from jinbiao.tests import factories, services
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.server.command import Command, is_alive, wait_until
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import queues

PROGRAM = [sys.executable, "-P", "-m", "jinbiao.tests.workers.misbehaving"]
MOST_SECONDS = 10.0


@dataclass
class Pool:
    """Two supervised worker processes and the installation that they serve."""

    installation: Installation
    actor: User
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, request: dict[str, Any]) -> str:
        """Ask for a job; return its id."""
        with self.installation.database.write() as session:
            job = jobs.add(session, self.actor, "measure", request)
        queues.announce(self.installation, [job.id])
        return job.id

    def job(self, job_id: str) -> Job:
        """Return a job as it is now."""
        with self.installation.database.read() as session:
            return jobs.get(session, job_id)

    def workers(self) -> list[Worker]:
        """Return the workers as they are now."""
        with self.installation.database.read() as session:
            return workers.everyone(session)

    def until(self, ready: Callable[[], bool], seconds: float = 30.0) -> float:
        """Wait until something is so; return how long that took."""
        return wait_until(ready, seconds, lambda: services.tail(self.log))

    def process_of(self, job_id: str) -> int:
        """Return the number of the process that does a job."""
        return int((self.job(job_id).worker or "").rpartition("-")[2])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> tuple[Path, dict[str, str]]:
    """Give a home with a database, and the settings of its workers."""
    folder = tmp_path_factory.mktemp("pool")
    given = {
        "JINBIAO_REDIS_URL": redis_url,
        "JINBIAO_JOB_STALL_SECONDS": "2",
        "JINBIAO_WORKER_MEMORY_MB": "600",
        "FROZEN_SECONDS": "8",
        "DEAF_SECONDS": "2",
        "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8",
    }
    installation = open_installation(load({"JINBIAO_HOME": str(folder), **given}))
    migrations.upgrade(installation.database)
    installation.close()
    return folder, given


@pytest.fixture(scope="module")
def pool(home: tuple[Path, dict[str, str]]) -> Iterator[Pool]:
    """Start two worker processes, once: what one test does to them, the next one finds mended."""
    folder, given = home
    command = Command(folder, given)
    redis.Redis.from_url(given["JINBIAO_REDIS_URL"]).flushall()
    installation = open_installation(load(command.environment))
    with installation.database.write() as session:
        actor = factories.person(session, Role.REQUESTER)
    found = Pool(installation, actor, folder / "workers.log")
    with found.log.open("ab") as log:
        found.process = subprocess.Popen(
            PROGRAM, env=command.environment, cwd=CHECKOUT, stdout=log, stderr=log
        )
    try:
        yield found
    finally:
        living = {row.name for row in found.workers() if is_alive(row.process)}
        found.process.terminate()
        assert found.process.wait(20) == 0, services.tail(found.log)
        # Who ends well is forgotten; who was killed stays to be seen for a while.
        assert living.isdisjoint(row.name for row in found.workers())
        installation.close()


@pytest.fixture(autouse=True)
def mended(pool: Pool) -> None:
    """Begin with two living workers."""
    pool.until(
        lambda: sum(not row.is_silent and is_alive(row.process) for row in pool.workers()) == 2
    )


def begun(pool: Pool, request: dict[str, Any], done: int = 0) -> str:
    """Start a job and wait until so much of it is done."""
    job = pool.start(request)
    pool.until(lambda: pool.job(job).state == JobState.RUNNING and pool.job(job).done >= done)
    return job


def test_a_killed_workers_job_runs_again_within_ten_seconds(pool: Pool) -> None:
    job = begun(pool, {"act": "slowly"}, 2)
    first = pool.job(job)
    os.kill(pool.process_of(job), signal.SIGKILL)
    took = pool.until(lambda: pool.job(job).attempt == 2)
    print(f"\nkilled: runs again after {took:.1f} s")
    assert took < MOST_SECONDS
    pool.until(lambda: pool.job(job).state == JobState.DONE)
    assert pool.job(job).result_values["lost"] == "the worker process died"
    assert first.done <= pool.job(job).done == pool.job(job).total


def test_a_step_that_hangs_is_ended_and_the_next_attempt_knows_why(pool: Pool) -> None:
    job = begun(pool, {"act": "hang"})
    hanging = pool.process_of(job)
    took = pool.until(lambda: pool.job(job).state == JobState.DONE)
    print(f"\na step of 1 s that hangs: done by the next attempt after {took:.1f} s")
    assert took < 1 + MOST_SECONDS
    assert pool.job(job).result_values == {"lost": "took more than 1 seconds", "attempt": 2}
    assert not is_alive(hanging)
    # It said goodbye: nobody has to wonder about a silent worker.
    assert hanging not in [row.process for row in pool.workers()]


def test_a_job_without_progress_is_ended(pool: Pool) -> None:
    job = begun(pool, {"act": "stall"})
    took = pool.until(lambda: pool.job(job).state == JobState.DONE)
    print(f"\nno progress for 2 s: done by the next attempt after {took:.1f} s")
    assert took < 2 + MOST_SECONDS
    assert pool.job(job).result_values["lost"] == "made no progress for 2 seconds"


def test_a_process_that_takes_too_much_memory_is_ended(pool: Pool) -> None:
    job = begun(pool, {"act": "grow"})
    took = pool.until(lambda: pool.job(job).state == JobState.DONE)
    print(f"\nmore than 600 MB: done by the next attempt after {took:.1f} s")
    assert took < MOST_SECONDS
    assert pool.job(job).result_values["lost"] == "used more than 600 MB of memory"


def test_code_that_holds_the_interpreter_does_not_hold_the_job(pool: Pool) -> None:
    job = begun(pool, {"act": "freeze"})
    frozen = pool.process_of(job)
    took = pool.until(lambda: pool.job(job).state == JobState.DONE)
    print(f"\na frozen interpreter: done by another process after {took:.1f} s")
    assert took < MOST_SECONDS
    # Nothing in that interpreter could end it.
    pool.until(lambda: not is_alive(frozen))


def test_a_job_that_always_hangs_is_given_up_with_its_reason(pool: Pool) -> None:
    job = pool.start({"act": "hang", "always": True})
    with pool.installation.database.write() as session:
        session.get_one(Job, job).attempts_allowed = 2
    pool.until(lambda: pool.job(job).state == JobState.FAILED, 60)
    told = str(jobs.failure(pool.job(job)))
    assert told == "given up after 2 attempts: took more than 1 seconds"


def test_a_hanging_job_can_be_cancelled(pool: Pool) -> None:
    job = begun(pool, {"act": "hang for ever"})
    hanging = pool.process_of(job)
    with pool.installation.database.write() as session:
        jobs.cancel(session, session.merge(pool.actor), jobs.get(session, job))
    pool.until(lambda: pool.job(job).state == JobState.CANCELLED)
    pool.until(lambda: not is_alive(hanging))


def test_workers_say_what_they_are_and_do(pool: Pool) -> None:
    job = begun(pool, {"act": "slowly"})
    (busy,) = [row for row in pool.workers() if row.job_id == job]
    assert busy.queue_names == ["cpu", "gpu", "io"] and busy.process == pool.process_of(job)
    before = busy.jobs_done
    pool.until(lambda: pool.job(job).state == JobState.DONE)
    assert busy.memory_bytes > 30_000_000 and busy.program_version
    (idle,) = [row for row in pool.workers() if row.name == busy.name]
    assert (idle.job_id, idle.jobs_done) == (None, before + 1)


def test_webhooks_are_told_although_workers_are_killed(pool: Pool) -> None:
    with pool.installation.database.write() as session:
        team = factories.team(session)
    with ModelBackend() as receiver:
        with pool.installation.database.write() as session:
            webhooks.add(
                session,
                pool.installation.settings,
                team.requester,
                team.project,
                url=f"{receiver.url}/webhook",
            )
        for number in range(1, 4):
            for row in pool.workers():
                if is_alive(row.process):
                    os.kill(row.process, signal.SIGKILL)
            with pool.installation.database.write() as session:
                webhooks.emit(session, team.project, "PROJECT_UPDATED")
            took = pool.until(lambda told=number: len(receiver.told()) >= told)  # type: ignore[misc]
            assert took < MOST_SECONDS
    assert receiver.told() == ["PROJECT_UPDATED"] * 3
