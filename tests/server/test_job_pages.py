"""What the page of a job says while it runs and after, and where it leads then."""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa

from jinbiao.datasets import jobs, people
from jinbiao.datasets.db import now
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.test_findings import brought
from jinbiao.tests.server.world import World


def test_the_heading_follows_the_job(world: World) -> None:
    path = f"/api/projects/{world.project()}/import?async=true"
    world.good(world.post("requester", path, [{"text": "a"}]), 201)
    (job,) = world.waiting()
    goes_on = "您可以离开本页"
    assert goes_on in world.get("requester", f"/jobs/{job}").text
    card = world.get("requester", f"/jobs/{job}/card").text
    assert goes_on in card and 'id="job-about" hx-swap-oob="true"' in card
    world.finished(job)
    card = world.get("requester", f"/jobs/{job}/card").text
    assert 'id="job-about" hx-swap-oob="true"' in card and goes_on not in card


def test_amount_time_and_rate_of_what_has_ended_agree(world: World) -> None:
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = jobs.add(session, actor, "scan", {}, organisation_id=actor.organisation_id)
        begun = now() - dt.timedelta(seconds=60)
        changes = {
            "state": JobState.DONE,
            "attempt": 1,
            "done": 44,
            "total": 44,
            "started_at": begun,
            # Five seconds passed before the total was known.
            "attempt_at": begun + dt.timedelta(seconds=5),
            "ended_at": begun + dt.timedelta(seconds=6),
        }
        session.execute(sa.update(Job).where(Job.id == row.id).values(**changes))
    page = world.get("requester", f"/jobs/{row.id}").text
    assert re.search(r"7\.3\D", page) and not re.search(r"<dd>[^<]*\b44\.0\b", page)


def test_a_scan_leads_to_its_findings_and_a_cleaning_to_its_page(world: World) -> None:
    project = brought(world)
    scan = world.good(world.post("requester", f"/api/projects/{project}/scans/", {}), 202)["id"]
    link = f'href="/projects/{project}/findings"'
    assert link not in world.get("requester", f"/jobs/{scan}/card").text
    world.finished(scan)
    assert link in world.get("requester", f"/jobs/{scan}/card").text
    number = cleaned.library(world, ["天津大学第一号"])
    path = f"/api/libraries/{number}/scans/"
    scan = world.good(world.post("requester", path, {}), 202)["id"]
    world.finished(scan)
    shown = world.get("requester", f"/jobs/{scan}").text
    assert f'href="/libraries/{number}/findings"' in shown
    begun = cleaned.started(world, number, cleaned.recipe(world)["id"])
    world.finished(begun["job"])
    page = world.get("requester", f"/jobs/{begun['job']}").text
    assert f'href="/cleanings/{begun["id"]}"' in page


def test_a_look_at_the_storage_says_that_it_only_looked(world: World) -> None:
    asked = world.good(world.post("system", "/api/storage/reports/", {"dry": True}), 202)
    world.finished(asked["job"])
    looked = world.get("system", f"/jobs/{asked['job']}").text
    asked = world.good(world.post("system", "/api/storage/reports/", {"dry": False}), 202)
    world.finished(asked["job"])
    tidied = world.get("system", f"/jobs/{asked['job']}").text
    titles = [re.findall(r"<h1>(.*?)</h1>", page)[0] for page in (looked, tidied)]
    assert titles[0] != titles[1]
    for page in (looked, tidied):
        assert 'href="/storage/all"' in page


def test_formats_that_do_not_suit_are_named_by_their_titles(world: World) -> None:
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = jobs.add(session, actor, "publish", {}, organisation_id=actor.organisation_id)
        result = '{"left_out": {"coco": "no boxes"}}'
        changes = {"state": JobState.DONE, "result": result, "ended_at": now()}
        session.execute(sa.update(Job).where(Job.id == row.id).values(**changes))
    page = world.get("requester", f"/jobs/{row.id}").text
    assert "<li>COCO（目标检测）: " in page
