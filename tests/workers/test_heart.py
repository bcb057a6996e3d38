"""A job's limits are told where its process must live on; only a replaceable one is ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jinbiao.datasets import errors, jobs
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.jobs import JobState
from jinbiao.tests.server.world import World
from jinbiao.tests.workers.test_run import kind, row, waiting
from jinbiao.workers import heart, run
from jinbiao.workers.work import Work


@pytest.fixture
def strict(world: World) -> World:
    """Give the world settings that no job can keep."""
    settings = replace(
        world.installation.settings, worker_memory_bytes=1, job_stall_seconds=0, job_hours=1
    )
    return World(open_installation(settings), world.tokens)


def done_by(world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[Work], Any]) -> str:
    """Do a job in this process that does something; return its id."""
    job = waiting(world)
    kind(monkeypatch, lambda work: act(work) or {})
    run.perform(world.installation, job)
    return job


def test_a_step_that_took_too_long_is_refused_when_it_returns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def act(work: Work) -> None:
        with work.step(5.0, "all of it"):
            with work.step(0.05, "short"):
                pass
            with pytest.raises(errors.Refused, match="took more than 0 seconds"):
                with work.step(0.05, "too long"):
                    time.sleep(0.1)
            seen.append(work.present_step.what if work.present_step else "")
        with work.step(None, "as long as it likes"):
            time.sleep(0.1)
        assert work.present_step is None
        with pytest.raises(ZeroDivisionError), work.step(0.0, "broken"):
            raise ZeroDivisionError

    job = done_by(world, monkeypatch, act)
    assert (row(world, job).state, seen) == (JobState.DONE, ["all of it"])


def test_no_limit_ends_a_process_that_nobody_starts_again(
    strict: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def act(work: Work) -> None:
        time.sleep(2 * heart.LOOK_SECONDS + 0.2)
        told.append(str(heart.excess(work)))
        work.installation = replace(
            work.installation, settings=replace(work.installation.settings, worker_memory_bytes=0)
        )
        told.append(str(heart.excess(work)))

    job = done_by(strict, monkeypatch, act)
    assert row(strict, job).state == JobState.DONE
    assert told == ["used more than 0 MB of memory", "made no progress for 0 seconds"]


def test_a_step_has_its_own_limit_instead_of_progress(
    strict: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def act(work: Work) -> None:
        settings = replace(work.installation.settings, worker_memory_bytes=0)
        work.installation = replace(work.installation, settings=settings)
        with work.step(600, "long"):
            time.sleep(0.1)
            told.append(str(heart.excess(work)))
        with pytest.raises(errors.Refused), work.step(0.01, "short"):
            time.sleep(0.1)
            told.append(str(heart.excess(work)))

    done_by(strict, monkeypatch, act)
    assert told == ["None", "took more than 0 seconds"]


def test_a_job_of_many_hours_ends_at_its_next_checkpoint(
    strict: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(work: Work) -> None:
        work.started -= 3700
        for number in range(50):
            time.sleep(0.1)
            with work.installation.database.write() as session:
                work.advance(session, number)
        pytest.fail("it went on")

    job = done_by(strict, monkeypatch, act)
    found = row(strict, job)
    assert found.state == JobState.FAILED and found.done < 20
    assert str(jobs.failure(found)) == "did not end within 1 hours"


def test_a_job_that_waited_too_long_for_a_part_does_not_begin_again(
    strict: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = done_by(strict, monkeypatch, away)
    with strict.installation.database.write() as session:
        stored = jobs.get(session, job)
        assert stored.started_at
        stored.not_before = None
        stored.started_at = stored.started_at.replace(year=2020)
    kind(monkeypatch, lambda _work: pytest.fail("it was begun"))
    assert run.perform(strict.installation, job) == JobState.FAILED
    # Whoever lets it run again gives it the whole time again.
    strict.good(strict.post("requester", f"/api/jobs/{job}/retry"))
    kind(monkeypatch, lambda _work: {})
    assert run.perform(strict.installation, job) == JobState.DONE


def away(_work: Work) -> None:
    """Need a part that is away."""
    raise errors.Unavailable("the store is away")


def test_memory_is_that_of_this_process() -> None:
    before = heart.resident_bytes()
    held = b"x" * 200_000_000
    assert 150_000_000 < heart.resident_bytes() - before < 300_000_000
    assert held and heart.worker_name().endswith(f"-{os.getpid()}")
