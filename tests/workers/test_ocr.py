"""Reading writing in pictures: real ones with known text, and whatever else may arrive."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from jinbiao.datasets import errors, labels
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.workers.binding import bind
from jinbiao.workers.marks import to_result
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.interface import Answer, Given, Item, Picture, Predictor, Target, Words
from jinbiao.workers.models.ocr import LONGEST, SLIMMEST, in_reading_order, lay_out

MODEL = MODELS["ocr"]


@pytest.fixture(scope="module")
def reader() -> Predictor:
    return MODEL.load(None, Target("image", Words, ()), Given())


def read(predictor: Predictor, picture: Picture) -> Answer:
    (answer,) = predictor.predict([Item(pictures={"image": picture})])
    return answer


def opened(file: Path) -> Picture:
    with Image.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


def sign(*lines: str, width: int = 460) -> Picture:
    """Draw dark writing on white."""
    picture = np.full((70 * len(lines) + 20, width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        place = (15, 60 + 70 * number)
        cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20, 20, 20), 3)
    return picture


def texts(answer: Answer) -> list[str]:
    return [mark.text for mark in answer.marks if isinstance(mark, Words)]


# What a person reads in them.
PICTURES = {
    "img_exif_orientation.jpg": ["我是中国人"],
    "short.png": ["中国网络空间安全"],
    "test_without_det.jpg": ["在中国作家协会第三届儿童文学"],
    "text_cls.jpg": ["怪我咯"],  # upside down
    "issue_170.png": ["TEST"],
    "empty_black.jpg": [],
}


@pytest.mark.parametrize("name", PICTURES)
def test_real_pictures_are_read_as_people_read_them(
    name: str, samples: Path, reader: Predictor
) -> None:
    answer = read(reader, opened(samples / "images" / "ocr" / name))
    assert texts(answer) == PICTURES[name]
    scores = [mark.score for mark in answer.marks]
    assert answer.score == (pytest.approx(np.mean(scores)) if scores else None)


def test_an_advertisement_gives_its_lines_where_they_are(samples: Path, reader: Predictor) -> None:
    picture = opened(samples / "images" / "ocr" / "ch_en_num.jpg")
    answer = read(reader, picture)
    found = {mark.text: mark for mark in answer.marks if isinstance(mark, Words)}
    assert {"正品促销", "大桶装更划算", "极速发货", "破损就赔", "假一赔十"} <= set(found)
    left, right = found["破损就赔"], found["假一赔十"]
    (x, y), (right_x, right_y) = left.corners[0], right.corners[0]
    assert x < right_x and abs(y - right_y) < 10 and y > picture.shape[0] * 0.85
    assert [mark.score for mark in answer.marks] == sorted(
        (mark.score for mark in answer.marks), reverse=True
    )


def test_a_plate_reads_as_its_file_is_named(samples: Path, reader: Predictor) -> None:
    picture = opened(samples / "images" / "plates" / "rec_crop" / "_0_津B6H920.jpg")
    (text,) = texts(read(reader, picture))
    assert text.replace("·", "") == "津B6H920"


def test_columns_of_vertical_writing_are_read_downwards(samples: Path, reader: Predictor) -> None:
    answer = read(reader, opened(samples / "images" / "ocr" / "text_vertical_words.png"))
    assert set(texts(answer)) >= {"有評是是非非之士師也", "是非不得問之人要取之"}
    assert all(_height(mark) > 3 * _width(mark) for mark in answer.marks)


def test_dark_and_light_writing_on_nothing_is_read(reader: Predictor) -> None:
    drawn = sign("PUMP 4711")
    alpha = 255 - drawn[:, :, :1]
    for ink in (0, 255):
        clear = np.concatenate([np.full_like(drawn, ink), alpha], axis=2)
        for picture in (clear, clear[:, :, 2:]):  # and grey with transparency
            assert sorted(" ".join(texts(read(reader, picture))).split()) == ["4711", "PUMP"]


def test_grey_deep_and_two_valued_pictures_read_alike(reader: Predictor) -> None:
    drawn = sign("VALVE 88", "240 V 50 Hz")
    grey = drawn[:, :, 0]
    for picture in (drawn, grey, grey[:, :, None], grey.astype(np.uint16) * 16, grey > 128):
        assert sorted(texts(read(reader, picture))) == ["240 V 50 Hz", "VALVE 88"]


def test_corners_run_clockwise_around_the_writing(reader: Predictor) -> None:
    picture = np.full((1200, 3000, 3), 255, np.uint8)
    drawn = sign("SERIAL 2093")
    picture[900 : 900 + len(drawn), 2400 : 2400 + drawn.shape[1]] = drawn
    (mark,) = read(reader, picture).marks
    assert isinstance(mark, Words) and mark.text == "SERIAL 2093"
    dark = np.argwhere(picture[:, :, 0] < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    wanted = ((left, top), (right, top), (right, bottom), (left, bottom))
    for corner, place in zip(mark.corners, wanted, strict=True):
        assert corner == pytest.approx(place, abs=20)


def test_lines_are_put_in_the_order_in_which_people_read(samples: Path, reader: Predictor) -> None:
    folder = samples / "images" / "ocr"
    column = read(reader, opened(folder / "text_vertical_words.png"))
    told = [mark.text[:2] for mark in in_reading_order(column.marks)]
    assert told[:2] == ["有評", "是非"] and told[2][1] == "取"
    poster = in_reading_order(read(reader, opened(folder / "ch_en_num.jpg")).marks)
    told = [mark.text for mark in poster]
    assert told[:3] == ["正品促销", "大桶装更划算", "强力去污符合国标"]
    assert told[-4:] == ["极速发货", "冰点标准", "破损就赔", "假一赔十"]
    english = in_reading_order(read(reader, opened(folder / "en.jpg")).marks)
    assert " ".join(mark.text for mark in english).endswith(
        "shots from 7858 movies. The details of this dataset are specified as follows."
    )
    placeless = [Words("b", ()), Words("a", ())]
    assert in_reading_order(placeless) == placeless and in_reading_order([]) == []


PAGE = """<View><Image name="image" value="$image"/>
<TextArea name="said" toName="image"/></View>"""
LINES = """<View><Image name="image" value="$image"/><Rectangle name="place" toName="image"/>
<TextArea name="said" toName="image" perRegion="true"/></View>"""


@pytest.mark.parametrize(("config", "wanted"), [(PAGE, 1), (LINES, 2 * 3)])
def test_what_people_get_is_in_reading_order(config: str, wanted: int, reader: Predictor) -> None:
    picture = sign("MOTOR 3", "380 V", "IP 55")
    binding = bind(labels.parse(config), MODEL.serves)
    result = to_result(binding, read(reader, picture), Item(pictures={"image": picture}), "m")
    assert labels.check_result(labels.parse(config), result) == [] and len(result) == wanted
    told = [line for region in result for line in region["value"].get("text", [])]
    assert "\n".join(told) == "MOTOR 3\n380 V\nIP 55"


def test_only_a_single_label_is_given(reader: Predictor) -> None:
    item = Item(pictures={"image": sign("TYPE 7")})
    for offered, given_label in ((("铭牌",), "铭牌"), (("型号", "编号"), ""), ((), "")):
        predictor = MODEL.load(None, Target("image", Words, offered), Given())
        assert [mark.label for mark in predictor.predict([item])[0].marks] == [given_label]


ODD = {
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "one row": np.full((1, 900), 200, np.uint8),
    "one column": np.arange(2000, dtype=np.uint16)[:, None],
    "all transparent": np.zeros((40, 40, 4), np.uint8),
    "all white": np.full((300, 300, 3), 255, np.uint8),
    "a strip": np.random.default_rng(0).integers(0, 255, (3, 6000, 3), dtype=np.uint8),
    "noise": np.random.default_rng(1).integers(0, 255, (400, 500, 3), dtype=np.uint8),
    "stripes": np.repeat(np.arange(600) % 24 < 4, 500).reshape(600, 500),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_give_lines_inside_or_none(name: str, reader: Predictor) -> None:
    _assert_inside(read(reader, ODD[name]), ODD[name])


def _hostile(samples: Path) -> Iterator[tuple[str, Picture]]:
    """Give what Pillow can still decode of the hostile pictures, the small ones."""
    for file in sorted((samples / "hostile").glob("*/*.*")):
        if file.parent.name not in ("images", "pillow_tests"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(file) as picture:
                    if picture.width * picture.height > 150_000:
                        continue
                    pixels = np.asarray(picture if picture.mode != "CMYK" else picture.convert())
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # what does not decode never reaches a model
        yield file.name, pixels


def test_hostile_pictures_give_lines_inside_or_a_reason(samples: Path, reader: Predictor) -> None:
    answered = 0
    for _name, picture in _hostile(samples):
        try:
            answer = read(reader, picture)
        except errors.Invalid:
            continue
        _assert_inside(answer, picture)
        answered += 1
    assert answered > 30


def _assert_inside(answer: Answer, picture: Picture) -> None:
    for mark in answer.marks:
        assert isinstance(mark, Words) and mark.text.strip() and len(mark.corners) == 4
        assert 0 <= mark.score <= 1
        assert _width(mark) > 0 and _height(mark) > 0
        for x, y in mark.corners:
            assert 0 <= x <= picture.shape[1] and 0 <= y <= picture.shape[0]


def _width(mark: Words) -> float:
    return max(x for x, _y in mark.corners) - min(x for x, _y in mark.corners)


def _height(mark: Words) -> float:
    return max(y for _x, y in mark.corners) - min(y for _x, y in mark.corners)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9000), st.integers(1, 9000))
def test_the_network_never_gets_more_than_it_can_hold(height: int, width: int) -> None:
    sheet = lay_out(np.broadcast_to(np.uint8(9), (height, width)))
    high, wide = sheet.pixels.shape[:2]
    assert high % 32 == 0 and wide % 32 == 0
    # A step of 32 on each side, and an edge of 15 % where it is low.
    assert max(high, wide) <= LONGEST + 2 * 0.15 * 300 + 64
    assert max(high, wide) <= (SLIMMEST + 1) * min(high, wide)
    corners = np.array([[sheet.left, sheet.top], [wide, high]], np.float32)
    (left, top), (right, bottom) = sheet.back(corners)
    assert (left, top) == (0, 0) and (right, bottom) == (width, height)


@pytest.mark.parametrize(
    "pictures",
    [
        {},
        {"other": np.zeros((9, 9), np.uint8)},
        {"image": np.zeros((0, 50), np.uint8)},
        {"image": np.zeros((50, 50, 7), np.uint8)},
        {"image": np.zeros(50, "U1")},
        {"image": np.full((50, 50), np.nan)},
    ],
)
def test_what_is_no_picture_is_refused_by_name(
    pictures: dict[str, Picture], reader: Predictor
) -> None:
    with pytest.raises(errors.Invalid, match="image"):
        reader.predict([Item(pictures=pictures)])


def test_it_takes_no_options_no_file_no_weights_and_no_training() -> None:
    target = Target("image", Words, ())
    assert MODEL.check({}, None) == {}
    with pytest.raises(errors.Invalid, match=r"options\.lang"):
        MODEL.check({"lang": "ch"}, None)
    with pytest.raises(errors.Invalid, match="file"):
        MODEL.check({}, b"onnx")
    with pytest.raises(errors.Refused):
        MODEL.fit([], target)
    with pytest.raises(errors.Damaged):
        MODEL.load(b"weights", target, Given())


# Fails at the first attempt to reach anything outside, and tells what was written meanwhile.
ALONE = """
import importlib.util, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"{event} {arguments}")
    if event == "open" and arguments[1] and any(c in str(arguments[1]) for c in "wax+"):
        if "/dev/null" not in str(arguments[0]):
            written.append(arguments[0])
written = []
spec = importlib.util.spec_from_file_location(
    "jinbiao", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
module = importlib.util.module_from_spec(spec)
sys.modules["jinbiao"] = module
spec.loader.exec_module(module)
import cv2, numpy as np
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.interface import Given, Item, Target, Words
picture = np.full((90, 420, 3), 255, np.uint8)
cv2.putText(picture, "FAN 12", (15, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20, 20, 20), 3)
sys.addaudithook(watch)
reader = MODELS["ocr"].load(None, Target("image", Words, ()), Given())
(answer,) = reader.predict([Item(pictures={"image": picture})])
assert [mark.text for mark in answer.marks] == ["FAN 12"]
assert not reader.predict([Item(pictures={"image": picture[:9]})])[0].marks
assert "torch" not in sys.modules
print(written)
"""


def test_it_fetches_nothing_writes_nothing_and_says_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", ALONE, str(CHECKOUT)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert not done.stderr


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
    assert len(card["limits"]["zh"]) == len(card["limits"]["en"])
