"""The suspect job on a project's own rows: it finds, can be run again, and reviewers decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.suspicions import Suspicion
from jinbiao.datasets.tasks import Task
from jinbiao.tests.bench.model_entities import read_messages
from jinbiao.tests.bench.model_texts import read_headlines
from jinbiao.tests.server.world import BOXES, World, box, picture
from jinbiao.workers.models.interface import Span

Result = list[dict[str, Any]]


def choice(label: str) -> Result:
    """Return the class of a text."""
    names = {"id": "class_1", "from_name": "topic", "to_name": "text", "type": "choices"}
    return [{**names, "value": {"choices": [label]}}]


def span(number: int, start: int, end: int, label: str) -> dict[str, Any]:
    """Return one stretch of a text."""
    names = {"id": f"span_{number}", "from_name": "label", "to_name": "text", "type": "labels"}
    return {**names, "value": {"start": start, "end": end, "labels": [label]}}


def answered(
    world: World, config: str, told: list[dict[str, Any]], results: list[Result]
) -> tuple[int, list[int]]:
    """Make a project whose tasks one person has answered; return it and the tasks' ids."""
    project = world.project(config=config)
    world.import_list(project, told)
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        who = session.scalars(sa.select(User).where(User.username == "annotator")).one()
        query = sa.select(Task).where(Task.project_id == project).order_by(Task.id)
        tasks = list(session.scalars(query))
        for task, result in zip(tasks, results, strict=True):
            annotations.submit(session, world.installation.settings, who, row, task, result)
    return project, [task.id for task in tasks]


def looked(world: World, project: int, **asked: str) -> dict[str, Any]:
    """Ask for a look on the page, and do the job."""
    answer = world.post("reviewer", f"/projects/{project}/suspicions", asked)
    assert answer.status_code == 302, answer.text
    (waiting,) = world.waiting()
    # Who asks again while it waits gets the same one.
    assert world.post("reviewer", f"/projects/{project}/suspicions", asked).status_code == 302
    assert world.waiting() == [waiting]
    return world.finished(waiting)


def suspected(world: World, project: int, state: str = "open") -> list[Suspicion]:
    """List a project's suspicions in the order of the page."""
    with world.installation.database.read() as session:
        query = sa.select(Suspicion).where(
            Suspicion.project_id == project, Suspicion.state == state
        )
        return list(session.scalars(query.order_by(Suspicion.score, Suspicion.id)))


def decide(world: World, project: int, row: Suspicion, verdict: str, who: str = "reviewer") -> int:
    path = f"/projects/{project}/suspicions/{row.id}"
    return world.post(who, path, {"verdict": verdict}).status_code


def state_of(world: World, annotation_id: int) -> str:
    with world.installation.database.read() as session:
        return session.get_one(Annotation, annotation_id).state


def headlines(world: World, samples: Path) -> tuple[int, set[int]]:
    """Answer headlines, a twentieth of them wrongly; return the project and the wrong tasks."""
    chance = np.random.default_rng(11)
    rows = read_headlines(samples)
    rows = [rows[n] for n in chance.choice(len(rows), 400, replace=False)]
    labels = sorted({label for _text, label in rows})
    given = [label for _text, label in rows]
    wrong = chance.choice(len(rows), 20, replace=False).tolist()
    for place in wrong:
        given[place] = labels[(labels.index(given[place]) + 1) % len(labels)]
    choices = "".join(f'<Choice value="{label}"/>' for label in labels)
    config = f"""<View><Text name="text" value="$text"/>
    <Choices name="topic" toName="text" choice="single">{choices}</Choices></View>"""
    told = [{"data": {"text": text}} for text, _label in rows]
    project, tasks = answered(world, config, told, [choice(label) for label in given])
    return project, {tasks[place] for place in wrong}


