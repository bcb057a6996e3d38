"""Labelling configurations are read strictly; results are checked region by region."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import labels
from jinbiao.datasets.errors import Damaged, Invalid, TooLarge

BOXES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="label" toName="image">
<Label value="Car" background="blue"/><Label value="Person" background="red"/>
<Label value="Defect"/>
</RectangleLabels>
<PolygonLabels name="p" toName="image"><Label value="Defect"/></PolygonLabels></View>"""
WORDS = """<View><Labels name="ner" toName="text"><Label value="PER"/><Label value="ORG"/>
<Label value="故障"/></Labels><Text name="text" value="$text"/></View>"""

# The sample templates that are refused, each with its reason.
REFUSED_TEMPLATES = {
    "chat/chat_eval": "paid edition",
    "chat/chat_llm_eval": "paid edition",
    "chat/chat_rlhf": "paid edition",
    "chat/chatbot": "paid edition",
    # Its style loads a portrait from another host, which would learn who labels and when.
    "community-contributions/two-level-sentiment-analysis-of-x-twitter-posts": "from elsewhere",
}


@pytest.fixture(scope="module")
def shared(samples: Path) -> Path:
    return samples.parent


@pytest.fixture(scope="module")
def box_config() -> labels.LabelConfig:
    return labels.parse(BOXES)


def box(**changes: Any) -> dict[str, Any]:
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    value["rectanglelabels"] = ["Car"]  # type: ignore[assignment]
    region = {
        "id": "a",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": 640,
        "original_height": 480,
        "image_rotation": 0,
        "value": value,
    }
    for name, change in changes.items():
        (value if name in value else region)[name] = change
    return region


def region(kind: str, value: object, name: str = "c", to: str = "o", **more: Any) -> dict[str, Any]:
    return {"id": "r", "type": kind, "from_name": name, "to_name": to, "value": value, **more}


