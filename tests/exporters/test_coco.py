"""COCO: known boxes, read back by pycocotools, and compared with another converter."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from label_studio_sdk.converter import Converter
from pycocotools.coco import COCO

from jinbiao.datasets import errors
from jinbiao.datasets.boards import draw_pair
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.conftest import Export


def _loaded(folder: Path, split: str) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(folder / "annotations" / f"instances_{split}.json"))


def test_pycocotools_reads_the_boxes_that_were_drawn(
    boards: FrozenVersion, export: Export, tmp_path: Path
) -> None:
    folder = export("coco", boards).unpack(tmp_path / "tree")
    seen = 0
    for split in boards.splits:
        coco = _loaded(folder, split)
        for image in coco.loadImgs(coco.getImgIds()):
            place = image["id"] - 1
            assert (folder / image["file_name"]).read_bytes()[:2] == b"\xff\xd8"
            assert (image["width"], image["height"]) == (640, 640)
            found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
            seen += 1
            if place in (factory.EMPTY, factory.TURNED, factory.TWO_LABELS):
                continue
            names = [coco.cats[item["category_id"]]["name"] for item in found]
            boxes = [(name, *item["bbox"]) for name, item in zip(names, found, strict=True)]
            drawn = draw_pair(7, place).boxes
            assert [box[0] for box in boxes] == [box[0] for box in drawn]
            for box, expected in zip(boxes, drawn, strict=True):
                assert box[1:] == pytest.approx(expected[1:], abs=1e-9)
            assert all(item["iscrowd"] == 0 for item in found)
    assert seen == factory.BOARDS


def test_ids_run_through_all_splits_and_classes_follow_the_config(
    boards: FrozenVersion, export: Export
) -> None:
    done = export("coco", boards)
    files = [json.loads(done.read(f"annotations/instances_{s}.json")) for s in boards.splits]
    images = sorted(image["id"] for file in files for image in file["images"])
    assert images == list(range(1, factory.BOARDS + 1))
    annotations = sorted(item["id"] for file in files for item in file["annotations"])
    assert annotations == list(range(1, len(annotations) + 1))
    categories = [(c["id"], c["name"], c["title"]) for c in files[0]["categories"]]
    assert categories[:2] == [(1, "open", "开路"), (2, "short", "短路")]
    assert [c[0] for c in categories] == [1, 2, 3, 4, 5, 6]


def test_a_picture_without_boxes_is_listed_with_its_size(
    boards: FrozenVersion, export: Export
) -> None:
    file = json.loads(export("coco", boards).read("annotations/instances_train.json"))
    image = next(image for image in file["images"] if image["id"] == factory.EMPTY + 1)
    assert image == {
        "id": 4,
        "file_name": "images/train/电路板 03.jpg",
        "width": 640,
        "height": 640,
    }
    assert all(item["image_id"] != 4 for item in file["annotations"])


def test_a_turned_box_keeps_its_corners_and_its_bbox_stays_in_the_picture(
    boards: FrozenVersion, export: Export
) -> None:
    file = json.loads(export("coco", boards).read("annotations/instances_train.json"))
    turned, edge = [a for a in file["annotations"] if a["image_id"] == factory.TURNED + 1]
    # 160 x 80 pixels at (320, 128), 30° clockwise about that corner.
    assert turned["segmentation"] == [[320, 128, 458.564, 208, 418.564, 277.282, 280, 197.282]]
    assert turned["bbox"] == [280, 128, 178.564, 149.282]
    assert turned["area"] == pytest.approx(160 * 80, abs=0.01)
    assert turned["rotation"] == 30
    # 192 x 64 at (32, 32), a quarter turn: its left edge would lie at -32.
    assert edge["bbox"] == [0, 32, 32, 192]
    assert edge["segmentation"][0][4:6] == [-32, 224]


def test_a_shape_with_two_labels_is_two_annotations(boards: FrozenVersion, export: Export) -> None:
    file = json.loads(export("coco", boards).read("annotations/instances_validation.json"))
    other = json.loads(export("coco", boards).read("annotations/instances_train.json"))
    both = file["annotations"] + other["annotations"]
    two = [a for a in both if a["image_id"] == factory.TWO_LABELS + 1]
    assert [(a["category_id"], a["bbox"]) for a in two] == [
        (1, [64, 64, 64, 64]),
        (6, [64, 64, 64, 64]),
    ]


def test_polygons_are_segmentations(polygons: FrozenVersion, export: Export) -> None:
    file = json.loads(export("coco", polygons).read("annotations/instances_train.json"))
    assert [c["name"] for c in file["categories"]] == ["锈", "漆"]
    (found,) = file["annotations"]
    assert found["segmentation"] == [[64, 64, 192, 64, 64, 320]]
    assert found["bbox"] == [64, 64, 128, 256]
    assert found["area"] == 128 * 256 / 2
    assert "rotation" not in found


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"])
def test_texts_are_refused(name: str, texts: FrozenVersion, export: Export) -> None:
    with pytest.raises(errors.Refused, match="holds boxes on pictures"):
        export(name, texts)


def test_another_converter_finds_the_same_boxes_in_our_label_studio_tasks(
    boards: FrozenVersion, export: Export, tmp_path: Path
) -> None:
    folder = export("coco", boards).unpack(tmp_path / "tree")
    export("label_studio", boards).unpack(tmp_path / "tree")
    simple = [
        task
        for task in json.loads((folder / "label_studio" / "tasks.json").read_bytes())
        if task["id"] - 1 not in (factory.TURNED, factory.TWO_LABELS)
    ]
    for task in simple:
        task["data"]["image"] = str(folder / task["data"]["image"])
    tasks = tmp_path / "simple.json"
    tasks.write_text(json.dumps(simple), encoding="utf-8")
    config = (folder / "label_studio" / "config.xml").read_text(encoding="utf-8")
    converter = Converter(config, str(tmp_path), download_resources=False)
    converter.convert_to_coco(str(tasks), str(tmp_path / "theirs"), is_dir=False)
    theirs = json.loads((tmp_path / "theirs" / "result.json").read_bytes())
    ours: set[tuple[str, str, tuple[float, ...]]] = set()
    for split in boards.splits:
        ours |= _boxes(json.loads((folder / f"annotations/instances_{split}.json").read_bytes()))
    left_out = {f"电路板 {place:02d}.jpg" for place in (factory.TURNED, factory.TWO_LABELS)}
    assert _boxes(theirs) == {box for box in ours if box[0] not in left_out}


def _boxes(coco: dict[str, list[dict[str, object]]]) -> set[tuple[str, str, tuple[float, ...]]]:
    files = {image["id"]: str(image["file_name"]).rsplit("/", 1)[-1] for image in coco["images"]}
    names = {category["id"]: str(category["name"]) for category in coco["categories"]}
    return {
        (
            files[a["image_id"]],
            names[a["category_id"]],
            tuple(round(value, 2) + 0.0 for value in a["bbox"]),  # type: ignore[attr-defined]
        )
        for a in coco["annotations"]
    }
