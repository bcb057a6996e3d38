"""Agreement of two results: known answers worked out by hand, and what must always hold."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_studio_sdk.converter.brush import encode_rle

from jinbiao.datasets import agreement, labels
from jinbiao.datasets.agreement.answers import distance
from jinbiao.datasets.agreement.matching import best_pairs

PICTURE = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="dent"/><Label value="crack"/>
</RectangleLabels>
<EllipseLabels name="round" toName="image"><Label value="dent"/></EllipseLabels>
<PolygonLabels name="poly" toName="image"><Label value="dent"/></PolygonLabels>
<BrushLabels name="brush" toName="image"><Label value="dent"/></BrushLabels>
<KeyPointLabels name="point" toName="image"><Label value="dent"/></KeyPointLabels>
<Choices name="fine" toName="image"><Choice value="yes"/><Choice value="no"/></Choices>
<Choices name="kinds" toName="image" choice="multiple">
<Choice value="a"/><Choice value="b"/><Choice value="c"/></Choices>
<Rating name="stars" toName="image"/>
<Number name="width" toName="image" min="0" max="100"/><Number name="free" toName="image"/>
<TextArea name="words" toName="image"/><DateTime name="day" toName="image"/>
<Taxonomy name="tree" toName="image"><Choice value="metal"><Choice value="steel"/></Choice>
<Choice value="wood"/></Taxonomy>
<TextArea name="each" toName="image" perRegion="true"/></View>"""
WORDS = """<View><Text name="text" value="$text"/><Labels name="ner" toName="text">
<Label value="PER"/><Label value="ORG"/></Labels></View>"""
SOUND = """<View><Audio name="audio" value="$audio"/><Labels name="who" toName="audio">
<Label value="A"/></Labels></View>"""
PAIR = """<View><Text name="one" value="$a"/><Text name="two" value="$b"/>
<Pairwise name="better" toName="one,two"/></View>"""
RANK = """<View><List name="list" value="$items"/><Ranker name="order" toName="list"/></View>"""
CONFIGS = {
    name: labels.parse(text)
    for name, text in {
        "PICTURE": PICTURE,
        "WORDS": WORDS,
        "SOUND": SOUND,
        "PAIR": PAIR,
        "RANK": RANK,
    }.items()
}


def region(name: str, kind: str, on: str = "image", **value: Any) -> dict[str, Any]:
    size = {"original_width": 100, "original_height": 100} if on == "image" else {}
    return {"from_name": name, "to_name": on, "type": kind, "value": value, "id": "r", **size}


