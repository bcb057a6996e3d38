"""Who works on what, and what is wrong with tasks, over HTTP."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people
from jinbiao.tests.server.test_assignments import filled
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World, entity


def number_of(world: World, name: str) -> int:
    with world.installation.database.read() as session:
        return people.get_user(session, name).id


def test_a_flag_with_a_skip_and_its_answer(world: World) -> None:
    project = filled(world, 2)
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))["id"]
    path = f"/api/tasks/{task}/flags"
    told = {"kind": "personal_information", "text": "看得见电话", "skip": True}
    made = world.good(world.post("annotator", path, told), 201)
    assert (made["skipped"], made["state"], made["text"]) == (True, "open", "看得见电话")
    assert world.good(world.get("annotator", f"/api/projects/{project}/next"))["id"] != task
    assert world.good(world.get("annotator2", path)) == []
    listed = world.good(world.get("requester", f"/api/projects/{project}/flags"))
    assert listed["open"] == {"personal_information": 1}
    assert [row["id"] for row in listed["results"]] == [made["id"]]
    settle = f"/api/projects/{project}/flags/{made['id']}"
    assert world.post("annotator", settle, {"outcome": "withdrawn"}).status_code == 403
    told = {"outcome": "withdrawn", "answer": "谢谢"}
    assert world.good(world.post("requester", settle, told))["state"] == "withdrawn"
    assert world.post("requester", settle, told).status_code == 422
    notices = world.good(world.get("annotator", "/api/notices"))
    assert "谢谢" in str(notices)
    assert world.get("annotator2", f"/api/projects/{project}/next").status_code == 404


@pytest.mark.parametrize("how", ["withdrawn", "removed", "lapsed"])
def test_work_on_a_task_that_was_taken_away_is_kept(world: World, how: str) -> None:
    project = filled(world, 1)
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))["id"]
    if how == "withdrawn":
        flag = {"kind": "bad_data"}
        made = world.good(world.post("annotator", f"/api/tasks/{task}/flags", flag), 201)
        settle = f"/api/projects/{project}/flags/{made['id']}"
        world.good(world.post("requester", settle, {"outcome": "withdrawn"}))
    elif how == "removed":
        path = f"/api/projects/{project}/access"
        world.good(world.patch("requester", path, {"access": "named"}))
    else:
        held = world.good(world.get("requester", f"/api/projects/{project}/holds"))["holds"]
        back = {"holds": [row["id"] for row in held]}
        path = f"/api/projects/{project}/holds/return"
        assert world.good(world.post("requester", path, back)) == {"returned": 1}
        world.good(world.get("annotator2", f"/api/projects/{project}/next"))
    path = f"/api/tasks/{task}/annotations/"
    answer = world.post("annotator", path, {"result": entity()})
    assert answer.status_code == (403 if how == "removed" else 422)
    (draft,) = world.good(world.get("annotator", f"/api/tasks/{task}/drafts"))
    assert draft["result"][0]["value"]["labels"] == ["ORG"]


def test_only_those_named_get_tasks(world: World) -> None:
    project = filled(world, 2)
    path = f"/api/projects/{project}/access"
    assert world.patch("requester", path, {"access": "nobody"}).status_code == 400
    world.good(world.patch("requester", path, {"access": "named", "most_tasks_a_day": 1}))
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 403
    me = number_of(world, "annotator")
    shown = world.good(world.post("requester", path, {"users": [me]}), 201)
    assert [entry["user"] for entry in shown["entries"]] == [me]
    world.good(world.get("annotator", f"/api/projects/{project}/next"))
    assert world.get("annotator2", f"/api/projects/{project}/next").status_code == 403
    stranger = number_of(world, "other_annotator")
    assert world.post("requester", path, {"users": [stranger]}).status_code == 400
    assert world.post("requester", path, {"users": [10**9]}).status_code == 400
    entry = shown["entries"][0]["id"]
    assert world.ask("DELETE", f"{path}/{entry}", "requester").status_code == 204
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 403
    assert world.good(world.get("requester", f"/api/projects/{project}/holds"))["holds"] == []


def test_tasks_are_given_and_shown_with_their_time(world: World) -> None:
    project = filled(world, 3)
    me = number_of(world, "annotator")
    path = f"/api/projects/{project}/give"
    told = {"number": 2, "users": [me], "due_at": "2020-01-01T00:00:00Z"}
    assert world.good(world.post("requester", path, told), 201) == {"given": 2}
    assert world.post("requester", path, {"number": 1}).status_code == 400
    late = world.good(world.get("requester", f"/api/projects/{project}/holds?overdue=true"))
    assert [row["is_overdue"] for row in late["holds"]] == [True, True]
    assert {row["reserved_until"] for row in late["holds"]} == {None}
    shown = world.get("requester", f"/projects/{project}/people")
    assert shown.status_code == 200


def test_the_page_of_people_does_what_the_api_does(world: World) -> None:
    project = filled(world, 3)
    browser = Browser(world)
    browser.sign_in("requester")
    path = f"/projects/{project}/people"
    me = number_of(world, "annotator")
    for sent in (
        {"act": "settle", "access": "named", "most_tasks_each": "2", "pause_reason": ""},
        {"act": "add", "users": str(me)},
        {"act": "give", "whom": f"users {me}", "number": "1", "due_at": "2031-01-01T08:00"},
    ):
        assert browser.post(path, path, **sent).status_code == 303
    told = world.good(world.get("requester", f"/api/projects/{project}/access"))
    assert (told["access"], told["most_tasks_each"]) == ("named", 2)
    (held,) = world.good(world.get("requester", f"/api/projects/{project}/holds"))["holds"]
    assert held["due_at"].startswith("2031-01-01T00:00")
    assert browser.post(path, path, act="return", holds=str(held["id"])).status_code == 303
    assert world.good(world.get("requester", f"/api/projects/{project}/holds"))["holds"] == []


def test_answers_say_how_long_the_server_took(world: World) -> None:
    project = filled(world, 1)
    answer = world.get("annotator", f"/api/projects/{project}/next")
    name, _sign, took = answer.headers["Server-Timing"].partition(";dur=")
    assert name == "app" and 0 < float(took) < 60_000
    assert "Server-Timing" not in world.get("annotator", "/sign-in").headers


def test_a_task_costs_few_statements(either_world: World) -> None:
    """On PostgreSQL each is a round trip: what is asked with every task is counted here."""
    world = either_world
    project = filled(world, 4)
    asked: list[str] = []
    sent = {"result": entity()}
    engine = world.installation.database.engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    for _warm in range(2):
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))["id"]
        world.good(world.post("annotator", f"/api/tasks/{task}/annotations/", sent), 201)
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))["id"]
        of_next = list(asked)
        world.good(world.post("annotator", f"/api/tasks/{task}/annotations/", sent), 201)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    more = 1 if world.installation.database.is_sqlite else 0
    assert len(of_next) <= 7 + more, of_next
    assert len(asked) - len(of_next) <= 13 + more, asked[len(of_next) :]
