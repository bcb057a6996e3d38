"""Hand out the next task over HTTP."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.db import now
from jinbiao.tests.server.world import World, entity
from jinbiao.workers import expire


def filled(world: World, number: int, **values: object) -> int:
    """Make a project of so many texts."""
    project = world.project(**values)
    world.import_list(project, [{"text": f"天津大学{n}"} for n in range(number)])
    return project


def test_the_next_task_stays_until_it_is_answered(world: World) -> None:
    project = filled(world, 2)
    path = f"/api/projects/{project}/next"
    first = world.good(world.get("annotator", path))
    assert (first["queue"], first["annotations"]) == ("Sequence queue", [])
    assert world.good(world.get("annotator", path))["id"] == first["id"]
    first = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert first["assignment"]["state"] == "reserved"
    assert first["label_config"].startswith("<View>")
    sent = {"result": entity(), "unique_id": first["unique_lock_id"]}
    world.good(world.post("annotator", f"/api/tasks/{first['id']}/annotations/", sent), 201)
    second = world.good(world.get("annotator", path))
    assert second["id"] != first["id"]
    world.good(
        world.post("annotator", f"/api/tasks/{second['id']}/annotations/", {"result": entity()}),
        201,
    )
    assert world.get("annotator", path).status_code == 404


def test_two_people_get_two_tasks(world: World) -> None:
    path = f"/api/projects/{filled(world, 2)}/next"
    mine = world.good(world.get("annotator", path))
    theirs = world.good(world.get("annotator2", path))
    assert mine["id"] != theirs["id"]


def test_overlap_gives_a_task_to_several_but_once_each(world: World) -> None:
    path = f"/api/projects/{filled(world, 1, maximum_annotations=2)}/next"
    mine = world.good(world.get("annotator", path))
    assert world.good(world.get("annotator2", path))["id"] == mine["id"]
    assert world.get("other_annotator", path).status_code == 404
    sent = {"result": entity()}
    world.good(world.post("annotator", f"/api/tasks/{mine['id']}/annotations/", sent), 201)
    assert world.get("annotator", path).status_code == 404


def test_many_tabs_at_once_share_out_every_task_once(world: World) -> None:
    project = filled(world, 30)

    def work(who: str) -> list[int]:
        done = []
        while (got := world.get(who, f"/api/projects/{project}/next")).status_code == 200:
            path = f"/api/tasks/{got.json['id']}/annotations/"
            sent = {"result": entity(), "unique_id": got.json["unique_lock_id"]}
            if world.post(who, path, sent).status_code == 201:
                done.append(got.json["id"])
        return done

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, ["annotator", "annotator2", "annotator", "annotator2"]))
    rows = world.tasks(project)
    assert {task["id"] for task in rows} == {number for done in found for number in done}
    assert all(len(task["annotations"]) == 1 for task in rows)


def test_a_lapsed_reservation_goes_to_somebody_else(world: World) -> None:
    path = f"/api/projects/{filled(world, 1)}/next"
    mine = world.good(world.get("annotator", path))
    assert world.get("annotator2", path).status_code == 404
    with world.installation.database.write() as session:
        session.execute(
            sa.update(Assignment).values(reserved_until=now() - dt.timedelta(minutes=1))
        )
    assert expire.run(world.installation) == 1
    assert world.good(world.get("annotator2", path))["id"] == mine["id"]
    late = world.post("annotator", f"/api/tasks/{mine['id']}/annotations/", {"result": entity()})
    assert (late.status_code, late.headers["Jinbiao-Error"]) == (422, "refused")


@pytest.mark.parametrize("who", ["reviewer", "vendor", "requester"])
def test_those_who_do_not_label_get_no_task(shared_world: World, who: str) -> None:
    path = f"/api/projects/{shared_world.project()}/next"
    assert shared_world.get(who, path).status_code == 403


def test_postgres_shares_out_every_task_once(postgres_world: World) -> None:
    test_many_tabs_at_once_share_out_every_task_once(postgres_world)