def test_wrong_classes_are_found_decided_and_not_raised_again(world: World, samples: Path) -> None:
    project, wrong = headlines(world, samples)
    job = looked(world, project)
    assert job["state"] == "done", job
    found = suspected(world, project)
    assert len(found) == job["result"]["suspicions"]
    assert [row.rank for row in found] == list(range(1, len(found) + 1))
    hits = [row for row in found if row.task_id in wrong]
    first = sum(row.task_id in wrong for row in found[:20])
    print(f"{len(found)} suspected, {len(hits)} of 20 found, {first} among the first 20")
    assert len(hits) >= 12
    assert first >= 5  # by lot it would be one
    # Once more, and there is nothing twice.
    looked(world, project)
    assert [row.task_id for row in suspected(world, project)] == [row.task_id for row in found]
    again = suspected(world, project)
    really, right = next(r for r in again if r.task_id in wrong), again[-1]
    assert decide(world, project, really, "wrong", "annotator2") == 403
    assert decide(world, project, really, "maybe") == 400
    assert decide(world, project, really, "wrong") == 302
    assert decide(world, project, really, "wrong") == 404
    assert state_of(world, really.annotation_id) == "rejected"
    assert decide(world, project, right, "right") == 302
    assert state_of(world, right.annotation_id) == "submitted"
    page = world.get("reviewer", f"/projects/{project}/suspicions?state=wrong").text
    assert f"/tasks/{really.task_id}" in page and f"/tasks/{right.task_id}" not in page
    looked(world, project)
    left = {row.annotation_id for row in suspected(world, project)}
    assert not left & {really.annotation_id, right.annotation_id}
    # What was accepted is opened again by who may, and by nobody else.
    accepted = suspected(world, project)[0]
    path = f"/api/annotations/{accepted.annotation_id}/reviews"
    world.good(world.post("reviewer2", path, {"verdict": "accept"}), 201)
    assert decide(world, project, accepted, "wrong") == 403
    assert decide(world, project, accepted, "wrong", "requester") == 302
    assert state_of(world, accepted.annotation_id) == "submitted"


def test_the_list_goes_on_page_by_page(world: World, samples: Path) -> None:
    project, _wrong = headlines(world, samples)
    looked(world, project)
    found = suspected(world, project)
    with world.installation.database.write() as session:
        # More of the same score than a page holds.
        session.execute(sa.update(Suspicion).values(score=0.25))
    path, seen = f"/projects/{project}/suspicions", []
    after = ""
    for _page in range(9):
        answer = world.get("reviewer", path + after)
        assert answer.status_code == 200, answer.text
        text = answer.text
        rows = [row.id for row in found if f'{path}/{row.id}"' in text]
        assert not set(rows) & set(seen)
        seen += rows
        if 'rel="next"' not in text:
            break
        after = f"?state=open&score=0.25&after={rows[-1]}"
    assert len(found) > 50
    assert sorted(seen) == sorted(row.id for row in found)
    for bad in ("score=many&after=1", "score=nan&after=1", "score=0.5", "score=0.5&after=-1"):
        assert world.get("reviewer", f"{path}?{bad}").status_code == 400, bad


def test_wrong_names_are_found_with_their_words(world: World, samples: Path) -> None:
    chance = np.random.default_rng(11)
    file = samples / "text" / "weibo_ner" / "weiboNER_2nd_conll.train"
    examples = [each for each in read_messages(file) if each.item.texts["text"]][:400]
    labels = sorted({m.label for each in examples for m in each.marks if isinstance(m, Span)})
    told, results, wrong = [], [], set()
    for place, each in enumerate(examples):
        result = []
        for number, mark in enumerate(m for m in each.marks if isinstance(m, Span)):
            label = mark.label
            if chance.random() < 0.06:
                label = labels[(labels.index(label) + 1) % len(labels)]
                wrong.add((place, f"span_{number}"))
            result.append(span(number, mark.start, mark.end, label))
        told.append({"data": {"text": each.item.texts["text"]}})
        results.append(result)
    shown = "".join(f'<Label value="{label}"/>' for label in labels)
    config = f"""<View><Labels name="label" toName="text">{shown}</Labels>
    <Text name="text" value="$text"/></View>"""
    project, tasks = answered(world, config, told, results)
    assert looked(world, project)["state"] == "done"
    found = suspected(world, project)
    number = {task: place for place, task in enumerate(tasks)}
    hits = {(number[row.task_id], row.region_id) for row in found} & wrong
    print(f"{len(wrong)} planted, {len(found)} suspected, {len(hits)} found")
    assert len(hits) >= len(wrong) * 0.5
    for row in found[:20]:
        words = row.label.partition(":")[0]
        assert words and words in told[number[row.task_id]]["data"]["text"]
    page = world.get("reviewer", f"/projects/{project}/suspicions")
    assert page.status_code == 200


