"""Assign tasks, talk about answers and judge them as Label Studio's team clients do."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.tests.server.world import PEOPLE, World, entity


def texts(world: World, number: int) -> tuple[int, list[int]]:
    """Make a project of texts; return it and the ids of its tasks."""
    project = world.project()
    rows = [{"text": f"天津大学第{n}号"} for n in range(number)]
    return project, world.import_list(project, rows)["task_ids"]


def person(world: World, who: str) -> int:
    """Return somebody's number."""
    return int(world.good(world.get(who, "/api/current-user/whoami"))["id"])


def answered(world: World, task: int, who: str = "annotator") -> int:
    """Let somebody answer a task; return the annotation."""
    path = f"/api/tasks/{task}/annotations/"
    return int(world.good(world.post(who, path, {"result": entity()}), 201)["id"])


def test_an_assigned_task_is_that_persons_next_and_nobody_elses(either_world: World) -> None:
    world = either_world
    project, ids = texts(world, 3)
    path = f"/api/projects/{project}/tasks/{ids[2]}/assignees"
    sent = {"users": [person(world, "annotator2")], "type": "AN"}
    made = world.good(world.post("requester", path, sent), 201)
    assert (made["task"], made["type"]) == (ids[2], "AN")
    taken = {
        who: world.good(world.get(who, f"/api/projects/{project}/next/"))["id"]
        for who in ("annotator", "annotator2")
    }
    assert taken == {"annotator": ids[0], "annotator2": ids[2]}
    (held,) = world.good(world.get("requester", path))
    assert held["assignee"] == person(world, "annotator2")


def test_a_task_that_was_taken_back_goes_to_others(either_world: World) -> None:
    world = either_world
    project, ids = texts(world, 1)
    path = f"/api/projects/{project}/tasks/{ids[0]}/assignees"
    sent = {"users": [person(world, "annotator")]}
    world.good(world.post("requester", path, sent), 201)
    assert world.get("annotator2", f"/api/projects/{project}/next/").status_code == 404
    assert world.good(world.ask("DELETE", path, "requester")) == {"removed": 1}
    assert world.good(world.get("annotator2", f"/api/projects/{project}/next/"))["id"] == ids[0]


def test_many_tasks_are_assigned_at_once_or_none(either_world: World) -> None:
    world = either_world
    project, ids = texts(world, 4)
    path = f"/api/projects/{project}/tasks/assignees"
    answered(world, ids[1])
    chosen = {"selectedItems": {"all": True, "excluded": [ids[0]]}}
    sent = {"users": [person(world, "annotator2")], **chosen}
    refused = world.post("requester", path, sent)
    assert refused.status_code == 422 and str(ids[1]) in refused.json["detail"]
    assert world.good(world.get("annotator2", f"/api/projects/{project}/next/"))["id"] == ids[0]
    sent["selectedItems"] = {"all": False, "included": ids[2:]}
    assert world.good(world.post("requester", path, sent)) == {"assignments": 2}


def test_nobody_of_another_organisation_is_assigned(shared_world: World) -> None:
    world = shared_world
    project, ids = texts(world, 1)
    path = f"/api/projects/{project}/tasks/{ids[0]}/assignees"
    stranger = person(world, "other_annotator")
    refused = world.post("requester", path, {"users": [stranger]})
    assert refused.status_code == 400 and list(refused.json["validation_errors"]) == ["users"]
    assert world.post("annotator", path, {"users": [stranger]}).status_code == 403
    assert world.post("other_requester", path, {"users": [stranger]}).status_code == 404


def test_members_are_those_who_see_the_project(either_world: World) -> None:
    project, _ids = texts(either_world, 1)
    path = f"/api/projects/{project}/members/paginated/?page_size=6"
    first = either_world.good(either_world.get("requester", path))
    names = [row["username"] for row in first["results"]]
    alpha = sorted(name for name, (_role, home) in PEOPLE.items() if home == "alpha")
    assert names == alpha[:6] and "requester" in alpha[6:]
    assert first["count"] == len(alpha) and first["next"] and first["previous"] is None
    second = either_world.good(either_world.get("requester", path + "&page=2"))
    assert [row["username"] for row in second["results"]] == alpha[6:]


def test_a_talk_about_an_annotation(either_world: World) -> None:
    world = either_world
    _project, ids = texts(world, 1)
    annotation = answered(world, ids[0])
    sent = {"annotation": annotation, "text": "末尾少了一个字", "region_ref": {"region": "span_1"}}
    said = world.good(world.post("reviewer", "/api/comments/", sent), 201)
    assert (said["task"], said["is_resolved"]) == (ids[0], False)
    assert said["region_ref"] == {"region": "span_1"}
    path = f"/api/comments/{said['id']}/"
    # The annotator reads it, cannot change the words, and settles it.
    (read,) = world.good(world.get("annotator", f"/api/comments/?annotation={annotation}"))
    assert read["text"] == "末尾少了一个字"
    assert world.patch("annotator", path, {"text": "好"}).status_code == 403
    assert world.good(world.patch("annotator", path, {"is_resolved": True}))["resolved_at"]
    # Another annotator does not even learn of it; nor does a stranger.
    assert world.good(world.get("annotator2", f"/api/comments/?task={ids[0]}")) == []
    assert world.get("other_reviewer", path).status_code == 404
    shown = world.get("reviewer", f"/api/comments/?task={ids[0]}&expand_created_by=true")
    assert world.good(shown)[0]["created_by"]["id"] == person(world, "reviewer")
    assert world.ask("DELETE", path, "annotator").status_code == 403
    assert world.ask("DELETE", path, "reviewer").status_code == 204
    assert world.get("reviewer", path).status_code == 404


@pytest.mark.parametrize("text", ["", " ", "长" * 10_001, 3, None])
def test_a_comment_is_a_text(shared_world: World, text: Any) -> None:
    _project, ids = texts(shared_world, 1)
    sent = {"annotation": answered(shared_world, ids[0]), "text": text}
    refused = shared_world.post("reviewer", "/api/comments/", sent)
    assert refused.status_code in (400, 413)
    assert list(refused.json["validation_errors"]) == ["text"]


def test_reviews_as_label_studios_client_sends_them(either_world: World) -> None:
    world = either_world
    project, ids = texts(world, 3)
    made = [answered(world, task) for task in ids]
    path = "/api/annotation-reviews/"
    world.good(world.post("reviewer", path, {"annotation": made[0], "accepted": True}), 201)
    returned = {"annotation": made[1], "accepted": False, "comment": "少一处"}
    world.good(world.post("reviewer", path, returned), 201)
    fixed = {"annotation": made[2], "accepted": True, "result": entity(0, 2)}
    review = world.good(world.post("reviewer", path, fixed), 201)
    assert review["result"][0]["value"]["end"] == 2
    assert world.states(project) == ["accepted", "returned", "accepted"]
    found = world.good(world.get("requester", f"{path}?annotation__task__project={project}"))
    assert sorted((row["annotation"], row["accepted"], row["comment"]) for row in found) == [
        (made[0], True, ""),
        (made[1], False, "少一处"),
        (made[2], True, ""),
    ]
    assert world.get("other_reviewer", f"{path}{review['id']}/").status_code == 404
    assert world.good(world.get("reviewer", f"{path}{review['id']}/"))["id"] == review["id"]


def test_who_returns_an_answer_says_why(shared_world: World) -> None:
    _project, ids = texts(shared_world, 1)
    sent = {"annotation": answered(shared_world, ids[0]), "accepted": False}
    refused = shared_world.post("reviewer", "/api/annotation-reviews/", sent)
    assert refused.status_code == 400
