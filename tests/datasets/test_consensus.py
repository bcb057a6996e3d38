"""Bring answers to one: simulations with a known truth, and answers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import consensus, labels
from jinbiao.datasets.consensus import shapes
from jinbiao.datasets.consensus.shapes import Marked

CONFIG = labels.parse("""<View><Image name="image" value="$image"/><Text name="text" value="$text"/>
<RectangleLabels name="box" toName="image"><Label value="dent"/><Label value="crack"/>
</RectangleLabels><BrushLabels name="brush" toName="image"><Label value="dent"/></BrushLabels>
<Choices name="fine" toName="image"><Choice value="yes"/><Choice value="no"/></Choices>
<Choices name="kinds" toName="image" choice="multiple"><Choice value="a"/><Choice value="b"/>
</Choices><Rating name="stars" toName="image"/>
<Labels name="ner" toName="text"><Label value="PER"/><Label value="ORG"/></Labels>
<TextArea name="each" toName="image" perRegion="true"/></View>""")
DATA = {"image": "p.png", "text": "张三在津标科技公司工作"}


def region(
    name: str, kind: str, on: str = "image", number: int = 1, **value: Any
) -> dict[str, Any]:
    size = {"original_width": 20, "original_height": 20} if on == "image" else {}
    return {
        "from_name": name,
        "to_name": on,
        "type": kind,
        "value": value,
        "id": f"r{number}",
        **size,
    }


def box(
    x: float, y: float, label: str = "dent", side: float = 20, number: int = 1
) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": side, "height": side, "rotation": 0}
    return region("box", "rectanglelabels", number=number, rectanglelabels=[label], **value)


def span(start: int, end: int, label: str = "PER") -> dict[str, Any]:
    words = DATA["text"][start:end]
    return region("ner", "labels", "text", start=start, end=end, text=words, labels=[label])


def test_reliability_beats_the_majority_where_few_are_reliable() -> None:
    chance = np.random.default_rng(7)
    tasks, classes = 600, 3
    truth = chance.choice(classes, tasks, p=[0.5, 0.3, 0.2])
    skills = [0.95, 0.92, 0.5, 0.45, 0.4]
    # The poor ones are wrong in the same way, so that they outvote the others.
    entries = [
        (task, person, truth[task] if chance.random() < skill else (truth[task] + 1) % classes)
        for task in range(tasks)
        for person, skill in enumerate(skills)
    ]
    task, person, said = np.array(entries).T
    found = consensus.dawid_skene(task, person, said)
    right = (found.posterior.argmax(axis=1) == truth).mean()
    votes = np.array(
        [np.bincount(said[task == n], minlength=classes).argmax() for n in range(tasks)]
    )
    assert right > 0.95 and right > (votes == truth).mean() + 0.1
    assert found.priors == pytest.approx([0.5, 0.3, 0.2], abs=0.05)
    assert found.confusion[0].diagonal() == pytest.approx([0.95] * 3, abs=0.06)
    assert found.confusion.sum(axis=2) == pytest.approx(np.ones((5, classes)))


def test_of_equals_that_agree_the_model_says_what_they_say() -> None:
    said = [0, 0, 0, 1, 1, 1, 0, 0, 0]
    found = consensus.dawid_skene([0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3, said)
    assert found.posterior.argmax(axis=1).tolist() == [0, 1, 0]
    assert found.posterior.max(axis=1).min() > 0.9


def test_the_majority_has_its_share() -> None:
    assert consensus.majority(["b", "a", "b"]) == consensus.Vote("b", 2 / 3)
    assert consensus.majority(["b", "a"]).certainty == 0.5
    with pytest.raises(ValueError, match="nobody"):
        consensus.majority([])


def test_staple_finds_who_is_reliable_and_the_true_mask() -> None:
    chance = np.random.default_rng(3)
    truth = np.zeros((60, 60), bool)
    truth[15:45, 10:40] = True
    rates = [(0.98, 0.99), (0.95, 0.98), (0.6, 0.75), (0.55, 0.7), (0.6, 0.7)]
    masks = []
    for sensitivity, specificity in rates:
        luck = chance.random(truth.shape)
        masks.append(np.where(truth, luck < sensitivity, luck > specificity))
    found = shapes.staple(masks)
    wrong = ((found.probability > 0.5) != truth).mean()
    voted = ((np.mean(masks, axis=0) > 0.5) != truth).mean()
    assert wrong < 0.02 and wrong < voted / 3
    assert found.sensitivity == pytest.approx([each[0] for each in rates], abs=0.05)
    assert found.specificity == pytest.approx([each[1] for each in rates], abs=0.05)
    assert 0.9 < shapes.mask_certainty(found) <= 1


def test_masks_that_are_the_same_stay_as_they_are() -> None:
    mask = np.zeros((8, 9))
    mask[2:5, 3:7] = 1
    found = shapes.staple([mask, mask])
    assert ((found.probability > 0.5) == (mask > 0)).all()
    assert shapes.mask_certainty(found) > 0.99
    assert not shapes.staple(np.zeros((2, 4, 4))).probability.any()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(1, 6)), max_size=8))
def test_voted_spans_hold_what_two_of_three_marked(drawn: list[tuple[int, int, int]]) -> None:
    spans = [(person, start, start + length) for person, start, length in drawn]
    votes = np.zeros((3, 20), bool)
    for person, start, end in spans:
        votes[person, start:end] = True
    found = shapes.voted_spans(spans, 3)
    inside = np.zeros(20, bool)
    for start, end, certainty in found:
        assert not inside[start:end].any() and 0.5 < certainty <= 1
        inside[start:end] = True
    assert (inside == (votes.sum(axis=0) > 1.5)).all()


def test_two_spans_that_touch_stay_two() -> None:
    spans = [(person, *ends) for person in range(2) for ends in ((0, 2), (2, 4))]
    assert shapes.voted_spans(spans, 2) == [(0, 2, 1.0), (2, 4, 1.0)]


def test_a_box_that_lies_apart_weighs_less() -> None:
    fused = shapes.fused([[0, 0, 10, 10], [0, 0, 10, 10], [4, 4, 14, 14]])
    assert fused[0] < 4 / 3 and fused[2] < 10 + 4 / 3


def test_a_person_is_in_a_group_once() -> None:
    marks = [Marked(0, "a", 0), Marked(0, "a", 1), Marked(1, "a", 0), Marked(1, "b", 0)]
    found = shapes.groups(marks, 2, lambda one, other: 1 - abs(one - other) / 2)
    people = sorted(tuple(mark.person for mark in group.marks) for group in found)
    assert people == [(0,), (0, 1), (1,)]


def test_a_task_is_brought_to_one_result_with_its_certainty() -> None:
    answers = {
        1: [box(10, 10), region("fine", "choices", choices=["yes"]), span(0, 2), span(3, 9, "ORG")],
        2: [box(12, 10), region("fine", "choices", choices=["yes"]), span(0, 2), span(3, 7, "ORG")],
        3: [
            box(11, 10),
            box(70, 70, "crack"),
            region("fine", "choices", choices=["no"]),
            span(3, 9, "ORG"),
        ],
    }
    found = consensus.propose(CONFIG, answers, DATA)
    assert labels.check_result(CONFIG, found.result, data=DATA) == []
    boxes = [each["value"] for each in found.result if each["from_name"] == "box"]
    assert [(each["x"], each["rectanglelabels"]) for each in boxes] == [
        (pytest.approx(11, abs=0.5), ["dent"])
    ]
    assert [each["value"]["choices"] for each in found.result if each["from_name"] == "fine"] == [
        ["yes"]
    ]
    spans = [each["value"] for each in found.result if each["from_name"] == "ner"]
    assert [(each["start"], each["end"], each["text"]) for each in spans] == [
        (0, 2, "张三"),
        (3, 9, "津标科技公司"),
    ]
    assert 0.5 < found.certainty < 1 and found.methods == {
        "box": "boxes",
        "fine": "majority",
        "ner": "spans",
    }
    voted = consensus.propose(CONFIG, answers, DATA, {"fine": consensus.Vote("no", 0.9)})
    assert [e["value"]["choices"] for e in voted.result if e["from_name"] == "fine"] == [["no"]]
    # Made again it is the same, to the byte.
    assert consensus.propose(CONFIG, answers, DATA) == found


def test_what_all_say_is_the_consensus_and_sure() -> None:
    mask = np.zeros((20, 20))
    mask[3:9, 4:8] = 1
    said = [
        box(10, 10),
        region("each", "textarea", x=10, y=10, width=20, height=20, rotation=0, text=["deep"]),
        region(
            "brush",
            "brushlabels",
            number=2,
            format="rle",
            rle=labels.packed_mask(mask),
            brushlabels=["dent"],
        ),
        region("kinds", "choices", number=3, choices=["a", "b"]),
        region("stars", "rating", number=4, rating=4),
    ]
    found = consensus.propose(CONFIG, {1: said, 2: said}, DATA)
    assert labels.check_result(CONFIG, found.result, data=DATA) == []
    assert found.agreement == 1 and found.certainty > 0.99
    assert sorted(each["type"] for each in found.result) == sorted(each["type"] for each in said)
    ids = {each["from_name"]: each["id"] for each in found.result}
    assert ids["each"] == ids["box"] != "r1"
    assert consensus.propose(CONFIG, {1: [], 2: []}, DATA).result == []


def test_half_is_no_majority() -> None:
    found = consensus.propose(CONFIG, {1: [box(10, 10)], 2: []}, DATA)
    assert found.result == [] and found.certainty == 0.5
