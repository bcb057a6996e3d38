"""Labels change while people work: nothing is lost, and only what must be is looked at again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from jinbiao.datasets import config_changes, people
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.config_changes import ChangeState, ConfigChange
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.reviews import Review
from jinbiao.tests.server.world import World, box, entity

NAMES = """<View><!-- kept --><Labels name="label" toName="text">
  <Label value="机构" alias="ORG" background="red" hotkey="1"/><Label value="PER"/>
  <Label value="“引号” 'x' &amp; &lt;y&gt;"/></Labels>
  <Text name="text" value="$text"/>
  <Choices name="sure" toName="text" perRegion="true" whenTagName="label" whenLabelValue="ORG,PER">
    <Choice value="yes"/><Choice value="no"/></Choices></View>"""
QUOTED = "“引号” 'x' & <y>"


def project_of(world: World, number: int = 3) -> int:
    """Make a project of texts that have one answer each: ORG, PER, and the quoted label."""
    project = world.project(config=NAMES)
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(number)])
    for label in ("ORG", "PER", QUOTED)[:number]:
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
        path = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("annotator", path, {"result": entity(label=label)}), 201)
    return project


def step(act: str, labels: list[str], *into: str, **more: Any) -> dict[str, Any]:
    return {"act": act, "control": "label", "labels": labels, "into": list(into), **more}


def change(world: World, project: int, *steps: dict[str, Any]) -> dict[str, Any]:
    """Ask for a change and do its job; return how the change ended."""
    path = f"/api/projects/{project}/config-changes"
    told = world.good(world.post("requester", path, {"steps": list(steps)}), 202)
    job = world.finished(told["job"]["id"])
    assert job["state"] == "done", job
    found: dict[str, Any] = world.good(
        world.get("requester", f"/api/config-changes/{told['change']['id']}")
    )
    assert found["state"] == "done"
    return found


def said(world: World, project: int) -> list[tuple[str, list[str]]]:
    """List (state, labels) of the project's annotations by id."""
    with world.installation.database.read() as session:
        query = sa.select(Annotation).where(Annotation.project_id == project)
        return [
            (row.state, [each for r in row.result_values for each in r["value"].get("labels", [])])
            for row in session.scalars(query.order_by(Annotation.id))
        ]


def config_of(world: World, project: int) -> str:
    found = world.good(world.get("requester", f"/api/projects/{project}/"))
    return str(found["label_config"])


def test_a_dry_run_counts_and_changes_nothing(world: World) -> None:
    project = project_of(world)
    path = f"/api/tasks/{world.tasks(project)[0]['id']}/drafts"
    world.good(world.post("annotator2", path, {"result": entity(label="PER")}), 201)
    before = config_of(world, project)
    steps = [step("rename", ["ORG"], "组织"), step("split", ["PER"], "甲", "乙")]
    told = world.good(
        world.post("requester", f"/api/projects/{project}/config-changes/dry-run", {"steps": steps})
    )
    touched = told["touches"]
    assert touched["annotations"] == 2
    assert touched["regions"] == [
        {"control": "label", "label": "ORG", "number": 1},
        {"control": "label", "label": "PER", "number": 1},
    ]
    assert (touched["drafts"], touched["people"], touched["tasks_looked_at_again"]) == (1, 1, 1)
    assert 'whenLabelValue="组织,甲,乙"' in told["label_config"]
    assert config_of(world, project) == before
    assert said(world, project)[0] == ("submitted", ["ORG"])


def test_a_label_gets_another_name_everywhere(world: World) -> None:
    project = project_of(world)
    annotation = world.tasks(project)[0]["annotations"][0]["id"]
    world.good(
        world.post("reviewer", f"/api/annotations/{annotation}/reviews", {"verdict": "accept"}), 201
    )
    task = world.tasks(project)[1]["id"]
    told = {"task": task, "result": entity(label="ORG"), "model_version": "m"}
    world.good(world.post("requester", "/api/predictions/", told), 201)
    found = change(world, project, step("rename", ["ORG"], "组织"))
    assert found["touched"]["annotations"] == 1
    assert said(world, project) == [
        ("accepted", ["组织"]),
        ("submitted", ["PER"]),
        ("submitted", [QUOTED]),
    ]
    (prediction,) = world.good(world.get("requester", f"/api/predictions/?task={task}"))
    assert prediction["result"][0]["value"]["labels"] == ["组织"]
    config = config_of(world, project)
    assert "<!-- kept -->" in config
    assert 'alias="组织"' in config and "ORG" not in config
    # What it was is in its history.
    history = world.good(world.get("requester", f"/api/annotations/{annotation}/"))
    assert history["result"][0]["value"]["labels"] == ["组织"]
    # New work is said with the new label, and no more with the old one.
    (free,) = [row["id"] for row in _more(world, project)]
    path = f"/api/tasks/{free}/annotations/"
    refused = world.post("annotator", path, {"result": entity(label="ORG")})
    assert refused.status_code == 400 and "ORG" in refused.text
    world.good(world.post("annotator", path, {"result": entity(label="组织")}), 201)