def box(x: float = 0, y: float = 0, w: float = 20, h: float = 20, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": w, "height": h, "rectanglelabels": ["dent"], **more}
    return region("box", "rectanglelabels", **value)


def span(start: int, end: int, label: str = "PER") -> dict[str, Any]:
    return region("ner", "labels", "text", start=start, end=end, labels=[label])


def sound(start: float, end: float) -> dict[str, Any]:
    return region("who", "labels", "audio", start=start, end=end, labels=["A"])


def ellipse(radius: float) -> dict[str, Any]:
    value = {"x": 50, "y": 50, "radiusX": radius, "radiusY": radius, "ellipselabels": ["dent"]}
    return region("round", "ellipselabels", **value)


def polygon(*points: list[float]) -> dict[str, Any]:
    return region("poly", "polygonlabels", points=list(points), polygonlabels=["dent"])


def rank(*order: str) -> dict[str, Any]:
    return region("order", "ranker", "list", ranker=list(order))


def answer(name: str, kind: str, said: Any) -> dict[str, Any]:
    return region(name, kind, **{kind: said})


SQUARE = [[0, 0], [40, 0], [40, 40], [0, 40]]
KNOWN: list[tuple[str, Any, Any, float]] = [
    ("PICTURE", [answer("fine", "choices", ["yes"])], [answer("fine", "choices", ["yes"])], 1),
    ("PICTURE", [answer("fine", "choices", ["yes"])], [answer("fine", "choices", ["no"])], 0),
    (
        "PICTURE",
        [answer("kinds", "choices", ["a", "b"])],
        [answer("kinds", "choices", ["b", "c"])],
        1 / 3,
    ),
    (
        "PICTURE",
        [answer("tree", "taxonomy", [["metal", "steel"], ["wood"]])],
        [answer("tree", "taxonomy", [["wood"]])],
        1 / 2,
    ),
    ("PICTURE", [answer("stars", "rating", 5)], [answer("stars", "rating", 3)], 0.6),
    # Bounds from 0 to 100: apart by a tenth. Without bounds: by a fifth of the larger.
    ("PICTURE", [answer("width", "number", 40)], [answer("width", "number", 50)], 0.9),
    ("PICTURE", [answer("free", "number", 40)], [answer("free", "number", 50)], 0.8),
    ("PICTURE", [answer("free", "number", -3)], [answer("free", "number", 3)], 0),
    (
        "PICTURE",
        [region("words", "textarea", text="kitten")],
        [region("words", "textarea", text=["sitting"])],
        4 / 7,
    ),
    (
        "PICTURE",
        [region("words", "textarea", text="焊缝开裂")],
        [region("words", "textarea", text="焊缝裂")],
        3 / 4,
    ),
    (
        "PICTURE",
        [answer("day", "datetime", "2026-11-20")],
        [answer("day", "datetime", "2026-11-21")],
        0,
    ),
    ("PICTURE", [box()], [box(x=10)], 1 / 3),
    ("PICTURE", [box()], [box(x=10, rectanglelabels=["crack"])], 0),
    ("PICTURE", [box(), box(x=50)], [box(x=50)], 1 / 2),
    # Turned a quarter about (30, 10), the box from 10 to 30 and 10 to 20.
    ("PICTURE", [box(x=10, y=10, w=20, h=10)], [box(x=30, y=10, w=10, h=20, rotation=90)], 1),
    ("PICTURE", [ellipse(10)], [ellipse(20)], 1 / 4),
    ("PICTURE", [polygon(*SQUARE)], [polygon(*SQUARE[:3])], 1 / 2),
    ("PICTURE", [], [box()], 0),
    ("PICTURE", [], [], 1),
    # The mean of a box (1/3) and a choice (1).
    (
        "PICTURE",
        [box(), answer("fine", "choices", ["yes"])],
        [box(x=10), answer("fine", "choices", ["yes"])],
        2 / 3,
    ),
    ("WORDS", [span(0, 4)], [span(2, 6)], 1 / 3),
    ("WORDS", [span(0, 4)], [span(0, 4, "ORG")], 0),
    ("WORDS", [span(0, 4), span(10, 12)], [span(0, 2), span(10, 12)], 3 / 4),
    ("SOUND", [sound(0, 2)], [sound(1, 3)], 1 / 3),
    (
        "PAIR",
        [region("better", "pairwise", "one,two", selected="left")],
        [region("better", "pairwise", "one,two", selected="right")],
        0,
    ),
    ("RANK", [rank("a", "b", "c")], [rank("a", "c", "b")], 2 / 3),
    ("RANK", [rank("a", "b", "c")], [rank("c", "b", "a")], 0),
    ("RANK", [rank("a", "b")], [rank("a", "b", "c")], 1 / 3),
]


@pytest.mark.parametrize(("config", "first", "second", "expected"), KNOWN)
def test_known_answers(config: str, first: Any, second: Any, expected: float) -> None:
    found = agreement.compare(CONFIGS[config], first, second)
    # What is drawn onto a grid is right to a hundredth.
    assert found.agreement == pytest.approx(expected, abs=0.01)
    exact = not any(each["from_name"] in ("round", "poly") for each in first)
    if exact:
        assert found.agreement == pytest.approx(expected, abs=1e-9)
    other = agreement.compare(CONFIGS[config], second, first)
    assert other.agreement == pytest.approx(found.agreement)


def test_what_has_no_measure_is_said_and_left_out() -> None:
    point = region("point", "keypointlabels", x=1, y=1, width=1, keypointlabels=["dent"])
    said = note("r", "x")
    found = agreement.compare(CONFIGS["PICTURE"], [point, said], [point, said])
    assert found == agreement.Comparison({"point": None, "each": None}, None)
    found = agreement.compare(CONFIGS["PICTURE"], [point, box()], [point, box()])
    assert found == agreement.Comparison({"point": None, "box": 1.0}, 1.0)


def note(region_id: str, text: str) -> dict[str, Any]:
    """Say something of one region."""
    return {**region("each", "textarea", text=[text]), "id": region_id}


def test_what_is_said_of_a_region_is_compared_with_that_of_its_partner() -> None:
    config = CONFIGS["PICTURE"]
    first = [{**box(), "id": "a"}, {**box(x=50), "id": "b"}, note("a", "焊缝开裂"), note("b", "好")]
    second = [{**box(x=50), "id": "x"}, {**box(), "id": "y"}, note("x", "好"), note("y", "焊缝裂")]
    found = agreement.compare(config, first, second)
    # 3/4 of the one text, the whole of the other.
    assert found.controls == {"box": pytest.approx(1), "each": pytest.approx(7 / 8)}
    back = agreement.compare(config, second, first)
    assert back.controls == {"box": pytest.approx(1), "each": pytest.approx(7 / 8)}
    # Said of a region that the other has not.
    found = agreement.compare(config, first, [{**box(), "id": "x"}, note("x", "焊缝开裂")])
    assert found.controls == {"box": pytest.approx(1 / 2), "each": pytest.approx(1 / 2)}


def mask(*rows: str) -> dict[str, Any]:
    """Paint a mask and pack it as the SDK does."""
    painted = np.array([[255 if c == "#" else 0 for c in row] for row in rows], np.uint8)
    rle = list(encode_rle(np.repeat(painted.reshape(-1), 4)))
    size = {"original_width": len(rows[0]), "original_height": len(rows)}
    value = {"format": "rle", "rle": rle, "brushlabels": ["dent"]}
    return {**region("brush", "brushlabels", **value), **size}


def test_masks_are_compared_by_their_pixels() -> None:
    config = CONFIGS["PICTURE"]
    one, other = mask("##..", "##.."), mask(".##.", ".##.")
    assert labels.check_result(config, [one]) == []
    found = agreement.compare(config, [one], [other])
    assert found.controls == {"brush": pytest.approx(1 / 3)}


def test_labels_are_told_apart() -> None:
    config = CONFIGS["PICTURE"]
    first = [box(), box(x=50, rectanglelabels=["crack"]), answer("kinds", "choices", ["a", "b"])]
    second = [box(x=10), answer("kinds", "choices", ["b"])]
    assert agreement.by_label(config, first, second) == {
        "dent": pytest.approx(1 / 3),
        "crack": 0.0,
        "a": 0.0,
        "b": 1.0,
    }


def test_too_many_regions_are_not_compared() -> None:
    many = [box(x=place % 80, y=place % 77) for place in range(250)]
    found = agreement.compare(CONFIGS["PICTURE"], many, many)
    assert found.agreement is None


def best_sum(weights: Any) -> float:
    """Return the sum of the best pairs, each row and column once at most."""
    pairs = best_pairs(weights)
    for side in zip(*pairs, strict=True):
        assert len(set(side)) == len(side)
    return float(sum(weights[pair] for pair in pairs))


def test_partners_are_the_best_for_all() -> None:
    # Taking the largest first would leave 0.6 and nothing.
    assert best_sum(np.array([[0.6, 0.5], [0.5, 0.0]])) == pytest.approx(1.0)


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(0, 1), min_size=width, max_size=width), min_size=1, max_size=5
        )
    )
)
def test_partners_are_those_of_trying_all(rows: list[list[float]]) -> None:
    weights = np.array(rows)
    narrow = weights if weights.shape[0] <= weights.shape[1] else weights.T
    tried = max(
        sum(narrow[row, column] for row, column in enumerate(columns))
        for columns in permutations(range(narrow.shape[1]), narrow.shape[0])
    )
    assert best_sum(weights) == pytest.approx(tried)


