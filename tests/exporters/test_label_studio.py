"""Label Studio tasks: its shape, with paths into the tree."""

from __future__ import annotations

import json

from jinbiao.datasets.versions import FrozenVersion
from jinbiao.tests.exporters.conftest import Export


def test_tasks_have_the_shape_of_an_export(boards: FrozenVersion, export: Export) -> None:
    done = export("label_studio", boards)
    tasks = json.loads(done.read("label_studio/tasks.json"))
    links = {file.path for file in done.output.written}
    assert [task["id"] for task in tasks] == list(range(1, 13))
    for task, record in zip(tasks, boards.records(), strict=True):
        assert set(task["data"].values()) <= links
        assert task["data"]["image"] == f"images/{record.split}/{record.media['image'].file}"
        (annotation,) = task["annotations"]
        assert annotation == {
            "id": task["id"],
            "result": record.result,
            "was_cancelled": False,
            "ground_truth": False,
        }
        assert task["meta"]["annotator"] == record.annotator
        assert task["predictions"] == []
    assert done.read("label_studio/config.xml").decode() == boards.label_config


def test_texts_keep_their_data(texts: FrozenVersion, export: Export) -> None:
    tasks = json.loads(export("label_studio", texts).read("label_studio/tasks.json"))
    assert [task["data"] for task in tasks] == [record.data for record in texts.records()]
