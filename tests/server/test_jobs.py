"""Follow, cancel and repeat jobs over HTTP."""

from __future__ import annotations

import time

import pytest

from jinbiao.tests.server.world import BOXES, World, picture


def started(world: World) -> str:
    """Start an import that nobody does."""
    path = f"/api/projects/{world.project()}/import?async=true"
    world.good(world.post("requester", path, [{"text": "a"}]), 201)
    (job,) = world.waiting()
    return job


def test_a_job_is_seen_by_its_organisation(world: World) -> None:
    job = started(world)
    row = world.good(world.get("requester", f"/api/jobs/{job}/"))
    assert (row["kind"], row["state"], row["attempt"]) == ("import", "waiting", 0)
    assert [each["id"] for each in world.good(world.get("vendor", "/api/jobs/"))] == [job]
    assert world.good(world.get("other_requester", "/api/jobs/")) == []
    assert world.get("other_requester", f"/api/jobs/{job}/").status_code == 404
    assert world.get("annotator", f"/api/jobs/{job}/").status_code == 403


def test_a_waiting_job_is_cancelled_and_repeated(world: World) -> None:
    job = started(world)
    row = world.good(world.post("requester", f"/api/jobs/{job}/cancel"))
    assert row["state"] == "cancelled"
    assert world.post("requester", f"/api/jobs/{job}/cancel").headers["Jinbiao-Error"] == "refused"
    row = world.good(world.post("requester", f"/api/jobs/{job}/retry"))
    assert row["state"] == "waiting"
    assert world.finished(job)["state"] == "done"
    assert world.post("requester", f"/api/jobs/{job}/retry").status_code == 422


def test_a_failed_job_tells_why_in_the_askers_language(world: World) -> None:
    project = world.project(config=BOXES)
    asked = {"model": "golden_difference"}
    answer = world.post("requester", f"/api/projects/{project}/prelabel", asked)
    job = world.finished(world.good(answer, 202)["id"])
    assert job["state"] == "failed"
    assert "template" in job["error"]
    english = world.get(
        "requester", f"/api/jobs/{job['id']}/", headers={"Accept-Language": "en-GB,en"}
    )
    assert "needs the data template" in english.json["error"]


@pytest.mark.parametrize("model", ["none", "", 1, "x" * 1_000_000])
def test_a_bad_model_is_named(shared_world: World, model: object) -> None:
    path = f"/api/projects/{shared_world.project()}/prelabel"
    answer = shared_world.post("requester", path, {"model": model})
    assert answer.status_code in (400, 413)
    assert answer.json["validation_errors"].keys() == {"model"}


@pytest.mark.parametrize(
    "query", ["before=soon", "before=0001-01-01T00:00:00%2B10:00", "page_size=0", "page_size=-3"]
)
def test_a_page_that_cannot_be_is_refused(shared_world: World, query: str) -> None:
    answer = shared_world.get("requester", f"/api/jobs/?{query}")
    assert answer.status_code == 400
    assert answer.json["validation_errors"].keys() == {query.partition("=")[0]}


def test_jobs_are_paged_by_time(world: World) -> None:
    project = world.project(config=BOXES)
    world.upload(project, *[(f"{n}.png", picture(n)) for n in range(3)])
    first = world.good(world.get("requester", "/api/jobs/?page_size=2"))
    query = {"before": first[-1]["created_at"]}
    rest = world.good(world.get("requester", "/api/jobs/", query_string=query))
    assert len({row["id"] for row in first + rest}) == 3


def test_a_request_does_not_hang_on_a_dead_queue(world: World) -> None:
    begin = time.monotonic()
    job = started(world)
    assert time.monotonic() - begin < 2
    assert world.waiting() == [job]


@pytest.mark.parametrize("job", ["none", "00000000-0000-0000-0000-000000000000", "%F0%9F%98%80"])
def test_an_unknown_job_is_not_found(shared_world: World, job: str) -> None:
    assert shared_world.get("requester", f"/api/jobs/{job}/").status_code == 404
    assert shared_world.post("requester", f"/api/jobs/{job}/cancel").status_code == 404
    assert shared_world.get("requester", f"/jobs/{job}/rejects").status_code == 404
