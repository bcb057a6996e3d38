"""Boxes that are read by columns are those that are read one by one, to the bit."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import labels
from jinbiao.datasets.versions import FrozenVersion, Record, RecordMedia
from jinbiao.exporters.detections import Pictures
from jinbiao.exporters.drawn import Drawn, DrawnPictures, rounded
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

PERCENT = st.floats(-1, 101) | st.integers(0, 100) | st.sampled_from([0.0, -0.0, 1e-12, 99.99995])
REGION = st.fixed_dictionaries(
    {
        "id": st.sampled_from("abcdefgh"),
        "from_name": st.just("label"),
        "to_name": st.just("image"),
        "type": st.just("rectanglelabels"),
        "value": st.fixed_dictionaries(
            {
                "x": PERCENT,
                "y": PERCENT,
                "width": PERCENT,
                "height": PERCENT,
                "rectanglelabels": st.sampled_from([["scratch"], ["stain"], ["stain", "scratch"]]),
            },
            optional={"rotation": st.sampled_from([0, 0.0, None, 360, 30])},
        ),
    },
    optional={"original_width": st.just(641), "original_height": st.just(479)},
)

PLAIN = REGION.map(
    lambda region: {
        **region,
        **{"original_width": 641, "original_height": 479},
        "value": {**region["value"], "rotation": 0, "rectanglelabels": ["stain"]},
    }
)
RESULT = st.lists(REGION, max_size=4) | st.lists(PLAIN, max_size=4, unique_by=lambda r: r["id"])


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> FrozenVersion:
    """Give a version whose config draws boxes; its records do not matter."""
    world = World(tmp_path_factory.mktemp("boxes"))
    return world.freeze(labels.TEMPLATES["defect_boxes"].config, [factory.box_record(0)])


def columns(drawn: Drawn) -> list[Any]:
    sides = [[repr(number) for number in side.tolist()] for side in drawn.at]
    return [drawn.counts, drawn.category, *sides]


@given(st.lists(RESULT, min_size=1, max_size=3))
def test_columns_are_the_detections_one_by_one(
    boxes: FrozenVersion, results: list[list[dict[str, Any]]]
) -> None:
    media = RecordMedia("0" * 64, "0" * 64, 1, "p.jpg", "image/jpeg", 641, 479)
    plain = factory.box_record(0)
    replace = msgspec.structs.replace
    records: list[Record] = [replace(plain, result=r, media={"image": media}) for r in results]
    found = DrawnPictures(boxes).read([msgspec.json.encode(record) for record in records])
    wanted = [Pictures(boxes).read(record).detections for record in records]
    flat = [each for listed in wanted for each in listed]
    assert columns(found) == [
        list(map(len, wanted)),
        [each.class_index for each in flat],
        *(
            [repr(getattr(each, name)) for each in flat]
            for name in ("x", "y", "width", "height", "area")
        ),
    ]
    outlined = {place: each for place, each in enumerate(flat) if each.outline}
    assert found.turned == outlined


@given(st.lists(st.floats(0, 1e6) | st.integers(0, 2**40).map(lambda n: n / 2000)))
def test_rounding_is_that_of_python(numbers: list[float]) -> None:
    found = rounded(np.array(numbers, np.float64)).tolist()
    assert list(map(repr, found)) == [repr(round(number, 3)) for number in numbers]
