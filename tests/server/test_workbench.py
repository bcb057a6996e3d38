"""Tasks are fetched ahead without being taken, and taken when they are shown."""

from __future__ import annotations

from jinbiao.tests.server.test_annotations import submitted, task_of
from jinbiao.tests.server.world import World, entity


def test_what_comes_next_is_named_and_nothing_is_taken(world: World) -> None:
    project, task = task_of(world)
    path = f"/api/projects/{project}/workbench/ahead"
    for who in ("annotator", "annotator2", "annotator"):
        (shown,) = world.good(world.get(who, f"{path}?number=2"))
        assert shown["id"] == task
        assert "unique_lock_id" not in shown
    assert world.get("annotator", f"{path}?number=0").status_code == 400


def test_a_task_is_taken_when_it_is_shown_by_one_person(world: World) -> None:
    project, task = task_of(world)
    path = f"/api/tasks/{task}/workbench"
    taken = world.good(world.post("annotator", path))
    assert taken["unique_lock_id"] == f"assignment-{taken['assignment']['id']}"
    assert (
        world.good(world.post("annotator", path))["assignment"]["id"] == taken["assignment"]["id"]
    )
    assert world.post("annotator2", path).status_code == 422
    ahead = f"/api/projects/{project}/workbench/ahead"
    assert world.good(world.get("annotator2", ahead)) == []
    submitted(world, task)
    assert world.post("annotator", path).status_code == 422


def test_a_first_draft_does_not_overwrite_that_of_another_tab(world: World) -> None:
    _project, task = task_of(world)
    drafts, first = f"/api/tasks/{task}/drafts", {"If-None-Match": "*"}
    sent = world.post("annotator", drafts, {"result": entity()}, headers=first)
    assert sent.status_code == 201
    assert world.post("annotator", drafts, {"result": []}, headers=first).status_code == 412
    assert world.good(world.get("annotator", drafts))[0]["result"] == entity()


def test_a_config_is_looked_at_for_keys_that_will_not_work(world: World) -> None:
    config = """<View><Text name="text" value="$text"/><Labels name="label" toName="text">
    <Label value="人" hotkey="1"/><Label value="地" hotkey="1"/></Labels></View>"""
    told = world.good(world.post("annotator", "/api/labels/hotkeys", {"label_config": config}))
    assert len(told["warnings"]) == 1
    assert told["warnings"][0].startswith("地 (1): ")


def test_what_was_returned_comes_right_after_the_task_that_is_shown(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": f"第{n}条：天津大学"} for n in range(6)])
    tasks = sorted(each["id"] for each in world.tasks(project))
    row = submitted(world, tasks[0])
    shown = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert shown["id"] == tasks[1]
    verdict = {"verdict": "reject", "reason": "缺一个"}
    world.good(world.post("reviewer", f"/api/annotations/{row['id']}/reviews", verdict), 201)
    ahead = f"/api/projects/{project}/workbench/ahead?number=4"
    coming = world.good(world.get("annotator", ahead))
    assert [each["id"] for each in coming] == [tasks[1], tasks[0], tasks[2], tasks[3]]
    # And it is what comes when the one that is shown is done.
    submitted(world, tasks[1])
    again = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert (again["id"], again["assignment"]["state"]) == (tasks[0], "returned")