def _more(world: World, project: int) -> list[dict[str, Any]]:
    there = {row["id"] for row in world.tasks(project)}
    world.import_list(project, [{"text": "天津大学新号"}])
    return [row for row in world.tasks(project) if row["id"] not in there]


def test_several_labels_become_one(world: World) -> None:
    project = project_of(world)
    change(world, project, step("merge", ["ORG", QUOTED], QUOTED))
    assert [labels for _state, labels in said(world, project)] == [[QUOTED], ["PER"], [QUOTED]]
    assert config_of(world, project).count("<Label ") == 2


def test_what_is_split_goes_back_and_nothing_else(world: World) -> None:
    project = project_of(world)
    change(world, project, step("split", ["PER"], "演员", "作者"))
    assert said(world, project) == [
        ("submitted", ["ORG"]),
        ("rejected", ["演员"]),
        ("submitted", [QUOTED]),
    ]
    again = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert again["id"] == world.tasks(project)[1]["id"]
    assert "PER → 演员, 作者" in again["annotations"][0]["reviews"][-1]["reason"]
    with world.installation.database.read() as session:
        (notice,) = session.scalars(sa.select(Notice).where(Notice.kind == "labels_changed"))
        author = people.get_user(session, "annotator")
    assert notice.user_id == author.id
    annotation = again["annotations"][0]["id"]
    sent = {"result": entity(label="作者")}
    world.good(world.patch("annotator", f"/api/annotations/{annotation}/", sent))
    assert said(world, project)[1] == ("submitted", ["作者"])


def test_a_new_label_can_have_all_work_looked_at_again(world: World) -> None:
    project = project_of(world, 2)
    change(world, project, step("add", [], "地点"))
    assert [state for state, _labels in said(world, project)] == ["submitted", "submitted"]
    found = change(world, project, step("add", [], "时间", look_again=True))
    assert found["touched"]["tasks_looked_at_again"] == 2
    assert [state for state, _labels in said(world, project)] == ["rejected", "rejected"]


