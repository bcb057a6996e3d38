"""A result is checked region by region; whatever is sent is answered with places, not errors."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.label_interface import LabelInterface

from jinbiao.datasets import labels
from jinbiao.tests.datasets.label_examples import (
    BOX_CONFIG,
    BOXES,
    IMAGE,
    WORDS,
    box,
    places,
    region,
    spans_config,
)
from jinbiao.tests.datasets.test_label_answers import QUESTIONS
from jinbiao.tests.datasets.test_label_shapes import SHAPES


@pytest.fixture(scope="module")
def shared(samples: Path) -> Path:
    """Give the folder that holds samples and contracts."""
    return samples.parent


def test_what_the_editor_submits_is_accepted(shared: Path) -> None:
    payloads = json.loads(
        (shared / "contracts/label-studio/editor_submit_payloads.json").read_text()
    )
    config = {"bbox": labels.parse(BOXES), "ner": labels.parse(WORDS)}
    seen = 0
    for name, payload in payloads.items():
        for event in payload["events"]:
            for result in (event.get("serialized"), _versions(event)):
                if result:
                    seen += 1
                    assert labels.check_result(config[name.rsplit("_")[-1]], result) == []
    assert seen >= 8


def _versions(event: dict[str, Any]) -> Any:
    return event.get("toJSON", {}).get("versions", {}).get("result")


def test_recorded_annotations(shared: Path) -> None:
    def result(name: str) -> Any:
        recording = json.loads((shared / f"contracts/label-studio/{name}.json").read_text())
        return recording["exchanges"][0]["request"]["body"]["result"]

    assert labels.check_result(BOX_CONFIG, result("073_annotations_create")) == []
    assert places(BOX_CONFIG, result("074_annotations_create_invalid")) == ["result"]
    assert places(BOX_CONFIG, result("075_annotations_create_unknown_label")) == [
        "result[0].value.rectanglelabels[0]"
    ]


def test_bad_geometry_is_reported(shared: Path) -> None:
    path = shared / "samples/hostile/label_studio/annotations_bad_geometry.json"
    result = json.loads(path.read_text())[0]["annotations"][0]["result"]
    assert places(BOX_CONFIG, result) == [
        "result[0].value.x",
        "result[1].value.width",
        "result[2].value.width",
        "result[3].value.x",
        "result[5].id",
        "result[6].value.rectanglelabels[0]",
        "result[7].to_name",
        "result[8].value.rotation",
        "result[9].value.rectanglelabels",
        "result[10].value.points",
        "result[11].to_id",
    ]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"x": math.nan}, "result[0].value.x"),
        ({"width": math.inf}, "result[0].value.width"),
        ({"x": True}, "result[0].value.x"),
        ({"original_width": 0}, "result[0].original_width"),
        ({"original_width": 10**400}, "result[0].original_width"),
        ({"x": 10**400}, "result[0].value.x"),
        ({"original_height": 4.5}, "result[0].original_height"),
        ({"id": ""}, "result[0].id"),
        ({"id": None}, "result[0].id"),
        ({"from_name": "nobody"}, "result[0].from_name"),
        ({"from_name": ["label"]}, "result[0].from_name"),
        ({"type": "choices"}, "result[0].type"),
        ({"type": ["rectanglelabels"]}, "result[0].type"),
        ({"value": []}, "result[0].value"),
        ({"score": "high"}, "result[0].score"),
        ({"rectanglelabels": "Car"}, "result[0].value.rectanglelabels"),
        ({"rectanglelabels": [["Car"]]}, "result[0].value.rectanglelabels[0]"),
        ({"meta": {"text": math.nan}}, "result"),
        ({"meta": {"text": "a\0b"}}, "result"),
        ({"meta": {"text": "\ud800"}}, "result"),
        ({"meta": {1, 2}}, "result"),
    ],
)
def test_one_wrong_member_is_named(change: dict[str, Any], place: str) -> None:
    assert places(BOX_CONFIG, [box(**change)]) == [place]


KINDS = (
    "rectanglelabels labels polygon ellipse keypoint brush bitmask vector choices taxonomy rating "
    "number datetime textarea pairwise relation timelinelabels videorectangle timeserieslabels "
    "ranker paragraphlabels hypertextlabels"
).split()


MEMBERS = (
    "x y width height rotation radiusX radiusY points vertices rle imageDataURL start end ranges "
    "startOffset endOffset globalOffsets sequence labels choices taxonomy rating number text"
).split()


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a", "b", "Car"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner),
    max_leaves=8,
)


EVERYTHING = [
    labels.parse(BOXES),
    labels.parse(WORDS),
    labels.parse(QUESTIONS),
    labels.parse(f"<View>{IMAGE}{SHAPES}</View>"),
    labels.parse('<View><List name="o" value="$o"/><Ranker name="c" toName="o"/></View>'),
    *(
        spans_config(tag, control)
        for tag, control in (
            ("Audio", "Labels"),
            ("Video", "TimelineLabels"),
            ("HyperText", "HyperTextLabels"),
            ("Paragraphs", "ParagraphLabels"),
            ("Image", "Labels"),
            ("TimeSeries", "TimeSeriesLabels"),
        )
    ),
]


@given(
    st.data(),
    st.none() | st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from([*MEMBERS, *KINDS]), anything) | anything,
    st.dictionaries(
        st.sampled_from("id original_width original_height score meta from_id labels".split()),
        anything,
    ),
)
def test_whatever_is_sent_is_answered(
    data: st.DataObject, kind: str | None, value: object, beside: dict[str, object]
) -> None:
    config = data.draw(st.sampled_from(EVERYTHING))
    control = data.draw(st.sampled_from(config.controls))
    kind = kind or control.tag.lower()
    sent = {**region(kind, value, control.name, control.to_names[0]), **beside}
    problems = labels.check_result(config, [sent, sent], data={"o": "text", "text": "text"})
    assert all(str(problem) for problem in problems)


def test_a_typed_backslash_is_no_nul() -> None:
    assert labels.check_result(BOX_CONFIG, [box(meta={"text": ["\\u0000"]})]) == []


def test_limits_are_named() -> None:
    (problem,) = labels.check_result(BOX_CONFIG, [{}] * (labels.MAX_REGIONS + 1))
    assert problem.values["limit"] == labels.MAX_REGIONS
    (problem,) = labels.check_result(
        BOX_CONFIG, [box(meta={"text": "x" * labels.MAX_RESULT_BYTES})]
    )
    assert problem.values["limit"] == labels.MAX_RESULT_BYTES
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert places(BOX_CONFIG, [nested]) == ["result"]
    assert len(labels.check_result(BOX_CONFIG, [1] * 5000)) == 1000


def test_a_repeaters_numbered_names_are_found() -> None:
    config = labels.parse(
        '<View><Repeater on="$images" indexFlag="{{idx}}">'
        '<Image name="page_{{idx}}" value="$images[{{idx}}].url"/>'
        '<RectangleLabels name="label_{{idx}}" toName="page_{{idx}}"><Label value="Car"/>'
        "</RectangleLabels></Repeater></View>"
    )
    assert config.data_keys == ("images",)
    assert labels.check_result(config, [box(from_name="label_0", to_name="page_0")]) == []
    assert places(config, [box(from_name="label_x", to_name="page_0")]) == ["result[0].from_name"]


def test_ten_regions_are_checked_in_a_moment() -> None:
    result = [box(id=str(index)) for index in range(10)]
    best = min(_seconds(BOX_CONFIG, result) for _ in range(50))
    assert best < 0.001


def _seconds(config: labels.LabelConfig, result: list[dict[str, Any]]) -> float:
    begun = time.perf_counter()
    assert labels.check_result(config, result) == []
    return time.perf_counter() - begun


EVERY_CONTROL = f"""<View>{IMAGE}<Text name="x" value="$x"/><HyperText name="h" value="$h"/>
<Image name="o2" value="$o2"/><Paragraphs name="p" value="$p"/><TimeSeries name="s" value="$s"/>
<Video name="v" value="$v"/><List name="list" value="$list"/>
<Choices name="choice" toName="x"><Choice value="a"/></Choices>
<Taxonomy name="tree" toName="x"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>
<Rating name="stars" toName="x"/><Number name="number" toName="x"/>
<DateTime name="date" toName="x"/><TextArea name="words" toName="x"/>
<Pairwise name="pair" toName="o,o2"/><Ranker name="rank" toName="list"/>
<Labels name="span" toName="x"><Label value="a"/></Labels>
<HyperTextLabels name="html" toName="h"><Label value="a"/></HyperTextLabels>
<ParagraphLabels name="talk" toName="p"><Label value="a"/></ParagraphLabels>
<TimeSeriesLabels name="series" toName="s"><Label value="a"/></TimeSeriesLabels>
<TimelineLabels name="time" toName="v"><Label value="a"/></TimelineLabels>
<VideoRectangle name="track" toName="v"/>
<RectangleLabels name="box" toName="o"><Label value="a"/></RectangleLabels>
<EllipseLabels name="ellipse" toName="o"><Label value="a"/></EllipseLabels>
<PolygonLabels name="polygon" toName="o"><Label value="a"/></PolygonLabels>
<KeyPointLabels name="point" toName="o"><Label value="a"/></KeyPointLabels>
<VectorLabels name="vector" toName="o"><Label value="a"/></VectorLabels>
<BitmaskLabels name="bitmask" toName="o"><Label value="a"/></BitmaskLabels></View>"""
PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
GIVEN: dict[str, Any] = {
    "choice": "a",
    "tree": [["a", "b"]],
    "stars": 4,
    "number": 2.5,
    "date": "2026-11-20",
    "words": "文字",
    "pair": "left",
    "rank": {"ranker": {"rank": ["1", "2"]}},
    "span": {"start": 0, "end": 2, "label": "a"},
    "html": {"start": 0, "end": 2, "label": "a"},
    "talk": {"start": "0", "end": "0", "label": "a"},
    "series": {"start": 0, "end": 2, "instant": False, "label": "a"},
    "time": {"ranges": [{"start": 1, "end": 2}], "label": "a"},
    "track": {
        "framesCount": 9,
        "duration": 1,
        "sequence": [{"frame": 1, "time": 0, "x": 1, "y": 1, "width": 5, "height": 5}],
    },
    "box": {"x": 1, "y": 2, "width": 3, "height": 4, "label": "a"},
    "ellipse": {"x": 50, "y": 50, "radiusX": 3, "radiusY": 4, "label": "a"},
    "polygon": {"points": [[1, 1], [9, 1], [5, 9]], "label": "a"},
    "point": {"x": 1, "y": 2, "width": 1, "label": "a"},
    "vector": {"vertices": [{"x": 1, "y": 2}, {"x": 3, "y": 4}], "label": "a"},
    "bitmask": {"imageDataURL": PNG, "label": "a"},
}


@pytest.mark.filterwarnings("ignore:The `dict` method:DeprecationWarning")
@pytest.mark.parametrize("name", GIVEN)
def test_what_the_sdk_creates_is_accepted(name: str) -> None:
    config = labels.parse(EVERY_CONTROL)
    regions = LabelInterface(EVERY_CONTROL).create_regions({name: GIVEN[name]})
    result = [json.loads(made.to_json()) for made in regions]
    assert len(result) == 1
    data = {"x": "一段文字", "list": [{"id": 1}, {"id": 2}], "p": [{"text": "你好"}]}
    assert labels.check_result(config, result, data=data) == []


def test_twenty_thousand_regions_with_labels_of_the_task_take_a_moment() -> None:
    config = labels.parse(
        '<View><Labels name="l" toName="t" value="$labels"/><Text name="t" value="$t"/></View>'
    )
    data = {"t": "x" * 10, "labels": [{"value": f"标签{n}"} for n in range(5000)]}
    span = {"start": 0, "end": 1, "labels": ["标签7"]}
    result = [{**region("labels", span, "l", "t"), "id": str(n)} for n in range(20_000)]
    begun = time.perf_counter()
    assert labels.check_result(config, result, data=data) == []
    assert time.perf_counter() - begun < 2
