"""ONNX files give marks in the picture's pixels; damaged and hostile ones harm nobody."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from jinbiao.datasets.errors import Damaged, Invalid, Refused, TooLarge
from jinbiao.tests.workers import onnx_files
from jinbiao.workers.models import exported, onnx_model
from jinbiao.workers.models.interface import Answer, Box, Choice, Given, Item, Mask, Span, Target
from jinbiao.workers.models.onnx_model import OnnxModel, process

MODEL = OnnxModel()
BOXES = Target("image", Box, ("划痕", "凹坑"))
ORIENTATION = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"


def picture(height: int = 64, width: int = 64, colour: Any = (10, 10, 10)) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def asked(file: bytes, target: Target, seen: NDArray[Any] | None = None, **options: Any) -> Answer:
    """Check a file with options, load it and ask it about a picture."""
    checked = MODEL.check(options, file)
    predictor = MODEL.load(None, target, Given(checked, file))
    (answer,) = predictor.predict([Item(pictures={"image": picture() if seen is None else seen})])
    return answer


def rows(answer: Answer) -> list[tuple[Any, ...]]:
    """List the boxes of an answer in whole pixels and hundredths."""
    return [
        (mark.label, *map(round, (mark.x, mark.y, mark.width, mark.height)), round(mark.score, 2))
        for mark in answer.marks
        if isinstance(mark, Box)
    ]


def columns(*boxes: tuple[float, ...], places: int = 84) -> NDArray[np.float32]:
    """Return what YOLO 8 gives: 4 + classes numbers of each place (84 at 64 pixels)."""
    numbers = np.zeros((1, len(boxes[0]), places), np.float32)
    numbers[0, :, : len(boxes)] = np.array(boxes, np.float32).T
    return numbers


@pytest.mark.parametrize(("height", "width"), [(64, 64), (200, 300), (301, 199), (100, 400)])
def test_a_red_thing_is_found_where_it_is(height: int, width: int) -> None:
    seen = picture(height, width)
    left, top, right, bottom = width // 4, height // 4, width * 3 // 4, height // 2
    seen[top:bottom, left:right] = (250, 10, 10)
    answer = asked(onnx_files.red_finder(), BOXES, seen, form="yolo", labels=["划痕", "凹坑"])
    (found,) = rows(answer)
    assert (found[0], found[5]) == ("凹坑", 0.9)
    # One pixel of the network, wherever its picture was scaled to.
    near = max(height, width) / 64 + 1
    assert found[1:5] == pytest.approx((left, top, right - left, bottom - top), abs=2 * near)
    # Seen as BGR, nothing is red: the network then boxes all that it looked at.
    (other,) = rows(
        asked(
            onnx_files.red_finder(),
            BOXES,
            seen,
            form="yolo",
            labels=["划痕", "凹坑"],
            channels="BGR",
        )
    )
    assert other != found


def test_each_form_of_yolo_is_read() -> None:
    labels = {"form": "yolo", "labels": ["划痕", "凹坑"]}
    expected = [("划痕", 10, 10, 20, 20, 0.9), ("凹坑", 40, 30, 10, 20, 0.6)]
    eight = columns((20, 20, 20, 20, 0.9, 0.1), (45, 40, 10, 20, 0.2, 0.6))
    five = np.zeros((1, 252, 7), np.float32)
    five[0, 5] = (20, 20, 20, 20, 1.0, 0.9, 0.1)
    five[0, 9] = (45, 40, 10, 20, 0.75, 0.2, 0.8)
    done = np.zeros((1, 300, 6), np.float32)
    done[0, 0] = (10, 10, 30, 30, 0.9, 0)
    done[0, 1] = (40, 30, 50, 50, 0.6, 1)
    seven = np.array([(0, 10, 10, 30, 30, 0, 0.9), (0, 40, 30, 50, 50, 1, 0.6)], np.float32)
    for numbers in (eight, five, done, seven, eight.transpose(0, 2, 1)):
        assert rows(asked(onnx_files.constant(numbers), BOXES, **labels)) == expected
    single = np.zeros((1, 252, 6), np.float32)
    single[0, 7] = (20, 20, 20, 20, 0.9, 1.0)
    found = asked(onnx_files.constant(single), BOXES, form="yolo", labels=["划痕"])
    assert rows(found) == expected[:1]


def test_doubles_are_said_once_and_the_surest_stand_first() -> None:
    numbers = columns(
        (20, 20, 20, 20, 0.5, 0.1),
        (21, 20, 20, 20, 0.9, 0.1),
        (20, 20, 20, 20, 0.1, 0.6),
        (50, 50, 8, 8, 0.24, 0.1),
        (50, 20, 8, 8, 0.7, 0.1),
    )
    file = onnx_files.constant(numbers)
    found = rows(asked(file, BOXES, form="yolo", labels=["划痕", "凹坑"]))
    assert [(row[0], row[5]) for row in found] == [("划痕", 0.9), ("划痕", 0.7), ("凹坑", 0.6)]
    found = rows(
        asked(file, BOXES, form="yolo", labels=["划痕", "凹坑"], overlap=1.0, confidence=0.2)
    )
    assert len(found) == 5


def test_nonsense_is_left_out_and_boxes_end_at_the_edges() -> None:
    nan, inf = float("nan"), float("inf")
    numbers = columns(
        (20, 20, 20, 20, nan, 0.9),
        (40, 40, 20, 20, nan, nan),
        (nan, 20, 20, 20, 0.9, 0.1),
        (20, 20, inf, 20, 0.9, 0.1),
        (20, 20, -5, 20, 0.9, 0.1),
        (20, 20, 0, 0, 0.9, 0.1),
        (60, 60, 20, 20, 7.0, 0.1),
        (200, 200, 20, 20, 0.9, 0.1),
        (20, 20, 20, 20, inf, 0.1),
    )
    answer = asked(onnx_files.constant(numbers), BOXES, form="yolo", labels=["划痕", "凹坑"])
    assert rows(answer) == [("划痕", 50, 50, 14, 14, 1.0), ("凹坑", 10, 10, 20, 20, 0.9)]
    nothing = np.full((1, 6, 84), nan, np.float32)
    answer = asked(onnx_files.constant(nothing), BOXES, form="yolo", labels=["划痕", "凹坑"])
    assert (answer.marks, answer.score) == ([], None)


def test_ten_thousand_boxes_are_cut_down_in_time() -> None:
    chance = np.random.default_rng(3)
    numbers = np.zeros((1, 5, 10_000), np.float32)
    numbers[0, :2] = chance.uniform(0, 1024, (2, 10_000))
    numbers[0, 2:4], numbers[0, 4] = 4, chance.uniform(0.3, 1, 10_000)
    file = onnx_files.constant(numbers, shape=(1, 3, 1024, 1024))
    checked = MODEL.check({"form": "yolo", "labels": ["划痕"]}, file)
    predictor = MODEL.load(None, BOXES, Given(checked, file))
    start = time.process_time()
    (answer,) = predictor.predict([Item(pictures={"image": picture(1024, 1024)})])
    assert len(answer.marks) == exported.MOST_MARKS
    assert time.process_time() - start < 5
    scores = [mark.score for mark in answer.marks]
    assert scores == sorted(scores, reverse=True)


def test_shapes_lie_where_the_prototypes_say() -> None:
    prototypes = np.full((1, 2, 16, 16), -1, np.float32)
    prototypes[0, 0, :, :8] = 1  # the left half
    prototypes[0, 1, :8, :] = 1  # the upper half
    numbers = columns((32, 32, 40, 40, 0.9, 1, 0), (32, 32, 40, 40, 0.5, 0, 1))
    file = onnx_files.constant(numbers, prototypes)
    target = Target("image", Mask, ("划痕",))
    given = {"form": "yolo-segmentation", "labels": ["划痕"]}
    answer = asked(file, target, picture(64, 64), **given, overlap=1)
    left, upper = [mark.pixels for mark in answer.marks if isinstance(mark, Mask)]
    assert left[12:52, 12:31].all() and not left[:, 33:].any() and not left[:, :12].any()
    assert upper[12:31, 12:52].all() and not upper[33:].any() and not upper[:12].any()
    # In a wide picture the letterbox is undone: 128 × 64 lies at half its size.
    (wide,) = asked(file, target, picture(64, 128), **given).marks[:1]
    assert isinstance(wide, Mask) and wide.pixels.shape == (64, 128)
    assert wide.pixels[:, 24:62].all() and not wide.pixels[:, 66:].any()
    boxes = asked(file, BOXES, picture(64, 64), **given, overlap=1)
    assert rows(boxes)[0] == ("划痕", 12, 12, 40, 40, 0.9)
    with pytest.raises(Invalid, match=r"shapes 1×7×84, which"):
        MODEL.check(given, onnx_files.constant(numbers))


def test_a_classifier_gives_the_surest_class_or_each_sure_one() -> None:
    single = Target("image", Choice, ("好", "坏", "脏"))
    several = Target("image", Choice, ("好", "坏", "脏"), single=False)
    given = {"form": "classifier", "labels": ["好", "坏", "脏"], "confidence": 0.4}
    logits = onnx_files.constant(np.array([[0.0, 3.0, 1.0]]))
    answer = asked(logits, single, **given)
    (mark,) = answer.marks
    assert isinstance(mark, Choice) and mark.label == "坏"
    assert mark.score == pytest.approx(np.exp(3) / (1 + np.exp(3) + np.exp(1)), abs=1e-5)
    assert answer.score == pytest.approx(mark.score)
    assert [
        (mark.label, round(mark.score, 2)) for mark in asked(logits, several, **given).marks
    ] == [  # type: ignore[union-attr]
        ("坏", 0.95),
        ("脏", 0.73),
        ("好", 0.5),
    ]
    chances = onnx_files.constant(np.array([[0.2, 0.7, 0.1]]))
    assert [mark.score for mark in asked(chances, single, **given).marks] == [
        pytest.approx(0.7, abs=1e-6)
    ]
    unsure = asked(onnx_files.constant(np.zeros((1, 3))), single, **given)
    assert unsure.marks == [] and unsure.score == pytest.approx(1 / 3)
    nan = onnx_files.constant(np.full((1, 3), np.nan))
    with pytest.raises(Invalid, match="no usable number"):
        asked(nan, single, **given)


def test_pixels_go_in_as_the_options_say() -> None:
    target = Target("image", Choice, ("红", "绿", "蓝"), single=False)
    given: dict[str, Any] = {"form": "classifier", "labels": ["红", "绿", "蓝"], "confidence": 0}
    seen = picture(50, 70, (255, 102, 0))

    def numbers(file: bytes, **options: Any) -> dict[str, float]:
        answer = asked(file, target, seen, **given, **options)
        return {mark.label: round(mark.score, 2) for mark in answer.marks}  # type: ignore[union-attr]

    plain = {"mean": 0, "std": 1}
    assert numbers(onnx_files.means(), **plain) == {"红": 1.0, "绿": 0.4, "蓝": 0.0}
    assert numbers(onnx_files.means(), **plain, channels="BGR") == {"蓝": 1.0, "绿": 0.4, "红": 0.0}
    halved = numbers(onnx_files.means(), mean=[0, 0, 0], std=[2, 4, 1])
    assert halved == {"红": 0.5, "绿": 0.1, "蓝": 0.0}
    assert numbers(onnx_files.with_own_function(), **plain)["绿"] == 0.4
    dynamic = onnx_files.means(shape=("batch", 3, "height", "width"))
    assert numbers(dynamic, **plain, size=[32, 48])["绿"] == 0.4
    other = Target("image", Choice, ("红",))
    grey = asked(onnx_files.means(), other, np.full((30, 30), 65535, np.uint16), **given, **plain)
    assert grey.score == pytest.approx(0.731, abs=0.4)


def test_what_the_file_says_of_itself_is_taken() -> None:
    metadata = {
        "task": "detect",
        "names": "{0: 'scratch', 1: 'pit'}",
        "imgsz": "[64, 64]",
        "author": "Ultralytics",
    }
    numbers = columns((20, 20, 20, 20, 0.9, 0.1), (45, 40, 10, 20, 0.2, 0.6))
    shape = ("batch", 3, "height", "width")
    file = onnx_files.constant(numbers, metadata=metadata, shape=shape)
    checked = MODEL.check({}, file)
    used = checked["used"]
    assert list(checked) == ["used"], "nobody has chosen anything"
    assert used["form"] == "yolo" and used["size"] == [64, 64] and used["classes"] == 2
    assert used["labels"] == {"0": "scratch", "1": "pit"}
    other = onnx_files.constant(numbers, metadata={**metadata, "names": "['x', 'y']"}, shape=shape)
    assert MODEL.check(checked, other)["used"]["labels"] == {"0": "x", "1": "y"}
    assert MODEL.check(checked, file) == checked, "checked again, they stay"
    named = MODEL.check({"labels": {"pit": "凹坑"}}, file)
    assert named["used"]["labels"] == {"1": "凹坑"} and named["used"]["classes"] == 2
    with pytest.raises(Invalid, match="no class “pit”"):
        MODEL.check(named, other)
    assert rows(asked(file, BOXES, labels={"pit": "凹坑"})) == [("凹坑", 40, 30, 10, 20, 0.6)]
    titled = Target("image", Box, ("scratch", "b"), {"b": " PIT "})
    assert [row[0] for row in rows(asked(file, titled))] == ["scratch", "b"]
    with pytest.raises(Refused, match="scratch, pit"):
        asked(file, BOXES)
    assert MODEL.serving(checked).makes == (Box,)
    with pytest.raises(Refused, match="does not make"):
        asked(file, Target("image", Choice, ("scratch",)))
    assert [row[0] for row in rows(asked(file, Target("image", Box, ())))] == ["", ""]


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, "options.form"),
        ({"form": "yolo9000", "labels": ["a", "b"]}, "options.form"),
        ({"form": "yolo"}, "options.labels"),
        ({"form": "yolo", "labels": "a"}, "options.labels"),
        ({"form": "yolo", "labels": ["a", 2]}, "options.labels"),
        ({"form": "yolo", "labels": {"x": "a"}}, "options.labels"),
        ({"form": "yolo", "labels": ["a", "b"], "size": 320}, "options.size"),
        ({"form": "yolo", "labels": ["a", "b"], "size": [64, "64"]}, "options.size"),
        ({"form": "yolo", "labels": ["a", "b"], "confidence": 2}, "options.confidence"),
        ({"form": "yolo", "labels": ["a", "b"], "confidence": True}, "options.confidence"),
        ({"form": "yolo", "labels": ["a", "b"], "std": [1, 0, 1]}, "options.std"),
        ({"form": "yolo", "labels": ["a", "b"], "mean": [1, 2]}, "options.mean"),
        ({"form": "yolo", "labels": ["a", "b"], "colour": "red"}, "options.colour"),
        ({"form": "yolo", "labels": ["a", "b", "c"]}, "file"),
        ({"form": "classifier", "labels": ["a", "b"]}, "file"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], place: str) -> None:
    file = onnx_files.constant(columns((20, 20, 20, 20, 0.9, 0.1)))
    with pytest.raises(Invalid) as caught:
        MODEL.check(options, file)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "needs its file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not an ONNX model"),
        (b"<!doctype html><title>404</title>", "not an ONNX model"),
        (onnx_files.means()[:-40], "not an ONNX model|cannot be opened"),
        (onnx_files.reaching_outside("passwd"), "another file"),
        (onnx_files.reaching_outside("../../etc/passwd"), "another file"),
        (onnx_files.with_foreign_operator(), r"com.example.Scan9000"),
        (onnx_files.greedy(), "needs more memory|failed"),
        (onnx_files.means(shape=(4, 3, 64, 64)), "one picture of four axes, not 4×3×64×64"),
        (onnx_files.means(kind=7), "one picture of four axes|cannot be opened"),
    ],
    ids=["none", "png", "html", "cut", "outside", "above", "operator", "greedy", "batch", "whole"],
)
def test_a_file_that_cannot_be_used_says_why(file: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        MODEL.check({"form": "classifier", "labels": ["a", "b", "c"]}, file)
    assert caught.value.place == "file"


def test_bytes_changed_at_random_never_harm() -> None:
    whole = bytearray(onnx_files.red_finder())
    chance = np.random.default_rng(5)
    outcomes = set()
    for _turn in range(12):
        damaged = bytearray(whole)
        for place in chance.integers(0, len(whole), 20):
            damaged[place] = int(chance.integers(0, 256))
        try:
            MODEL.check({"form": "yolo", "labels": ["a", "b"]}, bytes(damaged))
            outcomes.add("fine")
        except Invalid as problem:
            outcomes.add(problem.place)
    assert outcomes <= {"fine", "file"} and "file" in outcomes


def test_an_endless_file_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model, "CHECK_SECONDS", 2.0)
    start = time.monotonic()
    with pytest.raises(Invalid, match="did not finish within 2 seconds"):
        MODEL.check({"form": "classifier", "labels": ["a"]}, onnx_files.endless())
    assert time.monotonic() - start < 20


def test_a_model_that_dies_is_started_again_and_given_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = MODEL.check({"form": "classifier", "labels": ["a", "b", "c"]}, onnx_files.means())
    target = Target("image", Choice, ("a", "b", "c"))
    endless = MODEL.load(None, target, Given(options, onnx_files.endless()))
    item = Item(pictures={"image": picture()})
    monkeypatch.setattr(process.Session.run, "__defaults__", (0.3,))
    for _turn in range(2):
        for _time in range(onnx_model.MOST_CRASHES):
            with pytest.raises(Invalid, match="did not finish"):
                endless.predict([item])
        with pytest.raises(Refused, match="crashed 3 times in a row"):
            endless.predict([item])


def test_a_killed_process_costs_one_answer() -> None:
    session = process.Session(onnx_files.means())
    told = session.open()
    assert told["input"]["shape"] == [1, 3, 64, 64]
    values = np.ones((1, 3, 64, 64), np.float32)
    child = session._process
    assert child is not None
    child.kill()
    with pytest.raises(Invalid, match="crashed"):
        session.run(values)
    (given,) = session.run(values)
    assert given.tolist() == [[1.0, 1.0, 1.0]] and session.crashes == 0
    last = session._process
    assert last is not None and last.poll() is None
    del session
    assert last.poll() is not None, "nobody holds it any more"


def test_the_process_sees_no_secrets_and_writes_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JINBIAO_SECRET_KEY", "k" * 40)
    session = process.Session(onnx_files.means())
    session.open()
    child = session._process
    assert child is not None
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    session.close()
    assert b"JINBIAO" not in environment
    assert any(
        line.split()[:5] == ["Max", "file", "size", "0", "0"] for line in limits.splitlines()
    )


def test_large_files_are_refused_before_anything_reads_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx_model, "MOST_BYTES", 1000)
    with pytest.raises(TooLarge, match="at most 0 MB"):
        MODEL.check({"form": "yolo"}, b"x" * 1001)


def test_a_packaged_network_tells_upright_writing_from_turned() -> None:
    package = importlib.util.find_spec("rapidocr")
    assert package is not None and package.origin is not None
    file = (Path(package.origin).parent / "models" / ORIENTATION).read_bytes()
    given = {
        "form": "classifier",
        "labels": ["0", "180"],
        "size": [48, 192],
        "mean": 0.5,
        "std": 0.5,
        "channels": "BGR",
        "resize": "stretch",
    }
    target = Target("image", Choice, ("0", "180"))
    checked = MODEL.check(given, file)
    predictor = MODEL.load(None, target, Given(checked, file))
    line = np.full((60, 300, 3), 255, np.uint8)
    cv2.putText(line, "TIANJIN 2026", (8, 42), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    upright, turned = (
        predictor.predict([Item(pictures={"image": seen})])[0].marks[0]
        for seen in (line, np.ascontiguousarray(line[::-1, ::-1]))
    )
    assert isinstance(upright, Choice) and isinstance(turned, Choice)
    assert (upright.label, turned.label) == ("0", "180")


def test_what_it_is_not_made_for_is_refused() -> None:
    with pytest.raises(Refused):
        MODEL.fit([], BOXES)
    with pytest.raises(Damaged):
        MODEL.load(b"weights", BOXES, Given({}, b""))
    options = MODEL.check(
        {"form": "classifier", "labels": ["a"]}, onnx_files.constant(np.zeros((1, 1)))
    )
    with pytest.raises(Refused):
        MODEL.load(None, Target("text", Span, ("a",)), Given(options, b"x"))
    predictor = MODEL.load(None, Target("image", Choice, ("a",)), Given(options, b"x"))
    with pytest.raises(Invalid, match="image"):
        predictor.predict([Item()])


def test_its_card_names_what_it_takes() -> None:
    card = MODEL.card()
    assert {"title", "what", "for", "limits", "data", "licence", "options"} <= set(card)
    taken = {option["name"] for option in card["options"]}
    assert taken - {"file"} <= set(exported.NAMES)
