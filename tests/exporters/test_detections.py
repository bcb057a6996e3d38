"""Boxes around turned boxes: against the geometry of the checks, and invariants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import errors, labels
from jinbiao.datasets.labels.geometry import corners
from jinbiao.exporters.detections import Pictures, shoelace, turned_corners
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

NUMBER = st.floats(0, 100)


@given(NUMBER, NUMBER, st.floats(0.1, 100), st.floats(0.1, 100), st.floats(-360, 360))
def test_corners_are_those_that_were_checked(
    x: float, y: float, width: float, height: float, rotation: float
) -> None:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation}
    region = {
        "id": "r",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": 800,
        "original_height": 600,
        "value": {**value, "rectanglelabels": ["scratch"]},
    }
    config = labels.parse(labels.TEMPLATES["defect_boxes"].config)
    (box,) = labels.boxes(config, [region])
    turned = turned_corners(box)
    expected = [(u * 8, v * 6) for u, v in corners(value, 800 / 600)]
    for ours, theirs in zip(turned, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
    assert shoelace(turned) == pytest.approx(width * 8 * height * 6, rel=1e-6, abs=1e-6)


def test_boxes_stay_in_the_picture_and_hold_their_outline(world: World) -> None:
    version = factory.boards(world)
    pictures = Pictures(version)
    for record in version.records():
        for found in pictures.read(record).detections:
            assert 0 <= found.x <= found.x + found.width <= 640
            assert 0 <= found.y <= found.y + found.height <= 640
            for x in found.outline[::2]:
                inside = min(max(x, 0), 640)
                assert found.x <= inside <= round(found.x + found.width, 3)


def test_shapes_on_two_pictures_are_refused(world: World) -> None:
    config = """
    <View>
      <Image name="left" value="$left"/><Image name="right" value="$right"/>
      <RectangleLabels name="a" toName="left"><Label value="x"/></RectangleLabels>
      <RectangleLabels name="b" toName="right"><Label value="x"/></RectangleLabels>
    </View>
    """
    version = world.freeze(config, [])
    with pytest.raises(errors.Refused, match="not on left, right"):
        Pictures(version)


def test_a_bare_shape_has_a_class_for_what_nobody_named(world: World) -> None:
    config = """
    <View>
      <Image name="image" value="$image"/>
      <Rectangle name="box" toName="image"/>
      <Labels name="label" toName="image"><Label value="scratch"/></Labels>
    </View>
    """
    assert Pictures(world.freeze(config, [])).names == ("scratch", "unlabelled")
