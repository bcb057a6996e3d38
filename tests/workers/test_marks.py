"""Marks become results that the config allows, and come back as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import errors, labels
from jinbiao.workers.binding import Binding, bind, suits
from jinbiao.workers.marks import MOST_MARKS, from_result, to_result, without_labels
from jinbiao.workers.models.interface import (
    Answer,
    Box,
    Choice,
    Interval,
    Item,
    Mark,
    MarkKind,
    Mask,
    Serves,
    Sound,
    Span,
    Words,
)

LABELS = '<Label value="划痕" alias="scratch"/><Label value="凹坑" alias="dent"/>'
IMAGE = '<Image name="image" value="$image"/>'
CONFIGS = {
    "boxes": f'<RectangleLabels name="what" toName="image">{LABELS}</RectangleLabels>{IMAGE}',
    "brush": f'<BrushLabels name="what" toName="image">{LABELS}</BrushLabels>{IMAGE}',
    "polygons": f'<PolygonLabels name="what" toName="image">{LABELS}</PolygonLabels>{IMAGE}',
    "classes": '<Choices name="what" toName="image"><Choice value="scratch"/>'
    f'<Choice value="dent"/></Choices>{IMAGE}',
    "several": '<Choices name="what" toName="image" choice="multiple"><Choice value="scratch"/>'
    f'<Choice value="dent"/></Choices>{IMAGE}',
    "spans": f'<Labels name="what" toName="text">{LABELS}</Labels>'
    '<Text name="text" value="$text"/>',
    "sounds": f'<Labels name="what" toName="audio">{LABELS}</Labels>'
    '<Audio name="audio" value="$audio"/>',
    "lines": '<Rectangle name="place" toName="image"/>'
    f'<TextArea name="said" toName="image" perRegion="true"/>{IMAGE}',
    "page": f'<TextArea name="said" toName="image"/>{IMAGE}',
}
PICTURE = Item(pictures={"image": np.zeros((60, 80, 3), np.uint8)})
NAMES = st.sampled_from(["scratch", "dent"])
SCORES = st.floats(0, 1)


def bound(name: str, reads: str, *makes: MarkKind) -> tuple[labels.LabelConfig, Binding]:
    config = labels.parse(f"<View>{CONFIGS[name]}</View>")
    return config, bind(config, Serves(reads, makes))


def written(name: str, reads: str, item: Item, marks: list[Any]) -> list[Mark]:
    """Write marks as a result, check it, and read it back."""
    config, binding = bound(name, reads, type(marks[0]) if marks else Box)
    result = to_result(binding, Answer(marks, 0.5), item, "m")
    assert labels.check_result(config, result) == []
    return from_result(binding, config, result)


BOXES = st.builds(
    Box, NAMES, st.floats(0, 70), st.floats(0, 50), st.floats(0.1, 10), st.floats(0.1, 10), SCORES
)


@given(st.lists(BOXES, max_size=5))
def test_boxes_come_back(boxes: list[Box]) -> None:
    for before, after in zip(boxes, written("boxes", "picture", PICTURE, boxes), strict=True):
        assert isinstance(after, Box) and after.label == before.label
        for edge in ("x", "y", "width", "height"):
            assert getattr(after, edge) == pytest.approx(getattr(before, edge), abs=1e-6)


ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.builds(Box, NAMES, ANY, ANY, ANY, ANY, ANY), max_size=4))
def test_boxes_beyond_the_picture_are_cut_and_nonsense_is_left_out(boxes: list[Box]) -> None:
    for box in written("boxes", "picture", PICTURE, boxes):
        assert isinstance(box, Box)
        assert 0 <= box.x < 80 and 0 < box.width <= 80 - box.x + 1e-6
        assert 0 <= box.y < 60 and 0 < box.height <= 60 - box.y + 1e-6


@given(st.integers(0, 2**32 - 1), NAMES)
def test_a_brush_keeps_every_pixel(seed: int, label: str) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.random((60, 80)) < chance.random()
    found = written("brush", "picture", PICTURE, [Mask(label, pixels, 0.7)])
    if not pixels.any():
        assert found == []
    else:
        (mask,) = found
        assert isinstance(mask, Mask) and mask.label == label
        assert np.array_equal(mask.pixels, pixels)


def test_a_polygon_follows_the_edge_of_a_mask() -> None:
    pixels = np.zeros((60, 80), bool)
    pixels[10:40, 20:50] = True
    pixels[50:55, 5:15] = True
    found = written("polygons", "picture", PICTURE, [Mask("dent", pixels)])
    assert [mask.label for mask in found] == ["dent", "dent"]
    both = np.logical_or.reduce([mask.pixels for mask in found if isinstance(mask, Mask)])
    shared, any_of = (both & pixels).sum(), (both | pixels).sum()
    assert shared / any_of > 0.95


def test_of_several_choices_the_surest_counts_where_only_one_may() -> None:
    both = [Choice("scratch", 0.4), Choice("dent", 0.6)]
    assert written("classes", "picture", PICTURE, both) == [Choice("dent")]
    assert written("several", "picture", PICTURE, both) == [Choice("scratch"), Choice("dent")]


TEXT = "轴承🔧座有划痕，端面凹坑。"


@given(st.integers(0, len(TEXT) - 1), st.integers(1, 5), NAMES)
def test_spans_come_back(start: int, length: int, label: str) -> None:
    end = min(start + length, len(TEXT))
    item = Item(texts={"text": TEXT})
    assert written("spans", "text", item, [Span(label, start, end, 0.9)]) == [
        Span(label, start, end)
    ]


def test_a_span_beyond_the_text_is_refused() -> None:
    _config, binding = bound("spans", "text", Span)
    for start, end in ((-1, 2), (3, 3), (0, 99)):
        with pytest.raises(errors.Invalid, match="characters"):
            to_result(binding, Answer([Span("dent", start, end)]), Item(texts={"text": TEXT}), "m")


def test_stretches_of_sound_end_with_it() -> None:
    item = Item(sounds={"audio": Sound(np.zeros(16000, np.float32), 8000)})
    marks = [Interval("dent", 0.5, 1.25), Interval("dent", 1.5, 99.0), Interval("dent", 5.0, 6.0)]
    assert written("sounds", "sound", item, marks) == [
        Interval("dent", 0.5, 1.25),
        Interval("dent", 1.5, 2.0),
    ]


def test_lines_of_writing_keep_place_and_words() -> None:
    corners = ((10.0, 10.0), (50.0, 10.0), (50.0, 20.0), (10.0, 20.0))
    (line,) = written("lines", "picture", PICTURE, [Words("型号 YE2", corners, 0.8)])
    assert isinstance(line, Words) and line.text == "型号 YE2"
    assert np.allclose(line.corners, corners)
    found = written("page", "picture", PICTURE, [Words("一", corners), Words("二", corners)])
    assert [mark.text for mark in found if isinstance(mark, Words)] == ["一\n二"]


def test_labels_that_the_config_lacks_are_refused_by_name() -> None:
    _config, binding = bound("boxes", "picture", Box)
    with pytest.raises(errors.Invalid, match="crack"):
        to_result(binding, Answer([Box("crack", 1, 1, 5, 5)]), PICTURE, "m")
    known = without_labels(Answer([Box("crack", 1, 1, 5, 5), Box("dent", 1, 1, 5, 5)]), ["crack"])
    assert len(to_result(binding, known, PICTURE, "m")) == 1


def test_ten_thousand_marks_are_refused_with_the_limit() -> None:
    _config, binding = bound("boxes", "picture", Box)
    many = [Box("dent", 1, 1, 5, 5)] * 10_000
    with pytest.raises(errors.Invalid, match=str(MOST_MARKS)):
        to_result(binding, Answer(many), PICTURE, "m")


def test_a_config_that_offers_nothing_says_what_is_needed() -> None:
    config = labels.parse(f"<View>{CONFIGS['spans']}</View>")
    with pytest.raises(errors.Refused, match="<Image>"):
        bind(config, Serves("picture", (Box,)))
    with pytest.raises(errors.Refused, match="<Choices>"):
        bind(config, Serves("text", (Choice,)))
    with pytest.raises(errors.Refused, match="template"):
        bind(config, Serves("picture", (Box,), ("image", "template")))
    assert suits(config, Serves("text", (Span,)))
