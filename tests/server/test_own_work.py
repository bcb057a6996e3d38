"""Nobody reviews or accepts their own work, by whatever way it came to be theirs."""

from __future__ import annotations

import pytest

from jinbiao.tests.server.world import World, entity


def verdict(world: World, who: str, annotation: int) -> int:
    """Let somebody accept an annotation; return the status."""
    path = f"/api/annotations/{annotation}/reviews"
    return world.post(who, path, {"verdict": "accept"}).status_code


def offered(world: World, who: str, project: int) -> bool:
    """Tell whether somebody is offered anything to review."""
    return world.get(who, f"/api/projects/{project}/next_review").status_code == 200


def labelled(world: World, who: str = "annotator") -> tuple[int, int]:
    """Return (project, annotation) of one task that somebody labelled."""
    project = world.project()
    world.import_list(project, [{"text": "天津大学"}])
    task = world.good(world.get(who, f"/api/projects/{project}/next"))
    sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
    made = world.good(world.post(who, f"/api/tasks/{task['id']}/annotations/", sent), 201)
    return project, made["id"]


def number_of(world: World, who: str) -> int:
    """Return somebody's number."""
    return int(world.good(world.get(who, "/api/current-user/whoami"))["id"])


def test_not_after_becoming_a_reviewer(world: World) -> None:
    project, annotation = labelled(world)
    path = f"/api/users/{number_of(world, 'annotator')}/"
    assert world.patch("vendor", path, {"role": "reviewer"}).status_code == 200
    assert not offered(world, "annotator", project)
    assert verdict(world, "annotator", annotation) == 403
    assert verdict(world, "reviewer", annotation) == 201


def test_not_what_one_brought_in_anothers_name(world: World) -> None:
    project = world.project()
    said = {"result": entity(), "completed_by": number_of(world, "annotator")}
    world.import_list(project, [{"data": {"text": "天津大学"}, "annotations": [said]}])
    (task,) = world.tasks(project)
    (made,) = world.good(world.get("requester", f"/api/tasks/{task['id']}/annotations/"))
    assert not offered(world, "requester", project)
    assert verdict(world, "requester", made["id"]) == 403
    assert verdict(world, "reviewer", made["id"]) == 201


def test_not_what_one_changed_though_another_noted_something_since(world: World) -> None:
    project, annotation = labelled(world)
    path = f"/api/annotations/{annotation}/"
    assert world.patch("requester", path, {"result": entity(end=2)}).status_code == 200
    assert world.patch("admin", path, {"lead_time": 9.0}).status_code == 200
    assert not offered(world, "requester", project)
    assert verdict(world, "requester", annotation) == 403
    assert verdict(world, "reviewer", annotation) == 201


def test_not_what_one_made_of_predictions(world: World) -> None:
    project = world.project()
    said = {"result": entity(), "model_version": "m"}
    world.import_list(project, [{"data": {"text": "天津大学"}, "predictions": [said]}])
    acts = f"/api/dm/actions/?project={project}&id=predictions_to_annotations"
    chosen = {"selectedItems": {"all": True, "excluded": []}}
    world.good(world.post("requester", acts, chosen))
    assert not offered(world, "requester", project)
    (task,) = world.tasks(project)
    (made,) = world.good(world.get("requester", f"/api/tasks/{task['id']}/annotations/"))
    assert verdict(world, "requester", made["id"]) == 403


@pytest.mark.parametrize("who", ["requester", "admin"])
def test_not_even_who_may_do_everything(world: World, who: str) -> None:
    project = world.project()
    world.import_list(project, [{"text": "天津大学"}])
    (task,) = world.tasks(project)
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post(who, path, {"result": entity()}), 201)
    assert verdict(world, who, made["id"]) == 403
    assert verdict(world, "reviewer", made["id"]) == 201
