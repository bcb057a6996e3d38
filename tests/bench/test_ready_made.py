"""The benches of the models that need no training run, and measure what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinbiao.tests.bench import model_speech, model_writing


def test_speech_is_found_far_faster_than_it_is_spoken(samples: Path) -> None:
    rows = list(model_speech.rows(samples, quick=True))
    assert [row.reached for row in rows] == [True, True, True, None, None]
    talk, doors, sentence, *digits = (row.value for row in rows)
    assert doors.startswith("0%;") and not talk.startswith("0%") and not sentence.startswith("0%")
    assert all(float(value.split(";")[0]) > 0.7 for value in digits)
    assert all(row.saved is not None and row.saved > 0 for row in rows[3:])


def test_the_chinese_pictures_are_read(samples: Path) -> None:
    _speed, chinese, plates = model_writing.rows(samples, quick=True)
    assert chinese.value.startswith("8 of 8;") and chinese.saved is not None and chinese.saved > 30
    assert plates.value in ("1 of 2", "2 of 2")


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("", "", 0),
        ("津 B6", "津B6", 0),
        ("津B6", "", 3),
        ("5.8起", "5.8", 1),
        ("公正", "么正了", 2),
    ],
)
def test_errors_are_counted_letter_by_letter(one: str, other: str, wanted: int) -> None:
    assert model_writing.distance(one, other) == wanted
    assert model_writing.distance(other, one) == wanted
