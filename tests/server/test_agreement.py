"""Tell how much people and models agree, to those who may read everybody's answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people
from jinbiao.datasets.agreement import reading
from jinbiao.tests.server.world import World, entity

THIRD = pytest.approx(1 / 3)


def person(world: World, name: str) -> int:
    """Return somebody's number."""
    with world.installation.database.read() as session:
        return people.get_user(session, name).id


def answered(world: World, tasks: int = 2, overlap: int = 3) -> tuple[int, list[int]]:
    """Make a project whose tasks two people answered: alike on the first, a third on the others.

    The requester gave the truth of the first task, which is what both said.
    """
    project = world.project(maximum_annotations=overlap)
    rows = [{"text": "天津大学第一号"} for _ in range(tasks)]
    numbers: list[int] = world.import_list(project, rows)["task_ids"]
    for place, task in enumerate(numbers):
        for name, start in (("annotator", 0), ("annotator2", 2 if place else 0)):
            path = f"/api/tasks/{task}/annotations/"
            sent = {"result": entity(start, start + 4)}
            world.good(world.post(name, path, sent), 201)
    sent = {"result": entity(), "ground_truth": True}
    path = f"/api/tasks/{numbers[0]}/annotations/"
    world.good(world.post("requester", path, sent), 201)
    return project, numbers


def predict(world: World, task: int, version: str, start: int) -> None:
    """Let a model answer a task."""
    told = {"task": task, "result": entity(start, start + 4), "model_version": version}
    world.good(world.post("requester", "/api/predictions/", told), 201)


def test_a_task_tells_how_much_its_answers_agree(world: World) -> None:
    _project, (first, second) = answered(world)
    path = f"/api/tasks/{second}/annotations/"
    world.good(world.post("requester", path, {"was_cancelled": True, "result": []}), 201)
    found = world.good(world.get("reviewer", f"/api/tasks/{second}/agreement/"))
    one, other = person(world, "annotator"), person(world, "annotator2")
    assert [each["id"] for each in found.pop("users")] == [one, other]
    assert found == {
        "total_annotations": 2,
        "agreement": THIRD,
        "controls": {"label": THIRD},
        "distributions": {"label": {"type": "labels", "labels": {"ORG": 2}}},
        "matrix": [[1.0, THIRD], [THIRD, 1.0]],
    }
    found = world.good(world.get("vendor", f"/api/tasks/{first}/agreement/"))
    assert (found["total_annotations"], found["agreement"]) == (3, 1.0)


def test_one_answer_agrees_with_nobody(world: World) -> None:
    project = world.project()
    (task,) = world.import_list(project, [{"text": "天津大学"}])["task_ids"]
    path = f"/api/tasks/{task}/annotations/"
    world.good(world.post("annotator", path, {"result": entity()}), 201)
    found = world.good(world.get("requester", f"/api/tasks/{task}/agreement/"))
    assert (found["agreement"], found["controls"], found["matrix"]) == (None, {}, [[1.0]])
    stats = f"/api/projects/{project}/stats"
    assert world.good(world.get("requester", f"{stats}/total_agreement")) == {
        "total_agreement": None
    }
    assert world.good(world.get("requester", f"{stats}/IAA")) == {
        "IAA": [],
        "common_tasks": [],
        "users": [],
    }


def test_a_person_counts_once_with_their_newest_answer(world: World) -> None:
    project = world.project()
    (task,) = world.import_list(project, [{"text": "天津大学第一号"}])["task_ids"]
    path = f"/api/tasks/{task}/annotations/"
    for name, start in (("annotator", 0), ("requester", 3), ("requester", 0)):
        sent = {"result": entity(start, start + 4)}
        world.good(world.post(name, path, sent), 201)
    found = world.good(world.get("requester", f"/api/tasks/{task}/agreement/"))
    assert (found["total_annotations"], found["agreement"]) == (3, 1.0)
    assert found["matrix"] == [[1.0, 1.0], [1.0, 1.0]]


def test_a_matrix_holds_the_chosen(world: World) -> None:
    project, (_first, second) = answered(world)
    predict(world, second, "m 1", 0)
    path = f"/api/projects/{project}/tasks/{second}/agreement-matrix"
    one = person(world, "annotator")
    found = world.good(world.get("requester", path))
    assert found["matrix"] == [[1.0, THIRD], [THIRD, 1.0]]
    chosen = {"selection[annotators][ids]": str(one), "selection[models][all]": "true"}
    found = world.good(world.get("requester", path, query_string=chosen))
    assert found["matrix"] == [[1.0, 1.0], [1.0, 1.0]]
    assert [each["id"] for each in found["users"]] == [one, "m 1"]
    other = world.project()
    path = f"/api/projects/{other}/tasks/{second}/agreement-matrix"
    assert world.get("requester", path).status_code == 404