def problems_of(xml: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        labels.parse(xml)
    return [str(problem) for problem in caught.value.problems]


def places(config: labels.LabelConfig, result: object, **more: Any) -> list[str]:
    return [problem.place for problem in labels.check_result(config, result, **more)]


def test_importing_and_checking_never_load_the_sdk() -> None:
    code = (
        "import sys; from jinbiao.datasets import labels;"
        "c = labels.LabelConfig.from_json(sys.argv[1]);"
        "labels.check_result(c, []); assert 'label_studio_sdk' not in sys.modules"
    )
    stored = labels.parse(BOXES).to_json()
    subprocess.run([sys.executable, "-c", code, stored], check=True, timeout=60)


def test_a_configuration_is_read() -> None:
    config = labels.parse(BOXES)
    assert config.by_name["label"].labels == ("Car", "Person", "Defect")
    assert config.by_name["label"].to_names == ("image",)
    assert [(o.name, o.tag, o.value) for o in config.objects] == [("image", "Image", "image")]
    assert config.data_keys == ("image",)
    assert config.all_labels == ("Car", "Person", "Defect")


def test_parsed_shape_is_label_studios(shared: Path) -> None:
    for name in ("027_projects_create", "032_projects_create_ner"):
        recording = json.loads((shared / f"contracts/label-studio/{name}.json").read_text())
        body = recording["exchanges"][0]["response"]["body"]
        assert labels.parse(body["label_config"]).to_parsed() == body["parsed_label_config"]


def test_sample_templates(shared: Path) -> None:
    yaml = pytest.importorskip("yaml")
    root = shared / "samples/formats/label_studio/annotation_templates"
    refused = {}
    for path in sorted(root.rglob("config.*")):
        xml = path.read_text()
        if path.suffix == ".yml":
            xml = yaml.safe_load(xml)["config"]
        try:
            config = labels.parse(xml)
        except Invalid as error:
            refused[str(path.parent.relative_to(root))] = str(error.problems[0])
        else:
            assert labels.LabelConfig.from_json(config.to_json()) == config
    assert refused.keys() == REFUSED_TEMPLATES.keys()
    assert all(REFUSED_TEMPLATES[name] in reason for name, reason in refused.items())


def test_hostile_configurations_are_refused(shared: Path) -> None:
    paths = sorted((shared / "samples/hostile/label_configs").iterdir())
    assert len(paths) >= 5
    for path in paths:
        assert problems_of(path.read_text()), path.name


def test_every_problem_is_told_with_its_place(shared: Path) -> None:
    path = shared / "samples/hostile/label_configs/dup_names.xml"
    assert problems_of(path.read_text()) == [
        "line 1 <RectangleLabels>: the name x is used twice",
        "line 1 <RectangleLabels>: toName missing is not the name of any tag",
        "line 1 <Label>: the label A is there twice",
        "line 1 <Label>: the label is empty",
    ]


TEXT = '<Text name="t" value="$text"/>'
CHOICES = '<Choices name="c" toName="t"><Choice value="a"/></Choices>'


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "not well-formed"),
        ("<View><Text", "not well-formed"),
        (f"<!DOCTYPE View><View>{TEXT}{CHOICES}</View>", "DOCTYPE"),
        (f"<View>{TEXT}{CHOICES}<Foo/></View>", "no tag Foo"),
        (f"<View>{TEXT}{CHOICES}<script>alert(1)</script></View>", "run scripts"),
        (f"<View>{TEXT}{CHOICES}<ReactCode name='r' value='$r'/></View>", "run scripts"),
        (f"<View>{TEXT}</View>", "no tag makes labels"),
        ("<View><Header value='x'/></View>", "no tag shows data"),
        (f"<View>{TEXT}{CHOICES.replace('Choices', 'RectangleLabels')}</View>", "cannot mark t"),
        (f"<View>{TEXT}<Choices name='c' toName='zz'><Choice value='a'/></Choices></View>", "zz"),
        (f"<View>{TEXT}{CHOICES}<Choices name='d' toName='c'><Choice value='a'/></Choices></View>",
         "not a tag that shows data"),
        (f"<View>{TEXT}{CHOICES}{CHOICES}</View>", "used twice"),
        (f"<View>{TEXT}<Labels name='l' toName='t'></Labels></View>", "no labels"),
        (f"<View onclick='alert(1)'>{TEXT}{CHOICES}</View>", "event handlers"),
        (f"<View ONLOAD='alert(1)'>{TEXT}{CHOICES}</View>", "event handlers"),
        (f"<View>{TEXT}{CHOICES}<Header value=' java&#9;script:x'/></View>", "runs a script"),
        (f"<View style='background:u\\72l(//evil.invalid)'>{TEXT}{CHOICES}</View>", "elsewhere"),
        (f"<View><Style>@import '//evil.invalid'</Style>{TEXT}{CHOICES}</View>", "elsewhere"),
        (f"<View>{TEXT}<Choices name='c' toName='t'><Choice value='a' "
         "html='&lt;img src=x onerror=alert(1)&gt;'/></Choices></View>", "HTML"),
        (f"<View>{TEXT}{CHOICES}<HyperText name='h' value='&lt;iframe src=x&gt;'/></View>", "HTML"),
        (f"<View>{TEXT}{CHOICES}<Markdown>&lt;script&gt;</Markdown></View>", "HTML"),
        ("<View><Image name='t' value='http://x.invalid/a.png'/>" + CHOICES + "</View>", "$key"),
        ("<View><Text name='t' value='fixed words'/>" + CHOICES + "</View>", "fixed words"),
        (f"<View>{TEXT}{CHOICES}<Label value='x'/></View>", "not inside a control"),
        (f"<View>{TEXT}{CHOICES}<?php x?></View>", "processing instruction"),
        ("<View>" * 70 + TEXT + CHOICES + "</View>" * 70, "deeper"),
        (f"<View>{TEXT}{CHOICES}<Video name='v' value='$v' minPlaybackSpeed='99'/></View>",
         "Label Studio cannot read it"),
        ("<View>\ud800</View>", "not Unicode"),
    ],
)  # fmt: skip
def test_what_the_sdk_misses_is_refused(xml: str, reason: str) -> None:
    assert any(reason in problem for problem in problems_of(xml)), problems_of(xml)


def test_a_huge_configuration_is_refused() -> None:
    with pytest.raises(TooLarge):
        labels.parse("<View>" + " " * labels.MAX_BYTES + "</View>")


