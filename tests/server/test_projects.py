"""Create, read, change and delete projects over HTTP."""

from __future__ import annotations

import pytest

from jinbiao.datasets.projects import Project
from jinbiao.tests.server.world import BOXES, TEXTS, World, entity


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
    assert (read["task_number"], read["queue_total"]) == (0, 0)


def test_the_list_is_paged_from_the_newest(world: World) -> None:
    numbers = [world.project(title=f"p{n}") for n in range(5)]
    first = world.good(world.get("requester", "/api/projects/?page_size=2"))
    assert [row["id"] for row in first["results"]] == numbers[:2:-1]
    assert (first["count"], first["previous"]) == (5, None)
    second = world.good(world.get("requester", first["next"]))
    assert [row["id"] for row in second["results"]] == numbers[2:0:-1]
    last = world.good(world.get("requester", second["next"]))
    assert ([row["id"] for row in last["results"]], last["next"]) == ([numbers[0]], None)
    past = world.get("requester", "/api/projects/?page_size=2&page=4")
    assert (past.status_code, past.headers["Jinbiao-Error"]) == (404, "not_found")


def test_a_list_is_searched_ordered_and_cut_to_what_is_asked(world: World) -> None:
    numbers = {title: world.project(title=title) for title in ("焊缝 B", "焊缝 A", "齿轮_1")}

    def listed(query: str) -> list[object]:
        answer = world.get("requester", f"/api/projects/?{query}")
        return [row["id"] for row in world.good(answer)["results"]]

    assert listed("title=焊缝&ordering=title") == [numbers["焊缝 A"], numbers["焊缝 B"]]
    assert listed("title=_") == [numbers["齿轮_1"]]
    assert listed(f"ids={numbers['焊缝 B']},999") == [numbers["焊缝 B"]]
    pinned = {"pinned_at": "2026-11-21T00:00:00Z"}
    world.good(world.patch("requester", f"/api/projects/{numbers['齿轮_1']}/", pinned))
    assert listed("filter=pinned_only") == [numbers["齿轮_1"]]
    assert listed("filter=exclude_pinned&ordering=id") == sorted(numbers.values())[:2]
    short = world.good(world.get("requester", "/api/projects/?include=title,task_number"))
    assert all(row.keys() == {"id", "title", "task_number"} for row in short["results"])
    for query in ("ordering=size", "ids=a", "filter=some", "page=0", "include=colour"):
        refused = world.get("requester", f"/api/projects/?{query}")
        assert refused.json["validation_errors"].keys() == {query.partition("=")[0]}


def test_numbers_follow_the_work(world: World) -> None:
    project = world.labelled(3)
    world.import_list(project, [{"text": "天津大学"}])
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    path = f"/api/tasks/{task['id']}/annotations/"
    world.good(world.post("annotator", path, {"result": [], "was_cancelled": True}), 201)
    for who, done in (("requester", 0), ("annotator", 4)):
        read = world.good(world.get(who, f"/api/projects/{project}/"))
        assert (read["task_number"], read["finished_task_number"]) == (4, 3)
        assert (read["total_annotations_number"], read["skipped_annotations_number"]) == (3, 1)
        assert (read["num_tasks_with_annotations"], read["queue_done"]) == (3, done)
    counted = world.good(world.get("requester", "/api/projects/counts/"))
    row = next(row for row in counted["results"] if row["id"] == project)
    assert (row["useful_annotation_number"], row["task_number"]) == (3, 4)
    people = world.good(world.get("requester", f"/api/projects/{project}/annotators/"))
    assert len(people) == 1


def test_options_are_kept_checked_and_given_back(world: World) -> None:
    asked = {"color": "#FF8800", "show_instruction": True, "skip_queue": "REQUEUE_FOR_ME"}
    project = world.project(**asked)
    path = f"/api/projects/{project}/"
    read = world.good(world.get("requester", path))
    assert {name: read[name] for name in asked} == asked
    assert world.good(world.patch("requester", path, {"color": None}))["color"] == "#FFFFFF"
    # A script may send a project back as it got it.
    assert world.patch("requester", path, {**read, "color": "#000000"}).status_code == 200
    for field, value in (
        ("color", "red"),
        ("show_instruction", 1),
        ("skip_queue", "NEVER"),
        ("sampling", "Magic"),
        ("overlap_cohort_percentage", 101),
        ("task_data_password", "secret"),
        ("pinned_at", "yesterday"),
        ("control_weights", {"label": {"overall": 2}}),
        ("colour", "#FF8800"),
    ):
        refused = world.patch("requester", path, {field: value})
        assert refused.status_code == 400, field
        assert refused.json["validation_errors"].keys() == {field}


