"""What is recognised at a glance as right is what the careful check finds nothing wrong with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import labels
from jinbiao.datasets.labels.plain import plainly_right
from jinbiao.datasets.labels.results import carefully_checked, region_problems

CONFIG = labels.parse(
    """<View>
  <Image name="image" value="$image"/><Text name="text" value="$text"/>
  <RectangleLabels name="box" toName="image"><Label value="a"/><Label value="b"/></RectangleLabels>
  <Labels name="span" toName="text"><Label value="p"/><Label value="q"/></Labels>
  <Choices name="tone" toName="text" choice="single">
    <Choice value="x"/><Choice value="y"/>
  </Choices>
</View>"""
)
DATA = {"image": "i.jpg", "text": "张三在办事"}
SPAN = {"start": 0, "end": 2, "text": "张三", "labels": ["p"]}
BOX = {"x": 1, "y": 2.5, "width": 10, "height": 20, "rotation": 0, "rectanglelabels": ["a"]}
RIGHT: list[dict[str, Any]] = [
    {"id": "s", "from_name": "span", "to_name": "text", "type": "labels", "value": SPAN},
    {"id": "c", "from_name": "tone", "to_name": "text", "type": "choices",
     "value": {"choices": ["x"]}},
    {"id": "b", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
     "value": BOX, "original_width": 640, "original_height": 480, "score": 0.5},
]  # fmt: skip
ODD = st.sampled_from(
    [None, True, -1, 0, 1, 3, 5, 6, 99.5, 100, 1e308, float("nan"), float("inf"), "", "p", "x", "b"]
    + [[], ["p"], ["q", "p"], ["z"], [1], {}, "\x00", "\ud800", "a" * 201, "text", "image", "tone"]
)


def right(result: list[Any], data: dict[str, Any] | None) -> bool:
    return plainly_right(CONFIG, result, data, region_problems)


def test_plain_results_are_recognised() -> None:
    assert right(RIGHT, DATA) and right([], DATA) and right(RIGHT, None)
    assert labels.check_result(CONFIG, RIGHT, data=DATA) == []


@pytest.mark.parametrize(
    ("member", "value", "place"),
    [("end", 6, "end"), ("start", 2, "end"), ("labels", ["z"], "labels[0]")],
)
def test_a_span_that_is_wrong_is_told(member: str, value: Any, place: str) -> None:
    wrong = [{**RIGHT[0], "value": {**SPAN, member: value}}]
    assert right(RIGHT, DATA)
    (problem,) = labels.check_result(CONFIG, wrong, data=DATA)
    assert problem.place == f"result[0].value.{place}"


@given(st.data())
def test_nothing_wrong_is_recognised_as_right(data: st.DataObject) -> None:
    """Change any member of any region to anything, or add one."""
    result = [
        {**region, "value": dict(region["value"])}
        for region in data.draw(st.lists(st.sampled_from(RIGHT), min_size=1, max_size=3))
    ]
    for _time in range(data.draw(st.integers(0, 2))):
        region = data.draw(st.sampled_from(result))
        place = data.draw(st.sampled_from([region, region["value"]]))
        if not isinstance(place, dict):
            continue
        place[data.draw(st.sampled_from([*place, "score", "parentID", "rotation"]))] = data.draw(
            ODD
        )
    for given_data in (DATA, {"image": "i", "text": 3}, None):
        if right(result, given_data):
            assert carefully_checked(CONFIG, result, given_data) == []
