"""Regions are read out of results, and written by models and from fields of a task."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets import labels
from jinbiao.datasets.errors import Invalid
from jinbiao.tests.datasets.label_examples import BOX_CONFIG, WORDS, box, region
from jinbiao.tests.datasets.test_label_answers import QUESTION_CONFIG


def test_results_are_read_back() -> None:
    triangle = region(
        "polygonlabels",
        {"points": [[0, 0], [100, 0], [50, 100]], "polygonlabels": ["Defect"]},
        "p",
        "image",
    )
    result = [box(), box(id="b", rectanglelabels=["Defect"]), triangle]
    assert [found.labels for found in labels.boxes(BOX_CONFIG, result)] == [("Car",), ("Defect",)]
    (found,) = labels.polygons(BOX_CONFIG, result, size=(200, 100))
    assert found.points == ((0, 0), (200, 0), (100, 100))
    with pytest.raises(Invalid):
        labels.polygons(BOX_CONFIG, result)
    assert labels.label_counts(BOX_CONFIG, result) == {"Car": 1, "Person": 0, "Defect": 2}
    chosen = [region("choices", {"choices": ["a", ["a", "b"]]}, "many")]
    assert labels.choices(QUESTION_CONFIG, chosen) == [labels.Choice("many", ("a", "a/b"))]
    assert labels.label_counts(QUESTION_CONFIG, chosen) == {"a": 1, "b": 1}


def test_models_cannot_write_unknown_labels() -> None:
    control = BOX_CONFIG.by_name["label"]
    with pytest.raises(Invalid):
        labels.make_box_region(control, "image", "Plane", 0, 0, 1, 1, 10, 10)
    with pytest.raises(Invalid):
        labels.make_box_region(control, "elsewhere", "Car", 0, 0, 1, 1, 10, 10)


ASKED = labels.parse(
    '<View><Text name="text" value="$text"/><Choices name="kind" toName="text" choice="multiple">'
    '<Choice value="a"/><Choice value="b"/></Choices><Rating name="stars" toName="text"/>'
    '<TextArea name="note" toName="text"/><Labels name="ner" toName="text"><Label value="PER"/>'
    "</Labels></View>"
)


@pytest.mark.parametrize(
    ("field", "held", "expected"),
    [
        ("kind", "a", ("kind", "choices", {"choices": ["a"]})),
        ("kind", ["a", "b"], ("kind", "choices", {"choices": ["a", "b"]})),
        ("guess", "b", ("kind", "choices", {"choices": ["b"]})),
        ("stars", 4, ("stars", "rating", {"rating": 4})),
        ("score", 5, ("stars", "rating", {"rating": 5})),
        ("note", "一句话", ("note", "textarea", {"text": ["一句话"]})),
        ("guess", "没有的类别", ("note", "textarea", {"text": ["没有的类别"]})),
        ("guess", {"choices": ["a"]}, ("kind", "choices", {"choices": ["a"]})),
        ("ner", {"start": 0, "end": 1, "label": "PER"},
         ("ner", "labels", {"start": 0, "end": 1, "labels": ["PER"]})),
        ("ner", [{"start": 0, "end": 1, "labels": ["PER"]}],
         ("ner", "labels", {"start": 0, "end": 1, "labels": ["PER"]})),
    ],
)  # fmt: skip
def test_a_field_becomes_a_region(
    field: str, held: object, expected: tuple[str, str, dict[str, Any]]
) -> None:
    (made,) = labels.regions_from_fields(ASKED, {"text": "abc", field: held}, [field])
    assert (made["from_name"], made["type"], made["value"]) == expected
    assert made["to_name"] == "text"
    assert labels.check_result(ASKED, [made], data={"text": "abc"}) == []


def test_whole_results_are_taken_as_they_are() -> None:
    result = [box(), {"type": "relation", "from_id": "a", "to_id": "a", "direction": "right"}]
    for held in (result, {"result": result, "score": 0.5}):
        made = labels.regions_from_fields(BOX_CONFIG, {"model": held}, ["model"])
        assert [{**each, "id": None} for each in made] == [{**each, "id": None} for each in result]
        assert made[0]["id"] == "a"


def test_nothing_comes_of_a_label_without_a_place() -> None:
    config = labels.parse(WORDS)
    data = {"text": "Bob works at ACME", "ner": "PER", "none": None}
    assert labels.regions_from_fields(config, data, ["ner", "none", "absent"]) == []