def test_a_draft_needs_neither_title_nor_config(world: World) -> None:
    made = world.good(world.post("requester", "/api/projects/", {}), 201)
    assert (made["label_config"], made["config_has_control_tags"]) == ("<View></View>", False)
    assert made["title"] == "新建项目"
    path = f"/api/projects/{made['id']}/"
    filled = world.good(world.patch("requester", path, {"label_config": TEXTS}))
    assert filled["config_has_control_tags"]


def test_more_people_a_task_opens_it_again_and_fewer_close_it(world: World) -> None:
    project = world.labelled(2)
    path = f"/api/projects/{project}/"
    assert world.get("annotator2", f"{path}next").status_code == 404
    world.good(world.patch("requester", path, {"maximum_annotations": 2}))
    assert world.good(world.get("annotator2", f"{path}next"))["id"]
    assert world.get("annotator", f"{path}next").status_code == 404
    world.good(world.patch("requester", path, {"maximum_annotations": 1}))
    held = world.good(world.get("annotator2", f"{path}next"))
    sent = {"result": entity(), "unique_id": held["unique_lock_id"]}
    world.good(world.post("annotator2", f"/api/tasks/{held['id']}/annotations/", sent), 201)
    assert world.get("annotator2", f"{path}next").status_code == 404


def test_one_change_may_hold_people_a_task_and_options_together(world: World) -> None:
    path = f"/api/projects/{world.project()}/"
    asked = {"title": "新名", "maximum_annotations": 3, "gold_every": 7, "show_skip_button": False}
    told = world.good(world.patch("requester", path, asked))
    kept = world.good(world.get("requester", path))
    for name, value in asked.items():
        if name in told:
            assert told[name] == kept[name] == value, name
    with world.installation.database.read() as session:
        project = session.get_one(Project, kept["id"])
        assert project.option("gold_every") == 7


def test_configs_are_checked_before_they_are_used(world: World) -> None:
    project = world.labelled(1)
    path = f"/api/projects/{project}/"
    good = world.post("requester", "/api/projects/validate/", {"label_config": TEXTS})
    assert (good.status_code, good.data) == (204, b"")
    dangling = '<View><Labels name="a" toName="b"><Label value="x"/></Labels></View>'
    bad = world.post("requester", "/api/projects/validate/", {"label_config": dangling})
    assert (bad.status_code, bad.json.keys()) == (400, {"label_config"})
    assert any("b" in line for line in bad.json["label_config"])
    for config, changed in ((TEXTS, False), (BOXES, True)):
        answer = world.post("requester", f"{path}validate/", {"label_config": config})
        assert world.good(answer) == {"config_essential_data_has_changed": changed}
    refused = world.post("requester", f"{path}validate/", {"label_config": "<View><Foo/></View>"})
    assert refused.json["validation_errors"].keys() == {"label_config"}
    sample = world.good(world.post("requester", f"{path}sample-task/", {"label_config": BOXES}))
    assert sample["sample_task"].keys() == {"image"}
    assert world.good(world.get("requester", "/api/templates/"))["templates"]


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
        ("title", "x" * 201),
        ("title", 7),
        ("title", "a\0b"),
        ("label_config", "<View>"),
        ("maximum_annotations", 0),
        ("maximum_annotations", 101),
        ("maximum_annotations", "many"),
        ("maximum_annotations", True),
        ("maximum_annotations", 1.5),
        ("description", "x" * 10_001),
        ("vendor", 999),
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
    missing = world.post("admin", "/api/projects/", {**asked, "organization": "nowhere"})
    assert missing.json["validation_errors"].keys() == {"organization"}


def test_a_vendors_people_see_the_project(world: World) -> None:
    project = world.project(vendor="beta")
    assert world.get("other_annotator", f"/api/projects/{project}/").status_code == 200
    assert world.get("other_requester", f"/api/projects/{project}/").status_code == 200


def test_postgres_answers_the_same(postgres_world: World) -> None:
    test_the_list_is_paged_from_the_newest(postgres_world)
    test_numbers_follow_the_work(postgres_world)
    test_more_people_a_task_opens_it_again_and_fewer_close_it(postgres_world)
    test_a_project_comes_back_as_it_was_made(postgres_world)
    test_a_vendors_people_see_the_project(postgres_world)
