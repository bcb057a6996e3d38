"""The golden-difference model finds, names and survives: known figures and odd pictures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import errors
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.golden_difference import studying
from jinbiao.workers.models.interface import Box, Example, Item, Predictor


def _load_bench() -> ModuleType:
    file = Path(__file__).parents[1] / "bench" / "golden_difference.py"
    spec = importlib.util.spec_from_file_location("bench_golden_difference", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = _load_bench()
MODEL = MODELS["golden_difference"]


@pytest.fixture(scope="module")
def boards() -> list[Example]:
    return list(bench.drawn_examples(1, 40))


@pytest.fixture(scope="module")
def weights(boards: list[Example]) -> bytes:
    return MODEL.fit(boards[:10], bench.TARGET)


@pytest.fixture(scope="module")
def trained(weights: bytes) -> Predictor:
    return bench.load(MODEL, weights)


def test_ten_colour_boards_are_enough(boards: list[Example], trained: Predictor) -> None:
    score = bench.score(trained, boards[10:])
    assert score.precision >= 0.92
    assert score.saved >= 0.77


def test_ten_deeppcb_pairs_are_enough(samples: Path) -> None:
    examples = bench.read_examples(samples / "images" / "deeppcb")
    order = np.random.default_rng(0).permutation(len(examples))
    predictor = bench.load(
        MODEL, MODEL.fit((examples[int(place)] for place in order[:10]), bench.TARGET)
    )
    others = [examples[int(place)] for place in order[10:70]]
    score = bench.score(predictor, others)
    assert score.precision >= 0.884
    assert score.saved >= 0.77
    for motion in bench.MOTIONS.values():
        moved = [bench.move_template(example, motion) for example in others[:30]]
        assert bench.score(predictor, moved).precision >= 0.85


def test_without_weights_most_defects_are_boxed_without_a_class(boards: list[Example]) -> None:
    predictor = bench.load(MODEL, None)
    found = shown = real = 0
    for example in boards[:12]:
        boxes = bench.boxes(predictor, example.item.pictures)
        assert {box.label for box in boxes} <= {""}
        shown += len(boxes)
        real += len(bench.true_boxes(example))
        found += sum(
            any(bench.overlap(b, t) >= 0.4 for b in boxes) for t in bench.true_boxes(example)
        )
    assert found / real >= 0.8
    assert found / shown >= 0.6


def test_the_same_examples_give_the_same_bytes(boards: list[Example]) -> None:
    assert MODEL.fit(boards[:3], bench.TARGET) == MODEL.fit(iter(boards[:3]), bench.TARGET)
    assert MODEL.fit(boards[:3], bench.TARGET) != MODEL.fit(boards[:4], bench.TARGET)


def test_what_pictures_show_is_remembered_by_their_pixels_and_not_without_end(
    boards: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = boards[0].item.pictures
    first = studying.looked_at(pictures)
    copied = {key: np.array(picture) for key, picture in pictures.items()}
    assert studying.looked_at(copied) is first
    copied["image"][300:340, 300:340] ^= 255
    other = studying.looked_at(copied)
    assert [places for places, _rows in other] != [places for places, _rows in first]
    monkeypatch.setattr(studying, "REMEMBERED", 2)
    for place in (100, 200):
        copied["image"][place : place + 40, 300:340] ^= 255
        studying.looked_at(copied)
    again = studying.looked_at(pictures)
    assert again is not first
    for (places, rows), (before, rows_before) in zip(again, first, strict=True):
        assert places == before and np.array_equal(rows, rows_before)


def test_a_loaded_predictor_repeats_itself(
    boards: list[Example], weights: bytes, trained: Predictor
) -> None:
    again = bench.load(MODEL, weights)
    images = boards[20].item.pictures
    assert bench.boxes(again, images) == bench.boxes(trained, images) != []


def _distance(example: Example) -> float:
    image, template = (
        example.item.pictures[key].astype(np.float32) for key in ("image", "template")
    )
    return float(np.abs(image - image.mean() - template + template.mean()).mean())


def test_a_moved_template_costs_hardly_a_box(boards: list[Example], trained: Predictor) -> None:
    """Take boards that lie straight, so that the whole motion is the one chosen here."""
    straight = sorted(boards[10:], key=_distance)[:12]

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-1, 1), st.integers(0, 11))
    def moves(right: float, down: float, turn: float, place: int) -> None:
        example = straight[place]
        moved = bench.move_template(example, (right, down, turn))
        boxes = bench.boxes(trained, moved.item.pictures)
        found = sum(
            any(bench.overlap(b, t) >= 0.4 for b in boxes) for t in bench.true_boxes(example)
        )
        assert found >= len(bench.true_boxes(example)) - 1
        assert len(boxes) <= len(bench.true_boxes(example)) + 3

    moves()


def _picture(shape: tuple[int, ...], kind: str = "uint8") -> np.ndarray:
    top = np.iinfo(kind).max
    return np.random.default_rng(0).integers(0, top, shape, dtype=kind, endpoint=True)


ODD = {
    "one pixel": (_picture((1, 1, 3)), _picture((1, 1, 3))),
    "one row": (_picture((1, 500)), _picture((1, 500))),
    "narrow": (_picture((17, 900)), _picture((17, 900))),
    "all black": (np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200, 3), np.uint8)),
    "black image": (np.zeros((200, 200), np.uint8), _picture((200, 200))),
    "nothing alike": (_picture((300, 300, 3)), _picture((301, 299, 3))[::-1]),
    "grey and transparent": (_picture((90, 120)), _picture((120, 90, 4))),
    "transparent grey": (_picture((90, 120, 2)), _picture((90, 120, 1))),
    "16 bits": (_picture((128, 128), "uint16"), _picture((128, 128, 3))),
    "truth values": (_picture((64, 64)) > 128, _picture((64, 64)) > 128),
    "one white dot": (np.eye(64, dtype=np.uint8), np.zeros((64, 64), np.uint8)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_give_boxes_inside_or_none(name: str, trained: Predictor) -> None:
    image, template = ODD[name]
    for predictor in (trained, bench.load(MODEL, None)):
        boxes = bench.boxes(predictor, {"image": image, "template": template})
        for box in boxes:
            assert 0 <= box.x and box.x + box.width <= image.shape[1]
            assert 0 <= box.y and box.y + box.height <= image.shape[0]
            assert box.width > 0 and box.height > 0 and 0 <= box.score <= 1


@pytest.mark.parametrize(
    "images",
    [
        {},
        {"image": np.zeros((50, 50), np.uint8)},
        {"image": np.zeros((0, 50), np.uint8), "template": np.zeros((50, 50), np.uint8)},
        {"image": np.zeros((50, 50, 7), np.uint8), "template": np.zeros((50, 50), np.uint8)},
        {"image": np.full((50, 50), np.nan), "template": np.zeros((50, 50), np.uint8)},
        {"image": np.zeros(50, "U1"), "template": np.zeros((50, 50), np.uint8)},
    ],
)
def test_what_is_no_picture_is_refused_by_name(images: dict[str, np.ndarray]) -> None:
    with pytest.raises(errors.Invalid, match="image|template"):
        bench.boxes(bench.load(MODEL, None), images)


def test_sixteen_bits_and_other_sizes_find_the_same(
    boards: list[Example], trained: Predictor
) -> None:
    example = boards[15]
    deep = {key: picture.astype(np.uint16) * 16 for key, picture in example.item.pictures.items()}
    larger = dict(example.item.pictures)
    larger["template"] = np.repeat(np.repeat(larger["template"], 2, axis=0), 2, axis=1)
    for images in (deep, larger):
        boxes = bench.boxes(trained, images)
        found = sum(
            any(bench.overlap(b, t) >= 0.4 for b in boxes) for t in bench.true_boxes(example)
        )
        assert found >= len(bench.true_boxes(example)) - 1


def test_examples_without_a_defect_teach_nothing() -> None:
    same = _picture((100, 100))
    with pytest.raises(errors.Refused, match="differ"):
        boxes = [Box("open", 1, 1, 9, 9)]
        MODEL.fit([Example(Item({"image": same, "template": same}), boxes)], bench.TARGET)
    with pytest.raises(errors.Refused, match="differ"):
        MODEL.fit([], bench.TARGET)


def test_other_bytes_are_not_taken_for_weights(weights: bytes) -> None:
    for damaged in (b"", b"PK", weights[:-200], weights[:5000] + b"x" * 50 + weights[5050:]):
        with pytest.raises(errors.Damaged):
            bench.load(MODEL, damaged)


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    assert card["name"] == MODEL.name and card["version"] == MODEL.version
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]


def test_the_time_saved_follows_its_definition() -> None:
    real = [Box("open", 0, 0, 10, 10), Box("short", 50, 50, 10, 10)]
    alone = 2 + 2 * 8.5
    assert bench.time_saved([real], [[]]) == 0
    assert bench.time_saved([real], [real]) == pytest.approx(1 - (2 + 2 * 0.7) / alone)
    wrong = [Box("spur", 0, 0, 10, 10), Box("open", 90, 90, 5, 5)]
    helped = 2 + 2 * 0.7 + 2.0 + 1.5 + 8.5
    assert bench.time_saved([real], [wrong]) == pytest.approx(1 - helped / alone)
    assert bench.mean_average_precision([real], [real]) == pytest.approx(1.0)