@pytest.mark.parametrize("version", ["v1", "", "other"])
def test_boxes_are_held_against_a_model_version(world: World, version: str) -> None:
    told, results, wrong = [], [], set()
    for place in range(60):
        boxes = [box(number=n, x=5.0 + 30 * n, y=10.0 + place % 7) for n in range(3)]
        seen = [{**each, "score": 0.95} for each in boxes]
        told.append(
            {
                "data": {"image": f"http://media.example/{place}.png"},
                "predictions": [{"model_version": "v1", "score": 0.9, "result": seen}],
            }
        )
        if place % 10 == 3:
            boxes = [*boxes[:2], box("scratch", 2, x=65.0, y=10.0 + place % 7)]
            wrong.add((place, "box_2"))
        if place % 10 == 7:
            boxes = boxes[:2]
            wrong.add((place, ""))
        results.append(boxes)
    project, tasks = answered(world, BOXES, told, results)
    job = looked(world, project, model_version=version)
    if version != "v1":
        assert job["state"] == "failed", job
        assert job["error"], job
        return
    assert job["state"] == "done", job
    number = {task: place for place, task in enumerate(tasks)}
    found = suspected(world, project)
    assert {(number[row.task_id], row.region_id) for row in found} == wrong
    missing = [row for row in found if not row.region_id]
    assert {(row.label, row.suggested) for row in missing} == {("", "dent")}


CLASSES = """<View><Image name="image" value="$image"/><Choices name="class" toName="image">
<Choice value="缺料" alias="short"/><Choice value="合格" alias="good"/></Choices></View>"""


def sorted_pictures(world: World, number: int, hues: dict[str, int]) -> tuple[int, list[int]]:
    """Make pictures of two classes, every tenth with the wrong class; return project and those."""
    chance = np.random.default_rng(3)
    project = world.project(config=CLASSES)
    files, given = [], []
    for place in range(number):
        label = "short" if place % 2 else "good"
        light = int(chance.integers(0, 60))
        files.append((f"{place:03}.png", picture(hues[label] + 256 * light)))
        wrong = "good" if label == "short" else "short"
        given.append(wrong if place % 10 == 4 else label)
    world.upload_now(project, *files)
    tasks = sorted(world.tasks(project), key=lambda task: task["id"])
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        who = session.scalars(sa.select(User).where(User.username == "annotator")).one()
        for task, label in zip(tasks, given, strict=True):
            said = {"id": "c", "from_name": "class", "to_name": "image", "type": "choices"}
            result = [{**said, "value": {"choices": [label]}}]
            found = session.get_one(Task, task["id"])
            annotations.submit(session, world.installation.settings, who, row, found, result)
    return project, [task["id"] for place, task in enumerate(tasks) if place % 10 == 4]


def test_wrong_classes_of_pictures_are_found_by_how_they_look(world: World) -> None:
    project, wrong = sorted_pictures(world, 80, {"short": 240, "good": 20})
    job = looked(world, project)
    assert job["state"] == "done", job
    assert "colours" in job["result"]["method"]
    found = suspected(world, project)
    hits = {row.task_id for row in found}
    assert hits <= set(wrong) and len(hits) >= len(wrong) - 1
    assert {(row.label, row.suggested) for row in found} == {("short", "good")}
    page = world.get("reviewer", f"/projects/{project}/suspicions?language=zh").text
    assert page.count('class="thumb"') == len(found) and "缺料" in page


def test_pictures_that_look_alike_are_not_suspected_by_chance(world: World) -> None:
    project, _wrong = sorted_pictures(world, 60, {"short": 99, "good": 99})
    job = looked(world, project)
    assert job["state"] == "failed"
    assert suspected(world, project) == []
    few, _wrong = sorted_pictures(world, 20, {"short": 240, "good": 20})
    assert looked(world, few)["state"] == "failed"