def table_distance(first: str, second: str) -> int:
    """Work the distance out by the table of the textbook."""
    row = list(range(len(second) + 1))
    for number, here in enumerate(first, 1):
        before, row[0] = row[0], number
        for place, there in enumerate(second, 1):
            change = before + (here != there)
            before = row[place]
            row[place] = min(change, row[place] + 1, row[place - 1] + 1)
    return row[-1]


@given(st.text("ab焊", max_size=12), st.text("ab焊", max_size=12))
def test_distance_is_that_of_the_table(first: str, second: str) -> None:
    assert distance(first, second) == table_distance(first, second)


PERCENT = st.integers(0, 50)
BOXES = st.builds(
    box,
    PERCENT,
    PERCENT,
    st.integers(1, 50),
    st.integers(1, 50),
    rotation=st.sampled_from((0, 30)),
    rectanglelabels=st.sampled_from((["dent"], ["crack"])),
)
ANSWERS = st.one_of(
    st.builds(
        answer,
        st.just("kinds"),
        st.just("choices"),
        st.lists(st.sampled_from("abc"), min_size=1, unique=True),
    ),
    st.builds(answer, st.just("stars"), st.just("rating"), st.integers(0, 5)),
    st.builds(answer, st.just("free"), st.just("number"), st.floats(-1e6, 1e6)),
    st.builds(lambda text: region("words", "textarea", text=[text]), st.text(max_size=20)),
    st.builds(ellipse, st.integers(1, 50)),
)


def of_one_each(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave one answer a control, as the editor does."""
    return list({each["from_name"]: each for each in regions}.values())


RESULTS = st.tuples(
    st.lists(BOXES, max_size=4), st.lists(ANSWERS, max_size=3).map(of_one_each)
).map(lambda both: both[0] + both[1])


@settings(max_examples=60, deadline=None)
@given(RESULTS, RESULTS)
def test_agreement_is_mutual_whole_with_itself_and_between_0_and_1(
    first: list[Any], second: list[Any]
) -> None:
    config = CONFIGS["PICTURE"]
    there, back = (agreement.compare(config, *pair) for pair in ((first, second), (second, first)))
    assert there.agreement == pytest.approx(back.agreement, abs=1e-9)
    assert there.agreement is not None and 0 <= there.agreement <= 1
    assert agreement.compare(config, first, list(first)).agreement == pytest.approx(1)
    assert all(0 <= score <= 1 for score in agreement.by_label(config, first, second).values())
