"""Pascal VOC: parsed back, whole pixels from 1, both ends included."""

from __future__ import annotations

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.boards import draw_pair
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.voc import pixels
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.conftest import Export


def test_files_say_where_the_picture_is_and_what_is_on_it(
    boards: FrozenVersion, export: Export
) -> None:
    done = export("voc", boards)
    links = {file.path for file in done.output.written}
    for place, record in enumerate(boards.records()):
        stem = record.media["image"].file.removesuffix(".jpg")
        root = ElementTree.fromstring(done.read(f"Annotations/{stem}.xml"))
        assert f"{root.findtext('folder')}/{root.findtext('filename')}" in links
        assert (root.findtext("size/width"), root.findtext("size/height")) == ("640", "640")
        objects = root.findall("object")
        if place in (factory.EMPTY, factory.TURNED, factory.TWO_LABELS):
            continue
        drawn = draw_pair(7, place).boxes
        assert [item.findtext("name") for item in objects] == [box[0] for box in drawn]
        for item, (_label, x, y, width, height) in zip(objects, drawn, strict=True):
            edges = [int(item.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax")]
            expected = [x + 1, y + 1, x + width, y + height]
            assert edges == pytest.approx(expected, abs=0.501)
            assert item.findtext("difficult") == item.findtext("truncated") == "0"


def test_lists_name_every_picture_of_a_split_once(boards: FrozenVersion, export: Export) -> None:
    done = export("voc", boards)
    for split in boards.splits:
        names = done.read(f"ImageSets/Main/{split}.txt").decode().splitlines()
        stems = [r.media["image"].file.removesuffix(".jpg") for r in boards.records(split)]
        assert names == stems


def test_a_picture_without_boxes_has_a_file_without_objects(
    boards: FrozenVersion, export: Export
) -> None:
    root = ElementTree.fromstring(export("voc", boards).read("Annotations/电路板 03.xml"))
    assert root.findall("object") == []


def test_pixels_count_from_one() -> None:
    assert pixels(10, 10, 640) == (11, 20)
    assert pixels(0, 640, 640) == (1, 640)
    assert pixels(9.9999, 10.0001, 640) == (11, 20)
    assert pixels(639.9, 0.1, 640) == (640, 640)


@given(
    st.integers(1, 5000).flatmap(
        lambda limit: st.tuples(st.just(limit), st.floats(0, limit), st.floats(0, limit))
    )
)
def test_pixels_stay_inside_and_hold_at_least_one(case: tuple[int, float, float]) -> None:
    limit, a, b = case
    first, last = pixels(min(a, b), abs(a - b), limit)
    assert 1 <= first <= last <= limit
