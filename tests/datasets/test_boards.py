"""Drawn boards are the same for the same numbers, small, and labelled where they changed."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinbiao.datasets import errors
from jinbiao.datasets.boards import LABELS, draw_pair, read_deeppcb


def _grey(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), np.float32)


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert draw_pair(7, 3) == draw_pair(7, 3)
    assert draw_pair(7, 3).image != draw_pair(8, 3).image
    assert draw_pair(7, 3).image != draw_pair(7, 4).image


def test_boards_of_one_design_share_their_group_and_layout() -> None:
    first, last, other = draw_pair(2, 0), draw_pair(2, 7), draw_pair(2, 8)
    assert first.group == last.group != other.group
    assert np.abs(_grey(first.template) - _grey(last.template)).mean() < 20


@pytest.mark.parametrize("number", range(0, 24, 3))
def test_a_board_is_small_and_holds_three_to_eight_defects(number: int) -> None:
    pair = draw_pair(1, number)
    for content in (pair.image, pair.template):
        picture = Image.open(io.BytesIO(content))
        assert picture.size == (640, 640) and picture.mode == "RGB"
        assert len(content) < 300_000
    assert 3 <= len(pair.boxes) <= 8
    for label, x, y, width, height in pair.boxes:
        assert label in LABELS
        assert x >= 0 and y >= 0 and x + width <= 640 and y + height <= 640
        assert 8 <= width <= 90 and 8 <= height <= 90


def test_every_class_is_drawn() -> None:
    seen = {box[0] for number in range(12) for box in draw_pair(5, number).boxes}
    assert seen == set(LABELS)


def test_the_image_differs_from_its_template_inside_the_boxes() -> None:
    for number in range(8):
        pair = draw_pair(3, number)
        change = np.abs(_grey(pair.image) - _grey(pair.template))
        for _label, x, y, width, height in pair.boxes:
            inside = change[int(y) : int(y + height), int(x) : int(x + width)]
            assert inside.max() > 2 * np.median(change) + 10


def test_a_pair_is_drawn_quickly() -> None:
    draw_pair(4, 0)
    start = time.process_time()
    for number in range(4):
        draw_pair(4, number)
    assert (time.process_time() - start) / 4 < 1.0  # 0.15 s on the machine it was written on


def test_deeppcb_is_read_in_its_own_layout(samples: Path) -> None:
    pairs = list(read_deeppcb(samples / "images" / "deeppcb"))
    assert len(pairs) == 150
    labels = [box[0] for pair in pairs for box in pair.boxes]
    assert {label: labels.count(label) for label in LABELS} == {
        "open": 197,
        "short": 145,
        "mousebite": 221,
        "spur": 156,
        "copper": 155,
        "pin_hole": 149,
    }
    assert len({pair.group for pair in pairs}) == 6
    assert all(pair.template.is_file() for pair in pairs)


@pytest.mark.parametrize("line", ["1 2 3", "1 2 x 4 1", "10 10 5 20 1", "1 1 9 9 7"])
def test_a_broken_label_line_is_named(tmp_path: Path, line: str) -> None:
    _write_pair(tmp_path, f"1 2 30 40 1\n{line}\n")
    with pytest.raises(errors.Invalid, match="a1.txt:2"):
        list(read_deeppcb(tmp_path))


def test_commas_and_empty_lines_are_read(tmp_path: Path) -> None:
    _write_pair(tmp_path, "1,2,31,42,6\n\n")
    (pair,) = read_deeppcb(tmp_path)
    assert pair.boxes == [("pin_hole", 1.0, 2.0, 30.0, 40.0)]
    assert (pair.name, pair.group) == ("a1", "a")


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    _write_pair(tmp_path, "")
    (tmp_path / "group" / "a" / "a1_temp.jpg").unlink()
    with pytest.raises(errors.Invalid, match="a1_temp.jpg"):
        list(read_deeppcb(tmp_path))


def _write_pair(folder: Path, labels: str) -> None:
    for part in ("a", "a_not"):
        (folder / "group" / part).mkdir(parents=True)
    (folder / "group" / "a" / "a1_test.jpg").write_bytes(b"")
    (folder / "group" / "a" / "a1_temp.jpg").write_bytes(b"")
    (folder / "group" / "a_not" / "a1.txt").write_text(labels)
