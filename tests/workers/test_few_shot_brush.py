"""The few-shot brush finds pits that people painted, and survives what is odd in real work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.tests.bench.surface_data import PIT, boxes, spindles, undamaged
from jinbiao.workers.models import MODELS, arrays, costs
from jinbiao.workers.models.interface import (
    Box,
    Example,
    Given,
    Item,
    Mark,
    Mask,
    Picture,
    Predictor,
    Target,
)

MODEL = MODELS["few_shot_brush"]
MASKS, BOXES = Target("image", Mask, (PIT,)), Target("image", Box, (PIT,))


def item(picture: Picture) -> Item:
    return Item(pictures={"image": picture})


def load(weights: bytes | None, target: Target = MASKS) -> Predictor:
    return MODEL.load(weights, target, Given())


def found(predictor: Predictor, picture: Picture) -> list[Mark]:
    (answer,) = predictor.predict([item(picture)])
    return list(answer.marks)


# --- real pits ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pits(samples: Path) -> tuple[list[Example], list[Example]]:
    """Give 12 pictures to learn from, and pictures of places on the spindle not among them."""
    surfaces = spindles(samples / "images" / "bsdata")
    places = sorted({surface.place for surface in surfaces})
    known = set(places[::2])
    learned = [surface.example for surface in surfaces if surface.place in known]
    others = [surface.example for surface in surfaces if surface.place not in known]
    return learned[:48:4], others[::2]


@pytest.fixture(scope="module")
def weights(pits: tuple[list[Example], list[Example]]) -> bytes:
    return MODEL.fit(pits[0], MASKS)


def f1(truth: Sequence[Sequence[Mark]], shown: Sequence[Sequence[Mark]], least: float) -> float:
    met = 0
    for real, marks in zip(truth, shown, strict=True):
        free = list(real)
        for mark in marks:
            best = max(free, key=lambda other: costs.overlap(mark, other), default=None)
            if best is not None and costs.overlap(mark, best) >= least:
                free = [other for other in free if other is not best]
                met += 1
    return 2 * met / max(sum(map(len, truth)) + sum(map(len, shown)), 1)


def test_twelve_pictures_teach_pits_on_places_never_seen(
    pits: tuple[list[Example], list[Example]], weights: bytes, samples: Path
) -> None:
    predictor = load(weights)
    others = pits[1]
    shown = [found(predictor, example.item.pictures["image"]) for example in others]
    assert f1([example.marks for example in others], shown, 0.3) >= 0.5
    pairs = [(example.marks, marks) for example, marks in zip(others, shown, strict=True)]
    assert costs.saving(pairs) > 0.1
    for surface in undamaged(samples / "images" / "bsdata")[:4]:
        assert len(found(predictor, surface.example.item.pictures["image"])) <= 2


def test_the_surest_stands_first_and_scores_are_chances(
    pits: tuple[list[Example], list[Example]], weights: bytes
) -> None:
    predictor = load(weights)
    for example in pits[1][:6]:
        picture = example.item.pictures["image"]
        (answer,) = predictor.predict([example.item])
        scores = [mark.score for mark in answer.marks]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert answer.score is not None and 0 <= answer.score <= 1
        for mark in answer.marks:
            assert isinstance(mark, Mask) and mark.label == PIT
            assert mark.pixels.shape == picture.shape[:2] and mark.pixels.any()


def test_boxes_teach_and_are_given_too(pits: tuple[list[Example], list[Example]]) -> None:
    learned = [Example(e.item, boxes(e.marks)) for e in pits[0]]
    predictor = load(MODEL.fit(learned, BOXES), BOXES)
    others = pits[1][::2]
    shown = [found(predictor, example.item.pictures["image"]) for example in others]
    assert all(isinstance(mark, Box) for marks in shown for mark in marks)
    truth = [boxes(example.marks) for example in others]
    assert f1(truth, shown, 0.3) >= 0.5


def test_strokes_inside_the_things_are_enough(
    pits: tuple[list[Example], list[Example]],
) -> None:
    """A person draws a thin stroke through each pit instead of its outline."""
    scribbled = []
    for example in pits[0]:
        strokes = []
        for box, mask in zip(boxes(example.marks), example.marks, strict=True):
            assert isinstance(mask, Mask)
            line = np.zeros(mask.pixels.shape, np.uint8)
            start = (int(box.x + 0.1 * box.width), int(box.y + box.height / 2))
            cv2.line(line, start, (int(box.x + 0.9 * box.width), start[1]), 1, 2)
            strokes.append(Mask(PIT, (line > 0) & mask.pixels))
        scribbled.append(Example(example.item, strokes))
    predictor = load(MODEL.fit(scribbled, MASKS))
    met = shown = 0
    others = pits[1][::2]
    for example in others:
        marks = found(predictor, example.item.pictures["image"])
        shown += len(marks)
        met += any(
            isinstance(mark, Mask) and isinstance(true, Mask) and (mark.pixels & true.pixels).any()
            for mark in marks
            for true in example.marks
        )
    assert met >= len(others) / 2
    assert shown <= 3 * len(others)


# --- drawn surfaces ----------------------------------------------------------------------------


def drawn(number: int, spots: int = 2, kind: str = "spot") -> Example:
    """Draw a grained plate with dark spots or bright scratches."""
    chance = np.random.default_rng([5, number])
    plate = cv2.GaussianBlur(chance.normal(128, 40, (160, 200)), (0, 0), 1.5)
    marks: list[Mark] = []
    for _spot in range(spots):
        shape = np.zeros(plate.shape, np.uint8)
        x, y = int(chance.integers(20, 180)), int(chance.integers(20, 140))
        if kind == "spot":
            cv2.circle(shape, (x, y), int(chance.integers(7, 12)), 1, -1)
        else:
            cv2.line(shape, (x - 18, y - 4), (x + 18, y + 4), 1, 3)
        plate = plate + (-70.0 if kind == "spot" else 90.0) * shape
        marks.append(Mask(kind, shape > 0))
    return Example(item(np.clip(plate, 0, 255).astype(np.uint8)), marks)


SPOTS = Target("image", Mask, ("spot", "never drawn", "scratch"))


@pytest.fixture(scope="module")
def spotted() -> bytes:
    examples = [drawn(number) for number in range(6)]
    examples += [drawn(number, 2, "scratch") for number in range(20, 26)]
    examples += [drawn(number, 0) for number in range(40, 43)]
    return MODEL.fit(examples, SPOTS)


def test_two_labels_are_kept_apart_and_a_third_is_never_given(spotted: bytes) -> None:
    predictor = load(spotted, SPOTS)
    truth, shown = [], []
    for number in range(100, 106):
        for kind in ("spot", "scratch"):
            example = drawn(number, 2, kind)
            marks = found(predictor, example.item.pictures["image"])
            truth.append(example.marks)
            masks = [mark for mark in marks if isinstance(mark, Mask)]
            shown.append([mask for mask in masks if mask.label == kind])
            assert {mask.label for mask in masks} <= {"spot", "scratch"}
    assert f1(truth, shown, 0.3) >= 0.7


def test_the_same_examples_give_the_same_bytes() -> None:
    few = [drawn(number) for number in range(6)]
    assert MODEL.fit(few, SPOTS) == MODEL.fit(iter(few), SPOTS)
    assert MODEL.fit(few, SPOTS) != MODEL.fit(few[:5], SPOTS)


def test_a_label_that_the_project_dropped_is_not_given(spotted: bytes) -> None:
    picture = drawn(101).item.pictures["image"]
    assert found(load(spotted, SPOTS), picture)
    assert not found(load(spotted, Target("image", Mask, ("scratch",))), picture)


def test_clean_pictures_stay_clean(spotted: bytes) -> None:
    predictor = load(spotted, SPOTS)
    clean = [found(predictor, drawn(n, 0).item.pictures["image"]) for n in range(200, 210)]
    assert sum(map(len, clean)) <= 2


def test_pictures_of_any_depth_and_colour_give_the_same(spotted: bytes) -> None:
    predictor = load(spotted, SPOTS)
    picture = drawn(101).item.pictures["image"]
    plain = found(predictor, picture)
    assert plain
    opaque = np.dstack([picture] * 3 + [np.full_like(picture, 255)])
    deep = picture.astype(np.uint16) * 257
    for other in (np.dstack([picture] * 3), opaque, picture[:, :, None], deep):
        marks = found(predictor, other)
        assert f1([plain], [marks], 0.8) == 1.0


ODD = {
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "one row": np.zeros((1, 500), np.uint8),
    "narrow": np.random.default_rng(0).integers(0, 255, (17, 900), dtype=np.uint8),
    "black": np.zeros((200, 200, 3), np.uint8),
    "white": np.full((64, 64), 65535, np.uint16),
    "transparent": np.zeros((90, 120, 4), np.uint8),
    "truth values": np.random.default_rng(0).random((64, 64)) > 0.5,
    "large": np.random.default_rng(0).integers(0, 255, (2400, 3200, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_give_marks_inside_or_none(name: str, spotted: bytes) -> None:
    picture = ODD[name]
    for mark in found(load(spotted, SPOTS), picture):
        assert isinstance(mark, Mask) and mark.pixels.shape == picture.shape[:2]
    for mark in found(load(spotted, Target("image", Box, SPOTS.labels)), picture):
        assert isinstance(mark, Box)
        assert mark.x >= 0 and mark.x + mark.width <= picture.shape[1] + 1e-6
        assert mark.y >= 0 and mark.y + mark.height <= picture.shape[0] + 1e-6


@pytest.mark.parametrize(
    "picture", [np.zeros((0, 9), np.uint8), np.zeros((9, 9, 7), np.uint8), np.zeros((9, 9))]
)
def test_what_is_no_picture_is_refused_by_name(picture: Picture, spotted: bytes) -> None:
    predictor = load(spotted, SPOTS)
    with pytest.raises(errors.Invalid, match="image"):
        predictor.predict([item(picture)])
    with pytest.raises(errors.Invalid, match="image"):
        predictor.predict([Item()])


def test_examples_that_show_nothing_are_refused() -> None:
    clean = [drawn(number, 0) for number in range(6)]
    for examples in (
        [],
        clean,
        [Example(clean[0].item, [Mask("other", np.ones((160, 200), bool))])],
    ):
        with pytest.raises(errors.Refused, match="no mark"):
            MODEL.fit(examples, SPOTS)
    wrong_size = Example(clean[0].item, [Mask("spot", np.ones((3, 3), np.bool_))])
    with pytest.raises(errors.Refused, match="no mark"):
        MODEL.fit([wrong_size], SPOTS)


def test_odd_examples_do_not_stop_the_others() -> None:
    whole = Example(drawn(3, 0).item, [Mask("spot", np.ones((160, 200), np.bool_))])
    tiny = Example(item(np.zeros((3, 3), np.uint8)), [Mask("spot", np.ones((3, 3), np.bool_))])
    dot = np.zeros((160, 200), np.bool_)
    dot[80, 90] = True
    dotted = Example(drawn(4, 0).item, [Mask("spot", dot)])
    outside = Example(drawn(5, 0).item, [Box("spot", 900, 900, 5, 5), Box("spot", -9, -9, 3, 3)])
    examples = [*(drawn(number) for number in range(6)), whole, tiny, dotted, outside]
    assert load(MODEL.fit(examples, SPOTS), SPOTS).predict([drawn(50).item])


def test_other_bytes_are_not_taken_for_weights(spotted: bytes) -> None:
    body = spotted[:3000] + b"x" * 50 + spotted[3050:]
    foreign = arrays.pack(MODEL.name, {"labels": np.array(["spot"])})
    whole = arrays.unpack(MODEL.name, spotted)
    short = arrays.pack(MODEL.name, {**whole, "factors": whole["factors"][:-1]})
    other = arrays.pack("golden_difference", whole)
    with pytest.raises(errors.Refused, match="trained"):
        load(None, SPOTS)
    for damaged in (b"", b"PK", spotted[:-200], body, foreign, short, other):
        with pytest.raises(errors.Damaged):
            load(damaged, SPOTS)
    with pytest.raises(errors.Unavailable, match="another"):
        load(arrays.pack(MODEL.name, {**whole, "network": np.array(["0" * 64])}), SPOTS)


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    assert card["name"] == MODEL.name and card["version"] == MODEL.version
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
