"""The order job: what a model is least sure of first, by lot, or as the tasks came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import jobs, ordering, projects
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import SAMPLINGS, Project
from jinbiao.datasets.tasks import QueuedTask
from jinbiao.tests.server.world import World

TONES = """<View><Text name="text" value="$text"/><Choices name="topic" toName="text"
choice="single"><Choice value="sport"/><Choice value="stocks"/></Choices></View>"""
SEQUENTIAL, UNIFORM, UNCERTAINTY = SAMPLINGS


def queued(world: World, project: int) -> list[int]:
    with world.installation.database.read() as session:
        query = sa.select(QueuedTask.task_id).where(QueuedTask.project_id == project)
        return list(session.scalars(query.order_by(QueuedTask.priority, QueuedTask.task_id)))


def texts(world: World, number: int = 6, config: str = TONES) -> tuple[int, list[int]]:
    project = world.project(config=config)
    world.import_list(project, [{"text": f"文本 {place}"} for place in range(number)])
    return project, [task["id"] for task in world.tasks(project)]


def sampling(world: World, project: int, name: str) -> None:
    world.good(world.patch("requester", f"/api/projects/{project}/", {"sampling": name}))


def say(world: World, project: int, scores: dict[int, float], version: str = "m 1") -> None:
    """Let a model answer tasks as surely as that."""
    for task, score in scores.items():
        result = [
            {
                "from_name": "topic",
                "to_name": "text",
                "type": "choices",
                "value": {"choices": ["sport"]},
            }
        ]
        sent = {"task": task, "result": result, "score": score, "model_version": version}
        world.good(world.post("requester", "/api/predictions/", sent), 201)


def ordered(world: World, project: int, **asked: Any) -> dict[str, Any]:
    return world.done(world.post("requester", f"/api/projects/{project}/order", asked))


def test_the_order_follows_the_sampling_of_the_project(world: World) -> None:
    project, ids = texts(world)
    say(world, project, {ids[0]: 0.9, ids[2]: 0.2, ids[4]: 0.5})
    assert ordered(world, project) == {"sampling": SEQUENTIAL, "moved": 0}
    assert queued(world, project) == ids

    sampling(world, project, UNCERTAINTY)
    told = ordered(world, project)
    assert (told["tasks"], told["without_prediction"], told["moved"]) == (3, 3, 3)
    assert told["left_blank"] == 0  # nobody draws tasks that get no pre-labels
    # What no model has looked at follows by id.
    by_doubt = [ids[2], ids[4], ids[0], ids[1], ids[3], ids[5]]
    assert queued(world, project) == by_doubt
    first = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert first["id"] == ids[2]

    sampling(world, project, UNIFORM)
    ordered(world, project)
    by_lot = queued(world, project)
    assert sorted(by_lot) == sorted([*ids[:2], *ids[3:]]) and by_lot != sorted(by_lot)
    ordered(world, project, seed=7)
    assert queued(world, project) != by_lot

    # Switching back brings the old orders back.
    sampling(world, project, UNCERTAINTY)
    ordered(world, project)
    assert queued(world, project) == by_doubt[1:]
    sampling(world, project, SEQUENTIAL)
    ordered(world, project)
    assert queued(world, project) == sorted(by_doubt[1:])


def test_predictions_ask_for_an_order_only_where_they_decide_it(world: World) -> None:
    project, _ids = texts(world)
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        actor = session.scalars(sa.select(User).where(User.username == "requester")).one()
        assert ordering.after_predictions(session, row, actor) is None
        projects.set_option(row, "sampling", UNCERTAINTY)
        job = ordering.after_predictions(session, row, actor)
        assert job is not None and job.kind == "order"
        # One that waits already would do the same.
        assert ordering.after_predictions(session, row, actor) is job
        assert jobs.queue_for("order") == "cpu"


@pytest.mark.parametrize("who", ["annotator", "reviewer"])
def test_only_who_may_run_models_orders(world: World, who: str) -> None:
    project, _ids = texts(world, 2)
    assert world.post(who, f"/api/projects/{project}/order", {}).status_code == 403


def test_what_is_not_understood_is_named(world: World) -> None:
    project, _ids = texts(world, 2)
    told = world.good(world.post("requester", f"/api/projects/{project}/order", {"x": 1}), 400)
    assert list(told["validation_errors"]) == ["x"]


def test_a_trained_model_tells_near_duplicates_apart(world: World, samples: Path) -> None:
    """Headlines of two topics, one of them three times in other words: its copies go back."""
    folder = samples / "text" / "thucnews_titles"
    lines = (folder / "dev_2000.txt").read_text("utf-8").splitlines()
    parts = [line.split("\t") for line in lines]
    stocks = [title for title, topic in parts if topic == "2"][:60]
    sport = [title for title, topic in parts if topic == "7"][:60]
    labelled = [(title, "stocks") for title in stocks[:40]] + [(t, "sport") for t in sport[:40]]
    project = world.project(config=TONES)
    rows = [
        {
            "data": {"text": title},
            "annotations": [
                {
                    "result": [
                        {
                            "id": "t",
                            "from_name": "topic",
                            "to_name": "text",
                            "type": "choices",
                            "value": {"choices": [topic]},
                        }
                    ]
                }
            ],
        }
        for title, topic in labelled
    ]
    fresh = [*stocks[40:], *sport[40:]]
    copies = [f"{fresh[0]}{end}" for end in ("！", "…", "？")]
    rows += [{"data": {"text": title}} for title in [*copies, *fresh]]
    world.upload(project, ("titles.json", json.dumps(rows, ensure_ascii=False).encode()))
    sampling(world, project, UNCERTAINTY)
    with world.installation.database.write() as session:
        # Of so many, by chance, not once in a million times none.
        row = session.get_one(Project, project)
        projects.set_option(row, "prelabel_control_percent", 30)
    asked = world.post(
        "requester", f"/api/projects/{project}/prelabel", {"model": "text_classifier"}
    )
    done = world.done(asked)
    told = ordered(world, project)
    # Those that the draw leaves without pre-labels stand among the others.
    assert (told["tasks"], told["without_prediction"]) == (len(copies) + len(fresh), 0)
    assert told["left_blank"] == done["left_blank"] > 0
    assert told["features_of"] == "text_classifier"
    assert told["features"] == told["tasks"] == len(copies) + len(fresh)
    by_id = {task["id"]: task["data"]["text"] for task in world.tasks(project)}
    order = [by_id[number] for number in queued(world, project)]
    alike = [place for place, title in enumerate(order) if title.startswith(fresh[0])]
    # Were they as close in the order as they are in doubt, they would stand side by side.
    assert len(alike) == 4 and alike[1] - alike[0] > 3
