"""New weights are kept only where they are better on tasks that none has learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import models, projects
from jinbiao.datasets.models import ProjectModel, TrainedModel
from jinbiao.tests.server.world import World
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.fixed import WithoutOptions
from jinbiao.workers.models.interface import (
    Answer,
    Choice,
    Example,
    Given,
    Item,
    Serves,
    Target,
)
from jinbiao.workers.prelabel.learning import HELD_BACK, held_back

CONFIG = """<View><Text name="text" value="$text"/><Choices name="tone" toName="text">
<Choice value="good"/><Choice value="bad"/></Choices></View>"""


class Learner(WithoutOptions):
    """Learn the words of each class by heart; in a bad mood, mix the classes up."""

    name, version, queue, least_examples = "learner", "1", "cpu", 4
    serves = Serves("text", (Choice,))
    is_in_bad_mood = False

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Return the words, one `word label` a line."""
        names = {"good": "bad", "bad": "good"} if self.is_in_bad_mood else {}
        lines = set()
        for example in examples:
            for mark in example.marks:
                label = names.get(mark.label, mark.label)
                lines.add(f"{example.item.texts['text'].split()[0]} {label}")
        return "\n".join(sorted(lines)).encode()

    def load(self, weights: bytes | None, target: Target, given: Given) -> Knowing:
        """Return what knows the words."""
        assert weights is not None
        return Knowing(dict(line.split() for line in weights.decode().splitlines()))

    def card(self) -> dict[str, Any]:
        """Say what it is."""
        return {"licence": "Apache-2.0"}


class Knowing:
    """Answer by the first word."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the class of the first word, where it is known."""
        found = [self.known.get(item.texts["text"].split()[0]) for item in items]
        return [Answer([Choice(label, 0.9)] if label else []) for label in found]


WORDS = {"happy": "good", "fine": "good", "sad": "bad", "broken": "bad"}


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> Learner:
    model = Learner()
    monkeypatch.setitem(MODELS, "learner", model)
    return model


def bring(world: World, project: int, start: int, number: int, labelled: bool = True) -> None:
    """Add texts, answered as their first word says."""
    tasks = []
    for place in range(start, start + number):
        word = list(WORDS)[place % len(WORDS)]
        task: dict[str, Any] = {"data": {"text": f"{word} {place}"}}
        if labelled:
            choice = {"choices": [WORDS[word]]}
            region = {"from_name": "tone", "to_name": "text", "type": "choices", "value": choice}
            task["annotations"] = [{"result": [{"id": "a", **region}]}]
        tasks.append(task)
    world.import_list(project, tasks)


def trained(world: World, project: int) -> dict[str, Any]:
    """Train and predict; return the job's result."""
    path = f"/api/projects/{project}/prelabel"
    return world.done(world.post("requester", path, {"model": "learner"}))


def without_draw(world: World) -> int:
    project = world.project(config=CONFIG)
    wanted = {"prelabel_control_percent": 0}
    world.good(world.patch("requester", f"/api/projects/{project}/", wanted))
    return project


def test_too_few_examples_are_refused_with_the_number(world: World, learner: Learner) -> None:
    project = without_draw(world)
    bring(world, project, 0, 3)
    path = f"/api/projects/{project}/prelabel"
    asked = world.good(world.post("requester", path, {"model": "learner"}), 202)
    job = world.finished(asked["id"])
    assert job["state"] == "failed" and "4" in job["error"] and "3" in job["error"]


def test_better_weights_are_kept_and_worse_ones_are_not(world: World, learner: Learner) -> None:
    project = without_draw(world)
    bring(world, project, 0, 40)
    bring(world, project, 40, 8, labelled=False)
    first = trained(world, project)
    assert (first["kept"], first["predicted"], first["failed"]) == (True, 8, 0)
    bring(world, project, 48, 40)
    learner.is_in_bad_mood = True
    worse = trained(world, project)
    assert not worse["kept"] and worse["model_version"] == first["model_version"]
    seconds = worse["correcting_seconds"]
    assert seconds["new"] > seconds["before"]
    with world.installation.database.read() as session:
        row = session.scalars(sa.select(ProjectModel)).one()
        states = [each.state for each in session.scalars(sa.select(TrainedModel))]
        assert models.of_model(session, row).model_version == first["model_version"]
        assert sorted(states) == ["kept", "rejected"]
        assert row.answers_at_training == 80


def test_the_same_tasks_are_always_held_back(world: World) -> None:
    few, many = held_back(range(1000)), held_back(range(2000))
    assert few == {number for number in many if number < 1000}
    assert len(many) == pytest.approx(2000 / HELD_BACK, rel=0.2)
    assert held_back(range(19)) == set()


def test_the_first_model_draws_a_part_of_the_tasks_that_stays_blank(
    world: World, learner: Learner
) -> None:
    project = world.project(config=CONFIG)
    bring(world, project, 0, 20)
    bring(world, project, 20, 200, labelled=False)
    result = trained(world, project)
    with world.installation.database.read() as session:
        row = session.get_one(projects.Project, project)
        assert row.option("prelabel_control_percent") == models.CONTROL_PERCENT
        blank = [t["id"] for t in world.tasks(project) if models.is_blank(row, t["id"])]
    assert result["left_blank"] + result["predicted"] == 200
    assert 1 <= result["left_blank"] <= 30
    for task in world.tasks(project):
        if task["id"] in blank:
            assert task["predictions"] == []
