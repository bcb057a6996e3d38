"""Image classes are learned from few real pictures; alike pictures are found; odd ones survive."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.tests.bench.surface_data import cells, kinds_of_cells, spindles
from jinbiao.workers.models import MODELS, arrays
from jinbiao.workers.models.alike import (
    distance,
    near_duplicates,
    near_hashes,
    perceptual_hash,
)
from jinbiao.workers.models.interface import (
    Answer,
    Choice,
    Example,
    Given,
    Item,
    Picture,
    Predictor,
    Target,
)

MODEL = MODELS["image_classes"]
BOARDS = ("group00041", "group12000", "group12100", "group12300", "group13000", "group20085")


def item(picture: Picture) -> Item:
    return Item(pictures={"image": picture})


def load(weights: bytes | None, target: Target) -> Predictor:
    return MODEL.load(weights, target, Given())


def labels(told: Example | Answer) -> list[str]:
    return [mark.label for mark in told.marks if isinstance(mark, Choice)]


def said(predictor: Predictor, examples: list[Example]) -> list[Choice]:
    chosen = []
    for answer in predictor.predict([example.item for example in examples]):
        (mark,) = answer.marks
        assert isinstance(mark, Choice)
        chosen.append(mark)
    return chosen


# --- real pictures -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boards(samples: Path) -> list[Example]:
    """Give 25 boards of each of six families, or all that there are, families in turn."""
    found = []
    for group in BOARDS:
        files = sorted((samples / "images" / "deeppcb" / group).rglob("*_test.jpg"))
        for number, file in enumerate(files[:25]):
            picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
            found.append((number, Example(item(picture), [Choice(group)])))
    return [example for _number, example in sorted(found, key=lambda pair: pair[0])]


def test_twenty_cells_teach_mono_and_poly(samples: Path) -> None:
    examples = kinds_of_cells(samples / "images" / "elpv")
    order = np.random.default_rng(0).permutation(len(examples))
    chosen = [examples[int(place)] for place in order]
    target = Target("image", Choice, ("mono", "poly"))
    marks = said(load(MODEL.fit(chosen[:20], target), target), chosen[20:])
    assert np.mean([m.label == labels(e)[0] for m, e in zip(marks, chosen[20:], strict=True)]) > 0.9


def test_scores_mean_what_they_say_where_classes_are_hard(boards: list[Example]) -> None:
    target = Target("image", Choice, BOARDS)
    others = boards[60:]
    marks = said(load(MODEL.fit(boards[:60], target), target), others)
    right = [m.label == labels(e)[0] for m, e in zip(marks, others, strict=True)]
    most = max(sum(labels(e) == [group] for e in others) for group in BOARDS) / len(others)
    assert np.mean(right) >= most + 0.1
    assert abs(np.mean([mark.score for mark in marks]) - np.mean(right)) < 0.15


def test_cells_with_defects_are_told_apart_better_than_by_chance(samples: Path) -> None:
    examples = cells(samples / "images" / "elpv")
    target = Target("image", Choice, ("none", "defect"))
    areas = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(examples))
        chosen = [examples[int(place)] for place in order]
        marks = said(load(MODEL.fit(chosen[:60], target), target), chosen[60:])
        chances = np.array([m.score if m.label == "defect" else 1 - m.score for m in marks])
        broken = np.array([labels(e) == ["defect"] for e in chosen[60:]])
        areas.append((chances[broken][:, None] > chances[~broken][None]).mean())
    assert np.mean(areas) >= 0.55


def test_features_are_unit_vectors_that_find_near_duplicates(boards: list[Example]) -> None:
    target = Target("image", Choice, BOARDS)
    predictor = load(MODEL.fit(boards[:60], target), target)
    pictures = [example.item.pictures["image"] for example in boards[60:90]]
    again = []
    for picture in pictures:
        coded = cv2.imencode(".jpg", picture[3:-2, 4:], [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
        again.append(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8))
    answers = predictor.predict([item(picture) for picture in pictures + again])
    features = np.stack([answer.features for answer in answers])
    assert features.dtype == np.float32
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-4)
    pairs = set(near_duplicates(features, 0.9))
    same = {(place, place + 30) for place in range(30)}
    assert len(pairs & same) >= 27
    assert len(pairs - same) <= 15


def test_a_hash_finds_the_same_picture_after_what_cameras_and_networks_do(samples: Path) -> None:
    pictures = [s.example.item.pictures["image"] for s in spindles(samples / "images" / "bsdata")]
    pictures = pictures[::6]
    hashes = [perceptual_hash(picture) for picture in pictures]
    for picture, known in zip(pictures, hashes, strict=True):
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
        smaller = cv2.resize(cv2.imdecode(coded, cv2.IMREAD_COLOR), None, fx=0.4, fy=0.4)
        brighter = np.clip(picture * 1.1 + 5, 0, 255).astype(np.uint8)
        assert distance(known, perceptual_hash(np.asarray(smaller, np.uint8))) <= 6
        assert distance(known, perceptual_hash(brighter)) <= 6


# --- alike, by definition ----------------------------------------------------------------------


def test_near_duplicates_are_those_of_the_whole_matrix() -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(2300, 16)).astype(np.float32)
    features[2100:2200] = features[:100] + 0.05 * chance.normal(size=(100, 16))
    features[7] = 0
    units = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    rows, columns = np.nonzero(np.triu(units @ units.T >= 0.9, 1))
    pairs = list(near_duplicates(features, 0.9))
    assert sorted(pairs) == sorted(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)) >= 95
    assert not list(near_duplicates(np.zeros((0, 16), np.float32), 0.9))


def test_near_hashes_are_those_within_the_distance() -> None:
    chance = np.random.default_rng(0)
    hashes = [int(value) for value in chance.integers(0, 2**63, 300)]
    for place in range(40):
        flips = chance.permutation(64)[: place % 9]
        hashes.append(hashes[place] ^ sum(1 << int(flip) for flip in flips))
    expected = {
        (one, other)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if distance(hashes[one], hashes[other]) <= 6
    }
    found = list(near_hashes(hashes, 6))
    assert set(found) == expected and len(found) == len(expected)


# --- drawn pictures ----------------------------------------------------------------------------


def drawn(number: int, kinds: tuple[str, ...]) -> Picture:
    """Draw a plate with dots, stripes, both or nothing."""
    chance = np.random.default_rng([7, number])
    plate = chance.normal(120, 12, (150, 190))
    if "stripes" in kinds:
        plate[:, :: int(chance.integers(8, 14))] += 70
    if "dots" in kinds:
        for _dot in range(25):
            x, y = int(chance.integers(0, 190)), int(chance.integers(0, 150))
            cv2.circle(plate, (x, y), 5, 20.0, -1)
    return np.clip(plate, 0, 255).astype(np.uint8)


KINDS: list[tuple[str, ...]] = [(), ("stripes",), ("dots",), ("stripes", "dots")]
SEVERAL = Target("image", Choice, ("dots", "never", "stripes"), single=False)
SINGLE = Target("image", Choice, ("dots", "never", "stripes"))


def plates(first: int, count: int) -> list[Example]:
    found = []
    for number in range(first, first + count):
        kinds = KINDS[number % 4]
        found.append(Example(item(drawn(number, kinds)), [Choice(kind) for kind in kinds]))
    return found


@pytest.fixture(scope="module")
def several() -> bytes:
    return MODEL.fit(plates(0, 40), SEVERAL)


def test_several_choices_are_given_each_by_itself(several: bytes) -> None:
    others = plates(100, 24)
    answers = load(several, SEVERAL).predict([example.item for example in others])
    right = [
        set(labels(answer)) == set(labels(example))
        for answer, example in zip(answers, others, strict=True)
    ]
    assert np.mean(right) >= 0.85
    for answer in answers:
        scores = [mark.score for mark in answer.marks]
        assert scores == sorted(scores, reverse=True)
        assert all(0.5 <= score <= 1 for score in scores)
        assert answer.score is not None and 0.5 <= answer.score <= 1


def test_single_choices_ignore_examples_without_one() -> None:
    examples = plates(0, 40)
    weights = MODEL.fit(examples, SINGLE)
    told = [example for example in examples if len(example.marks) == 1]
    assert weights == MODEL.fit(iter(told), SINGLE)
    others = [example for example in plates(200, 24) if len(example.marks) == 1]
    marks = said(load(weights, SINGLE), others)
    assert [mark.label for mark in marks] == [labels(e)[0] for e in others]


def test_labels_that_the_project_dropped_are_not_given(several: bytes) -> None:
    picture = item(drawn(103, ("stripes", "dots")))
    for kept in (("dots",), ("other",)):
        (answer,) = load(several, Target("image", Choice, kept, single=False)).predict([picture])
        assert set(labels(answer)) <= set(kept)
        assert answer.features is not None


def test_the_same_examples_give_the_same_bytes(several: bytes) -> None:
    assert MODEL.fit(iter(plates(0, 40)), SEVERAL) == several
    assert MODEL.fit(plates(0, 36), SEVERAL) != several


def test_examples_without_a_difference_are_refused() -> None:
    picture = drawn(1, ("dots",))
    same = [Example(item(picture), [Choice("dots")]) for _number in range(5)]
    unknown = [Example(item(picture), [Choice("other")]) for _number in range(5)]
    for examples in ([], same, unknown):
        for target in (SINGLE, SEVERAL):
            with pytest.raises(errors.Refused, match="two different"):
                MODEL.fit(examples, target)


def test_two_examples_of_a_class_are_survived() -> None:
    weights = MODEL.fit(plates(0, 3), SINGLE)
    assert said(load(weights, SINGLE), plates(1, 1))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 900, 3), np.uint8),
        np.full((700, 3), 65535, np.uint16),
        np.zeros((40, 50, 4), np.uint8),
        np.zeros((40, 50, 2), np.uint8),
        np.zeros((40, 50), np.bool_),
        np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), dtype=np.uint8),
    ],
    ids=lambda p: f"{p.shape} {p.dtype}",
)
def test_odd_pictures_get_an_answer(picture: Picture, several: bytes) -> None:
    (answer,) = load(several, SEVERAL).predict([item(picture)])
    assert answer.features is not None and np.isfinite(answer.features).all()
    assert answer.score is not None and 0 <= answer.score <= 1


def test_what_is_no_picture_is_refused_by_name(several: bytes) -> None:
    predictor = load(several, SEVERAL)
    for wrong in (Item(), item(np.zeros((0, 9), np.uint8)), item(np.zeros((9, 9)))):
        with pytest.raises(errors.Invalid, match="image"):
            predictor.predict([wrong])
    assert predictor.predict([]) == []


def test_grey_and_colour_and_depth_are_one(several: bytes) -> None:
    picture = drawn(102, ("dots",))
    predictor = load(several, SEVERAL)
    others = (np.dstack([picture] * 3), picture[:, :, None], picture.astype(np.uint16) * 257)
    (plain,) = predictor.predict([item(picture)])
    for other in others:
        (answer,) = predictor.predict([item(other)])
        assert labels(answer) == labels(plain)


def test_other_bytes_are_not_taken_for_weights(several: bytes) -> None:
    whole = arrays.unpack(MODEL.name, several)
    short = arrays.pack(MODEL.name, {**whole, "factors": whole["factors"][:-1]})
    foreign = arrays.pack(MODEL.name, {"labels": whole["labels"]})
    with pytest.raises(errors.Refused, match="trained"):
        load(None, SEVERAL)
    for damaged in (b"", b"PK", several[:-200], several[:900] + b"xx", short, foreign):
        with pytest.raises(errors.Damaged):
            load(damaged, SEVERAL)
    with pytest.raises(errors.Unavailable, match="another"):
        load(arrays.pack(MODEL.name, {**whole, "network": np.array(["0" * 64])}), SEVERAL)


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    assert card["name"] == MODEL.name and card["version"] == MODEL.version
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
