"""An annotator cannot tell a gold task from any other; a lead sees how people do."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import gold
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.gold import GoldPlan
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.world import World, entity

PLACES = (
    "/api/tasks/{id}/",
    "/api/tasks/{id}/workbench",
    "/api/tasks/{id}/annotations/",
    "/tasks/{id}",
)


def project_with_gold(world: World, overlap: int = 1, **options: Any) -> int:
    """Bring some texts with their truth, make gold of them, and let others wait."""
    project = world.project(maximum_annotations=overlap)
    known = {"result": entity(), "ground_truth": True}
    world.import_list(
        project,
        [
            {"data": {"text": f"天津大学第{n}号"}, "annotations": [known] * overlap}
            for n in range(6)
        ],
    )
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(6, 60)])
    world.good(world.patch("requester", f"/api/projects/{project}", {"gold_every": 3, **options}))
    with world.installation.database.write() as session:
        lead = session.scalars(sa.select(User).where(User.username == "requester")).one()
        session.add(GoldPlan(project_id=project, seed="known"))
        gold.choose(session, lead, session.get_one(Project, project), 6)
    return project


def purposes(world: World) -> dict[int, str | None]:
    """Return the task of each hold of the second annotator → its purpose."""
    with world.installation.database.read() as session:
        rows = session.execute(
            sa.select(Assignment.task_id, Assignment.purpose)
            .join(User, User.id == Assignment.user_id)
            .where(User.username == "annotator2")
        )
        return {task_id: purpose for task_id, purpose in rows}


def seen(world: World, project: int, task: dict[str, Any], moment: str) -> dict[str, Any]:
    """Collect what the annotator can read of a task: the answers' forms, numbers veiled."""
    found: dict[str, Any] = {"next": form(task)}
    for place in PLACES:
        answer = world.get("annotator2", place.format(id=task["id"]))
        found[place] = form(answer.json) if answer.is_json else veiled(answer.text)
    listed = world.good(world.get("annotator2", f"/api/tasks/?project={project}&fields=all"))
    found["list"] = [form(row) for row in listed["tasks"] if row["id"] == task["id"]]
    return {moment: found}


def form(value: Any) -> Any:
    """Return a JSON value with what names this very task, or a moment, veiled."""
    if isinstance(value, dict):
        return {name: "…" if name in VEILED else form(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return [form(each) for each in value]
    return veiled(value) if isinstance(value, str) else value


VEILED = {"id", "inner_id", "text", "task", "name", "unique_lock_id", "lead_time"}


def veiled(text: str) -> str:
    without_secrets = re.sub(r"[\w.-]{50,}", "…", text)
    return re.sub(r"\d+", "0", without_secrets)


@pytest.mark.parametrize("overlap", [1, 2])
def test_nothing_that_an_annotator_reads_tells_gold_from_work(world: World, overlap: int) -> None:
    project = project_with_gold(world, overlap)
    kinds: dict[str | None, list[Any]] = {None: [], "gold": []}
    for _ in range(16):
        task = world.good(world.get("annotator2", f"/api/projects/{project}/next"))
        told = seen(world, project, task, "held")
        sent = {"result": entity(), "unique_id": task["unique_lock_id"], "lead_time": 3}
        path = f"/api/tasks/{task['id']}/annotations/"
        answer = world.post("annotator2", path, sent)
        told["answer"] = form(world.good(answer, 201))
        told |= seen(world, project, task, "answered")
        kinds[purposes(world)[task["id"]]].append(told)
    assert len(kinds["gold"]) >= 2
    for told in (*kinds[None], *kinds["gold"]):
        for moment, found in kinds[None][0].items():
            for place, expected in dict(found).items():
                assert told[moment][place] == expected, (moment, place)
        assert "gold" not in str(told) and "purpose" not in str(told)


def test_an_annotator_cannot_ask_what_others_made_of_a_task(world: World) -> None:
    project = project_with_gold(world)
    asked = '{"filters":{"items":[{"filter":"filter:tasks:total_annotations",'
    asked += '"operator":"greater","type":"Number","value":0}]}}'
    for query in (
        {"query": asked},
        {"query": '{"ordering":["-tasks:updated_at"]}'},
        {"only_annotated": "true"},
    ):
        assert world.get("annotator2", f"/api/tasks/?project={project}").status_code == 200
        answer = world.ask(
            "GET", "/api/tasks/", "annotator2", query_string={"project": str(project), **query}
        )
        assert answer.status_code == 403, query
        answer = world.ask(
            "GET", "/api/tasks/", "requester", query_string={"project": str(project), **query}
        )
        assert answer.status_code == 200


def test_feedback_comes_with_the_answer_only_where_the_project_wants_it(world: World) -> None:
    project = project_with_gold(world, gold_feedback=True)
    told: dict[str | None, list[dict[str, Any]]] = {None: [], "gold": []}
    for number in range(12):
        task = world.good(world.get("annotator2", f"/api/projects/{project}/next"))
        result = entity(0, 4 if number % 2 else 2)
        path = f"/api/tasks/{task['id']}/annotations/"
        answer = world.good(world.post("annotator2", path, {"result": result}), 201)
        told[purposes(world)[task["id"]]].append(answer)
    assert all("feedback" not in each for each in told[None])
    assert told["gold"]
    for each in told["gold"]:
        right = each["result"] == each["feedback"]["truth"]
        assert each["feedback"]["is_passed"] is right
        assert (each["feedback"]["score"] == 1) is right
        assert each["feedback"]["differences"] == ([] if right else ["label"])
