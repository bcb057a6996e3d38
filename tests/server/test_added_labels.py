"""Add labels beside the config while labelling, share them, replace them and take them back."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, labels, webhooks
from jinbiao.datasets.annotations import AnnotationRevision
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.world import World, entity

TREE = """<View><Text name="text" value="$text"/><Taxonomy name="tree" toName="text">
<Choice value="metal"><Choice value="steel"/></Choice></Taxonomy>
<Labels name="label" toName="text"><Label value="ORG"/></Labels>
<TextArea name="note" toName="text"/></View>"""


def start(world: World) -> tuple[int, int]:
    """Make a project with one task; return their numbers."""
    project = world.project(config=TREE, maximum_annotations=3)
    (task,) = world.import_list(project, [{"text": "天津大学第一号"}])["task_ids"]
    return project, task


def new(project: int, value: Any = "铝", **more: Any) -> dict[str, Any]:
    """Return a label that somebody wants to add."""
    path = value if isinstance(value, list) else [value]
    told = {"title": "tree:" + "/".join(path), "value": value, "from_name": "tree"}
    return {"project": project, **told, **more}


def add(world: World, who: str, *labels: dict[str, Any]) -> list[dict[str, Any]]:
    """Add labels; return them."""
    made: list[dict[str, Any]] = world.good(world.post(who, "/api/labels/", list(labels)), 201)
    return made


def grown(*path: str) -> list[Any]:
    """Return a result with one path of the tree."""
    value = {"taxonomy": [list(path)]}
    told = {"from_name": "tree", "to_name": "text", "type": "taxonomy", "id": "t"}
    return [{**told, "value": value}]


def answer(world: World, who: str, task: int, result: Any) -> Any:
    """Answer a task."""
    return world.post(who, f"/api/tasks/{task}/annotations/", {"result": result})


def test_an_added_label_can_be_used_and_is_shared(world: World) -> None:
    project, task = start(world)
    assert answer(world, "annotator", task, grown("metal", "铝")).status_code == 400
    (made,) = add(world, "annotator", new(project, ["metal", "铝"]))
    assert made["from_name"] == "tree" and made["projects"] == [project]
    assert made["value"] == ["metal", "铝"] and made["approved"] is False
    world.good(answer(world, "annotator", task, grown("metal", "铝")), 201)
    # What is not added is still refused, also in another order.
    assert answer(world, "annotator2", task, grown("铝", "metal")).status_code == 400
    told = world.good(world.get("annotator2", f"/api/label_links?project={project}&expand=label"))
    assert (told["count"], told["next"], told["previous"]) == (1, None, None)
    (link,) = told["results"]
    assert (link["from_name"], link["annotations_count"]) == ("tree", 1)
    assert link["label"]["value"] == ["metal", "铝"]
    assert "links" not in link["label"]
    (label,) = world.good(world.get("annotator2", "/api/labels/"))["results"]
    assert label["links"] == [link["id"]]
    # The config itself says what it said.
    shown = world.good(world.get("requester", f"/api/projects/{project}/"))
    assert shown["parsed_label_config"]["tree"]["labels"] == ["metal", "steel"]


def test_the_workbench_offers_added_labels(world: World) -> None:
    project, task = start(world)
    add(world, "annotator", new(project, ["metal", "铝 & <铜>"]), new(project, "木"))
    sent = {"title": "人名", "value": "PER", "from_name": "label", "project": project}
    add(world, "annotator", sent)
    shown = world.good(world.get("annotator", f"/api/tasks/{task}/workbench"))["label_config"]
    tree = labels.parse(shown)
    offered = {control.name: set(control.paths or control.labels) for control in tree.controls}
    assert {("metal", "铝 & <铜>"), ("木",), ("metal", "steel")} <= offered["tree"]
    assert set(tree.controls[1].labels) == {"ORG", "PER"}
    # What people see and change stays what its author wrote.
    told = world.good(world.get("requester", f"/api/projects/{project}/"))
    assert told["label_config"] == TREE


def test_sent_twice_a_label_is_added_once(world: World) -> None:
    project, _task = start(world)
    once = add(world, "annotator", new(project, "铝"), new(project, "铜"))
    twice = add(world, "annotator2", new(project, "铝"), new(project, "铜"))
    assert [each["id"] for each in once] == [each["id"] for each in twice]
    assert world.good(world.get("annotator", "/api/label_links/"))["count"] == 2
    # Under another control, or with a value that does not fit there, it is not the same.
    sent = [new(project, "铝", from_name="label")]
    assert world.post("annotator", "/api/labels/", sent).status_code == 400
    (deep,) = add(world, "annotator", new(project, ["metal", "锡"]))
    last, _task = start(world)
    sent = [{**new(last, "锡", from_name="label"), "title": deep["title"]}]
    assert world.post("annotator", "/api/labels/", sent).status_code == 400
    # Another project of the organisation has the label, and a link of its own.
    other, _task = start(world)
    (third,) = add(world, "annotator", new(other, "铝"))
    assert third["id"] == once[0]["id"] and third["projects"] == [project, other]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"value": []}, "value"),
        ({"value": {"a": 1}}, "value"),
        ({"value": "x" * 201}, "value"),
        ({"value": ["x"] * 21}, "value"),
        ({"value": ["a", "b"], "from_name": "label"}, "value"),
        ({"from_name": "note"}, "from_name"),
        ({"from_name": "nothing"}, "from_name"),
        ({"description": "x" * 5001}, "description"),
        ({"colour": "red"}, "colour"),
        ({"project": None}, "project"),
    ],
)
def test_what_cannot_be_a_label_is_refused(
    shared_world: World, change: dict[str, Any], place: str
) -> None:
    project, _task = start(shared_world)
    before = shared_world.good(shared_world.get("requester", "/api/labels/"))["count"]
    sent = [new(project, "good"), {**new(project, "bad"), **change}]
    refused = shared_world.good(shared_world.post("annotator", "/api/labels/", sent), 400)
    assert place in refused["validation_errors"]
    # All or none.
    assert shared_world.good(shared_world.get("requester", "/api/labels/"))["count"] == before


def test_lists_have_limits(world: World) -> None:
    project, _task = start(world)
    other, _task = start(world)
    sent = [new(project), new(other)]
    assert world.post("annotator", "/api/labels/", sent).status_code == 400
    assert world.post("annotator", "/api/labels/", ["x"]).status_code == 400
    sent = [new(project, str(number)) for number in range(1001)]
    assert world.post("annotator", "/api/labels/", sent).status_code == 413
    for start_at in range(0, 5000, 1000):
        add(world, "annotator", *(new(project, str(start_at + n)) for n in range(1000)))
    assert world.post("annotator", "/api/labels/", [new(project, "one more")]).status_code == 422
    found = world.good(world.get("annotator", f"/api/label_links?project={project}&page=50"))
    assert (found["count"], len(found["results"]), found["next"]) == (5000, 100, None)


def test_labels_are_linked_moved_and_taken_back(world: World) -> None:
    project, task = start(world)
    (made,) = add(world, "annotator", new(project, "铝"))
    other, _task = start(world)
    sent = {"project": other, "label": made["id"], "from_name": "tree"}
    link = world.good(world.post("annotator", "/api/label_links/", sent), 201)
    again = world.good(world.post("annotator", "/api/label_links/", sent), 201)
    assert again == link
    elsewhere = {**sent, "from_name": "label"}
    assert world.post("annotator", "/api/label_links/", elsewhere).status_code == 400
    path = f"/api/label_links/{link['id']}/"
    assert world.patch("annotator2", path, {"from_name": "label"}).status_code == 403
    moved = world.good(world.patch("annotator", path, {"from_name": "label"}))
    assert moved == {**link, "from_name": "label"}
    assert world.patch("annotator", path, {"from_name": "note"}).status_code == 400
    assert world.patch("annotator", path, {"project": 1}).status_code == 400
    assert world.ask("DELETE", path, "annotator").status_code == 204
    assert world.get("annotator", path).status_code == 404
    # The first project still takes it, until it is used no more.
    annotation = world.good(answer(world, "annotator", task, grown("铝")), 201)
    path = f"/api/labels/{made['id']}/"
    refused = world.ask("DELETE", path, "annotator")
    assert refused.status_code == 422 and "1" in refused.json["detail"]
    world.ask("DELETE", f"/api/annotations/{annotation['id']}/", "requester")
    assert world.ask("DELETE", path, "annotator").status_code == 204
    assert answer(world, "annotator2", task, grown("铝")).status_code == 400
    assert world.good(world.get("requester", "/api/label_links/"))["count"] == 0


def test_approved_labels_are_kept_by_who_runs_the_project(world: World) -> None:
    project, _task = start(world)
    (made,) = add(world, "annotator", new(project, "铝"))
    path = f"/api/labels/{made['id']}/"
    told = world.good(world.patch("annotator", path, {"description": "轻", "title": "铝材"}))
    assert (told["description"], told["title"]) == ("轻", "铝材")
    assert world.patch("annotator", path, {"approved": True}).status_code == 403
    assert world.patch("annotator2", path, {"title": "x"}).status_code == 403
    told = world.good(world.patch("requester", path, {"approved": True}))
    assert told["approved"] and told["approved_by"] != made["created_by"]
    assert world.patch("annotator", path, {"title": "x"}).status_code == 403
    assert world.ask("DELETE", path, "annotator").status_code == 403
    sent = [new(project, "铜", approved=True)]
    assert world.post("annotator", "/api/labels/", sent).status_code == 403
    (second,) = add(world, "requester", *sent)
    assert second["approved"]
    path = f"/api/labels/{second['id']}/"
    assert world.patch("requester", path, {"title": "铝材"}).status_code == 400
    told = world.good(world.patch("requester", path, {"value": ["metal", "铜"], "approved": False}))
    assert (told["value"], told["approved_by"]) == (["metal", "铜"], None)


def test_organisations_do_not_see_each_others_labels(world: World) -> None:
    project, _task = start(world)
    (made,) = add(world, "requester", new(project, "铝"))
    (link,) = world.good(world.get("annotator", "/api/label_links/"))["results"]
    for path in (f"/api/labels/{made['id']}/", f"/api/label_links/{link['id']}/"):
        assert world.get("other_requester", path).status_code == 404
        assert world.patch("other_requester", path, {}).status_code == 404
        assert world.ask("DELETE", path, "other_requester").status_code == 404
    for path in ("/api/labels/", "/api/label_links/", f"/api/label_links/?project={project}"):
        assert world.good(world.get("other_requester", path))["count"] == 0
    assert world.post("other_requester", "/api/labels/", [new(project, "铜")]).status_code == 404
    theirs = world.project("other_requester", config=TREE)
    sent = {"project": theirs, "label": made["id"], "from_name": "tree"}
    assert world.post("other_requester", "/api/label_links/", sent).status_code == 404
    assert world.post("admin", "/api/label_links/", sent).status_code == 400
    # The same title is another label there.
    (other,) = add(world, "other_requester", new(theirs, "铝"))
    assert other["id"] != made["id"]


def test_who_works_for_another_organisation_adds_labels_there(world: World) -> None:
    project = world.project(config=TREE, vendor="beta")
    (made,) = add(world, "other_annotator", new(project, "铝"))
    mine = world.good(world.get("requester", f"/api/labels/{made['id']}/"))
    assert mine["organization"] == made["organization"]
    hidden, _task = start(world)
    add(world, "requester", new(hidden, "铝"), new(hidden, "铜"))
    seen = world.good(world.get("other_annotator", "/api/labels/"))["results"]
    assert [(each["id"], each["projects"]) for each in seen] == [(made["id"], [project])]
    # Its approval is not theirs to give.
    path = f"/api/labels/{made['id']}/"
    assert world.patch("other_requester", path, {"approved": True}).status_code == 403


def test_labels_are_replaced_in_annotations(world: World) -> None:
    replace_in_annotations(world)


def test_labels_are_replaced_on_postgresql(postgres_world: World) -> None:
    replace_in_annotations(postgres_world)


def replace_in_annotations(world: World) -> None:
    """Replace labels of an accepted annotation and of another."""
    project, task = start(world)
    add(world, "requester", new(project, "铝"), new(project, "铜"))
    first = world.good(answer(world, "annotator", task, grown("铝")), 201)
    second = world.good(answer(world, "annotator2", task, grown("铝") + entity()), 201)
    path = f"/api/annotations/{second['id']}/reviews"
    world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    told = {"project": project, "old_label": [["铝"]], "new_label": [["铜"]]}
    assert world.post("annotator", "/api/labels/bulk", told).status_code == 403
    assert world.post("other_requester", "/api/labels/bulk", told).status_code == 404
    done = world.good(world.post("requester", "/api/labels/bulk", told))
    assert done == {"annotations_updated": 1, "annotations_kept": 1}
    found = world.good(world.get("requester", f"/api/annotations/{first['id']}/"))
    assert found["result"][0]["value"] == {"taxonomy": [["铜"]]}
    kept = world.good(world.get("requester", f"/api/annotations/{second['id']}/"))
    assert kept["result"][0]["value"] == {"taxonomy": [["铝"]]}
    with world.installation.database.read() as session:
        before = session.scalars(sa.select(AnnotationRevision)).all()
        assert [row.annotation_id for row in before] == [first["id"]]
        assert audit.verify(session).fault is None
        assert audit.events(session)[0].action == "label.replace"
    # Everywhere in the organisation, one label by itself; what the config lacks is refused.
    everywhere = {"old_label": "ORG", "new_label": "PER"}
    done = world.good(world.post("requester", "/api/labels/bulk", everywhere))
    assert done == {"annotations_updated": 0, "annotations_kept": 1}
    wrong = {"project": project, "old_label": [["铜"]], "new_label": [["none"]]}
    assert world.post("requester", "/api/labels/bulk", wrong).status_code == 400
    found = world.good(world.get("requester", f"/api/annotations/{first['id']}/"))
    assert found["result"][0]["value"] == {"taxonomy": [["铜"]]}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"old_label": "a"},
        {"old_label": "a", "new_label": ["b"]},
        {"old_label": "", "new_label": "b"},
        {"old_label": {"a": 1}, "new_label": "b"},
        {"old_label": [], "new_label": []},
        {"old_label": [[]], "new_label": [["b"]]},
        {"old_label": [[["a"]]], "new_label": [["b"]]},
        {"old_label": "x" * 2001, "new_label": "b"},
        {"old_label": "a", "new_label": "b", "other": 1},
    ],
)
def test_a_replacement_says_what_and_by_what(shared_world: World, told: dict[str, Any]) -> None:
    assert shared_world.post("requester", "/api/labels/bulk", told).status_code == 400


def test_webhooks_and_the_audit_chain_hear_of_labels(world: World) -> None:
    project, _task = start(world)
    sent = {"url": "https://hooks.example/x", "project": project, "send_for_all_actions": True}
    hook = world.good(world.post("requester", "/api/webhooks/", sent), 201)
    (made,) = add(world, "annotator", new(project, "铝"))
    world.ask("DELETE", f"/api/labels/{made['id']}/", "annotator")
    rows = world.good(world.get("requester", f"/api/webhooks/{hook['id']}/deliveries/"))
    assert sorted(row["action"] for row in rows) == ["LABEL_LINK_CREATED", "LABEL_LINK_DELETED"]
    assert {"LABEL_LINK_CREATED", "LABEL_LINK_DELETED"} <= webhooks.ACTIONS.keys()
    with world.installation.database.read() as session:
        told = [event.action for event in audit.events(session, limit=3)]
    assert told == ["label.delete", "label.link", "label.create"]


def test_a_new_config_keeps_the_added_labels(world: World) -> None:
    project, task = start(world)
    add(world, "annotator", new(project, "铝"))
    changed = TREE.replace('<Label value="ORG"/>', '<Label value="ORG"/><Label value="PER"/>')
    world.good(world.patch("requester", f"/api/projects/{project}/", {"label_config": changed}))
    world.good(answer(world, "annotator", task, grown("铝")), 201)
    with world.installation.database.read() as session:
        assert session.get_one(Project, project).added_labels == '{"tree":[["铝"]]}'
