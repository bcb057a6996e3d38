"""Shapes on pictures and tracks on video: inside, with an area, and decodable."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.converter.brush import encode_rle

from jinbiao.datasets import labels
from jinbiao.tests.datasets.label_examples import BOX_CONFIG, IMAGE, box, places, region

ONE_BOX = labels.LabelConfig(
    (labels.Control("label", "RectangleLabels", ("image",), ("Car",), ((),)),),
    (labels.DataObject("image", "Image", "image"),),
)


percent = st.floats(0, 100, allow_nan=False)


@given(percent, percent, percent, percent)
def test_any_box_inside_is_accepted(a: float, b: float, c: float, d: float) -> None:
    x, right = sorted((a, b))
    y, bottom = sorted((c, d))
    region = box(x=x, y=y, width=max(right - x, 1e-9), height=max(bottom - y, 1e-9))
    assert labels.check_result(ONE_BOX, [region]) == []


@given(percent, percent, percent, percent, st.sampled_from("x y width height".split()))
def test_any_box_leaving_the_picture_is_refused(
    x: float, y: float, width: float, height: float, side: str
) -> None:
    value = {"x": x, "y": y, "width": width + 0.01, "height": height + 0.01}
    if side in ("x", "y"):
        value[side] = -value[side] - 0.001
    else:
        start = value["x" if side == "width" else "y"]
        value[side] = 100.001 - start + value[side]
    assert labels.check_result(ONE_BOX, [box(**value)])


@given(
    st.floats(0, 4000), st.floats(0, 3000), st.floats(0.5, 4000), st.floats(0.5, 3000),
    st.integers(1, 10_000), st.integers(1, 10_000),
)  # fmt: skip
def test_a_box_comes_back_as_it_was_written(
    x: float, y: float, width: float, height: float, wide: int, high: int
) -> None:
    region = labels.make_box_region(
        ONE_BOX.controls[0], "image", "Car", x, y, width, height, wide, high, 0.5, "r1"
    )
    (found,) = labels.boxes(ONE_BOX, [region])
    assert (found.region_id, found.labels, found.score) == ("r1", ("Car",), 0.5)
    written, read = (x, y, width, height), (found.x, found.y, found.width, found.height)
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(written, read, strict=True))


def test_turned_boxes_are_judged_by_their_corners() -> None:
    # About its corner at the right edge, a quarter turn clockwise takes the box inward.
    turned = box(x=100, y=0, width=20, height=20, rotation=90)
    assert labels.check_result(BOX_CONFIG, [turned]) == []
    assert places(BOX_CONFIG, [box(x=10, y=0, width=20, height=50, rotation=90)]) == [
        "result[0].value"
    ]
    (found,) = labels.boxes(BOX_CONFIG, [turned])
    assert (found.x, found.y, found.width, found.height) == (640, 0, 128, 96)
    assert found.rotation == 90


SHAPES = "".join(f'<{tag} name="{tag.lower()}" toName="o"/>' for tag in (
    "Ellipse", "Polygon", "KeyPoint", "Brush", "Bitmask", "Vector"))  # fmt: skip


PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


def mask(wide: int, high: int, painted: int = 7) -> list[int]:
    """Pack a mask the way the SDK does: the first pixels are painted."""
    flat = np.zeros((wide * high, 4), np.uint8)
    flat[:painted] = 255
    return list(encode_rle(flat.ravel()))


MASK = mask(10, 10)


@pytest.mark.parametrize(
    ("kind", "value", "place"),
    [
        ("ellipse", {"x": 50, "y": 50, "radiusX": 5, "radiusY": 6, "rotation": 10}, None),
        ("ellipse", {"x": 95, "y": 50, "radiusX": 6, "radiusY": 6}, "value"),
        ("ellipse", {"x": 95, "y": 50, "radiusX": 20, "radiusY": 4, "rotation": 90}, None),
        ("ellipse", {"x": 95, "y": 50, "radiusX": 4, "radiusY": 20, "rotation": 90}, "value"),
        ("ellipse", {"x": 150, "y": 50, "radiusX": 5, "radiusY": 6}, "value"),
        ("ellipse", {"x": 50, "y": 50, "radiusX": 0, "radiusY": 6}, "value.radiusX"),
        ("polygon", {"points": [[0, 0], [100, 0], [50, 100]], "closed": True}, None),
        ("polygon", {"points": [[0, 0], [100, 0], [50, 101]]}, "value.points[2]"),
        ("polygon", {"points": [[0, 0], [10, 10], [20, 20]]}, "value.points"),
        ("polygon", {"points": [[0, 0], [10, 10], [5]]}, "value.points[2]"),
        ("keypoint", {"x": 0, "y": 100, "width": 0.5}, None),
        ("keypoint", {"x": -1, "y": 100}, "value"),
        ("brush", {"format": "rle", "rle": MASK}, None),
        ("brush", {"format": "rle", "rle": [0, 0, 0, 1, 7]}, "value.rle"),
        ("brush", {"format": "rle", "rle": [*MASK, 256]}, "value.rle"),
        ("brush", {"format": "rle", "rle": MASK[:-3]}, "value.rle"),
        ("brush", {"format": "rle", "rle": [*MASK[:4], 7, 0, 255]}, "value.rle"),
        ("brush", {"format": "rle", "rle": mask(10, 11)}, "value.rle"),
        ("brush", {"format": "rle", "rle": []}, "value.rle"),
        ("brush", {"format": "rle"}, "value.rle"),
        ("bitmask", {"imageDataURL": PNG}, None),
        ("bitmask", {"imageDataURL": "data:image/png;base64,AAAA"}, "value.imageDataURL"),
        ("bitmask", {"imageDataURL": "http://x.invalid/"}, "value.imageDataURL"),
        ("vector", {"vertices": [{"id": "v", "x": 1, "y": 2}], "closed": False}, None),
        ("vector", {"vertices": [{"x": 1, "y": 200}]}, "value.vertices[0]"),
    ],
)
def test_shapes(kind: str, value: dict[str, Any], place: str | None) -> None:
    config = labels.parse(f"<View>{IMAGE}{SHAPES}</View>")
    size = {"original_width": 10, "original_height": 10}
    expected = [f"result[0].{place}"] if place else []
    assert places(config, [region(kind, value, kind, **size)]) == expected


def test_labels_beside_a_rectangle_make_one_box() -> None:
    config = labels.parse(
        '<View><Image name="o" value="$i"/><Rectangle name="b" toName="o"/>'
        '<Labels name="l" toName="o"><Label value="文字"/></Labels></View>'
    )
    shape = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0}
    size = {"original_width": 100, "original_height": 200}
    result = [
        region("rectangle", shape, "b", **size),
        region("labels", {**shape, "labels": ["文字"]}, "l", **size),
    ]
    assert labels.check_result(config, result) == []
    (found,) = labels.boxes(config, result)
    assert (found.labels, found.x, found.y, found.width, found.height) == (("文字",), 1, 4, 3, 8)
    assert labels.label_counts(config, result) == {"文字": 1}
    result[1]["value"] = {"labels": ["文字"]}
    assert places(config, result) == ["result[1].value"]


def test_video_boxes_carry_the_labels_beside_them() -> None:
    config = labels.parse(
        '<View><Video name="o" value="$o"/><VideoRectangle name="b" toName="o"/>'
        '<Labels name="l" toName="o"><Label value="车"/></Labels></View>'
    )
    frame = {"frame": 1, "time": 0.04, "x": 99, "y": 5, "width": 5, "height": 5, "rotation": 0}
    value = {"sequence": [frame], "framesCount": 10, "duration": 1, "labels": ["车"]}
    assert labels.check_result(config, [region("videorectangle", value, "b")]) == []
    value = {"sequence": [{**frame, "width": 0}], "labels": ["人"]}
    assert places(config, [region("videorectangle", value, "b")]) == [
        "result[0].value.labels[0]",
        "result[0].value.sequence[0].width",
    ]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.floats(0, 1))
def test_any_mask_of_the_sdk_decodes_and_no_cut_one_does(
    wide: int, high: int, seed: int, share: float
) -> None:
    noise = np.random.default_rng(seed).random((wide * high, 1)) < share
    packed = list(encode_rle((np.repeat(noise, 4, axis=1) * 255).astype(np.uint8).ravel()))
    config = labels.parse(f"<View>{IMAGE}{SHAPES}</View>")
    size = {"original_width": wide, "original_height": high}

    def check(rle: list[int]) -> list[str]:
        return places(config, [region("brush", {"format": "rle", "rle": rle}, "brush", **size)])

    assert check(packed) == []
    assert check(packed[:-2]) == ["result[0].value.rle"]


def test_masks_without_end_are_refused_quickly() -> None:
    config = labels.parse(f"<View>{IMAGE}{SHAPES}</View>")
    huge = [255] * 3_000_000
    begun = time.perf_counter()
    assert places(config, [region("brush", {"rle": huge}, "brush")]) == ["result[0].value.rle"]
    claimed = [255, 255, 255, 252, *[0] * 1000]
    assert places(config, [region("brush", {"rle": claimed}, "brush")]) == ["result[0].value.rle"]
    assert time.perf_counter() - begun < 2


VIDEO = labels.parse(
    '<View><Video name="o" value="$o"/><VideoRectangle name="box" toName="o"/>'
    '<VideoVectorLabels name="path" toName="o"><Label value="a"/></VideoVectorLabels>'
    '<TimelineLabels name="time" toName="o"><Label value="a"/></TimelineLabels></View>'
)
FRAME = {"frame": 3, "x": 1, "y": 1, "width": 5, "height": 5}


@pytest.mark.parametrize(
    ("name", "kind", "value", "place"),
    [
        ("box", "videorectangle", {"framesCount": 9, "sequence": [FRAME]}, None),
        ("box", "videorectangle", {"framesCount": 1, "sequence": [FRAME]}, "sequence[0].frame"),
        ("box", "videorectangle", {"sequence": [{**FRAME, "frame": 1.5}]}, "sequence[0].frame"),
        ("box", "videorectangle", {"sequence": [{**FRAME, "frame": None}]}, "sequence[0].frame"),
        ("box", "videorectangle", {"sequence": []}, "sequence"),
        ("path", "videovectorlabels",
         {"sequence": [{"frame": 1, "vertices": [{"x": 1, "y": 2}]}], "labels": ["a"]}, None),
        ("path", "videovectorlabels",
         {"sequence": [{"frame": 1, "vertices": [{"x": 1}]}], "labels": ["a"]},
         "sequence[0].vertices[0].y"),
        ("path", "videovectorlabels", {"sequence": [{"frame": 1, "vertices": []}], "labels": ["z"]},
         "labels[0]"),
        ("time", "timelinelabels", {"ranges": [{"start": 1, "end": 2}], "timelinelabels": ["a"]},
         None),
        ("time", "timelinelabels", {"ranges": [5], "timelinelabels": ["a"]}, "ranges[0]"),
    ],
)  # fmt: skip
def test_tracks(name: str, kind: str, value: dict[str, Any], place: str | None) -> None:
    expected = [f"result[0].value.{place}"] if place else []
    assert places(VIDEO, [region(kind, value, name)]) == expected
