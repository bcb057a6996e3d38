"""Read back what the exporters wrote: the same boxes, outlines and spans of the same things."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from jinbiao.datasets import labelled, labels
from jinbiao.datasets.projects import Project
from jinbiao.datasets.sources import Item, SourceLimits
from jinbiao.datasets.versions import FrozenVersion, Record, RecordMedia
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters import versions_factory
from jinbiao.tests.exporters.conftest import unpack
from jinbiao.tests.exporters.versions_factory import World

WIDE, HIGH = 64, 48
SHAPES = """\
<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="label" toName="image"><Label value="划痕" alias="scratch"/>
    <Label value="b c"/></RectangleLabels>
  <PolygonLabels name="area" toName="image"><Label value="锈"/></PolygonLabels>
</View>
"""
BOXES = SHAPES.replace('<PolygonLabels name="area" toName="image"><Label value="锈"/>', "").replace(
    "</PolygonLabels>", ""
)
SPANS = """\
<View>
  <Text name="text" value="$text"/>
  <Labels name="label" toName="text"><Label value="PER"/><Label value="机构"/></Labels>
</View>
"""
Said = tuple[str, tuple[float, ...]]

sizes = st.integers(1, 20)
boxes = st.builds(
    lambda label, x, y, w, h: (label, x, y, w, h),
    st.sampled_from(["scratch", "b c"]),
    st.integers(0, WIDE - 20),
    st.integers(0, HIGH - 20),
    sizes,
    sizes,
)
pictures = st.lists(st.lists(boxes, max_size=4, unique=True), min_size=1, max_size=3)


def drawing(number: int) -> bytes:
    """Return a picture of one colour that tells its number."""
    out = io.BytesIO()
    Image.new("RGB", (WIDE, HIGH), (number, 90, 160)).save(out, "PNG")
    return out.getvalue()


def project(config: str) -> Project:
    """Return a project of a config that nobody stored."""
    parsed = labels.parse(config).to_json()
    return Project(label_config=config, parsed_label_config=parsed, added_labels="{}")


def frozen(world: World, config: str, results: list[list[dict[str, Any]]]) -> FrozenVersion:
    """Freeze pictures with these results."""
    records = []
    for place, result in enumerate(results):
        stored = world.store.put_bytes(drawing(place))
        media = RecordMedia(
            stored.digest, stored.digest, stored.size, f"p {place}.png", "image/png", WIDE, HIGH
        )
        made = versions_factory._record(place, {"image": media}, {}, result, f"p{place}", None)
        records.append(made)
    return world.freeze(config, records)


def region(number: int, label: str, x: float, y: float, w: float, h: float) -> dict[str, Any]:
    """Return the region of a box given in pixels."""
    share = 100 / WIDE, 100 / HIGH
    place = x * share[0], y * share[1], w * share[0], h * share[1]
    return versions_factory._box_region(f"r{number}", [label], *place, (WIDE, HIGH))


def read_back(version: FrozenVersion, name: str, config: str) -> list[Item]:
    """Export a version in a format, and read the tree as a person's folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "work").mkdir()
        output = Output(version.store, Path(folder) / "work")
        FORMATS[name].write(version, output)
        output.finish(version, name)
        tree = unpack(version, output.written, Path(folder) / "tree")
        assert labelled.recognise(tree) == name
        found = list(
            labelled.read(tree, project=project(config), limits=SourceLimits(), format="auto")
        )
    assert all(isinstance(each, Item) for each in found), found
    return [each for each in found if isinstance(each, Item)]


def said(config: str, result: list[dict[str, Any]]) -> Counter[Said]:
    """Return what a result draws, in pixels to a hundredth."""
    parsed = labels.parse(config)
    drawn: Counter[Said] = Counter()
    for box in labels.boxes(parsed, result):
        place = (box.x, box.y, box.width, box.height, box.rotation)
        drawn[box.labels[0], tuple(round(value, 2) + 0.0 for value in place)] += 1
    for polygon in labels.polygons(parsed, result):
        flat = tuple(round(value, 2) for point in polygon.points for value in point)
        drawn[polygon.labels[0], flat] += 1
    return drawn


def by_name(items: list[Item]) -> dict[str, list[dict[str, Any]]]:
    """Return file name → the regions of the one annotation; an empty one for none drawn."""
    return {item.name: item.annotations[0]["result"] for item in items}


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"])
@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=pictures)
def test_boxes_come_back_as_they_were_drawn(
    world: World, name: str, drawn: list[list[tuple[str, int, int, int, int]]]
) -> None:
    results = [[region(n, *box) for n, box in enumerate(each)] for each in drawn]
    version = frozen(world, BOXES, results)
    found = by_name(read_back(version, name, BOXES))
    assert len(found) == len(results)
    for place, result in enumerate(results):
        assert said(BOXES, found[f"p {place}.png"]) == said(BOXES, result)


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turn=st.integers(-80, 80), wide=st.integers(4, 9), high=st.integers(4, 9))
def test_coco_keeps_turned_boxes_and_outlines(
    world: World, turn: int, wide: int, high: int
) -> None:
    box = region(1, "scratch", 30, 22, wide, high)
    box["value"]["rotation"] = turn
    outline = {
        "id": "p",
        "from_name": "area",
        "to_name": "image",
        "type": "polygonlabels",
        "original_width": WIDE,
        "original_height": HIGH,
        "value": {"points": [[10, 10], [40, 10], [30, 50]], "polygonlabels": ["锈"]},
    }
    result = [box, outline]
    (item,) = read_back(frozen(world, SHAPES, [result]), "coco", SHAPES)
    assert said(SHAPES, item.annotations[0]["result"]) == said(SHAPES, result)


letters = st.text(alphabet="张三津市ab1，", min_size=1, max_size=6)


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.tuples(letters, st.sampled_from(["", "PER", "机构"])), min_size=1))
def test_spans_come_back_around_the_same_words(world: World, pieces: list[tuple[str, str]]) -> None:
    text, result = "", []
    for number, (words, label) in enumerate(pieces):
        if label:
            value = {"start": len(text), "end": len(text) + len(words), "labels": [label]}
            result.append(versions_factory._answer(f"s{number}", "labels", "label", value))
        text += words
    record: Record = versions_factory._record(0, {}, {"text": text}, result, "t", None)
    (item,) = read_back(world.freeze(SPANS, [record]), "conll", SPANS)
    read = item.data["text"]
    wanted = [(text[r["value"]["start"] : r["value"]["end"]], r["value"]["labels"]) for r in result]
    found = [
        (read[r["value"]["start"] : r["value"]["end"]], r["value"]["labels"])
        for r in (item.annotations[0]["result"] if item.annotations else [])
    ]
    # Between Latin words CoNLL keeps no spaces, and cuts where an entity begins or ends.
    assert [(words.replace(" ", ""), label) for words, label in found] == wanted
    assert read.replace(" ", "") == text