def test_comments_and_an_encoding_declaration_are_harmless() -> None:
    xml = f'<?xml version="1.0" encoding="gbk"?><View><!-- {TEXT} -->{TEXT}{CHOICES}</View>'
    assert labels.parse(xml).by_name["c"].labels == ("a",)


def test_three_hundred_chinese_labels_with_quotes() -> None:
    values = [f"缺陷“{i}”'\"<&>号" for i in range(300)]
    items = "".join(f"<Label value={quoteattr(value)}/>" for value in values)
    xml = f"<View><Image name='i' value='$i'/><RectangleLabels name='l' toName='i'>{items}"
    config = labels.parse(xml + "</RectangleLabels></View>")
    assert config.by_name["l"].labels == tuple(values)
    assert labels.LabelConfig.from_json(config.to_json()) == config


def test_stored_configurations_that_are_damaged_say_so() -> None:
    for text in ("", "[]", "{}", '{"controls": [{}], "objects": [], "relations": []}'):
        with pytest.raises(Damaged):
            labels.LabelConfig.from_json(text)


def test_templates_show_chinese_and_store_codes() -> None:
    assert set(labels.TEMPLATES) == {"board_pair", "defect_boxes", "image_classes", "text_entities"}
    configs = {name: labels.parse(t.config) for name, t in labels.TEMPLATES.items()}
    board = configs["board_pair"].by_name["label"]
    assert board.labels == ("open", "short", "mousebite", "spur", "copper", "pin_hole")
    assert board.titles["open"] == "开路"
    assert configs["board_pair"].data_keys == ("image", "template")
    assert board.to_names == ("image",)


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
pairs = st.lists(st.tuples(names, names), max_size=3).map(tuple)


@st.composite
def configs(draw: st.DrawFn) -> labels.LabelConfig:
    values = tuple(draw(st.lists(names, unique=True, max_size=5)))
    attributes = tuple(draw(pairs) for _ in values)
    control = labels.Control(
        draw(names), "Labels", ("t",), values, attributes, draw(pairs), draw(st.booleans())
    )
    item = labels.DataObject("t", "Text", draw(names), draw(st.none() | names))
    return labels.LabelConfig((control,), (item,), tuple(draw(st.lists(names, max_size=2))))


@given(configs())
def test_storing_a_configuration_loses_nothing(config: labels.LabelConfig) -> None:
    assert labels.LabelConfig.from_json(config.to_json()) == config


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


def test_recorded_annotations(shared: Path, box_config: labels.LabelConfig) -> None:
    def result(name: str) -> Any:
        recording = json.loads((shared / f"contracts/label-studio/{name}.json").read_text())
        return recording["exchanges"][0]["request"]["body"]["result"]

    assert labels.check_result(box_config, result("073_annotations_create")) == []
    assert places(box_config, result("074_annotations_create_invalid")) == ["result"]
    assert places(box_config, result("075_annotations_create_unknown_label")) == [
        "result[0].value.rectanglelabels[0]"
    ]


