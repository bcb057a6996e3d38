"""Export what a project holds now, over HTTP, in every format that fits."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest

from jinbiao.exporters.converters import FORMATS
from jinbiao.tests.server.world import BOXES, World, box, entity, picture


def exported(world: World, project: int, name: str = "JSON", **query: Any) -> bytes:
    """Return an export's bytes."""
    query = {"export_type": name, **query}
    answer = world.get("requester", f"/api/projects/{project}/export", query_string=query)
    assert answer.status_code == 200, answer.text[:500]
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert re.search(r"\.(json|csv|tsv|zip|conll)\"$", answer.headers["Content-Disposition"])
    return answer.data


def unzipped(content: bytes) -> dict[str, bytes]:
    """Return path → bytes of an archive's files."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return {name: archive.read(name) for name in names}


def drawn(world: World) -> int:
    """Make three pictures: two people at the first, a turned box, and one without a label."""
    project = world.project(config=BOXES, maximum_annotations=2)
    for number in (1, 2, 3):
        world.upload_now(project, (f"图 {number}.png", picture(number)))
    first, second, third = world.tasks(project)
    for who, label in (("annotator", "dent"), ("annotator2", "scratch")):
        path = f"/api/tasks/{first['id']}/annotations/"
        world.good(world.post(who, path, {"result": [box(label)]}), 201)
    turned = {"result": [box("crack", x=80, y=10, width=15, height=30, rotation=45)]}
    world.good(world.post("annotator", f"/api/tasks/{second['id']}/annotations/", turned), 201)
    empty = {"result": []}
    world.good(world.post("annotator", f"/api/tasks/{third['id']}/annotations/", empty), 201)
    return project


def test_json_can_be_imported_again(world: World) -> None:
    project = drawn(world)
    tasks = json.loads(exported(world, project))
    assert [len(task["annotations"]) for task in tasks] == [2, 1, 1]
    copy = world.project(config=BOXES, maximum_annotations=2)
    told = world.import_list(copy, tasks)
    assert (told["task_count"], told["annotation_count"]) == (3, 4)
    again = json.loads(exported(world, copy))
    for before, after in zip(tasks, again, strict=True):
        results = [[a["result"] for a in each["annotations"]] for each in (before, after)]
        assert results[0] == results[1]
        shown = world.get("requester", after["data"]["image"])
        assert shown.data == world.get("requester", before["data"]["image"]).data


def test_two_people_are_one_picture_with_the_answer_that_counts(world: World) -> None:
    project = drawn(world)
    coco = json.loads(unzipped(exported(world, project, "COCO"))["result.json"])
    names = [each["file_name"] for each in coco["images"]]
    assert names == ["images/图 1.png", "images/图 2.png", "images/图 3.png"]
    assert [each["image_id"] for each in coco["annotations"]] == [0, 1]
    labels = [coco["categories"][each["category_id"]]["name"] for each in coco["annotations"]]
    assert labels == ["scratch", "crack"]
    first = world.tasks(project)[0]["annotations"][0]["id"]
    path = f"/api/annotations/{first}/reviews"
    fixed = {"verdict": "fix", "result": [box("stain")]}
    world.good(world.post("reviewer", path, fixed), 201)
    coco = json.loads(unzipped(exported(world, project, "COCO"))["result.json"])
    (found,) = [each for each in coco["annotations"] if each["image_id"] == 0]
    assert coco["categories"][found["category_id"]]["name"] == "stain"
    second = world.tasks(project)[0]["annotations"][1]["id"]
    truth = {"ground_truth": True}
    world.good(world.patch("requester", f"/api/annotations/{second}/", truth))
    files = unzipped(exported(world, project, "YOLO"))
    classes = files["classes.txt"].decode().split()
    assert classes[int(files["labels/图 1.txt"].split()[0])] == "scratch"


def test_a_turned_box_stays_inside_the_picture_and_keeps_its_corners(world: World) -> None:
    project = drawn(world)
    coco = json.loads(unzipped(exported(world, project, "COCO"))["result.json"])
    found = coco["annotations"][1]
    left, top, width, height = found["bbox"]
    assert left >= 0 and top >= 0 and left + width <= 40 and top + height <= 30
    assert found["attributes"] == {"rotation": 45}
    (corners,) = found["segmentation"]
    assert len(corners) == 8 and corners[:2] == [32.0, 3.0]
    line = unzipped(exported(world, project, "YOLO_OBB"))["labels/图 2.txt"].split()
    assert line[1:3] == [b"0.8", b"0.1"] and len(line) == 9
    xml = ElementTree.fromstring(unzipped(exported(world, project, "VOC"))["Annotations/图 2.xml"])
    assert xml.findtext("filename") == "图 2.png"
    assert xml.findtext("object/bndbox/xmax") == str(round(left + width))
    assert unzipped(exported(world, project, "YOLO"))["labels/图 3.txt"] == b""


def test_pictures_come_along_where_they_are_wanted(world: World) -> None:
    project = drawn(world)
    world.import_list(project, [{"image": "http://127.0.0.1:9/far.png"}])
    far = world.tasks(project)[-1]["id"]
    sent = {"result": [box()]}
    world.good(world.post("annotator", f"/api/tasks/{far}/annotations/", sent), 201)
    for name in ("COCO_WITH_IMAGES", "YOLO_WITH_IMAGES", "YOLO_OBB_WITH_IMAGES"):
        files = unzipped(exported(world, project, name))
        assert files["images/图 1.png"] == picture(1)
        assert "images/far.png" not in files
        assert json.loads(files["left_out.json"])[0]["task"] == far
        plain = unzipped(exported(world, project, name.removesuffix("_WITH_IMAGES")))
        assert not any(path.startswith("images/") for path in plain)


def test_pictures_that_differ_in_their_ending_keep_a_file_each(world: World) -> None:
    project = world.project(config=BOXES)
    names = ("x.jpg", "x.png", "x.jpg", "y.jpg")
    rows = [
        {
            "data": {"image": f"https://a.example/{number}/{name}"},
            "annotations": [{"result": [box(x=number)]}],
        }
        for number, name in enumerate(names)
    ]
    ids = world.import_list(project, rows)["task_ids"]
    for form, folder in (("YOLO", "labels"), ("YOLO_OBB", "labels"), ("VOC", "Annotations")):
        files = unzipped(exported(world, project, form))
        found = [path for path in files if path.startswith(folder)]
        stems = [path.rpartition("/")[2].rpartition(".")[0] for path in found]
        assert stems == ["x", f"x-{ids[1]}", f"x-{ids[2]}", "y"]
        assert len({files[path].replace(b"x-", b"") for path in found}) == 4
    coco = json.loads(unzipped(exported(world, project, "COCO"))["result.json"])
    names_there = [each["file_name"] for each in coco["images"]]
    assert names_there == [f"images/{n}" for n in ("x.jpg", "x.png", f"x-{ids[2]}.jpg", "y.jpg")]


def test_a_picture_of_unknown_size_is_named_not_dropped(world: World) -> None:
    project = world.project(config=BOXES)
    bare = {key: value for key, value in box().items() if not key.startswith("original")}
    row = {"data": {"image": "https://a.example/x.png"}, "annotations": [{"result": [bare]}]}
    (task,) = world.import_list(project, [row])["task_ids"]
    files = unzipped(exported(world, project, "COCO"))
    (left_out,) = json.loads(files["left_out.json"])
    assert left_out["task"] == task and "large" in left_out["reason"]


def test_tables_hold_a_line_an_annotation(world: World) -> None:
    project = world.project()
    text = '甲,乙 "丙"\n丁'
    told = [{"data": {"text": text, "id": "007"}, "annotations": [{"result": entity(end=1)}] * 2}]
    world.import_list(project, told)
    for name, separator in (("CSV", ","), ("TSV", "\t"), ("CSV_OLD", ",")):
        content = exported(world, project, name).decode()
        rows = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=separator))
        assert [row["text"] for row in rows] == [text, text]
    short = json.loads(exported(world, project, "JSON_MIN"))
    assert short[0]["label"][0] == {"start": 0, "end": 1, "labels": ["ORG"]}
    assert {"annotator", "annotation_id", "created_at", "updated_at", "lead_time"} <= set(short[0])


def test_chinese_is_written_by_character(world: World) -> None:
    project = world.project()
    spans = [*entity(0, 5, "ORG", 1), *entity(11, 16, "PRODUCT", 2), *entity(13, 15, "LOC", 3)]
    row = {"data": {"text": "北京市政府 发布ABC123号 "}, "annotations": [{"result": spans[:1]}]}
    world.import_list(project, [row])
    lines = exported(world, project, "CONLL2003").decode().splitlines()
    assert lines[0] == "-DOCSTART- -X- O"
    tokens = [(line.split()[0], line.split()[-1]) for line in lines[1:] if line]
    assert tokens[:6] == [
        ("北", "B-ORG"),
        ("京", "I-ORG"),
        ("市", "I-ORG"),
        ("政", "I-ORG"),
        ("府", "I-ORG"),
        ("发", "O"),
    ]
    assert ("ABC123", "O") in tokens and tokens[-1] == ("号", "O")


def test_only_what_is_asked_for_is_exported(world: World) -> None:
    project = drawn(world)
    tasks = [task["id"] for task in world.tasks(project)]
    world.import_list(project, [{"image": "x"}])
    skipped = world.tasks(project)[-1]["id"]
    assert len(json.loads(exported(world, project))) == 3
    assert len(json.loads(exported(world, project, download_all_tasks="true"))) == 4
    some = json.loads(exported(world, project, ids=[tasks[0], skipped]))
    assert [task["id"] for task in some] == tasks[:1]
    both = json.loads(exported(world, project, ids=[tasks[0], skipped], download_all_tasks="1"))
    assert [task["id"] for task in both] == [tasks[0], skipped]


def test_what_does_not_fit_is_refused_and_said(world: World) -> None:
    project = world.project()
    listed = world.good(world.get("requester", f"/api/projects/{project}/export/formats"))
    assert [each["name"] for each in listed] == list(FORMATS)
    usable = {each["name"] for each in listed if not each.get("disabled")}
    assert usable == {"JSON", "JSON_MIN", "CSV", "TSV", "CSV_OLD", "CONLL2003"}
    for name in ("NOPE", "COCO", "DOCLANG", "x" * 1000):
        path = f"/api/projects/{project}/export?export_type={name}"
        refused = world.get("requester", path)
        assert refused.status_code == 400
        (line,) = refused.json["validation_errors"]["export_type"]
        assert "CONLL2003" in line
    for name in usable:
        exported(world, project, name)


def test_a_snapshot_stays_what_it_was(world: World) -> None:
    project = drawn(world)
    path = f"/api/projects/{project}/exports/"
    asked = {
        "title": "一",
        "task_filter_options": {"only_with_annotations": True},
        "serialization_options": {"predictions": {"only_id": False}},
    }
    made = world.good(world.post("requester", path, asked), 201)
    assert (made["status"], made["counters"]) == ("completed", {"task_number": 3})
    one = f"{path}{made['id']}"
    before = world.get("requester", f"{one}/download").data
    world.ask("DELETE", f"/api/projects/{project}/tasks/", "requester")
    assert world.get("requester", f"{one}/download").data == before
    assert len(json.loads(before)) == 3
    told = world.post("requester", f"{one}/convert", {"export_type": "YOLO"})
    assert world.good(told)["export_type"] == "YOLO"
    files = unzipped(world.get("requester", f"{one}/download?exportType=YOLO").data)
    assert "labels/图 1.txt" in files
    shown = world.good(world.get("requester", one))
    assert [each["export_type"] for each in shown["converted_formats"]] == ["JSON", "YOLO"]
    assert [each["id"] for each in world.good(world.get("requester", path))] == [made["id"]]
    assert world.ask("DELETE", one, "other_requester").status_code == 404
    assert world.ask("DELETE", one, "requester").status_code == 204
    assert world.get("requester", one).status_code == 404


def test_an_export_now_and_a_snapshot_of_now_are_the_same(world: World) -> None:
    project = drawn(world)
    first, second, _third = world.tasks(project)
    fixed = {"verdict": "fix", "result": [box("stain")]}
    path = f"/api/annotations/{first['annotations'][0]['id']}/reviews"
    world.good(world.post("reviewer", path, fixed), 201)
    said = {"task": second["id"], "model_version": "m", "score": 0.5, "result": [box()]}
    world.good(world.post("requester", "/api/predictions/", said), 201)
    remark = {"annotation": second["annotations"][0]["id"], "text": "偏了"}
    world.good(world.post("reviewer", "/api/comments/", remark), 201)
    exports = f"/api/projects/{project}/exports/"
    one = f"{exports}{world.good(world.post('requester', exports, {}), 201)['id']}"
    listed = world.good(world.get("requester", f"/api/projects/{project}/export/formats"))
    names = [each["name"] for each in listed if not each.get("disabled")]
    assert {"JSON", "JSON_MIN", "CSV", "COCO", "COCO_WITH_IMAGES", "YOLO_OBB", "VOC"} <= set(names)
    for name in names:
        kept = world.get("requester", f"{one}/download?exportType={name}").data
        assert exported(world, project, name) == kept, name
    told = json.loads(exported(world, project))
    assert told[0]["annotations"][0]["result"][0]["value"]["rectanglelabels"] == ["stain"]
    assert [len(task["predictions"]) for task in told] == [0, 1, 0]
    assert [task["comment_count"] for task in told] == [0, 1, 0]


def test_a_project_larger_than_a_batch_is_exported_whole(world: World) -> None:
    project, other = world.project(), world.project()
    rows = [{"data": {"text": f"第{n}号"}, "annotations": [{"result": []}]} for n in range(600)]
    ids = []
    for start in range(0, 600, 150):
        # Tasks of another project lie between.
        ids += world.import_list(project, rows[start : start + 150])["task_ids"]
        world.import_list(other, rows[:20])
    told = json.loads(exported(world, project))
    assert [task["id"] for task in told] == ids
    assert {len(task["annotations"]) for task in told} == {1}
    short = json.loads(exported(world, project, "JSON_MIN"))
    assert [row["text"] for row in short] == [row["data"]["text"] for row in rows]


def test_a_snapshot_holds_the_annotations_that_are_wanted(world: World) -> None:
    project = drawn(world)
    first = world.tasks(project)[0]["annotations"][0]["id"]
    truth = {"ground_truth": True}
    world.good(world.patch("requester", f"/api/annotations/{first}/", truth))
    asked = {"annotation_filter_options": {"ground_truth": True}}
    path = f"/api/projects/{project}/exports/"
    made = world.good(world.post("requester", path, asked), 201)
    tasks = json.loads(world.get("requester", f"{path}{made['id']}/download").data)
    assert [len(task["annotations"]) for task in tasks] == [1, 0, 0]
    for options in ({"view": 99}, {"annotated": "perhaps"}, {"view": "x"}):
        refused = world.post("requester", path, {"task_filter_options": options})
        assert refused.status_code in (400, 404), options


@pytest.mark.parametrize("who", ["annotator", "reviewer", "other_requester"])
def test_strangers_and_annotators_export_nothing(world: World, who: str) -> None:
    project = world.labelled(1)
    assert world.get(who, f"/api/projects/{project}/export").status_code in (403, 404)


def test_postgres_exports_the_same(postgres_world: World) -> None:
    test_two_people_are_one_picture_with_the_answer_that_counts(postgres_world)
    test_a_snapshot_stays_what_it_was(postgres_world)
    test_an_export_now_and_a_snapshot_of_now_are_the_same(postgres_world)
    test_a_snapshot_holds_the_annotations_that_are_wanted(postgres_world)
