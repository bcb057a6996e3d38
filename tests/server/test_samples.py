"""Take Label Studio's own sample configs and files as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from jinbiao.tests.server.world import World


def view(shown: str, control: str) -> str:
    """Return a config that shows something and asks for something."""
    return f"<View>{shown}{control}</View>"


def text(key: str) -> str:
    """Return a config that shows words and asks for words."""
    shown = f'<Text name="text" value="${key}"/>'
    return view(shown, '<TextArea name="said" toName="text"/>')


IMAGE = '<Image name="image" value="$image"/>'
CHOICES = (
    '<Choices name="label" toName="image"><Choice value="Cat"/><Choice value="Dog"/></Choices>'
)
BOXES = '<RectangleLabels name="bbox" toName="image"><Label value="Cat"/><Label value="Dog"/>'
BOXES += "</RectangleLabels>"
SERIES = '<TimeSeries name="ts" value="$csv" valueType="url"><Channel column="1"/></TimeSeries>'
RANGES = '<TimeSeriesLabels name="label" toName="ts"><Label value="Run"/><Label value="Walk"/>'
RANGES += "</TimeSeriesLabels>"
# file → (config, query, tasks, annotations, predictions)
FILES: dict[str, tuple[str, dict[str, str], int, int, int]] = {
    "image_urls.csv": (view(IMAGE, CHOICES), {}, 3, 0, 0),
    "image_urls_with_bboxes.json": (
        view(IMAGE, BOXES),
        {"preannotated_from_fields": "bbox"},
        2,
        0,
        2,
    ),
    "image_urls_with_classes.csv": (
        view(IMAGE, CHOICES),
        {"preannotated_from_fields": "label"},
        2,
        0,
        2,
    ),
    "lines.txt": (text("text"), {}, 3, 0, 0),
    "previous_export.json": (view(IMAGE, CHOICES), {}, 1, 1, 0),
    "random-with-predictions.json": (view(SERIES, RANGES), {}, 1, 0, 1),
    "test_1.csv": (text("key2"), {}, 2, 0, 0),
    "test_2.csv": (text("key2"), {}, 3, 0, 0),
    "text_with_2_tasks.json": (text("text"), {}, 2, 0, 0),
    "example_repeater.json": (
        view(
            '<Repeater on="$work_2.i" indexFlag="{{idx}}">'
            '<Text name="page_{{idx}}" value="$work_2.i[{{idx}}].value"/>',
            '<Choices name="good_{{idx}}" toName="page_{{idx}}"><Choice value="yes"/></Choices>'
            "</Repeater>",
        ),
        {},
        1,
        0,
        0,
    ),
}


def configs(samples: Path) -> list[tuple[str, str]]:
    """List (name, config) of the samples."""
    folder = samples / "formats" / "label_studio" / "annotation_templates"
    found = [(str(path), path.read_text("utf-8")) for path in sorted(folder.rglob("config.xml"))]
    for path in sorted(folder.rglob("config.yml")):
        told: Any = yaml.safe_load(path.read_text("utf-8"))
        if told.get("config"):
            found.append((str(path), told["config"]))
    return found


def test_every_sample_config_makes_a_project(shared_world: World, samples: Path) -> None:
    refused = []
    found = configs(samples)
    for name, config in found:
        sent = {"title": Path(name).parent.name[:50], "label_config": config}
        answer = shared_world.post("requester", "/api/projects/", sent)
        if answer.status_code != 201:
            refused.append((name, answer.json["validation_errors"]))
    assert refused == [] and len(found) > 60


@pytest.mark.parametrize("name", FILES)
def test_a_sample_file_becomes_tasks(shared_world: World, samples: Path, name: str) -> None:
    config, query, tasks, annotations, predictions = FILES[name]
    content = (samples / "formats" / "label_studio" / "tests_samples" / name).read_bytes()
    project = shared_world.project(config=config)
    told = shared_world.upload_now(project, (name, content), **query)
    counts = (told["task_count"], told["annotation_count"], told["prediction_count"])
    assert counts == (tasks, annotations, predictions)
    assert len(shared_world.tasks(project)) == tasks