def test_bad_geometry_is_reported(shared: Path, box_config: labels.LabelConfig) -> None:
    path = shared / "samples/hostile/label_studio/annotations_bad_geometry.json"
    result = json.loads(path.read_text())[0]["annotations"][0]["result"]
    assert places(box_config, result) == [
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


def test_text_offsets_are_code_points(shared: Path) -> None:
    path = shared / "samples/hostile/label_studio/text_offsets.json"
    task = json.loads(path.read_text())[0]
    config = labels.parse(WORDS.replace('"ner"', '"l"'))
    result = task["annotations"][0]["result"]
    assert places(config, result, data=task["data"]) == [
        "result[5].value.end",
        "result[6].value.end",
        "result[7].value.start",
        "result[8].value.end",
    ]
    cut = [task["data"]["text"][s.start : s.end] for s in labels.text_spans(config, result)]
    assert cut[:5] == ["设备", "😀", "故障", "😀故", "磨损"]


percent = st.floats(0, 100, allow_nan=False)


@given(percent, percent, percent, percent)
def test_any_box_inside_is_accepted(a: float, b: float, c: float, d: float) -> None:
    x, right = sorted((a, b))
    y, bottom = sorted((c, d))
    region = box(x=x, y=y, width=max(right - x, 1e-9), height=max(bottom - y, 1e-9))
    assert labels.check_result(BOX_CONFIG, [region]) == []


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
    assert labels.check_result(BOX_CONFIG, [box(**value)])


BOX_CONFIG = labels.LabelConfig(
    (labels.Control("label", "RectangleLabels", ("image",), ("Car",), ((),)),),
    (labels.DataObject("image", "Image", "image"),),
)


@given(
    st.floats(0, 4000), st.floats(0, 3000), st.floats(0.5, 4000), st.floats(0.5, 3000),
    st.integers(1, 10_000), st.integers(1, 10_000),
)  # fmt: skip
def test_a_box_comes_back_as_it_was_written(
    x: float, y: float, width: float, height: float, wide: int, high: int
) -> None:
    region = labels.make_box_region(
        BOX_CONFIG.controls[0], "image", "Car", x, y, width, height, wide, high, 0.5, "r1"
    )
    (found,) = labels.boxes(BOX_CONFIG, [region])
    assert (found.region_id, found.labels, found.score) == ("r1", ("Car",), 0.5)
    written, read = (x, y, width, height), (found.x, found.y, found.width, found.height)
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(written, read, strict=True))


def test_turned_boxes_are_judged_by_their_corners(box_config: labels.LabelConfig) -> None:
    # About its corner at the right edge, a quarter turn clockwise takes the box inward.
    turned = box(x=100, y=0, width=20, height=20, rotation=90)
    assert labels.check_result(box_config, [turned]) == []
    assert places(box_config, [box(x=10, y=0, width=20, height=50, rotation=90)]) == [
        "result[0].value"
    ]
    (found,) = labels.boxes(box_config, [turned])
    assert (found.x, found.y, found.width, found.height) == (640, 0, 128, 96)
    assert found.rotation == 90


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
def test_one_wrong_member_is_named(
    box_config: labels.LabelConfig, change: dict[str, Any], place: str
) -> None:
    assert places(box_config, [box(**change)]) == [place]


