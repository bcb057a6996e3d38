"""Work with Jinbiao through the unmodified SDK, as annotation companies' scripts do.

Run by the Python of an environment that holds only the SDK:
`python label_studio_scenarios.py <settings.json> <results.json>`.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from label_studio_sdk import (
    AgreementSelectionGroupRequest,
    AgreementSelectionRequest,
    LabelStudio,
)
from label_studio_sdk._legacy import Client
from label_studio_sdk.converter import Converter
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.create import choices, labels
from label_studio_sdk.label_interface.objects import PredictionValue

BOXES = """<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="label" toName="image">
    <Label value="Car"/><Label value="Person"/>
  </RectangleLabels>
</View>"""
NAMES = (
    "whole_chain",
    "tokens",
    "interface",
    "filters",
    "model_backend",
    "legacy",
    "agreement",
    "samples",
)
SIZE = {"original_width": 640, "original_height": 480, "image_rotation": 0}


def region(label: str = "Car", **value: float) -> dict[str, Any]:
    """Return one box."""
    place = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, **value}
    told = {"from_name": "label", "to_name": "image", "type": "rectanglelabels"}
    return {**told, **SIZE, "value": {**place, "rectanglelabels": [label]}}


def wait_until(ready: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait for something that workers do."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


class Scenarios:
    """One method a scenario; its answer is compared by the test."""

    def __init__(self, given: dict[str, Any]) -> None:
        """Connect with a plain token."""
        self.given = given
        self.client = LabelStudio(base_url=given["url"], api_key=given["token"])

    def whole_chain(self) -> Any:
        """Create, import with predictions, annotate, export, read by the converter, delete."""
        ls = self.client
        project = ls.projects.create(title="SDK", label_config=BOXES, maximum_annotations=1)
        tasks = [
            {
                "data": {"image": f"http://127.0.0.1:9/{number}.png"},
                "predictions": [{"model_version": "m1", "score": 0.5, "result": [region()]}],
            }
            for number in range(5)
        ]
        told = ls.projects.import_tasks(project.id, request=tasks, return_task_ids=True)
        for number in told.task_ids:
            ls.annotations.create(id=number, result=[region("Person")], lead_time=1.5)
        listed = list(ls.tasks.list(project=project.id, fields="all"))
        coco = self.zipped(project.id, "COCO")
        yolo = self.zipped(project.id, "YOLO")
        exported = ls.projects.exports.as_json(project.id)
        found = {
            "imported": [told.task_count, told.prediction_count],
            "listed": [len(listed), sum(task.total_annotations for task in listed)],
            "score": listed[0].predictions_score,
            "coco": len(json.loads(coco["result.json"])["annotations"]),
            "yolo": [
                yolo["classes.txt"].decode(),
                len([n for n in yolo if n.startswith("labels/")]),
            ],
            "converter": self.converted(exported),
            "frame": list(ls.projects.exports.as_pandas(project.id).shape)[0],
        }
        ls.projects.delete(project.id)
        try:
            ls.projects.get(project.id)
        except ApiError as problem:
            found["deleted"] = problem.status_code
        return found

    def converted(self, exported: Any) -> dict[str, int]:
        """Read our JSON by the SDK's own converter."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in.json").write_text(json.dumps(exported), encoding="utf-8")
            reader = Converter(BOXES, project_dir=name, download_resources=False)
            reader.convert(str(folder / "in.json"), str(folder / "out"), "COCO", is_dir=False)
            told = json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))
            return {"images": len(told["images"]), "annotations": len(told["annotations"])}

    def zipped(self, project: int, name: str) -> dict[str, bytes]:
        """Return the files of an export."""
        content = b"".join(self.client.projects.exports.download_sync(project, export_type=name))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {path: archive.read(path) for path in archive.namelist() if path[-1] != "/"}

    def tokens(self) -> Any:
        """Work with a signed token, a key in a header, and none of them after it ended."""
        url = self.given["url"]
        refresh = self.client.tokens.create().token
        signed = LabelStudio(base_url=url, api_key=refresh)
        found = [signed.users.whoami().username]
        rotated = signed.tokens.rotate(refresh=refresh).refresh
        found.append(LabelStudio(base_url=url, api_key=rotated).users.whoami().username)
        headed = LabelStudio(
            base_url=url, api_key=self.given["token"], headers={"X-API-Key": self.given["token"]}
        )
        found.append(headed.users.whoami().username)
        self.client.tokens.blacklist(refresh=rotated)
        try:
            LabelStudio(base_url=url, api_key=rotated).users.whoami()
        except ApiError as problem:
            found.append(problem.status_code)
        return found

    def interface(self) -> Any:
        """Build a config and regions with the SDK's own objects."""
        config = LabelInterface.create(
            {"text": "Text", "tone": choices(("good", "bad")), "ner": labels(("PER", "ORG"))}
        )
        project = self.client.projects.create(title="interface", label_config=config)
        interface = self.client.projects.get(project.id).get_label_interface()
        told = self.client.projects.import_tasks(
            project.id, request=[{"text": "Bob works at ACME"}], return_task_ids=True
        )
        regions = interface.create_regions({"tone": "good"})
        value = PredictionValue(model_version="m", score=0.9, result=regions).model_dump()
        self.client.predictions.create(task=told.task_ids[0], **value)
        (task,) = self.client.tasks.list(project=project.id, fields="all")
        self.client.projects.delete(project.id)
        (found,) = task.model_dump()["predictions"]
        return found["result"][0]["value"]

    def filters(self) -> Any:
        """Find tasks by the Data Manager's filters and views, page by page."""
        ls = self.client
        project = ls.projects.create(title="filters", label_config=BOXES)
        ls.projects.import_tasks(
            project.id, request=[{"image": f"{number}.png", "k": number} for number in range(25)]
        )
        item = {
            "filter": "filter:tasks:data.k",
            "operator": "greater",
            "type": "Number",
            "value": 19,
        }
        query = {"filters": {"conjunction": "and", "items": [item]}, "ordering": ["-tasks:id"]}
        found = [
            task.data["k"] for task in ls.tasks.list(project=project.id, query=json.dumps(query))
        ]
        data = {"title": "late", "filters": query["filters"], "ordering": ["tasks:id"]}
        view = ls.views.create(project=project.id, data=data)
        seen = [task.data["k"] for task in ls.tasks.list(view=view.id, page_size=2)]
        everything = [task.id for task in ls.tasks.list(project=project.id, page_size=7)]
        ls.actions.create(
            id="delete_tasks",
            project=project.id,
            request_options={
                "additional_body_parameters": {
                    "selectedItems": {"all": False, "included": everything[:20]}
                }
            },
        )
        left = len(list(ls.tasks.list(project=project.id)))
        ls.projects.delete(project.id)
        return [found, seen, len(set(everything)), left]

    def model_backend(self) -> Any:
        """Connect a model, get its predictions, and let it hear of annotations."""
        ls = self.client
        project = ls.projects.create(title="model", label_config=BOXES)
        told = ls.projects.import_tasks(
            project.id,
            request=[{"image": f"{number}.png"} for number in range(3)],
            return_task_ids=True,
        )
        hook = ls.webhooks.create(
            url=self.given["backend"] + "/webhook",
            project=project.id,
            send_for_all_actions=True,
            send_payload=True,
        )
        model = ls.ml.create(url=self.given["backend"], project=project.id, title="stub")
        ls.actions.create(
            id="retrieve_tasks_predictions",
            project=project.id,
            request_options={
                "additional_body_parameters": {"selectedItems": {"all": True, "excluded": []}}
            },
        )

        def predicted() -> bool:
            return all(task.total_predictions == 1 for task in ls.tasks.list(project=project.id))

        found = {"predicted": wait_until(predicted), "state": ls.ml.get(model.id).state}
        ls.annotations.create(id=told.task_ids[0], result=[region()])
        found["told"] = wait_until(lambda: "ANNOTATION_CREATED" in self.delivered(hook.id))
        found["versions"] = ls.ml.list_model_versions(model.id).versions
        ls.ml.delete(model.id)
        ls.webhooks.delete(hook.id)
        ls.projects.delete(project.id)
        return found

    def delivered(self, hook: int) -> list[str]:
        """List what a webhook was told and took."""
        asked = urllib.request.Request(
            f"{self.given['url']}/api/webhooks/{hook}/deliveries/",
            headers={"Authorization": f"Token {self.given['token']}"},
        )
        with urllib.request.urlopen(asked) as answer:
            rows = json.loads(answer.read())
        return [row["action"] for row in rows if row["state"] == "delivered"]

    def agreement(self) -> Any:
        """Ask how much two people, the truth and a model agree about the same pictures."""
        ls = self.client
        mine = ls.users.whoami().id
        theirs = ls.users.create(username="colleague", email="colleague@jinbiao.example").id
        project = ls.projects.create(title="agreement", label_config=BOXES, maximum_annotations=2)
        tasks = [
            {
                "data": {"image": f"http://127.0.0.1:9/{number}.png"},
                "annotations": [
                    {"completed_by": mine, "ground_truth": True, "result": [region()]},
                    {"completed_by": theirs, "result": [region(x=x)]},
                ],
                "predictions": [{"model_version": "m1", "result": [region()]}],
            }
            # Boxes of width 20 that lie on each other, and with half of it: 1 and 1/3.
            for number, x in enumerate((10, 20))
        ]
        told = ls.projects.import_tasks(project.id, request=tasks, return_task_ids=True)
        stats = ls.projects.stats
        matrix = ls.tasks.agreement_matrix.get(
            project_pk=project.id,
            task_pk=told.task_ids[1],
            selection=AgreementSelectionRequest(
                annotators=AgreementSelectionGroupRequest(all_=True)
            ),
        )
        iaa = stats.iaa(project.id, std=True)
        ids = f"{mine},{theirs}"
        each = stats.agreement_annotators(project.id, ids=ids).agreement
        truth = stats.users_ground_truth_agreement(project.id, ids=ids).agreement
        model = stats.model_version_annotator_agreement(project.id, "m1")
        predicted = stats.user_prediction_agreement(project.id, theirs)
        labels_of = stats.total_agreement(project.id, per_label=True).total_agreement
        found = {
            "matrix": matrix.matrix,
            "users": [
                user["id"] == place
                for user, place in zip(matrix.users, (mine, theirs), strict=True)
            ],
            "total": stats.total_agreement(project.id).total_agreement,
            "labels": labels_of,
            "iaa": [iaa.iaa, iaa.common_tasks, iaa.std, len(iaa.users)],
            "annotator": stats.agreement_annotator(project.id, mine).agreement_per_annotator,
            "annotators": [each[str(mine)], each[str(theirs)]],
            "truth": [truth[str(mine)], truth[str(theirs)]],
            "user_truth": stats.user_ground_truth_agreement(project.id, theirs).agreement,
            "model": model.agreement,
            "model_truth": stats.model_version_ground_truth_agreement(project.id, "m1").agreement,
            "predicted": predicted.average_prediction_agreement_per_user,
        }
        ls.projects.delete(project.id)
        return rounded(found)

    def legacy(self) -> Any:
        """Work as scripts of before SDK 1.0 do, with the client that it still brings."""
        client = Client(url=self.given["url"], api_key=self.given["token"])
        client.check_connection()
        project = client.start_project(title="legacy", label_config=BOXES)
        ids = project.import_tasks([{"image": f"{number}.png"} for number in range(4)])
        project.create_annotation(ids[0], result=[region()])
        sent = [{"task": number, "result": [region()], "model_version": "m"} for number in ids[1:3]]
        project.create_predictions(sent)
        project.create_annotations_from_predictions(["m"])
        found = [
            len(project.get_labeled_tasks()),
            len(project.get_unlabeled_tasks()),
            project.get_predictions_coverage(),
            len(project.export_tasks("JSON")),
            project.export_snapshot_create(title="all")["status"],
        ]
        project.set_params(title="changed")
        found.append(client.get_project(project.id).title)
        project.delete_tasks(ids[:1])
        found.append(len(project.get_tasks()))
        client.delete_project(project.id)
        return found

    def samples(self) -> Any:
        """Take the sample configs and exports as they are."""
        found = {}
        for config, tasks in self.given["samples"]:
            xml = Path(config).read_text(encoding="utf-8")
            project = self.client.projects.create(title=Path(config).stem, label_config=xml)
            rows = json.loads(Path(tasks).read_text(encoding="utf-8"))
            told = self.client.projects.import_tasks(project.id, request=rows)
            found[str(Path(tasks).parent.name)] = [
                told.task_count,
                told.annotation_count,
                told.prediction_count,
            ]
            self.client.projects.delete(project.id)
        return found


def rounded(value: Any) -> Any:
    """Return the value with four digits of each number."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def scenarios(given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Run each scenario; an error is its result."""
    every = Scenarios(given)
    for name in NAMES:
        try:
            yield name, getattr(every, name)()
        except Exception as problem:
            yield name, f"{type(problem).__name__}: {problem}"[:2000]


def main() -> None:
    """Run everything and write the results down."""
    given, target = (Path(name) for name in sys.argv[1:])
    found = dict(scenarios(json.loads(given.read_text(encoding="utf-8"))))
    target.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
