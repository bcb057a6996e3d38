"""Judge annotations over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.tests.server.test_annotations import submitted, task_of
from jinbiao.tests.server.world import World, entity


def waiting(world: World) -> tuple[int, int, dict[str, Any]]:
    """Give a project, a task and an annotation that waits for review."""
    project, task = task_of(world)
    return project, task, submitted(world, task)


def judged(world: World, annotation: int, who: str = "reviewer", **values: Any) -> Any:
    """Send a judgement."""
    return world.post(who, f"/api/annotations/{annotation}/reviews", values)


def test_the_next_to_judge_is_held_for_one_reviewer(world: World) -> None:
    project, task, row = waiting(world)
    path = f"/api/projects/{project}/next_review"
    shown = world.good(world.get("reviewer", path))
    assert (shown["id"], [each["id"] for each in shown["annotations"]]) == (task, [row["id"]])
    assert world.get("reviewer2", path).status_code == 404
    assert judged(world, row["id"], "reviewer2", verdict="accept").status_code == 422
    assert judged(world, row["id"], verdict="accept").status_code == 201
    assert world.states(project) == ["accepted"]
    assert world.get("reviewer", path).status_code == 404


def test_a_returned_task_comes_back_with_the_reason(world: World) -> None:
    project, task, row = waiting(world)
    assert judged(world, row["id"], verdict="reject").json["validation_errors"].keys() == {"reason"}
    review = world.good(judged(world, row["id"], verdict="reject", reason="缺一个"), 201)
    assert (review["verdict"], review["reason"]) == ("reject", "缺一个")
    again = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert (again["id"], again["assignment"]["state"]) == (task, "returned")
    assert again["annotations"][0]["reviews"][0]["reason"] == "缺一个"
    world.good(world.patch("annotator", f"/api/annotations/{row['id']}/", {"result": entity()}))
    assert judged(world, row["id"], verdict="accept").status_code == 201


def test_a_fix_stands_beside_the_answer(world: World) -> None:
    _project, _task, row = waiting(world)
    assert judged(world, row["id"], verdict="fix").json["validation_errors"].keys() == {"result"}
    bad = judged(world, row["id"], verdict="fix", result=entity(label="NONE"))
    assert bad.status_code == 400 and bad.json["validation_errors"]
    fixed = world.good(judged(world, row["id"], verdict="fix", result=entity(end=2)), 201)
    assert fixed["result"] == entity(end=2)
    kept = world.good(world.get("requester", f"/api/annotations/{row['id']}/"))
    assert (kept["result"], world.states(kept["project"])) == (entity(), ["accepted"])


def test_nobody_judges_their_own_work(world: World) -> None:
    project, task = task_of(world)
    sent = {"result": entity()}
    row = world.good(world.post("admin", f"/api/tasks/{task}/annotations/", sent), 201)
    assert world.get("admin", f"/api/projects/{project}/next_review").status_code == 404
    own = judged(world, row["id"], "admin", verdict="accept")
    assert (own.status_code, own.headers["Jinbiao-Error"]) == (403, "own_work")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verdict", "maybe"),
        ("verdict", 1),
        ("verdict", "x" * 1_000_000),
        ("reason", 3),
        ("reason", "x" * 1_000_000),
        ("reason", "a\0"),
        ("result", "none"),
    ],
)
def test_a_bad_field_is_named(shared_world: World, field: str, value: object) -> None:
    _project, _task, row = waiting(shared_world)
    given = {"verdict": "reject", "reason": "so", field: value}
    answer = judged(shared_world, row["id"], **given)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["validation_errors"].keys() == {field}