def test_a_project_tells_its_agreement(world: World) -> None:
    project, _tasks = answered(world)
    stats = f"/api/projects/{project}/stats"
    # The first task agrees fully, the second by a third.
    told = world.good(world.get("requester", f"{stats}/total_agreement"))
    assert told == {"total_agreement": pytest.approx(2 / 3)}
    told = world.good(world.get("requester", f"{stats}/total_agreement?per_label=true"))
    assert told == {"total_agreement": {"ORG": pytest.approx(2 / 3)}}
    one, other = person(world, "annotator"), person(world, "annotator2")
    # Two comparisons on the first task and one on the second.
    told = world.good(world.get("requester", f"{stats}/agreement_annotator/{one}"))
    assert told == {"Agreement_per_annotator": pytest.approx((1 + 1 + 1 / 3) / 3)}
    told = world.good(
        world.get("requester", f"{stats}/agreement_annotators?ids={one},{other},9999")
    )
    assert told["agreement"] == {
        str(one): pytest.approx(7 / 9),
        str(other): pytest.approx(7 / 9),
        "9999": None,
    }
    assert world.get("requester", f"{stats}/agreement_annotators").status_code == 400


def test_a_project_tells_who_agrees_with_whom(world: World) -> None:
    ask_who_agrees(world)


def test_postgresql_tells_the_same(postgres_world: World) -> None:
    ask_who_agrees(postgres_world)
    ask_of_models(postgres_world)


def ask_who_agrees(world: World) -> None:
    """Ask for the matrix of three people."""
    project, (first, _second) = answered(world)
    stats = f"/api/projects/{project}/stats"
    told = world.good(world.get("requester", f"{stats}/IAA?std=true"))
    names = [each["id"] for each in told["users"]]
    assert names == sorted(person(world, name) for name in ("requester", "annotator", "annotator2"))
    two = pytest.approx(2 / 3)
    assert told["IAA"] == [[1.0, 1.0, 1.0], [1.0, 1.0, two], [1.0, two, 1.0]]
    assert told["common_tasks"] == [[1, 1, 1], [1, 2, 2], [1, 2, 2]]
    # Of 1, 1 and 2/3.
    assert told["std"] == pytest.approx((2 / 81) ** 0.5)
    told = world.good(world.get("requester", f"{stats}/IAA?task={first}&per_label=true"))
    assert told["IAA"] == {"ORG": [[1.0] * 3] * 3}
    assert told["common_tasks"] == {"ORG": [[1] * 3] * 3}


def test_people_are_measured_by_the_truth_and_by_models(world: World) -> None:
    project, (first, second) = answered(world)
    one, other = person(world, "annotator"), person(world, "annotator2")
    truth = world.good(
        world.get("reviewer", f"/api/projects/{project}/stats/agreement-groundtruth?ids={one}")
    )
    assert truth == {"agreement": {str(one): 1.0}}
    path = f"/api/projects/{project}/users/{other}/stats/agreement-groundtruth"
    assert world.good(world.get("reviewer", path)) == {"agreement": 1.0}
    mine = person(world, "requester")
    path = f"/api/projects/{project}/users/{mine}/stats/agreement-groundtruth"
    assert world.good(world.get("reviewer", path)) == {"agreement": None}
    predict(world, second, "m", 0)
    path = f"/api/projects/{project}/user-stats/prediction?ids={one},{other}"
    told = world.good(world.get("reviewer", path))
    assert told == {"agreement": {str(one): 1.0, str(other): THIRD}}
    path = f"/api/projects/{project}/user-stats/{other}/prediction?per_label=1"
    told = world.good(world.get("reviewer", path))
    assert told == {"average_prediction_agreement_per_user": {"ORG": THIRD}}


def test_models_are_measured_by_people_the_truth_and_each_other(world: World) -> None:
    ask_of_models(world)


def ask_of_models(world: World) -> None:
    """Ask how much a model agrees with people, the truth and another model."""
    project, (first, second) = answered(world)
    name = "a/b 1"
    predict(world, first, name, 2)
    predict(world, second, name, 0)
    predict(world, second, "m2", 2)
    path = f"/api/projects/{project}/model-stats/{quote(name, safe='')}"
    # Three people on the first task, two on the second.
    told = world.good(world.get("requester", f"{path}/agreement"))
    assert told == {"agreement": pytest.approx((3 * 1 / 3 + 1 + 1 / 3) / 5)}
    told = world.good(world.get("requester", f"{path}/agreement-groundtruth"))
    assert told == {"agreement": THIRD}
    told = world.good(world.get("requester", f"{path}/prediction?per_label=true"))
    assert told == {"average_prediction_agreement_per_model": {"ORG": THIRD}}
    path = f"/api/projects/{project}/model-stats/nobody/agreement"
    assert world.good(world.get("requester", path)) == {"agreement": None}


def test_annotators_are_not_told(world: World) -> None:
    project, (first, _second) = answered(world)
    for path in (f"/api/tasks/{first}/agreement/", f"/api/projects/{project}/stats/IAA"):
        assert world.get("annotator", path).status_code == 403
        assert world.get("other_requester", path).status_code == 404


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = world.installation.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def test_more_tasks_take_no_more_statements(world: World) -> None:
    numbers = []
    for tasks in (1, 6):
        project, _tasks = answered(world, tasks)
        with counted(world) as sent:
            world.good(world.get("requester", f"/api/projects/{project}/stats/IAA"))
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]


def test_a_limit_bounds_how_long_somebody_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _tasks = answered(world, 6)
    monkeypatch.setattr(reading, "MOST_TASKS", 2)
    refused = world.get("requester", f"/api/projects/{project}/stats/IAA")
    assert (refused.status_code, "2" in refused.json["detail"]) == (413, True)