def test_what_a_reviewer_fixed_is_moved_over_beside_it(world: World) -> None:
    project = project_of(world, 1)
    annotation = world.tasks(project)[0]["annotations"][0]["id"]
    fixed = {"verdict": "fix", "result": entity(label="PER"), "reason": "人名"}
    world.good(world.post("reviewer", f"/api/annotations/{annotation}/reviews", fixed), 201)
    change(world, project, step("rename", ["PER"], "人"))
    with world.installation.database.read() as session:
        found = list(session.scalars(sa.select(Review).order_by(Review.id)))
    labels = [msgspec.json.decode(row.result or "[]")[0]["value"]["labels"] for row in found]
    assert labels == [["PER"], ["人"]]
    assert [row.rule for row in found] == [None, "labels"]
    frozen = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    version = world.good(world.get("requester", f"/api/versions/{frozen['version']}/"))
    assert version["statistics"]["labels"] == {"人": 1}


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([], ""),
        ("rename", ""),
        ([3], "steps[0]: "),
        ([{"act": "paint", "control": "label", "into": ["x"]}], "steps[0].act"),
        (
            [{"act": "rename", "control": "none", "labels": ["a"], "into": ["b"]}],
            "steps[0].control",
        ),
        ([step("rename", ["NONE"], "x")], "steps[0].labels"),
        ([step("rename", ["ORG"], "PER")], "steps[0].into"),
        ([step("rename", ["ORG", "PER"], "x")], "steps[0].labels"),
        ([step("split", ["ORG"], "x")], "steps[0].labels"),
        ([step("add", [], "")], "steps[0].into"),
        ([step("add", [], "x" * 301)], "steps[0].into"),
        ([step("add", [], "a\0b")], "steps[0].into"),
        ([step("rename", ["ORG"], "x"), step("merge", ["ORG", "PER"], "y")], "steps[1]"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_place(world: World, steps: Any, place: str) -> None:
    project = world.project(config=NAMES)
    for path in ("config-changes", "config-changes/dry-run"):
        answer = world.post("requester", f"/api/projects/{project}/{path}", {"steps": steps})
        assert answer.status_code == 400
        told = answer.json
        assert told and told["validation_errors"]["steps"][0].startswith(place), told


def test_one_change_at_a_time_and_one_that_was_given_up_is_no_hindrance(world: World) -> None:
    project = project_of(world, 1)
    path = f"/api/projects/{project}/config-changes"
    asked = {"steps": [step("rename", ["ORG"], "组织")]}
    first = world.good(world.post("requester", path, asked), 202)
    assert world.post("requester", path, asked).status_code == 422
    world.good(world.post("requester", f"/api/jobs/{first['job']['id']}/cancel"))
    second = world.good(world.post("requester", path, asked), 202)
    assert world.finished(second["job"]["id"])["state"] == "done"


def test_a_config_that_was_changed_meanwhile_is_left_alone(world: World) -> None:
    project = project_of(world, 1)
    path = f"/api/projects/{project}/config-changes"
    told = world.good(
        world.post("requester", path, {"steps": [step("rename", ["ORG"], "组织")]}), 202
    )
    other = NAMES.replace('<Label value="PER"/>', '<Label value="PER"/><Label value="LOC"/>')
    world.good(world.patch("requester", f"/api/projects/{project}/", {"label_config": other}))
    job = world.finished(told["job"]["id"])
    assert job["state"] == "failed"
    assert config_of(world, project) == other
    assert said(world, project) == [("submitted", ["ORG"])]


def test_a_job_that_died_goes_on_where_it_was(world: World) -> None:
    """Each part stands on its own: begun twice, nothing is moved twice."""
    project = project_of(world, 3)
    path = f"/api/projects/{project}/config-changes"
    told = world.good(
        world.post("requester", path, {"steps": [step("split", ["PER"], "甲", "乙")]}), 202
    )
    number = told["change"]["id"]
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row, of = config_changes.get(session, actor, number, "project.change")
        config_changes.begin(session, of, row)
        config_changes.move_annotations(session, of, row, 0)
    # Meanwhile both labels are taken.
    (free,) = [row["id"] for row in _more(world, project)]
    sent = {"result": entity(label="PER")}
    world.good(world.post("annotator2", f"/api/tasks/{free}/annotations/", sent), 201)
    assert world.finished(told["job"]["id"])["state"] == "done"
    assert [labels for _state, labels in said(world, project)] == [
        ["ORG"],
        ["甲"],
        [QUOTED],
        ["甲"],
    ]
    with world.installation.database.read() as session:
        assert session.get_one(ConfigChange, number).state == ChangeState.DONE
        revisions = session.scalars(sa.select(Annotation.revision).order_by(Annotation.id))
        assert list(revisions) == [1, 2, 1, 2]


def test_boxes_on_pictures_are_moved_too(world: World) -> None:
    from_config = """<View><Image name="image" value="$image"/>
      <RectangleLabels name="label" toName="image"><Label value="dent"/><Label value="scratch"/>
      </RectangleLabels></View>"""
    project = world.project(config=from_config)
    regions = [box("dent", 1), box("scratch", 2), box("dent", 3)]
    row = {
        "data": {"image": "https://pictures.example/a.png"},
        "annotations": [{"result": regions}],
    }
    world.import_list(project, [row])
    change(world, project, step("merge", ["dent", "scratch"], "损伤"))
    with world.installation.database.read() as session:
        (found,) = session.scalars(sa.select(Annotation).where(Annotation.project_id == project))
    assert [each["value"]["rectanglelabels"] for each in found.result_values] == [["损伤"]] * 3
    kept = [{**each["value"], "rectanglelabels": None} for each in found.result_values]
    assert kept == [{**each["value"], "rectanglelabels": None} for each in regions]
