"""The assumed cost of marking: known answers by hand, and the benchmark's own figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.tests.bench import golden_difference as bench
from jinbiao.workers.models import costs
from jinbiao.workers.models.interface import Box, Choice, Interval, Mark, Mask, Span, Words


def test_boxes_alone_cost_drawing_and_a_class_each() -> None:
    """2 s for the picture, 8.5 s for each box."""
    boxes = [Box("short", 10, 10, 20, 20), Box("open", 90, 90, 20, 20)]
    assert costs.alone([]) == 2.0
    assert costs.alone(boxes) == 19.0
    assert costs.helped(boxes, []) == 19.0


def test_a_right_box_costs_a_look_a_wrong_class_more_a_false_one_is_deleted() -> None:
    """Every case of the model once, by hand."""
    true = [Box("short", 10, 10, 20, 20)]
    assert costs.helped(true, [Box("short", 11, 11, 20, 20)]) == pytest.approx(2.7)
    assert costs.helped(true, [Box("open", 11, 11, 20, 20)]) == pytest.approx(4.7)
    assert costs.helped(true, [Box("short", 60, 60, 20, 20)]) == pytest.approx(12.7)
    assert costs.helped([], [Box("short", 60, 60, 20, 20)]) == pytest.approx(4.2)
    # Two on one defect: the surer one meets it, the other is deleted.
    twice = [Box("short", 10, 10, 20, 20, 0.5), Box("open", 10, 10, 20, 20, 0.9)]
    assert costs.helped(true, twice) == pytest.approx(2 + 0.7 + 2 + 0.7 + 1.5)


_sides = st.integers(1, 12).map(float)
_places = st.integers(0, 25).map(float)
_scores = st.sampled_from([0.2, 0.5, 0.7, 0.9])
_boxes = st.lists(
    st.builds(Box, st.sampled_from(["a", "b"]), _places, _places, _sides, _sides, _scores),
    max_size=6,
)


@given(st.lists(st.tuples(_boxes, _boxes), min_size=1, max_size=4))
def test_the_figures_are_those_of_the_benchmark(pairs: list[tuple[list[Box], list[Box]]]) -> None:
    """For boxes the model is the one that the golden-difference benchmark states."""
    expected = bench.time_saved([truth for truth, _ in pairs], [shown for _, shown in pairs])
    assert costs.saving(pairs) == pytest.approx(expected)


@given(_boxes, _boxes)
def test_what_labels_save_adds_up(truth: list[Mark], shown: list[Mark]) -> None:
    """Nothing is counted twice and nothing is lost between the labels."""
    found = costs.by_label(truth, shown)
    assert sum(cost.alone for cost in found.values()) + 2 == pytest.approx(costs.alone(truth))
    saved = costs.alone(truth) - costs.helped(truth, shown)
    assert sum(cost.saved for cost in found.values()) == pytest.approx(saved)
    assert sum(cost.marks for cost in found.values()) == len(truth)
    assert sum(cost.shown for cost in found.values()) == len(shown)


def test_what_a_label_saves_counts_for_what_was_shown() -> None:
    """A class that is shown where there is nothing costs time on its own."""
    truth = [Box("a", 0, 0, 10, 10)]
    found = costs.by_label(truth, [Box("a", 0, 0, 10, 10), Box("b", 50, 50, 9, 9)])
    assert found["a"].saved == pytest.approx(8.5 - 0.7)
    assert found["b"].saved == pytest.approx(-2.2)
    assert found["b"].alone == 0


def test_masks_cost_three_boxes_and_are_touched_up_where_they_are_rough() -> None:
    """A mask is matched by its pixels; below 0.8 a person draws the missing share."""

    def square(size: int, label: str = "crack") -> Mask:
        pixels = np.zeros((40, 40), bool)
        pixels[:size, :10] = True
        return Mask(label, pixels)

    assert costs.alone([square(20)]) == 2 + 21 + 1.5
    assert costs.helped([square(20)], [square(18)]) == pytest.approx(2.7)
    assert costs.helped([square(20)], [square(12)]) == pytest.approx(2.7 + 0.4 * 21)
    assert costs.helped([square(20)], [square(8)]) == pytest.approx(24.5 + 2.2)
    other_size = Mask("crack", np.ones((5, 5), bool))
    assert costs.helped([square(20)], [other_size]) == pytest.approx(24.5 + 2.2)


def test_a_choice_pays_only_when_it_is_mostly_right() -> None:
    """A right one spares 0.8 s, a wrong one costs 1.2 s: below 60 % right it does not pay."""
    right, wrong = Choice("good"), Choice("bad")
    assert costs.alone([right]) == 3.5
    assert costs.helped([right], [right]) == pytest.approx(2.7)
    assert costs.helped([right], [wrong]) == pytest.approx(4.7)
    assert costs.helped([], [wrong]) == pytest.approx(2 + 0.7 + 1.5)
    several = [Choice("a"), Choice("b")]
    assert costs.helped(several, [Choice("c", 0.9), Choice("b", 0.1)]) == pytest.approx(5.4)
    assert costs.saving([([right], [right])] * 6 + [([right], [wrong])] * 4) == pytest.approx(0)


def test_showing_pays_where_saving_begins() -> None:
    """At that share of right marks nothing is won and nothing lost."""
    assert costs.worth_showing(Box) == pytest.approx(0.22)
    assert costs.worth_showing(Choice) == pytest.approx(0.6)
    for kind, right, wrong in (
        (Span, Span("a", 0, 5), Span("a", 50, 55)),
        (Interval, Interval("a", 0, 5), Interval("a", 50, 55)),
    ):
        share = costs.worth_showing(kind)
        gain = costs.alone([right]) - costs.helped([right], [right])
        loss = costs.helped([], [wrong]) - costs.alone([])
        assert share * gain == pytest.approx((1 - share) * loss)


def test_spans_want_exact_ends_and_intervals_good_ones() -> None:
    """What is nearly right is pulled into place."""
    name = Span("person", 3, 6)
    assert costs.alone([name]) == 6.5
    assert costs.helped([name], [Span("person", 3, 6)]) == pytest.approx(2.7)
    assert costs.helped([name], [Span("person", 3, 5)]) == pytest.approx(4.7)
    assert costs.helped([name], [Span("person", 20, 25)]) == pytest.approx(6.5 + 2.2)
    speech = Interval("speech", 1.0, 3.0)
    assert costs.alone([speech]) == 8.5
    assert costs.helped([speech], [Interval("speech", 1.1, 3.1)]) == pytest.approx(2.7)
    assert costs.helped([speech], [Interval("speech", 1.0, 2.2)]) == pytest.approx(4.7)


def test_words_are_typed_letter_by_letter() -> None:
    """A wrong letter is reached and replaced; a line that is all wrong is typed again."""

    def line(text: str, label: str = "") -> Words:
        return Words(text, ((0, 0), (90, 0), (90, 20), (0, 20)), label=label)

    assert costs.alone([line("AB12")]) == pytest.approx(2 + 7 + 1.2)
    assert costs.alone([line("天津", "place")]) == pytest.approx(2 + 7 + 2 + 1.5)
    assert costs.helped([line("AB12")], [line("AB12")]) == pytest.approx(2.7)
    assert costs.helped([line("AB12")], [line("A812")]) == pytest.approx(2.7 + 2 + 0.3)
    assert costs.correcting("天律", "天津") == pytest.approx(3.0)
    assert costs.correcting("", "天津") == pytest.approx(4.0)
    assert costs.correcting("没有一个字是对的", "天津") == pytest.approx(4.0)


def test_marks_of_different_kinds_do_not_meet() -> None:
    """A box in the place of a mask is deleted, and each kind finds its own."""
    mask = Mask("a", np.ones((10, 10), bool))
    box, choice = Box("a", 0, 0, 10, 10), Choice("a")
    assert costs.helped([mask], [box]) == pytest.approx(24.5 + 2.2)
    assert costs.helped([mask, choice], [choice, mask]) == pytest.approx(3.4)


def test_no_items_save_nothing() -> None:
    """There is nothing to divide by."""
    assert costs.saving([]) == 0
