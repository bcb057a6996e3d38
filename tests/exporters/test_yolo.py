"""YOLO: the numbers, computed again from the boxes that were drawn."""

from __future__ import annotations

import pytest
import yaml

from jinbiao.datasets.boards import LABELS, draw_pair
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.conftest import Export


def test_lines_are_centre_and_size_as_shares(boards: FrozenVersion, export: Export) -> None:
    done = export("yolo", boards)
    for place, record in enumerate(boards.records()):
        file = record.media["image"].file
        data = done.read(f"labels/{record.split}/{file.removesuffix('.jpg')}.txt")
        if place in (factory.EMPTY, factory.TURNED, factory.TWO_LABELS):
            continue
        lines = [line.split(b" ") for line in data.splitlines()]
        drawn = draw_pair(7, place).boxes
        assert [int(line[0]) for line in lines] == [LABELS.index(box[0]) for box in drawn]
        for line, (_label, x, y, width, height) in zip(lines, drawn, strict=True):
            shares = [(x + width / 2) / 640, (y + height / 2) / 640, width / 640, height / 640]
            assert [float(number) for number in line[1:]] == pytest.approx(shares, abs=1e-6)


def test_special_pictures(boards: FrozenVersion, export: Export) -> None:
    done = export("yolo", boards)
    assert done.read("labels/train/电路板 03.txt") == b""
    turned = done.read("labels/train/电路板 05.txt").splitlines()
    # The box around 160 x 80 at (320, 128) turned by 30°: 280 to 458.564, 128 to 277.282.
    assert turned[0] == b"0 0.577003 0.316627 0.279006 0.233253"
    assert turned[1] == b"1 0.025000 0.200000 0.050000 0.300000"
    assert len(done.read("labels/train/电路板 07.txt").splitlines()) == 2


def test_data_file_has_no_path_and_names_in_order(boards: FrozenVersion, export: Export) -> None:
    values = yaml.safe_load(export("yolo", boards).read("data.yaml"))
    assert values == {
        "train": "images/train",
        "val": "images/validation",
        "test": "images/test",
        "names": dict(enumerate(LABELS)),
    }


def test_one_split_serves_for_both(polygons: FrozenVersion, export: Export) -> None:
    done = export("yolo", polygons)
    values = yaml.safe_load(done.read("data.yaml"))
    assert values == {"train": "images/train", "val": "images/train", "names": {0: "锈", 1: "漆"}}
    assert done.read("labels/train/面 0.txt") == b"1 0.200000 0.300000 0.200000 0.400000\n"