KINDS = (
    "rectanglelabels labels polygon ellipse keypoint brush bitmask vector choices taxonomy rating "
    "number datetime textarea pairwise relation timelinelabels paragraphlabels hypertextlabels"
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


def test_a_typed_backslash_is_no_nul(box_config: labels.LabelConfig) -> None:
    assert labels.check_result(box_config, [box(meta={"text": ["\\u0000"]})]) == []


def test_limits_are_named(box_config: labels.LabelConfig) -> None:
    (problem,) = labels.check_result(box_config, [{}] * (labels.MAX_REGIONS + 1))
    assert problem.values["limit"] == labels.MAX_REGIONS
    (problem,) = labels.check_result(
        box_config, [box(meta={"text": "x" * labels.MAX_RESULT_BYTES})]
    )
    assert problem.values["limit"] == labels.MAX_RESULT_BYTES
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert places(box_config, [nested]) == ["result"]
    assert len(labels.check_result(box_config, [1] * 5000)) == 1000


def test_an_answer_may_share_its_regions_id() -> None:
    xml = BOXES.replace("</View>", '<TextArea name="t" toName="image" perRegion="true"/></View>')
    config = labels.parse(xml)
    answer = {**box(type="textarea", from_name="t"), "value": {"text": ["裂纹"]}}
    assert labels.check_result(config, [box(), answer]) == []
    assert places(config, [box(), answer, answer]) == ["result[2].id"]


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


IMAGE = '<Image name="o" value="$o"/>'
SHAPES = "".join(f'<{tag} name="{tag.lower()}" toName="o"/>' for tag in (
    "Ellipse", "Polygon", "KeyPoint", "Brush", "Bitmask", "Vector"))  # fmt: skip
MASK = [*(4 * 10 * 10).to_bytes(4, "big"), 7, 0, 255]


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
        ("brush", {"format": "rle", "rle": []}, "value.rle"),
        ("brush", {"format": "rle"}, "value.rle"),
        ("bitmask", {"imageDataURL": "data:image/png;base64,AAAA"}, None),
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


CHOICE = '<Choice value="a"/><Choice value="b"/>'
QUESTIONS = f"""<View>{IMAGE}<Image name="o2" value="$o2"/>
<Choices name="one" toName="o">{CHOICE}</Choices>
<Choices name="many" toName="o" choice="multiple">{CHOICE}</Choices>
<Choices name="free" toName="o" value="$options"/>
<Taxonomy name="tree" toName="o"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>
<Rating name="stars" toName="o" maxRating="3"/><Number name="n" toName="o"/>
<DateTime name="d" toName="o"/><TextArea name="t" toName="o"/>
<Pairwise name="pair" toName="o,o2"/></View>"""


@pytest.mark.parametrize(
    ("name", "kind", "value", "place"),
    [
        ("one", "choices", {"choices": ["a"]}, None),
        ("one", "choices", {"choices": ["a", "b"]}, "value.choices"),
        ("one", "choices", {"choices": ["z"]}, "value.choices[0]"),
        ("one", "choices", {"choices": []}, "value.choices"),
        ("many", "choices", {"choices": ["a", "b"]}, None),
        ("many", "choices", {"choices": [["a", "b"]]}, None),
        ("many", "choices", {"choices": [["a", "z"]]}, "value.choices[0][1]"),
        ("free", "choices", {"choices": ["from the task"]}, None),
        ("tree", "taxonomy", {"taxonomy": [["a"], ["a", "b"]]}, None),
        ("tree", "taxonomy", {"taxonomy": [["a", "z"]]}, "value.taxonomy[0][1]"),
        ("tree", "taxonomy", {"taxonomy": ["a"]}, "value.taxonomy[0]"),
        ("stars", "rating", {"rating": 3}, None),
        ("stars", "rating", {"rating": 4}, "value.rating"),
        ("n", "number", {"number": -1.5}, None),
        ("n", "number", {"number": "1"}, "value.number"),
        ("d", "datetime", {"datetime": "2026-11-20"}, None),
        ("d", "datetime", {"datetime": 5}, "value.datetime"),
        ("t", "textarea", {"text": ["行一", "行二"]}, None),
        ("t", "textarea", {"text": 5}, "value.text"),
        ("pair", "pairwise", {"selected": "left"}, None),
        ("pair", "pairwise", {"selected": "up"}, "value.selected"),
    ],
)
def test_answers(name: str, kind: str, value: dict[str, Any], place: str | None) -> None:
    expected = [f"result[0].{place}"] if place else []
    assert places(QUESTION_CONFIG, [region(kind, value, name)]) == expected


QUESTION_CONFIG = labels.parse(QUESTIONS)


def spans_config(tag: str, control: str = "Labels") -> labels.LabelConfig:
    item = f'<{tag} name="o" value="$o"/>'
    made = f'<{control} name="c" toName="o"><Label value="a"/></{control}>'
    return labels.parse(f"<View>{item}{made}</View>")


@pytest.mark.parametrize(
    ("tag", "control", "value", "place"),
    [
        ("Audio", "Labels", {"start": 1.5, "end": 1.5, "channel": 0}, None),
        ("Audio", "Labels", {"start": 2, "end": 1}, "value.end"),
        ("Audio", "Labels", {"start": -1, "end": 1}, "value.start"),
        ("TimeSeries", "TimeSeriesLabels", {"start": 4, "end": 4, "instant": True}, None),
        ("TimeSeries", "TimeSeriesLabels", {"start": "2020-01-01", "end": "2020-01-02"}, None),
        ("TimeSeries", "TimeSeriesLabels", {"start": 5, "end": 4}, "value.end"),
        ("Video", "TimelineLabels", {"ranges": [{"start": 1, "end": 5}]}, None),
        ("Video", "TimelineLabels", {"ranges": [{"start": 6, "end": 5}]}, "value.ranges[0].end"),
        ("Video", "TimelineLabels", {"ranges": []}, "value.ranges"),
        ("HyperText", "HyperTextLabels",
         {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 1, "endOffset": 3,
          "globalOffsets": {"start": 1, "end": 3}}, None),
        ("HyperText", "HyperTextLabels", {"start": "/p", "end": 4}, "value.end"),
        ("HyperText", "HyperTextLabels",
         {"start": "/p", "end": "/p", "globalOffsets": {"start": 3, "end": 1}},
         "value.globalOffsets.end"),
        ("Paragraphs", "ParagraphLabels",
         {"start": "0", "end": "1", "startOffset": 5, "endOffset": 2}, None),
        ("Paragraphs", "ParagraphLabels",
         {"start": "1", "end": "1", "startOffset": 5, "endOffset": 2}, "value.end"),
    ],
)  # fmt: skip
def test_spans(tag: str, control: str, value: dict[str, Any], place: str | None) -> None:
    kind = control.lower()
    result = [region(kind, {**value, kind: ["a"]})]
    assert places(spans_config(tag, control), result) == ([f"result[0].{place}"] if place else [])


EVERYTHING = [
    labels.parse(BOXES),
    labels.parse(WORDS),
    QUESTION_CONFIG,
    labels.parse(f"<View>{IMAGE}{SHAPES}</View>"),
    *(
        spans_config(tag, control)
        for tag, control in (
            ("Audio", "Labels"),
            ("Video", "TimelineLabels"),
            ("HyperText", "HyperTextLabels"),
            ("Paragraphs", "ParagraphLabels"),
            ("Image", "Labels"),
        )
    ),
]


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


def test_relations_join_regions_that_are_there() -> None:
    config = labels.parse(
        WORDS.replace("<View>", '<View><Relations><Relation value="属于"/></Relations>')
    )
    result = [
        {**region("labels", {"start": 0, "end": 1, "labels": ["PER"]}, "ner", "text"), "id": i}
        for i in "ab"
    ]
    good = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    assert labels.check_result(config, [good, *result]) == []
    assert labels.check_result(config, [{**good, "labels": ["属于"]}, *result]) == []
    bad = {**good, "to_id": "c", "direction": "up", "labels": ["大于"]}
    assert places(config, [bad, *result]) == [
        "result[0].to_id",
        "result[0].direction",
        "result[0].labels[0]",
    ]


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


def test_results_are_read_back(box_config: labels.LabelConfig) -> None:
    triangle = region(
        "polygonlabels",
        {"points": [[0, 0], [100, 0], [50, 100]], "polygonlabels": ["Defect"]},
        "p",
        "image",
    )
    result = [box(), box(id="b", rectanglelabels=["Defect"]), triangle]
    assert [found.labels for found in labels.boxes(box_config, result)] == [("Car",), ("Defect",)]
    (found,) = labels.polygons(box_config, result, size=(200, 100))
    assert found.points == ((0, 0), (200, 0), (100, 100))
    with pytest.raises(Invalid):
        labels.polygons(box_config, result)
    assert labels.label_counts(box_config, result) == {"Car": 1, "Person": 0, "Defect": 2}
    chosen = [region("choices", {"choices": ["a", ["a", "b"]]}, "many")]
    assert labels.choices(QUESTION_CONFIG, chosen) == [labels.Choice("many", ("a", "a/b"))]
    assert labels.label_counts(QUESTION_CONFIG, chosen) == {"a": 1, "b": 1}


def test_models_cannot_write_unknown_labels(box_config: labels.LabelConfig) -> None:
    control = box_config.by_name["label"]
    with pytest.raises(Invalid):
        labels.make_box_region(control, "image", "Plane", 0, 0, 1, 1, 10, 10)
    with pytest.raises(Invalid):
        labels.make_box_region(control, "elsewhere", "Car", 0, 0, 1, 1, 10, 10)


def test_ten_regions_are_checked_in_a_moment(box_config: labels.LabelConfig) -> None:
    result = [box(id=str(index)) for index in range(10)]
    best = min(_seconds(box_config, result) for _ in range(50))
    assert best < 0.001


def _seconds(config: labels.LabelConfig, result: list[dict[str, Any]]) -> float:
    begun = time.perf_counter()
    assert labels.check_result(config, result) == []
    return time.perf_counter() - begun
