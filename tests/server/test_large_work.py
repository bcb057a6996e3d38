"""Take large and odd work through every station: 300 labels, 5,000 regions, 200 kB of text."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from jinbiao.tests.server.world import World, box, entity, picture

ODD = (
    "“引号”",
    'a"b',
    "it's",
    "划痕&<b>",
    "<i>斜</i>",
    "逗号,分号;",
    "=1+1",
    "反\\斜",
    "@甲",
    " 空 ",
)
REGIONS = 5_000


def pictures(world: World) -> tuple[int, list[list[Any]], str]:
    """Make a project of a picture with 300 labels; return it, two answers and an odd label."""
    names = [name.strip() for name in ODD] + [f"缺陷类型{n}" for n in range(300 - len(ODD))]
    told = "".join(f"<Label value={quoteattr(name)}/>" for name in names)
    config = (
        '<View><Image name="image" value="$image"/>'
        f'<RectangleLabels name="label" toName="image">{told}</RectangleLabels></View>'
    )
    project = world.project(config=config, maximum_annotations=2)
    world.upload_now(project, ("a.png", picture()))

    def answer(moved: float) -> list[Any]:
        return [
            box(names[n % 300], n, x=n % 97 + moved, y=float(n // 97), width=1.0, height=0.9)
            for n in range(REGIONS)
        ]

    return project, [answer(0.0), answer(0.1)], 'a"b'


def texts(world: World) -> tuple[int, list[list[Any]], str]:
    """Make a project of a text of 200 kB; return it, two answers and a label."""
    project = world.project(maximum_annotations=2)
    world.import_list(project, [{"text": "天津大学。" * 13_500}])

    def answer(longer: int) -> list[Any]:
        return [entity(n * 50, n * 50 + 4 + longer % (n + 1), number=n)[0] for n in range(1300)]

    return project, [answer(0), answer(1)], "ORG"


def named(result: list[Any]) -> list[str]:
    """Return the label of each region."""
    return [region["value"][region["type"]][0] for region in result]


@pytest.mark.parametrize("make", [pictures, texts])
def test_large_and_odd_work_goes_through_every_station(world: World, make: Any) -> None:
    project, answers, label = make(world)
    (task,) = world.tasks(project)
    path = f"/api/tasks/{task['id']}"
    world.good(world.post("annotator", f"{path}/drafts", {"result": answers[0]}), 201)
    for who, result in zip(("annotator", "annotator2"), answers, strict=True):
        world.good(world.post(who, f"{path}/annotations/", {"result": result}), 201)
    kept = world.good(world.get("requester", f"{path}/annotations/"))
    assert [each["result"] for each in kept] == answers
    job = world.post("requester", f"/api/projects/{project}/quality/measure", {})
    world.done(job)
    for who, place in (
        ("requester", f"/projects/{project}/quality"),
        ("requester", f"/projects/{project}/labels"),
        ("requester", f"/tasks/{task['id']}"),
        ("arbitrator", f"/projects/{project}/curation"),
        ("reviewer", f"/api/projects/{project}/next_review"),
        ("requester", f"/projects/{project}/quality.csv?table=labels"),
    ):
        told = world.get(who, place)
        assert told.status_code == 200 and (told.is_json or "<i>斜" not in told.text), place
    renamed = "c\"d'<新>&"
    step = {"control": "label", "act": "rename", "labels": [label], "into": [renamed]}
    asked = world.post("requester", f"/api/projects/{project}/config-changes", {"steps": [step]})
    job = world.finished(world.good(asked, 202)["job"]["id"])
    assert job["state"] == "done", job
    kept = world.good(world.get("requester", f"{path}/annotations/"))
    for each, given in zip(kept, answers, strict=True):
        assert named(each["result"]) == [renamed if n == label else n for n in named(given)]
    for kind in ("JSON", "JSON_MIN", "CSV") + (("COCO", "YOLO") if make is pictures else ()):
        told = world.get("requester", f"/api/projects/{project}/export?exportType={kind}")
        assert told.status_code == 200 and len(told.data) > 1000, (kind, told.data[:300])
    (row,) = world.good(world.get("requester", f"/api/projects/{project}/export?exportType=JSON"))
    assert [len(each["result"]) for each in row["annotations"]] == [len(a) for a in answers]
    said = {"verdict": "fix", "result": json.loads(json.dumps(kept[0]["result"][:-1]))}
    place = f"/api/annotations/{kept[0]['id']}/reviews"
    world.good(world.post("reviewer", place, said), 201)
