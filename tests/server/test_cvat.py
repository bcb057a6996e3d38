"""Import CVAT's XML: shapes of all kinds into the controls that show them, and their attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinbiao.datasets import labels
from jinbiao.tests.server.test_labelled import (
    boxes,
    brought,
    format_of,
    packed,
    pixels,
    results,
)
from jinbiao.tests.server.world import World, picture, zipped

Told = dict[str, Any]
WIDE, HIGH = 40, 30  # pixels of `picture`
DENT = '<Label value="dent"/>'
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<RectangleLabels name="box" toName="image">{DENT}</RectangleLabels>'
    f'<EllipseLabels name="round" toName="image">{DENT}</EllipseLabels>'
    f'<BrushLabels name="brush" toName="image">{DENT}</BrushLabels>'
    f'<VectorLabels name="line" toName="image">{DENT}</VectorLabels>'
    '<Choices name="severity" toName="image" perRegion="true">'
    '<Choice value="light"/><Choice value="重" alias="grave"/></Choices>'
    '<TextArea name="remark" toName="image" perRegion="true"/>'
    '<Number name="depth" toName="image" perRegion="true" max="9"/>'
    '<TextArea name="whole" toName="image"/></View>'
)
SHAPES = """\
<ellipse label="dent" source="manual" occluded="0" cx="20.00" cy="15.00" rx="10.00" ry="6.00"\
 rotation="90.00" z_order="0"></ellipse>
<mask label="dent" source="manual" occluded="0" rle="1, 2, 0, 3" left="5" top="4" width="3"\
 height="2" z_order="0"></mask>
