"""Quality and curation over HTTP: figures, gates, tables, and who decides disagreements."""

from __future__ import annotations

from typing import Any

from jinbiao.datasets.tasks import Task, TaskState
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World, entity


def compared(world: World, *pairs: tuple[list[Any], list[Any]]) -> int:
    """Make a project whose tasks two annotators answered, and compare the answers."""
    project = world.project(maximum_annotations=2)
    world.import_list(project, [{"text": f"天津大学{place}"} for place in range(len(pairs))])
    for task, said in zip(world.tasks(project), pairs, strict=True):
        path = f"/api/tasks/{task['id']}/annotations/"
        for name, result in zip(("annotator", "requester"), said, strict=True):
            world.good(world.post(name, path, {"result": result}), 201)
    world.done(world.post("requester", f"/api/projects/{project}/quality/measure", {}))
    return project


def test_figures_are_told_with_their_interval(world: World) -> None:
    project = compared(world, (entity(), entity()), (entity(), entity(1, 4)), (entity(), []))
    told = world.good(world.get("requester", f"/api/projects/{project}/quality"))
    report = told["report"]
    assert report["tasks"] == 3 and report["waiting"] == 0 and told["gates"] == []
    measures = report["controls"]["label"]["measures"]
    assert {name for name in measures} == {"f1", "exact_f1", "mean_overlap"}
    assert measures["f1"]["value"] == 0.8 and measures["exact_f1"]["value"] == 0.4
    assert measures["f1"]["number"] == 3 and measures["f1"]["low"] <= 0.8 <= measures["f1"]["high"]


def test_the_page_begins_with_the_finding_and_ends_with_gates(world: World) -> None:
    project = compared(world, (entity(), entity()), (entity(), []))
    page = Browser(world)
    page.sign_in("requester")
    shown = page.client.get(f"/projects/{project}/quality").text
    assert "50 %" in shown and "data-plot" in shown and "echarts.min.js" in shown
    sent = {"gate_agreement_percent": "100", "gate_first_pass_percent": ""}
    path = f"/projects/{project}/quality"
    assert page.post(path, path, **sent).status_code == 302
    told = world.good(world.get("requester", f"/api/projects/{project}/quality"))
    assert [(gate["name"], gate["outcome"]) for gate in told["gates"]] == [("agreement", "not_yet")]
    for name in ("labels", "people", "pairs", "confusion", "measures", "tasks"):
        sheet = page.client.get(f"/projects/{project}/quality.csv?table={name}")
        assert sheet.mimetype == "text/csv" and sheet.text.startswith("\ufeff")
        assert sheet.text.count("\n") > 1, name
    assert page.client.get(f"/projects/{project}/quality.csv?table=none").status_code == 404


def test_an_empty_project_says_what_to_do(world: World) -> None:
    project = world.project()
    page = Browser(world)
    page.sign_in("requester")
    shown = page.client.get(f"/projects/{project}/quality").text
    assert "empty-state" in shown and "data-plot" not in shown


def test_a_disagreement_is_decided_by_somebody_who_had_no_part_in_it(world: World) -> None:
    project = compared(world, (entity(), entity(0, 2)), (entity(), entity()))
    task = world.tasks(project)[0]["id"]
    path = f"/api/projects/{project}/curation/{task}"
    own = world.post("requester", path, {"result": entity()})
    assert own.status_code in (403, 409, 422), own.text
    page = Browser(world)
    page.sign_in("admin")
    shown = page.client.get(f"/projects/{project}/curation").text
    assert f"/curation/{task}" in shown and shown.count('name="take"') == 4
    assert "annotator" not in shown.partition('class="sides"')[2]
    path = f"/projects/{project}/curation"
    decided = page.post(f"{path}/{task}", path, take="consensus")
    assert decided.status_code == 302
    with world.installation.database.read() as session:
        assert session.get_one(Task, task).state == TaskState.ACCEPTED
    again = world.post("admin", f"/api{path}/{task}", {"result": entity()})
    assert again.status_code in (409, 422)
