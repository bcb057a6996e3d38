"""Every packaged model works in a project as people set it up, from import to prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from jinbiao.datasets import labels
from jinbiao.tests.bench.model_entities import read_messages
from jinbiao.tests.server.world import World, zipped
from jinbiao.workers.models.interface import Span

IMAGE = '<Image name="image" value="$image"/>'
TEXT = '<Text name="text" value="$text"/>'


@dataclass(frozen=True)
class Scene:
    """A project: its config, files, tasks (those with a result are labelled)."""

    config: str
    tasks: list[dict[str, Any]]
    files: dict[str, bytes]
    # What a prediction must be made of, and how many of the waiting tasks must have one.
    types: set[str]
    least: int


def region(control: str, kind: str, value: dict[str, Any], item: str, number: int) -> Any:
    common = {"from_name": control, "to_name": item, "type": kind, "value": value}
    return {"id": f"r{number}", **common}


def task(data: dict[str, str], result: list[Any] | None = None) -> dict[str, Any]:
    return {"data": data} if result is None else {"data": data, "annotations": [{"result": result}]}


def writing(samples: Path) -> Scene:
    names = ["ch_en_num.jpg", "black_font_color_transparent.png"]
    files = {name: (samples / "images/ocr" / name).read_bytes() for name in names}
    config = (
        '<View><Rectangle name="place" toName="image"/>'
        f'<TextArea name="said" toName="image" perRegion="true"/>{IMAGE}</View>'
    )
    tasks = [task({"image": name}) for name in names]
    return Scene(config, tasks, files, {"rectangle", "textarea"}, 2)


def speech(samples: Path) -> Scene:
    clip = next((samples / "audio/wenet").glob("*.wav"))
    config = (
        '<View><Labels name="what" toName="audio"><Label value="说话"/><Label value="噪声"/>'
        '</Labels><Audio name="audio" value="$audio"/></View>'
    )
    return Scene(
        config, [task({"audio": clip.name})], {clip.name: clip.read_bytes()}, {"labels"}, 1
    )


def headlines(samples: Path) -> Scene:
    lines = (samples / "text/thucnews_titles/dev_2000.txt").read_text("utf-8").splitlines()[:420]
    pairs = [line.rsplit("\t", 1) for line in lines]
    choices = "".join(f'<Choice value="{number}"/>' for number in range(10))
    config = f'<View>{TEXT}<Choices name="kind" toName="text">{choices}</Choices></View>'
    tasks = []
    for number, (text, kind) in enumerate(pairs):
        answer = [region("kind", "choices", {"choices": [kind]}, "text", 1)]
        tasks.append(task({"text": text}, answer if number < 400 else None))
    return Scene(config, tasks, {}, {"choices"}, 5)


def messages(samples: Path) -> Scene:
    (file,) = (samples / "text/weibo_ner").glob("*2nd*")
    examples = read_messages(file)[:320]
    found = sorted({mark.label for each in examples for mark in each.marks})
    parts = "".join(f'<Label value="{label}"/>' for label in found)
    config = f'<View><Labels name="what" toName="text">{parts}</Labels>{TEXT}</View>'
    tasks = []
    for number, example in enumerate(examples):
        text = example.item.texts["text"]
        answer = [
            region(
                "what",
                "labels",
                {"start": mark.start, "end": mark.end, "labels": [mark.label]},
                "text",
                place,
            )
            for place, mark in enumerate(example.marks)
            if isinstance(mark, Span)
        ]
        tasks.append(task({"text": text}, answer if number < 300 else None))
    return Scene(config, tasks, {}, {"labels"}, 5)


def cells(samples: Path) -> Scene:
    folder = samples / "images/elpv"
    lines = next(folder.rglob("labels.csv")).read_text().splitlines()
    rows = [line.split() for line in lines if line.strip()]
    sure = [row for row in rows if float(row[1]) in (0.0, 1.0)]
    config = (
        f'<View>{IMAGE}<Choices name="kind" toName="image"><Choice value="正常"/>'
        '<Choice value="缺陷"/></Choices></View>'
    )
    tasks, files = [], {}
    for number, row in enumerate(sure):
        name = Path(row[0]).name
        files[name] = next(folder.rglob(name)).read_bytes()
        kind = "缺陷" if float(row[1]) == 1.0 else "正常"
        answer = [region("kind", "choices", {"choices": [kind]}, "image", 1)]
        tasks.append(task({"image": name}, answer if number < 36 else None))
    return Scene(config, tasks, files, {"choices"}, len(sure) - 36)


def pits(samples: Path) -> Scene:
    folder = samples / "images/bsdata"
    config = (
        '<View><PolygonLabels name="what" toName="image"><Label value="点蚀"/></PolygonLabels>'
        f"{IMAGE}</View>"
    )
    tasks, files = [], {}
    for number, file in enumerate(sorted((folder / "label").glob("*.json"))[::6]):
        (image,) = (folder / "data").glob(f"{file.stem}.*")
        content = image.read_bytes()
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
        assert picture is not None
        content = cv2.imencode(".jpg", picture)[1].tobytes()
        whole = [2 * picture.shape[1], 2 * picture.shape[0]]
        height, width = picture.shape[:2]
        files[image.name] = content
        answer = []
        for place, shape in enumerate(json.loads(file.read_text("utf-8"))["shapes"]):
            points = [[x * 100 / whole[0], y * 100 / whole[1]] for x, y in shape["points"]]
            value = {"points": points, "closed": True, "polygonlabels": ["点蚀"]}
            size = {"original_width": width, "original_height": height, "image_rotation": 0}
            answer.append({**region("what", "polygonlabels", value, "image", place), **size})
        tasks.append(task({"image": image.name}, answer if number < 11 else None))
    return Scene(config, tasks, files, {"polygonlabels"}, 1)


SCENES: dict[str, Callable[[Path], Scene]] = {
    "ocr": writing,
    "speech_segments": speech,
    "text_classifier": headlines,
    "sequence_tagger": messages,
    "image_classes": cells,
    "few_shot_brush": pits,
}


@pytest.mark.parametrize("model", SCENES)
def test_from_import_to_prediction(model: str, world: World, samples: Path) -> None:
    scene = SCENES[model](samples)
    project = brought(world, scene)
    result = asked(world, project, {"model": model})
    # What the gate says is the estimate's affair: the owner may show it all the same.
    if not result["shown"]:
        assert result["gate"] == "closed" and result["predicted"] == 0
        path = f"/api/project_models/{result['project_model']}/"
        world.good(world.patch("requester", path, {"gate_overridden": True}))
        result = asked(world, project, {"model": model})
    assert (result["failed"], result["failures"]) == (0, [])
    config = labels.parse(scene.config)
    waiting = [row for row in world.tasks(project) if not row["annotations"]]
    assert len(waiting) == result["predicted"]
    for row in waiting:
        (prediction,) = row["predictions"]
        assert labels.check_result(config, prediction["result"], data=row["data"]) == []
        assert {each["type"] for each in prediction["result"]} <= scene.types
        assert prediction["score"] is None or 0 <= prediction["score"] <= 1
    assert sum(bool(row["predictions"][0]["result"]) for row in waiting) >= scene.least
    for page in (f"/models/{result['project_model']}", f"/projects/{project}/models"):
        assert world.get("requester", page).status_code == 200
    # The same weights have nothing left to do.
    assert asked(world, project, {"model": model})["predicted"] == 0


def brought(world: World, scene: Scene) -> int:
    """Make the project, without tasks that are left blank by lot."""
    project = world.project(config=scene.config)
    wanted = {"prelabel_control_percent": 0}
    world.good(world.patch("requester", f"/api/projects/{project}/", wanted))
    if scene.files:
        lines = "\n".join(json.dumps(each) for each in scene.tasks).encode()
        (job,) = world.upload(project, ("all.zip", zipped({"tasks.jsonl": lines, **scene.files})))
        assert (job["result"]["tasks"], job["result"]["rejected"]) == (len(scene.tasks), 0), job
    else:
        world.import_list(project, scene.tasks)
    return project


def asked(world: World, project: int, wanted: dict[str, Any]) -> dict[str, Any]:
    """Let a model pre-label; return the job's result."""
    return world.done(world.post("requester", f"/api/projects/{project}/prelabel", wanted))