<polyline label="dent" source="manual" occluded="0" points="4.00,3.00;8.00,6.00;40.00,30.00"\
 z_order="0"></polyline>"""


def cvat(shapes: str) -> bytes:
    """Return a ZIP of one picture with its shapes, as CVAT for images 1.1 writes it."""
    xml = (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        "<meta><task><mode>annotation</mode></task></meta>"
        f'<image id="0" name="a.png" width="{WIDE}" height="{HIGH}">{shapes}</image></annotations>'
    )
    return zipped({"annotations.xml": xml.encode(), "images/a.png": picture(0)})


def read(world: World, config: str, shapes: str) -> tuple[Told, list[Told], list[Told]]:
    """Import shapes; return what was skipped, the regions and the rejects."""
    job, tasks, rejects = brought(world, config, "cvat.zip", cvat(shapes))
    assert format_of(job) == "CVAT XML" and len(tasks) == 1
    return job["result"].get("skipped", {}), results(tasks), rejects


def test_ellipses_masks_and_lines_are_read(shared_world: World) -> None:
    skipped, regions, rejects = read(shared_world, CONFIG, SHAPES)
    assert (skipped, rejects) == ({}, [])
    kinds = [(each["from_name"], each["type"]) for each in regions]
    assert kinds == [
        ("round", "ellipselabels"),
        ("brush", "brushlabels"),
        ("line", "vectorlabels"),
    ]
    ellipse, mask, line = (each["value"] for each in regions)
    assert ellipse == {
        "x": 50,
        "y": 50,
        "radiusX": 25,
        "radiusY": 20,
        "rotation": 90,
        "ellipselabels": ["dent"],
    }
    painted = np.zeros((HIGH, WIDE), np.uint8)
    painted[4:6, 5:8] = [[0, 1, 1], [1, 1, 1]]
    assert np.array_equal(labels.unpacked_mask(bytes(mask["rle"]), WIDE, HIGH) > 0, painted > 0)
    assert (mask["format"], mask["brushlabels"]) == ("rle", ["dent"])
    assert [(each["x"], each["y"]) for each in line["vertices"]] == [(10, 10), (20, 20), (100, 100)]
    assert (line["closed"], line["vectorlabels"]) == (False, ["dent"])


def test_shapes_without_a_control_are_told(shared_world: World) -> None:
    _skipped, regions, rejects = read(shared_world, boxes("dent"), SHAPES)
    assert regions == []
    assert [each["place"].rpartition(", ")[2] for each in rejects] == [
        "ellipse 1",
        "mask 2",
        "polyline 3",
    ]
    for each, tag in zip(rejects, ("EllipseLabels", "BrushLabels", "VectorLabels"), strict=True):
        assert tag in str(each["reason"])


@pytest.mark.parametrize(
    "shape",
    [
        '<mask label="dent" rle="1, 2, 0, 2" left="5" top="4" width="3" height="2"/>',
        '<mask label="dent" rle="1, x" left="5" top="4" width="3" height="2"/>',
        '<mask label="dent" rle="-1, 7" left="5" top="4" width="3" height="2"/>',
        '<mask label="dent" left="5" top="4" width="3" height="2"/>',
        '<mask label="dent" rle="6" left="38" top="4" width="3" height="2"/>',
        '<mask label="dent" rle="6" left="-1" top="4" width="3" height="2"/>',
        '<mask label="dent" rle="0" left="5" top="4" width="0" height="2"/>',
        '<mask label="dent" rle="999999998" left="0" top="0" width="999999999" height="999999"/>',
        '<ellipse label="dent" cx="20" cy="15" rx="0" ry="6"/>',
        '<ellipse label="dent" cx="20" cy="15" rx="30" ry="6"/>',
        '<ellipse label="dent" cx="20" cy="15" rx="10"/>',
        '<polyline label="dent" points="1,1;90,1"/>',
        '<polyline label="dent" points=""/>',
        '<cuboid label="dent" xtl1="1"/>',
    ],
)
def test_damaged_shapes_are_told(shared_world: World, shape: str) -> None:
    _skipped, regions, rejects = read(shared_world, CONFIG, shape)
    assert regions == [] and len(rejects) == 1


def attributes(**named: str) -> str:
    """Return a box with attributes."""
    told = "".join(f'<attribute name="{key}">{value}</attribute>' for key, value in named.items())
    return f'<box label="dent" xtl="4" ytl="3" xbr="8" ybr="6" z_order="0">{told}</box>'


def test_attributes_answer_the_questions_of_their_name(shared_world: World) -> None:
    said = attributes(severity="重", remark="边缘", depth="2.5")
    skipped, regions, rejects = read(shared_world, CONFIG, said)
    assert (skipped, rejects) == ({}, [])
    box, *answers = regions
    assert pixels(box) == (4, 3, 4, 3)
    assert {each["id"] for each in regions} == {box["id"]}
    told = {each["from_name"]: (each["type"], each["value"]) for each in answers}
    shape = {name: box["value"][name] for name in ("x", "y", "width", "height", "rotation")}
    assert told == {
        "severity": ("choices", {**shape, "choices": ["grave"]}),
        "remark": ("textarea", {**shape, "text": ["边缘"]}),
        "depth": ("number", {**shape, "number": 2.5}),
    }


def test_attributes_of_a_mask_do_not_paint_it_again(shared_world: World) -> None:
    mask = '<mask label="dent" rle="0, 6" left="5" top="4" width="3" height="2">'
    mask += '<attribute name="severity">light</attribute></mask>'
    _skipped, regions, rejects = read(shared_world, CONFIG, mask)
    assert rejects == []
    assert [each["value"].get("choices") for each in regions] == [None, ["light"]]
    assert "rle" not in regions[1]["value"]


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"severity": "none such"}, 1),
        ({"depth": "12"}, 1),
        ({"depth": "deep"}, 1),
        ({"whole": "not of a region"}, 1),
        ({"unknown": "1", "box": "2"}, 2),
        ({"remark": ""}, 0),
        ({"unknown": " "}, 0),
    ],
)
def test_attributes_without_a_place_are_counted(
    shared_world: World, said: dict[str, str], lost: int
) -> None:
    skipped, regions, rejects = read(shared_world, CONFIG, attributes(**said))
    assert [each["from_name"] for each in regions] == ["box"] and rejects == []
    assert skipped.get("attributes", 0) == lost


def test_the_page_of_the_job_counts_them(shared_world: World) -> None:
    content = cvat(attributes(unknown="1") + attributes(unknown="2").replace("4", "5"))
    job, _tasks, _rejects = brought(shared_world, CONFIG, "cvat.zip", content)
    page = shared_world.get("requester", f"/jobs/{job['id']}").text
    title = page.partition("<dt>Attributes of shapes")
    title = title if title[1] else page.partition("<dt>形状的属性")
    assert title[2].partition("<dd>")[2].startswith("2<")


TRACK = """\
<annotations><version>1.1</version><track id="0" label="dent" source="manual">
<box frame="0" outside="0" xtl="4" ytl="3" xbr="8" ybr="6">{0}</box>
<box frame="1" outside="0" xtl="8" ytl="3" xbr="12" ybr="6">{1}</box>
<box frame="2" outside="1" xtl="8" ytl="3" xbr="12" ybr="6"/></track></annotations>"""


def test_a_track_has_the_attributes_that_do_not_change(shared_world: World) -> None:
    frames = [
        f'<attribute name="severity">light</attribute><attribute name="depth">{n}</attribute>'
        for n in range(2)
    ]
    files = {"annotations.xml": TRACK.format(*frames).encode()}
    files |= {f"images/frame_{n:06d}.png": picture(n) for n in range(3)}
    job, tasks, _rejects = brought(shared_world, CONFIG, "cvat.zip", zipped(files))
    told = [[each["from_name"] for each in results([task])] for task in tasks]
    assert told == [["box", "severity"], ["box", "severity"], []]
    assert job["result"]["skipped"]["attributes"] == 2


def test_the_attributes_of_datumaros_sample(shared_world: World, samples: Path) -> None:
    folder = samples / "formats" / "datumaro" / "cvat_dataset" / "for_images" / "export_task"
    questions = (
        '<Choices name="a1" toName="image" perRegion="true"><Choice value="true"/>'
        '<Choice value="false"/></Choices><TextArea name="a3" toName="image" perRegion="true"/>'
        '<Number name="a4" toName="image" perRegion="true"/></View>'
    )
    config = boxes("label1").removesuffix("</View>") + questions
    job, tasks, rejects = brought(shared_world, config, "all.zip", packed(folder))
    answers = {each["from_name"]: each["value"] for each in results(tasks)}
    assert list(answers) == ["label", "a1", "a3", "a4"] and len(rejects) == 3
    assert (answers["a1"]["choices"], answers["a3"]["text"]) == (["true"], ["0003"])
    assert answers["a4"]["number"] == 2.4
    # `a2` has no question.
    assert job["result"]["skipped"]["attributes"] == 1
