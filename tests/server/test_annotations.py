"""Submit, change and draft annotations over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets.predictions import Prediction
from jinbiao.tests.server.world import World, entity


def task_of(world: World, text: str = "天津大学") -> tuple[int, int]:
    """Make a project with one task; return both numbers."""
    project = world.project()
    world.import_list(project, [{"text": text}])
    return project, int(world.tasks(project)[0]["id"])


def submitted(world: World, task: int, **values: Any) -> dict[str, Any]:
    """Submit an annotation as the annotator."""
    sent = {"result": entity(), **values}
    row: dict[str, Any] = world.good(
        world.post("annotator", f"/api/tasks/{task}/annotations/", sent), 201
    )
    return row


def test_an_answer_comes_back_as_it_was_sent(world: World) -> None:
    project, task = task_of(world)
    row = submitted(world, task, lead_time=12.5, unique_id="u1")
    assert row["result"] == entity()
    assert (row["lead_time"], row["last_action"]) == (12.5, "submitted")
    assert world.good(world.get("requester", f"/api/annotations/{row['id']}/")) == row
    assert world.good(world.get("reviewer", f"/api/tasks/{task}/annotations/")) == [row]
    assert world.states(project) == ["labelled"]


def test_the_same_answer_sent_again_is_taken_once(world: World) -> None:
    _project, task = task_of(world)
    first = submitted(world, task, unique_id="again")
    assert submitted(world, task, unique_id="again") == first
    other = world.post("annotator", f"/api/tasks/{task}/annotations/", {"result": entity()})
    assert other.status_code == 422


def test_a_skip_needs_no_result(world: World) -> None:
    project, task = task_of(world)
    path = f"/api/tasks/{task}/annotations/"
    row = world.good(world.post("annotator", path, {"was_cancelled": True}), 201)
    assert (row["was_cancelled"], row["result"]) == (True, [])
    assert world.states(project) == ["waiting"]
    assert world.tasks(project)[0]["cancelled_annotations"] == 1


def test_every_bad_region_is_named(world: World) -> None:
    _project, task = task_of(world)
    bad = [*entity(label="NONE"), *entity(end=99, number=2), {"id": "x"}]
    answer = world.post("annotator", f"/api/tasks/{task}/annotations/", {"result": bad})
    assert (answer.status_code, answer.headers["Jinbiao-Error"]) == (400, "invalid")
    places = list(answer.json["validation_errors"])
    assert {place[: len("result[0]")] for place in places} >= {"result[0]", "result[1]"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("result", None),
        ("result", {}),
        ("result", "x" * 1_000_000),
        ("lead_time", "long"),
        ("lead_time", True),
        ("lead_time", 10**400),
        ("unique_id", "x" * 65),
        ("unique_id", 5),
        ("parent_prediction", -1),
        ("parent_prediction", "first"),
        ("parent_prediction", 10**30),
        ("parent_prediction", 1),
    ],
)
def test_a_bad_field_is_named(shared_world: World, field: str, value: object) -> None:
    _project, task = task_of(shared_world)
    sent = {"result": entity(), field: value}
    answer = shared_world.post("annotator", f"/api/tasks/{task}/annotations/", sent)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["validation_errors"].keys() == {field}


def test_a_prediction_of_another_task_is_no_parent(world: World) -> None:
    project = world.project()
    rows = [{"data": {"text": "天津大学"}, "predictions": [{"result": entity()}]}] * 2
    world.import_list(project, rows)
    mine, other = world.tasks(project)
    wrong = {"result": entity(), "parent_prediction": other["predictions"][0]["id"]}
    path = f"/api/tasks/{mine['id']}/annotations/"
    answer = world.post("annotator", path, wrong)
    assert answer.json["validation_errors"].keys() == {"parent_prediction"}
    right = submitted(world, mine["id"], parent_prediction=mine["predictions"][0]["id"])
    with world.installation.database.read() as session:
        assert session.get_one(Prediction, right["parent_prediction"]).task_id == mine["id"]


def test_a_change_keeps_what_was_and_knows_what_it_changes(world: World) -> None:
    _project, task = task_of(world)
    row = submitted(world, task)
    path = f"/api/annotations/{row['id']}/"
    answer = world.patch("annotator", path, {"result": entity(end=2, label="LOC")})
    assert (answer.headers["ETag"], world.good(answer)["result"][0]["value"]["end"]) == ('"2"', 2)
    stale = world.patch("annotator", path, {"result": []}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.headers["Jinbiao-Error"]) == (412, "stale")
    strange = world.patch("annotator", path, {"result": []}, headers={"If-Match": '"abc"'})
    assert strange.status_code == 412
    fresh = world.patch("annotator", path, {"result": entity()}, headers={"If-Match": '"2"'})
    assert (fresh.status_code, fresh.headers["ETag"]) == (200, '"3"')
    timed = world.good(world.patch("annotator", path, {"lead_time": 3}))
    assert (timed["lead_time"], timed["result"]) == (3.0, entity())
    past = world.good(world.get("requester", f"/api/annotation-history/?annotation={row['id']}"))
    assert [each["result"][0]["value"]["end"] for each in past] == [4, 2]
    assert world.patch("annotator2", path, {"result": []}).status_code == 404


def test_a_draft_is_kept_and_two_tabs_do_not_overwrite_each_other(world: World) -> None:
    project, task = task_of(world)
    drafts = f"/api/tasks/{task}/drafts"
    first = world.post("annotator", drafts, {"result": [], "lead_time": 1})
    assert (first.status_code, first.headers["ETag"]) == (201, '"1"')
    path = f"/api/drafts/{first.json['id']}/"
    second = world.patch(
        "annotator", path, {"result": entity()}, headers={"If-Match": first.headers["ETag"]}
    )
    assert (second.status_code, second.headers["ETag"]) == (200, '"2"')
    stale = world.patch("annotator", path, {"result": []}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert world.patch("annotator2", path, {"result": []}).status_code == 404
    shown = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert (shown["drafts"][0]["result"], shown["drafts"][0]["revision"]) == (entity(), 2)
    listed = world.good(world.get("annotator", drafts))
    assert [row["id"] for row in listed] == [first.json["id"]]
    assert world.good(world.get("annotator2", drafts)) == []
    submitted(world, task)
    assert world.patch("annotator", path, {"result": []}).status_code == 404


def test_a_draft_can_be_thrown_away_by_its_owner_only(world: World) -> None:
    _project, task = task_of(world)
    sent = world.good(world.post("annotator", f"/api/tasks/{task}/drafts", {"result": []}), 201)
    path = f"/api/drafts/{sent['id']}/"
    assert world.ask("DELETE", path, "annotator2").status_code == 204
    assert world.patch("annotator", path, {"result": []}).status_code == 200
    assert world.ask("DELETE", path, "annotator").status_code == 204
    assert world.patch("annotator", path, {"result": []}).status_code == 404


def test_an_accepted_answer_stays(world: World) -> None:
    project = world.labelled(1)
    row = world.tasks(project)[0]["annotations"][0]
    answer = world.patch("annotator", f"/api/annotations/{row['id']}/", {"result": []})
    assert (answer.status_code, answer.headers["Jinbiao-Error"]) == (422, "refused")
