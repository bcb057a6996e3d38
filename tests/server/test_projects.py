"""Create, read, change and delete projects over HTTP."""

from __future__ import annotations

import pytest

from jinbiao.tests.server.world import BOXES, TEXTS, World


def test_a_project_comes_back_as_it_was_made(world: World) -> None:
    asked = {
        "title": "焊缝",
        "description": "说明",
        "label_config": BOXES,
        "expert_instruction": "框住",
        "maximum_annotations": 2,
    }
    made = world.good(world.post("requester", "/api/projects/", asked), 201)
    read = world.good(world.get("requester", f"/api/projects/{made['id']}/"))
    assert read == made
    for name, value in asked.items():
        assert read[name] == value
    assert read["parsed_label_config"]["label"]["type"] == "RectangleLabels"
    assert (read["task_number"], read["task_states"]) == (0, {})


def test_the_list_is_paged_from_the_newest(world: World) -> None:
    numbers = [world.project(title=f"p{n}") for n in range(5)]
    first = world.good(world.get("requester", "/api/projects/?page_size=2"))
    assert [row["id"] for row in first["results"]] == numbers[:2:-1]
    path = f"/api/projects/?page_size=10&before={first['next_before']}"
    assert [row["id"] for row in world.good(world.get("requester", path))["results"]] == [
        *numbers[2::-1]
    ]


def test_a_change_touches_only_what_was_sent(world: World) -> None:
    project = world.project(description="alt", expert_instruction="so")
    path = f"/api/projects/{project}/"
    changed = world.good(world.patch("requester", path, {"title": "neu"}))
    assert (changed["title"], changed["description"]) == ("neu", "alt")
    changed = world.good(world.patch("requester", path, {"description": ""}))
    assert (changed["description"], changed["expert_instruction"]) == ("", "so")
    refused = world.patch("requester", path, {"title": ""})
    assert refused.status_code == 400
    assert refused.json["validation_errors"].keys() == {"title"}
    refused = world.patch("requester", path, {"label_config": ""})
    assert refused.status_code == 400


def test_a_config_keeps_what_people_used(world: World) -> None:
    project = world.labelled(1)
    without = TEXTS.replace('<Label value="机构" alias="ORG" background="#1971c2" hotkey="2"/>', "")
    assert without != TEXTS
    refused = world.patch("requester", f"/api/projects/{project}/", {"label_config": without})
    assert (refused.status_code, refused.headers["Jinbiao-Error"]) == (422, "refused")
    assert "ORG" in refused.json["detail"]


def test_a_deleted_project_is_gone(world: World) -> None:
    project = world.project()
    assert world.ask("DELETE", f"/api/projects/{project}/", "requester").status_code == 204
    assert world.get("requester", f"/api/projects/{project}/").status_code == 404
    assert world.good(world.get("requester", "/api/projects/"))["results"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 201),
        ("title", 7),
        ("title", "a\0b"),
        ("label_config", "<View>"),
        ("label_config", None),
        ("maximum_annotations", 0),
        ("maximum_annotations", 11),
        ("maximum_annotations", "many"),
        ("maximum_annotations", True),
        ("maximum_annotations", 1.5),
        ("description", "x" * 10_001),
        ("vendor", 3),
    ],
)
def test_what_cannot_be_used_is_named(shared_world: World, field: str, value: object) -> None:
    asked = {"title": "t", "label_config": TEXTS, field: value}
    answer = shared_world.post("requester", "/api/projects/", asked)
    assert answer.status_code in (400, 413), answer.text
    assert answer.mimetype == "application/json"
    if field != "label_config":
        assert answer.json["validation_errors"].keys() == {field}


def test_all_problems_of_a_config_are_listed(shared_world: World) -> None:
    config = '<View><Image name="a" value="$x"/><Choices name="c" toName="b"/></View>'
    answer = shared_world.post(
        "requester", "/api/projects/", {"title": "t", "label_config": config}
    )
    assert answer.status_code == 400
    assert len(answer.json["validation_errors"]["label_config"]) >= 2


def test_only_an_administrator_makes_projects_of_others(world: World) -> None:
    asked = {"title": "t", "label_config": TEXTS, "organization": "beta"}
    assert world.post("requester", "/api/projects/", asked).status_code == 403
    made = world.good(world.post("admin", "/api/projects/", asked), 201)
    assert world.get("other_requester", f"/api/projects/{made['id']}/").status_code == 200
    missing = world.post("admin", "/api/projects/", {**asked, "organization": "gamma"})
    assert missing.status_code == 404


def test_a_vendors_people_see_the_project(world: World) -> None:
    project = world.project(vendor="beta")
    assert world.get("other_annotator", f"/api/projects/{project}/").status_code == 200
    assert world.get("other_requester", f"/api/projects/{project}/").status_code == 200


def test_postgres_answers_the_same(postgres_world: World) -> None:
    test_the_list_is_paged_from_the_newest(postgres_world)
    test_a_project_comes_back_as_it_was_made(postgres_world)
    test_a_vendors_people_see_the_project(postgres_world)
