"""Operators see workers and queues, others what of their own waits and failed."""

from __future__ import annotations

import sqlalchemy as sa

from jinbiao.datasets import errors, jobs, workers
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.tests.server.test_jobs import started
from jinbiao.tests.server.world import World


def serve(world: World, *queues: str) -> None:
    """Let a worker serve these queues."""
    with world.installation.database.write() as session:
        workers.register(session, "node-9", host="node", process=9, queues=queues, version="1.0")
        workers.beat(session, "node-9", memory_bytes=123_000_000, models=["golden_difference 1"])


def fail(world: World, job: str, error: errors.JinbiaoError) -> None:
    """Let a job fail."""
    with world.installation.database.write() as session:
        begun = jobs.begin(session, job, "node-9")
        assert begun
        assert jobs.end(session, job, begun.attempt, JobState.FAILED, error=error)


def test_operators_read_workers_and_queues(world: World) -> None:
    serve(world, "cpu", "io")
    job = started(world)
    (row,) = world.good(world.get("admin", "/api/workers/"))
    assert (row["host"], row["process"], row["queues"]) == ("node", 9, ["cpu", "io"])
    assert (row["memory_bytes"], row["job"], row["is_silent"]) == (123_000_000, None, False)
    rows = {row["name"]: row for row in world.good(world.get("admin", "/api/queues/"))}
    assert (rows["cpu"]["waiting"], rows["cpu"]["oldest_job"], rows["cpu"]["workers"]) == (
        1,
        job,
        1,
    )
    assert (rows["gpu"]["waiting"], rows["gpu"]["workers"]) == (0, 0)
    for path in ("/api/workers/", "/api/queues/"):
        assert world.get("requester", path).status_code == 403


def test_everybody_sees_their_own_on_the_page(world: World) -> None:
    serve(world, "cpu")
    job = started(world)
    page = world.get("admin", "/workers?language=en").text
    assert "node" in page and "123.0 MB" in page and job in page
    page = world.get("requester", "/workers?language=en").text
    assert "123.0 MB" not in page and job in page
    assert job not in world.get("other_requester", "/workers").text
    fail(world, job, errors.Refused("no %(what)s here", what="luck"))
    for who, sees in (("admin", True), ("requester", True), ("other_requester", False)):
        assert ("no luck here" in world.get(who, "/workers/live").text) == sees


def test_a_job_that_no_worker_would_take_is_seen_as_such(world: World) -> None:
    job = started(world)
    shown = "jinbiao work --queues cpu"
    assert shown in world.get("requester", f"/jobs/{job}").text
    assert "no worker" in world.get("requester", "/jobs?language=en").text
    serve(world, "gpu")
    assert shown in world.get("admin", "/workers").text
    serve(world, "cpu")
    assert shown not in world.get("requester", f"/jobs/{job}").text
    assert "no worker" not in world.get("requester", "/jobs?language=en").text
    assert shown not in world.get("admin", "/workers").text


def test_jobs_are_chosen_by_state_kind_and_project(world: World) -> None:
    first = started(world)
    fail(world, first, errors.Refused("no"))
    second = started(world)
    project = world.good(world.get("requester", f"/api/jobs/{second}/"))["project"]

    def listed(query: str) -> list[str]:
        rows = world.good(world.get("requester", f"/api/jobs/?{query}"))
        return [row["id"] for row in rows]

    assert listed("state=failed") == [first]
    assert listed("state=waiting&kind=import") == [second]
    assert listed("kind=export") == []
    assert listed(f"project={project}") == [second]
    assert world.get("requester", "/api/jobs/?state=lost").status_code == 400
    assert world.get("requester", "/jobs?kind=none").status_code == 400
    page = world.get("requester", "/jobs?state=failed").text
    assert first in page and second not in page and "state=waiting" in page
    assert "/jobs?kind=import" in world.get("requester", "/jobs?kind=import").text


def test_a_running_job_tells_its_rate_and_time_left(world: World) -> None:
    job = started(world)
    with world.installation.database.write() as session:
        begun = jobs.begin(session, job, "node-9")
        assert begun
        jobs.advance(session, job, begun.attempt, done=0, total=400)
    with world.installation.database.write() as session:
        row = session.get_one(Job, job)
        assert row.attempt_at and row.heartbeat_at
        earlier = {"attempt_at": row.heartbeat_at.replace(year=row.heartbeat_at.year - 1)}
        session.execute(sa.update(Job).values(**earlier))
    with world.installation.database.write() as session:
        row = session.get_one(Job, job)
        row.done = 100
        year = (row.heartbeat_at - row.attempt_at).total_seconds()  # type: ignore[operator]
    told = world.good(world.get("requester", f"/api/jobs/{job}/"))
    assert (told["rate"], told["remaining_seconds"]) == (100 / year, year * 3)
    assert (told["queue"], told["last_problem"]) == ("cpu", None)
    page = world.get("requester", f"/jobs/{job}?language=en").text
    assert "Time left" in page and 'value="100" max="400"' in page


def test_why_an_attempt_ended_is_told_until_the_job_ends(world: World) -> None:
    job = started(world)
    with world.installation.database.write() as session:
        begun = jobs.begin(session, job, "node-9")
        assert begun
        jobs.pause(session, job, begun.attempt, errors.Unavailable("the store is away"))
    told = world.good(world.get("requester", f"/api/jobs/{job}/"))
    assert (told["error"], told["last_problem"]) == (None, "the store is away")
    assert told["not_before"] is not None
    assert "the store is away" in world.get("requester", f"/jobs/{job}").text
    world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
    world.good(world.post("requester", f"/api/jobs/{job}/retry"))
    done = world.finished(job)
    assert (done["state"], done["error"], done["last_problem"]) == ("done", None, None)
