"""Bring predictions, change and delete them, and make annotations of them."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets import predictions
from jinbiao.tests.server.world import World, entity


def predicted(world: World) -> tuple[int, list[int]]:
    """Make a project of three texts; two models predicted the first, one the second."""
    project = world.project()
    ids = world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(3)])["task_ids"]
    rows = [
        {"task": ids[0], "result": entity(0, 2), "model_version": "v1", "score": 0.2},
        {"task": ids[0], "result": entity(0, 4), "model_version": "v2", "score": 0.9},
        {"task": ids[1], "result": entity(2, 4), "model_version": "v2"},
    ]
    path = f"/api/projects/{project}/import/predictions"
    assert world.good(world.post("requester", path, rows), 201) == {"created": 3}
    return project, ids


def listed(world: World, **asked: Any) -> list[dict[str, Any]]:
    """List predictions."""
    found: list[dict[str, Any]] = world.good(
        world.get("requester", "/api/predictions/", query_string=asked)
    )
    return found


def acted(world: World, project: int, name: str, **values: Any) -> dict[str, Any]:
    """Do something to tasks at once; all of them unless told."""
    body = {"selectedItems": {"all": True, "excluded": []}, **values}
    path = f"/api/dm/actions/?id={name}&project={project}"
    told: dict[str, Any] = world.good(world.post("requester", path, body))
    return told


def test_predictions_are_brought_listed_changed_and_deleted(either_world: World) -> None:
    world = either_world
    project, ids = predicted(world)
    assert [row["task"] for row in listed(world, project=project)] == [ids[0], ids[0], ids[1]]
    first, second = listed(world, task=ids[0])
    assert (first["model_version"], first["score"]) == ("v1", 0.2)
    path = f"/api/predictions/{first['id']}/"
    changed = world.good(world.patch("requester", path, {"score": 0.5, "result": entity(0, 3)}))
    assert (changed["score"], changed["result"][0]["value"]["end"]) == (0.5, 3)
    assert world.get("other_requester", path).status_code == 404
    assert world.patch("annotator", path, {"score": 1}).status_code == 403
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert [row["id"] for row in listed(world, task=ids[0])] == [second["id"]]
    assert [task["total_predictions"] for task in world.tasks(project)] == [1, 1, 0]


def test_one_bad_prediction_of_many_is_named_and_none_is_kept(either_world: World) -> None:
    world = either_world
    project = world.project()
    (task,) = world.import_list(project, [{"text": "天津"}])["task_ids"]
    rows = [{"task": task, "result": entity(0, 2)}, {"task": task, "result": entity(0, 9)}]
    path = f"/api/projects/{project}/import/predictions"
    refused = world.post("requester", path, rows)
    assert refused.status_code == 400
    assert any(place.startswith("[1].") for place in refused.json["validation_errors"])
    assert listed(world, project=project) == []


def test_a_prediction_for_a_task_of_another_project_is_refused(shared_world: World) -> None:
    world = shared_world
    project, _ids = predicted(world)
    foreign = world.project("other_requester")
    (task,) = world.import_list(foreign, [{"text": "天津"}], "other_requester")["task_ids"]
    sent = [{"task": task, "result": entity(0, 2)}]
    refused = world.post("requester", f"/api/projects/{project}/import/predictions", sent)
    assert refused.status_code == 400 and str(task) in str(refused.json["validation_errors"])
    alone = world.post("requester", "/api/predictions/", sent[0])
    assert alone.status_code == 404


def test_model_versions_are_counted_and_one_is_deleted(either_world: World) -> None:
    world = either_world
    project, ids = predicted(world)
    path = f"/api/projects/{project}/model-versions/"
    assert world.good(world.get("requester", path)) == {"v1": 1, "v2": 2}
    gone = world.ask("DELETE", path, "requester", json={"model_version": "v2"})
    assert world.good(gone) == {"deleted_predictions": 2}
    assert [row["task"] for row in listed(world, project=project)] == [ids[0]]


@pytest.mark.parametrize("version", ["v2", ["v2"], ["v2", "v9"]])
def test_predictions_become_annotations_that_name_them(world: World, version: Any) -> None:
    project, ids = predicted(world)
    acted(world, project, "predictions_to_annotations", model_version=version)
    tasks = world.tasks(project)
    made = [each["annotations"] for each in tasks]
    assert [len(each) for each in made] == [1, 1, 0]
    version_two = {row["id"] for row in listed(world, project=project) if row["score"] != 0.2}
    assert {each[0]["parent_prediction"] for each in made[:2]} == version_two
    assert made[0][0]["result"][0]["value"]["end"] == 4


def test_tasks_are_deleted_with_all_that_was_said_of_them(either_world: World) -> None:
    world = either_world
    project, ids = predicted(world)
    path = f"/api/tasks/{ids[0]}/annotations/"
    annotation = world.good(world.post("requester", path, {"result": entity()}), 201)["id"]
    told = acted(world, project, "delete_tasks", selectedItems={"all": False, "included": ids[:2]})
    assert told["processed_items"] == 2 and "2" in told["detail"]
    assert [task["id"] for task in world.tasks(project)] == ids[2:]
    assert listed(world, project=project) == []
    assert world.get("requester", f"/api/annotations/{annotation}/").status_code == 404
    counts = world.good(world.get("requester", f"/api/projects/{project}/"))
    assert (counts["task_number"], counts["total_predictions_number"]) == (1, 0)
    assert world.good(world.get("annotator", f"/api/projects/{project}/next/"))["id"] == ids[2]


def test_only_what_was_said_is_deleted(either_world: World) -> None:
    world = either_world
    project, ids = predicted(world)
    path = f"/api/tasks/{ids[0]}/annotations/"
    world.good(world.post("annotator", path, {"result": entity()}), 201)
    assert acted(world, project, "delete_tasks_predictions")["processed_items"] == 3
    assert acted(world, project, "delete_tasks_annotations")["processed_items"] == 1
    assert [len(task["annotations"]) for task in world.tasks(project)] == [0, 0, 0]
    # The place that the answer took is free again.
    assert world.good(world.get("annotator2", f"/api/projects/{project}/next/"))["id"] == ids[0]


def test_equal_tasks_are_put_together(either_world: World) -> None:
    world = either_world
    project = world.project()
    rows = [{"text": "天津大学"}, {"text": "南开大学"}, {"text": "天津大学"}]
    ids = world.import_list(project, rows)["task_ids"]
    path = f"/api/tasks/{ids[2]}/annotations/"
    world.good(world.post("requester", path, {"result": entity()}), 201)
    assert acted(world, project, "remove_duplicates")["processed_items"] == 1
    assert [(t["id"], len(t["annotations"])) for t in world.tasks(project)] == [
        (ids[0], 1),
        (ids[1], 0),
    ]


def test_actions_are_those_that_the_asker_may_do(shared_world: World) -> None:
    world = shared_world
    project, ids = predicted(world)
    path = f"/api/dm/actions/?project={project}"
    names = {row["id"] for row in world.good(world.get("requester", path))}
    assert {"delete_tasks", "predictions_to_annotations"} <= names
    assert world.good(world.get("annotator", path)) == []
    body = {"selectedItems": {"all": True, "excluded": []}}
    refused = world.post("annotator", f"{path}&id=delete_tasks", body)
    assert refused.status_code == 403
    assert world.post("other_requester", f"{path}&id=delete_tasks", body).status_code == 404
    unsaid = world.post("requester", f"{path}&id=delete_tasks", {})
    assert unsaid.status_code == 400 and len(world.tasks(project)) == len(ids)
    unknown = world.post("requester", f"{path}&id=explode", body)
    assert unknown.status_code == 400 and "delete_tasks" in str(unknown.json)
    taken = world.good(world.post("annotator", f"{path}&id=next_task", {}))
    assert (taken["id"], taken["queue"]) == (ids[0], "Data manager queue")


def test_a_long_list_of_predictions_comes_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, ids = predicted(world)
    seen = [row["id"] for row in listed(world, project=project)]
    whole = predictions.of_project
    monkeypatch.setattr(
        predictions, "of_project", lambda *given, **after: whole(*given, **after, limit=2)
    )
    assert [row["id"] for row in listed(world, project=project)] == seen
    assert listed(world, project=world.project()) == []
