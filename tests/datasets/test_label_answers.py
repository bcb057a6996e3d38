"""Answers and spans are checked against the configuration and the task's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import labels
from jinbiao.tests.datasets.label_examples import (
    BOXES,
    IMAGE,
    WORDS,
    box,
    places,
    region,
    spans_config,
)


@pytest.fixture(scope="module")
def shared(samples: Path) -> Path:
    """Give the folder that holds samples and contracts."""
    return samples.parent


CHOICE = '<Choice value="a"/><Choice value="b"/>'


QUESTIONS = f"""<View>{IMAGE}<Image name="o2" value="$o2"/>
<Choices name="one" toName="o">{CHOICE}</Choices>
<Choices name="many" toName="o" choice="multiple">{CHOICE}</Choices>
<Choices name="free" toName="o" value="$options"/>
<Taxonomy name="tree" toName="o"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>
<Rating name="stars" toName="o" maxRating="3"/><Number name="n" toName="o"/>
<Number name="bounded" toName="o" min="0" max="2.5"/><DateTime name="y" toName="o" only="year"/>
<DateTime name="late" toName="o" min="2026-01-01" max="2026-12-31"/>
<DateTime name="d" toName="o"/><TextArea name="t" toName="o"/>
<Pairwise name="pair" toName="o,o2"/></View>"""


QUESTION_CONFIG = labels.parse(QUESTIONS)


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
        ("stars", "rating", {"rating": 1.5}, "value.rating"),
        ("tree", "taxonomy", {"taxonomy": [["b"]]}, "value.taxonomy[0]"),
        ("tree", "taxonomy", {"taxonomy": [["b", "a"]]}, "value.taxonomy[0]"),
        ("bounded", "number", {"number": 2.5}, None),
        ("bounded", "number", {"number": 3}, "value.number"),
        ("bounded", "number", {"number": -1}, "value.number"),
        ("d", "datetime", {"datetime": "2026-11-20T14:05"}, None),
        ("d", "datetime", {"datetime": "yesterday"}, "value.datetime"),
        ("y", "datetime", {"datetime": 2026}, None),
        ("late", "datetime", {"datetime": "2026-12-31T23:59"}, None),
        ("late", "datetime", {"datetime": "2027-01-01"}, "value.datetime"),
        ("late", "datetime", {"datetime": "2025-12-31"}, "value.datetime"),
        ("t", "textarea", {"text": ["行一", "行二"]}, None),
        ("t", "textarea", {"text": 5}, "value.text"),
        ("pair", "pairwise", {"selected": "left"}, None),
        ("pair", "pairwise", {"selected": "up"}, "value.selected"),
    ],
)
def test_answers(name: str, kind: str, value: dict[str, Any], place: str | None) -> None:
    expected = [f"result[0].{place}"] if place else []
    assert places(QUESTION_CONFIG, [region(kind, value, name)]) == expected


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


def test_an_answer_may_share_its_regions_id() -> None:
    xml = BOXES.replace("</View>", '<TextArea name="t" toName="image" perRegion="true"/></View>')
    config = labels.parse(xml)
    answer = {**box(type="textarea", from_name="t"), "value": {"text": ["裂纹"]}}
    assert labels.check_result(config, [box(), answer]) == []
    assert places(config, [box(), answer, answer]) == ["result[2].id"]


OFFERED = """<View><Text name="o" value="$text"/>
<Choices name="c" toName="o" value="$options" choice="multiple"><Choice value="always"/></Choices>
<Labels name="l" toName="o" value="$labels"/>
<Taxonomy name="t" toName="o" value="$tree"/></View>"""


def test_labels_that_come_with_the_task_are_known_from_its_data() -> None:
    config = labels.parse(OFFERED)
    data = {
        "text": "abc",
        "options": [{"value": "红", "alias": "red"}, {"value": "blue"}],
        "labels": [{"value": "PER"}],
        "tree": [{"value": "a", "children": [{"value": "b"}]}],
    }

    def wrong(kind: str, value: dict[str, Any], name: str) -> list[str]:
        return places(config, [region(kind, value, name)], data=data)

    assert wrong("choices", {"choices": ["red", "blue", "always"]}, "c") == []
    assert wrong("choices", {"choices": ["green"]}, "c") == ["result[0].value.choices[0]"]
    assert wrong("labels", {"start": 0, "end": 1, "labels": ["PER"]}, "l") == []
    assert wrong("labels", {"start": 0, "end": 1, "labels": ["ORG"]}, "l") == [
        "result[0].value.labels[0]"
    ]
    assert wrong("taxonomy", {"taxonomy": [["a", "b"]]}, "t") == []
    assert wrong("taxonomy", {"taxonomy": [["b"]]}, "t") == ["result[0].value.taxonomy[0]"]
    anything = [region("choices", {"choices": ["?"]}, "c")]
    assert places(config, anything) == []
    assert places(config, anything, data={"options": "https://labels.example/list"}) == []


def test_spans_end_inside_what_the_task_shows() -> None:
    series = spans_config("TimeSeries", "TimeSeriesLabels", ' timeColumn="t"')
    inside = {"start": 1, "end": 3, "instant": False, "timeserieslabels": ["a"]}
    data = {"o": {"t": [1, 2, 3], "v": [0, 0, 0]}}
    assert places(series, [region("timeserieslabels", inside)], data=data) == []
    outside = region("timeserieslabels", {**inside, "end": 4, "instant": "no"})
    assert places(series, [outside], data=data) == [
        "result[0].value.end",
        "result[0].value.instant",
    ]
    talk = spans_config("Paragraphs", "ParagraphLabels", ' textKey="words"')
    said = {"start": "0", "end": "1", "startOffset": 1, "endOffset": 4, "paragraphlabels": ["a"]}
    data = {"o": [{"words": "你好"}, {"words": "😀再见"}]}
    assert places(talk, [region("paragraphlabels", said)], data=data) == []
    beyond = [region("paragraphlabels", {**said, "endOffset": 5})]
    assert places(talk, beyond, data=data) == ["result[0].value.endOffset"]
    deep = labels.parse(WORDS.replace("$text", "$doc.parts[1].text"))
    span = [region("labels", {"start": 0, "end": 3, "labels": ["PER"]}, "ner", "text")]
    data = {"doc": {"parts": [{"text": "abc"}, {"text": "ab"}]}}
    assert places(deep, span, data=data) == ["result[0].value.end"]


def test_an_order_names_items_of_the_list() -> None:
    config = labels.parse(
        '<View><List name="o" value="$items"/><Ranker name="c" toName="o"/></View>'
    )
    data = {"items": [{"id": "a"}, {"id": 2}]}
    for order in ({"c": ["2", "a"]}, {"good": ["a"], "_": ["2"]}):
        assert places(config, [region("ranker", {"ranker": order})], data=data) == []
    for order in ({"c": ["z"]}, {"c": ["a", "a"]}, {"c": [2]}, "a"):
        result = [region("ranker", {"ranker": order})]
        assert places(config, result, data=data) == ["result[0].value.ranker"]
