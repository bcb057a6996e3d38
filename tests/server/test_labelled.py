"""Import files that come with labels through the API: counts, places, reasons, round trips."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import labels
from jinbiao.datasets.labelled import conll
from jinbiao.tests.server.world import World, multipart, picture, zipped

Job = dict[str, Any]


def boxes(*names: str, tag: str = "RectangleLabels") -> str:
    """Return a config that draws one kind of shape on a picture."""
    listed = "".join(f'<Label value="{name}"/>' for name in names)
    return (
        f'<View><Image name="image" value="$image"/><{tag} name="label" toName="image">'
        f"{listed}</{tag}></View>"
    )


def spans(*names: str) -> str:
    """Return a config that labels stretches of a text."""
    listed = "".join(f'<Label value="{name}"/>' for name in names)
    return (
        '<View><Text name="text" value="$text"/><Labels name="label" toName="text">'
        f"{listed}</Labels></View>"
    )


def choices(*names: str, choice: str = "multiple") -> str:
    """Return a config that asks for choices about a text."""
    listed = "".join(f'<Choice value="{name}"/>' for name in names)
    return (
        f'<View><Text name="text" value="$text"/><Choices name="c" toName="text" '
        f'choice="{choice}">{listed}</Choices></View>'
    )


def packed(folder: Path, *parts: str) -> bytes:
    """Return a ZIP of all files below a folder."""
    found = [path for part in parts or ("",) for path in sorted((folder / part).rglob("*"))]
    return zipped({str(p.relative_to(folder)): p.read_bytes() for p in found if p.is_file()})


def brought(
    world: World, config: str, name: str, content: bytes, *, failing: bool = False, **asked: str
) -> tuple[Job, list[dict[str, Any]], list[dict[str, Any]]]:
    """Import one file as a job; return the job, the tasks in order, and the rejects."""
    project = world.project(config=config)
    data, content_type = multipart((name, content))
    answer = world.ask(
        "POST",
        f"/api/projects/{project}/import",
        "requester",
        data=data,
        content_type=content_type,
        query_string={"async": "true", **asked},
    )
    number = world.good(answer, 201)["import"]
    told = world.good(world.get("requester", f"/api/projects/{project}/imports/{number}/"))
    job = world.finished(told["job"])
    assert job["state"] == "done" or failing, job
    rejects: list[dict[str, Any]] = []
    if job["state"] == "done" and job["result"]["rejected"]:
        sent = world.get("requester", f"/jobs/{job['id']}/rejects")
        rejects = [json.loads(line) for line in sent.text.splitlines()]
    return job, everything(world, project), rejects


def everything(world: World, project: int) -> list[dict[str, Any]]:
    """List all tasks of a project with their answers, by number."""
    found: list[dict[str, Any]] = []
    for page in range(1, 100):
        asked = {"page": str(page), "page_size": "500", "fields": "all", "project": str(project)}
        answer = world.good(world.get("requester", "/api/tasks", query_string=asked))
        found += answer["tasks"]
        if len(found) >= answer["total"] or not answer["tasks"]:
            break
    return sorted(found, key=lambda task: int(task["id"]))


def results(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List all regions of all annotations."""
    return [each for task in tasks for made in task["annotations"] for each in made["result"]]


def format_of(job: Job) -> str:
    """Return what the job says it recognised."""
    return str(job["result"]["notes"][0]["message"])


def pixels(region: dict[str, Any]) -> tuple[float, ...]:
    """Return x, y, width and height in pixels."""
    wide, high = region["original_width"], region["original_height"]
    value = region["value"]
    return tuple(
        round(value[name] * side / 100, 6)
        for name, side in (("x", wide), ("y", high), ("width", wide), ("height", high))
    )


def test_coco_instances_of_another_tool(shared_world: World, samples: Path) -> None:
    folder = samples / "formats" / "datumaro" / "coco_dataset" / "coco_instances"
    config = boxes("a", "b", "c")
    job, tasks, rejects = brought(shared_world, config, "coco.zip", packed(folder))
    assert (format_of(job), len(tasks), rejects) == ("COCO", 2, [])
    first = next(task for task in tasks if task["data"]["image"].endswith("a.jpg"))
    (region,) = results([first])
    assert (region["value"]["rectanglelabels"], pixels(region)) == (["b"], (2, 2, 3, 1))


def test_deeppcb_has_1023_boxes_with_their_references(world: World, samples: Path) -> None:
    config = boxes("open", "short", "mousebite", "spur", "copper", "pin_hole").replace(
        "<View>", '<View><Image name="golden" value="$golden"/>'
    )
    content = packed(samples / "images" / "deeppcb")
    job, tasks, rejects = brought(world, config, "boards.zip", content)
    assert (format_of(job), rejects, len(tasks)) == ("DeepPCB", [], 150)
    found = Counter(each["value"]["rectanglelabels"][0] for each in results(tasks))
    assert found == {
        "open": 197,
        "short": 145,
        "mousebite": 221,
        "spur": 156,
        "copper": 155,
        "pin_hole": 149,
    }
    assert all(task["data"]["golden"] != task["data"]["image"] for task in tasks)


def test_deeppcb_lists_may_lie_beside_their_pictures(shared_world: World) -> None:
    board = {"one_test.jpg": picture(1), "one.txt": b"1,2,5,6,1\n", "two_test.jpg": picture(2)}
    job, tasks, rejects = brought(shared_world, boxes("open"), "boards.zip", zipped(board))
    assert (format_of(job), len(tasks), rejects) == ("DeepPCB", 2, [])
    (region,) = results(tasks)
    assert pixels(region) == (1, 2, 4, 4)


def test_labels_that_are_not_there_are_missed(shared_world: World) -> None:
    plain = zipped({"one_test.jpg": picture(1)})
    job, tasks, _rejects = brought(
        shared_world, boxes("open"), "boards.zip", plain, format="deeppcb"
    )
    assert len(tasks) == 1 and not results(tasks)
    said = [each["message"] for each in job["result"]["notes"]]
    assert "no labels of the format %(format)s were found" in said


BROKEN = b"\xff\xfe\xff"


@pytest.mark.parametrize(
    ("format", "files"),
    [
        ("yolo", {"classes.txt": b"open", "a.txt": b"0 .5 .5 .2 .2", "b.txt": BROKEN}),
        ("deeppcb", {"a_test.jpg": picture(1), "a.txt": b"1 2 5 6 1", "b.txt": BROKEN}),
    ],
)
def test_one_label_file_that_is_no_text_costs_no_other(
    shared_world: World, format: str, files: dict[str, bytes]
) -> None:
    ending = "_test.jpg" if format == "deeppcb" else ".png"
    packed_files = zipped(files | {f"a{ending}": picture(1), f"b{ending}": picture(2)})
    _job, tasks, rejects = brought(
        shared_world, boxes("open"), "a.zip", packed_files, format=format
    )
    assert len(tasks) == 2 and len(results(tasks)) == 1
    (reject,) = rejects
    assert reject["place"] == "b.txt" and "neither UTF-8 nor GB18030" in reject["reason"]


def test_labelme_has_89_polygons_and_10_pictures_without(world: World, samples: Path) -> None:
    folder = samples / "images" / "bsdata"
    config = boxes("Pitting", tag="PolygonLabels")
    job, tasks, rejects = brought(world, config, "screws.zip", packed(folder))
    assert (format_of(job), rejects) == ("labelme", [])
    assert (len(tasks), len(results(tasks))) == (94, 89)
    assert sum(not task["annotations"] for task in tasks) == 10


WEIBO = [f"{kind}.{form}" for kind in ("PER", "ORG", "LOC", "GPE") for form in ("NAM", "NOM")]


@pytest.mark.parametrize("name", ["weiboNER.conll.train", "weiboNER_2nd_conll.train"])
def test_weibo_has_1350_messages(world: World, samples: Path, name: str) -> None:
    content = (samples / "text" / "weibo_ner" / name).read_bytes()
    job, tasks, rejects = brought(world, spans(*WEIBO), name, content)
    assert (format_of(job), len(tasks)) == ("CoNLL / BIO", 1350)
    # Some lines hold halves of surrogates, which are no UTF-8: each is told with its number.
    assert all("bytes that are no text" in each["reason"] for each in rejects)
    lines = content.split(b"\n")
    tags = [line.rstrip().split(b"\t")[-1] for line in lines]
    # As conlleval has it: an I- after an O or after another label begins an entity, too.
    wanted = sum(
        tag[:2] == b"B-" or (tag[:2] == b"I-" and tag[2:] != before[2:])
        for before, tag in zip([b"O", *tags], tags, strict=False)
    )
    assert len(results(tasks)) == wanted
    first = tasks[0]["data"]["text"]
    assert first.startswith("科技全方位资讯智能")
    assert "http://t.cn/" in tasks[-1]["data"]["text"]


POLAR = choices("positive", "negative", "neutral")
NER = spans("LOC", "PER", "ORG", "DATE", "PERSON")


@pytest.mark.parametrize(
    ("name", "config", "asked", "tasks", "regions", "rejects"),
    [
        ("sequence_labeling/example.jsonl", NER, {}, 2, 1, 1),
        ("sequence_labeling/example_overlapping.jsonl", NER, {}, 1, 1, 1),
        ("sequence_labeling/example.conll", NER, {}, 2, 2, 0),
        ("sequence_labeling/labeling.trailing.conll", NER, {}, 1, 2, 0),
        ("sequence_labeling/labeling.invalid.conll", NER, {}, 3, 5, 1),
        ("text_classification/example.csv", POLAR, {"format": "doccano"}, 2, 1, 1),
        (
            "text_classification/example_out_of_order_columns.csv",
            POLAR,
            {"format": "doccano"},
            2,
            1,
            1,
        ),
        ("text_classification/example.invalid.2.csv", POLAR, {"format": "doccano"}, 2, 0, 3),
        ("text_classification/example.jsonl", POLAR, {"format": "doccano"}, 3, 2, 0),
        ("text_classification/example.json", POLAR, {"format": "doccano"}, 3, 2, 1),
        ("text_classification/example.xlsx", POLAR, {"format": "doccano"}, 2, 1, 1),
        ("text_classification/example_fasttext.txt", POLAR, {}, 3, 2, 1),
        ("relation_extraction/example.jsonl", NER, {}, 1, -1, 0),
        ("intent/example.jsonl", NER, {}, 4, 2, 3),
    ],
)
def test_doccano_files_good_and_broken(
    shared_world: World,
    samples: Path,
    name: str,
    config: str,
    asked: dict[str, str],
    tasks: int,
    regions: int,
    rejects: int,
) -> None:
    path = samples / "formats" / "doccano" / "data_import" / name
    _job, made, left = brought(shared_world, config, path.name, path.read_bytes(), **asked)
    found = len(results(made))
    assert (len(made), found if regions >= 0 else -1, len(left)) == (tasks, regions, rejects), left
    assert all(each["reason"] and each["place"] for each in left)


@pytest.mark.parametrize(
    ("folder", "config", "name", "tasks", "regions", "rejects"),
    [
        ("coco_dataset/coco_instances", boxes("a", "b", "c"), "COCO", 2, 3, 0),
        ("coco_dataset/coco_person_keypoints", boxes("a", "b"), "COCO", 2, 3, 0),
        (
            "coco_dataset/coco_person_keypoints",
            boxes("a", "b", tag="KeyPointLabels"),
            "COCO",
            2,
            8,
            3,
        ),
        ("coco_dataset/coco_captions", boxes("a"), "COCO", 2, 0, 3),
        ("cvat_dataset/for_images/export_task", boxes("label1"), "CVAT XML", 2, 1, 3),
        ("dota_dataset", boxes("label_0", "label_1"), "DOTA", 3, 4, 0),
        ("labelme_dataset", boxes("window", "o1", tag="PolygonLabels"), "Pascal VOC", 1, 2, 5),
        ("mot_dataset/mot_seq_with_seqinfo", boxes("label_2"), "MOT", 0, 0, 1),
        ("voc_dataset/voc_dataset1", boxes("cat", "person"), "Pascal VOC", 2, 2, 0),
        ("yolo_dataset/strict", boxes("label_2", "label_4"), "YOLO", 1, 2, 0),
        # Formats that are not read: their pictures come in, and nobody pretends otherwise.
        ("icdar_dataset/text_localization", boxes("x"), "files", 2, 0, 0),
        ("kaggle_dataset/image_csv", boxes("x"), "files", 5, 0, 0),
        ("segment_anything_dataset", boxes("x"), "files", 2, 0, 0),
    ],
)
def test_the_folders_of_datumaro(
    shared_world: World,
    samples: Path,
    folder: str,
    config: str,
    name: str,
    tasks: int,
    regions: int,
    rejects: int,
) -> None:
    content = packed(samples / "formats" / "datumaro" / folder)
    job, made, left = brought(shared_world, config, "all.zip", content)
    assert format_of(job).startswith(name)
    assert (len(made), len(results(made)), len(left)) == (tasks, regions, rejects), left


def test_voc_counts_pixels_from_one(shared_world: World, samples: Path) -> None:
    content = packed(samples / "formats" / "datumaro" / "voc_dataset" / "voc_dataset1")
    _job, tasks, _rejects = brought(shared_world, boxes("cat", "person"), "voc.zip", content)
    found = {each["value"]["rectanglelabels"][0]: pixels(each) for each in results(tasks)}
    # xmin 1, ymin 2, xmax 3, ymax 4: columns 0 to 2, rows 1 to 3.
    assert found["cat"] == (0, 1, 3, 3)


def test_a_mask_is_unpacked_as_pycocotools_packs_it(shared_world: World, samples: Path) -> None:
    folder = samples / "formats" / "datumaro" / "coco_dataset" / "coco_person_keypoints"
    config = boxes("a", "b", tag="BrushLabels")
    _job, tasks, rejects = brought(shared_world, config, "masks.zip", packed(folder))
    masks = {
        each["value"]["brushlabels"][0]: labels.unpacked_mask(
            bytes(each["value"]["rle"]), each["original_width"], each["original_height"]
        )
        for each in results(tasks)
    }
    assert (int((masks["b"] > 0).sum()), masks["b"].shape) == (20, (10, 5))
    assert [each["reason"] for each in rejects] == [
        "the config has no control for boxes (RectangleLabels, PolygonLabels)"
    ]


BAD = "hostile/formats"


def test_each_fault_of_a_bad_coco_file_is_told_and_the_good_one_kept(
    shared_world: World, samples: Path
) -> None:
    content = zipped(
        {
            "coco.json": (samples / BAD / "coco_bad.json").read_bytes(),
            "a.jpg": picture(size=(100, 100)),
        }
    )
    _job, tasks, rejects = brought(shared_world, boxes("划痕"), "bad.zip", content)
    assert [pixels(each) for each in results(tasks)] == [(10, 10, 20, 20)]
    told = {(each["place"].partition(", ")[2], each["part"]): each["reason"] for each in rejects}
    assert set(told) == {
        ("images 2", "id"),
        ("image 2", ""),
        ("annotations 2", "id"),
        ("annotation 2", "image_id"),
        ("annotation 3", "category_id"),
        ("annotation 4", "bbox"),
        ("annotation 5", "bbox"),
        ("annotation 6", "segmentation[0]"),
        ("annotation 7", "segmentation.counts"),
        ("annotation 8", "bbox"),
        ("categories 2", "id"),
    }, told


def test_each_line_of_a_bad_yolo_file_is_told(shared_world: World, samples: Path) -> None:
    folder = samples / BAD / "yolo_bad"
    files = {
        "classes.txt": (folder / "classes.txt").read_bytes(),
        "labels/a.txt": (folder / "labels" / "a.txt").read_bytes(),
        "images/a.png": picture(size=(100, 100)),
    }
    _job, tasks, rejects = brought(shared_world, boxes("划痕", "凹坑"), "y.zip", zipped(files))
    found = results(tasks)
    # The box, the same with a score; the class written as 0.0 is the first one again.
    assert [each["value"]["rectanglelabels"] for each in found] == [["划痕"]]
    lines = sorted(int(each["place"].rpartition(" ")[2]) for each in rejects)
    assert lines == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_each_object_of_a_bad_voc_file_is_told(shared_world: World, samples: Path) -> None:
    for name, count in (("voc_bad.xml", 5), ("voc_xxe.xml", 1)):
        files = {name: (samples / BAD / name).read_bytes(), "a.jpg": picture(size=(100, 100))}
        config = boxes("划痕", "a", "b", "nobox")
        asked = {"format": "voc"}
        _job, tasks, rejects = brought(shared_world, config, "voc.zip", zipped(files), **asked)
        assert (results(tasks), len(rejects)) == ([], count), rejects
        assert len(tasks) == 1 and not tasks[0]["annotations"]
        assert "DOCTYPE" in rejects[0]["reason"] or count == 5


def test_a_label_that_is_missing_is_named_with_those_there(shared_world: World) -> None:
    lines = b'{"text": "abcdef", "label": [[0, 2, "X"], [2, 4, "ORG"], [3, 9, "ORG"]]}\n'
    _job, tasks, rejects = brought(shared_world, spans("ORG", "LOC"), "a.jsonl", lines)
    assert [each["value"]["start"] for each in results(tasks)] == [2]
    assert [each["reason"] for each in rejects] == [
        "the config has no label X; it has: ORG, LOC",
        "end: lies past the end of the text, which has 6 characters",
    ]


def test_labels_become_predictions_when_asked(shared_world: World) -> None:
    lines = b'{"text": "abcdef", "entities": [{"start": 0, "end": 2, "label": "ORG"}]}\n'
    asked = {"as": "predictions"}
    _job, (task,), _rejects = brought(shared_world, spans("ORG"), "a.jsonl", lines, **asked)
    assert (task["annotations"], len(task["predictions"])) == ([], 1)
    assert task["predictions"][0]["result"][0]["value"]["labels"] == ["ORG"]


def test_labels_for_a_picture_of_another_size_are_refused(shared_world: World) -> None:
    told = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "dent"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
    }
    files = {"coco.json": json.dumps(told).encode(), "a.png": picture()}
    _job, tasks, rejects = brought(shared_world, boxes("dent"), "c.zip", zipped(files))
    assert "has 40 × 30 pixels, the labels are for 80 × 60" in rejects[0]["reason"]
    assert not results(tasks)


def test_a_label_file_without_its_pictures_says_so(shared_world: World) -> None:
    told = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "dent"}],
        "annotations": [],
    }
    content = json.dumps(told).encode()
    job, tasks, rejects = brought(shared_world, boxes("dent"), "coco.json", content)
    assert (format_of(job), tasks) == ("COCO", [])
    assert [each["reason"] for each in rejects] == ["the picture a.png is not there"]


def test_an_unknown_format_is_refused(shared_world: World) -> None:
    project = shared_world.project(config=boxes("dent"))
    for path in ("import?async=true&format=paint", "import?async=true&as=wishes"):
        answer = shared_world.post("requester", f"/api/projects/{project}/{path}", [{"image": "x"}])
        assert answer.status_code == 400
    answer = shared_world.post("requester", f"/api/projects/{project}/import?format=coco", [{}])
    assert answer.status_code == 400 and "async=true" in answer.text


CVAT = """\
<annotations><meta><task><original_size><width>40</width><height>30</height></original_size>
<source>film.mp4</source></task></meta>
<track id="0" label="dent">
<box frame="0" outside="0" xtl="4" ytl="3" xbr="8" ybr="6"/>
<box frame="1" outside="0" xtl="8" ytl="3" xbr="12" ybr="6"/>
<box frame="2" outside="1" xtl="8" ytl="3" xbr="12" ybr="6"/>
</track>
<track id="1" label="dent"><polygon frame="0" points="1,1;2,2;3,1"/></track>
</annotations>"""
FILM = (
    '<View><Video name="video" value="$video"/><VideoRectangle name="box" toName="video"/>'
    '<Labels name="label" toName="video"><Label value="dent"/></Labels></View>'
)


def test_a_track_is_one_region_of_a_film(shared_world: World, samples: Path) -> None:
    film = (samples / "video" / "cvat_test.mp4").read_bytes()
    files = {"annotations.xml": CVAT.encode(), "film.mp4": film}
    job, tasks, rejects = brought(shared_world, FILM, "cvat.zip", zipped(files))
    assert (format_of(job), [each["place"] for each in rejects]) == (
        "CVAT XML",
        ["annotations.xml, track 1"],
    )
    (region,) = results(tasks)
    assert (region["type"], region["value"]["labels"]) == ("videorectangle", ["dent"])
    first, second = region["value"]["sequence"]
    assert (first["frame"], first["x"], first["width"], first["enabled"]) == (1, 10, 10, True)
    # It is away from the third frame on.
    assert (second["frame"], second["x"], second["enabled"]) == (2, 20, False)


def test_a_track_is_a_box_on_each_frame_that_is_a_picture(shared_world: World) -> None:
    files = {"annotations.xml": CVAT.encode()}
    files |= {f"images/frame_{n:06d}.png": picture(n) for n in range(3)}
    _job, tasks, _rejects = brought(shared_world, boxes("dent"), "cvat.zip", zipped(files))
    drawn = {task["data"]["image"][-10:]: [pixels(r) for r in results([task])] for task in tasks}
    assert drawn == {"000000.png": [(4, 3, 4, 3)], "000001.png": [(8, 3, 4, 3)], "000002.png": []}


def test_mot_counts_frames_and_pixels_from_one(shared_world: World) -> None:
    lines = "1,7,5,4,10,6,1,1,1\n2,7,6,4,10,6,1,1,1\n2,x,6,4,10,6,1,1,1\n2,8,6,4,10,6,1,9,1\n"
    files = {"a/gt/gt.txt": lines.encode(), "a/gt/labels.txt": b"dent\n"}
    files |= {f"a/img1/{n:06d}.png": picture(n) for n in (1, 2)}
    job, tasks, rejects = brought(shared_world, boxes("dent"), "mot.zip", zipped(files))
    assert (format_of(job), len(rejects)) == ("MOT", 2)
    assert [pixels(each) for each in results(tasks)] == [(4, 3, 10, 6), (5, 3, 10, 6)]


def test_datumaro_and_labelu_json(shared_world: World) -> None:
    told: dict[str, Any] = {
        "info": {},
        "categories": {"label": {"labels": [{"name": "dent"}, {"name": "other"}]}},
        "items": [
            {
                "id": "a",
                "image": {"path": "a.png", "size": [30, 40]},
                "annotations": [
                    {"id": 0, "type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4]},
                    {"id": 1, "type": "bbox", "label_id": 5, "bbox": [1, 2, 3, 4]},
                    {"id": 2, "type": "bbox", "label_id": 1, "bbox": [1, 2, 3, 4]},
                    {"id": 3, "type": "polyline", "label_id": 0, "points": [1, 2, 3, 4]},
                ],
            }
        ],
    }
    files = {"default.json": json.dumps(told).encode(), "a.png": picture()}
    job, tasks, rejects = brought(shared_world, boxes("dent"), "d.zip", zipped(files))
    assert (format_of(job), len(rejects)) == ("Datumaro JSON", 3)
    assert [pixels(each) for each in results(tasks)] == [(1, 2, 3, 4)]

    drawn = {
        "toolName": "rectTool",
        "result": [
            {"id": "1", "label": "dent", "x": 4, "y": 3, "width": 8, "height": 6},
            {"id": "2", "label": "dent", "x": "four", "y": 3, "width": 8, "height": 6},
        ],
    }
    line = {
        "sample_name": "a.png",
        "meta_data": {"width": 40, "height": 30},
        "annotations": {"rectTool": drawn},
    }
    files = {"all.jsonl": json.dumps(line).encode() + b"\n", "a.png": picture()}
    job, tasks, rejects = brought(shared_world, boxes("dent"), "u.zip", zipped(files))
    assert (format_of(job), len(rejects)) == ("LabelU", 1)
    assert [pixels(each) for each in results(tasks)] == [(4, 3, 8, 6)]


def test_a_label_is_found_by_what_is_shown_too(shared_world: World) -> None:
    config = boxes("x").replace('<Label value="x"/>', '<Label value="划痕" alias="scratch"/>')
    files = {
        "classes.txt": "划痕\r\n".encode("gb18030"),
        "labels/a.txt": b"0 0.5 0.5 0.2 0.2\n",
        "images/a.png": picture(),
        "images/b.png": picture(2),
    }
    job, tasks, rejects = brought(shared_world, config, "y.zip", zipped(files))
    assert (format_of(job), rejects) == ("YOLO", [])
    assert [each["value"]["rectanglelabels"] for each in results(tasks)] == [["scratch"]]
    # The picture that has no label file waits for somebody.
    assert [len(task["annotations"]) for task in tasks] == [1, 0]


def test_a_list_of_classes_with_aliases_is_refused(shared_world: World) -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nnames: *b\n"
    files = {
        "data.yaml": bomb.encode(),
        "labels/a.txt": b"0 .5 .5 .2 .2\n",
        "images/a.png": picture(),
    }
    job, _tasks, _rejects = brought(shared_world, boxes("x"), "y.zip", zipped(files), failing=True)
    assert job["state"] == "failed" and "YAML" in job["error"]


def test_one_bad_line_of_columns_costs_no_other_text(shared_world: World) -> None:
    text = "天\tB-LOC\n津\tI-LOC\n\n"
    too_long = "港" * 10_001 + "\tO\n"
    content = (text + too_long + text + text).encode()
    _job, tasks, rejects = brought(shared_world, spans("LOC"), "a.conll", content)
    assert [task["data"]["text"] for task in tasks] == ["天津"] * 3
    assert len(results(tasks)) == 3
    assert [reject["place"] for reject in rejects] == ["a.conll, line 4"]


def test_a_text_of_columns_that_never_ends_costs_no_other_text(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conll, "MOST_TOKENS", 10)
    text = "天\tB-LOC\n津\tI-LOC\n\n"
    content = (text + "港\tO\n" * 30 + "\n" + text).encode()
    _job, tasks, rejects = brought(shared_world, spans("LOC"), "a.conll", content)
    assert [task["data"]["text"] for task in tasks] == ["天津"] * 2
    assert [reject["place"] for reject in rejects] == ["a.conll, line 14"]


def test_one_bad_line_of_fast_text_costs_no_other(shared_world: World) -> None:
    lines = [f"__label__好 第 {number} 条".encode() for number in range(20)]
    lines[3] = b"__label__ \xff\xfe\xe4"
    config = choices("好", "坏")
    _job, tasks, rejects = brought(
        shared_world, config, "a.txt", b"\n".join(lines), format="fasttext"
    )
    assert len(tasks) == len(results(tasks)) == 19
    assert [reject["place"] for reject in rejects] == ["a.txt, line 4"]


def test_relations_between_entities_come_along(shared_world: World, samples: Path) -> None:
    path = samples / "formats" / "doccano" / "data_import" / "relation_extraction" / "example.jsonl"
    _job, tasks, rejects = brought(shared_world, NER, path.name, path.read_bytes())
    found = results(tasks)
    ids = {each["id"]: each for each in found if each["type"] == "labels"}
    links = [each for each in found if each["type"] == "relation"]
    assert rejects == [] and len(ids) == 4 and links
    assert all({link["from_id"], link["to_id"]} <= set(ids) for link in links)
    assert links[0]["labels"] == ["foundedAt"]


def test_one_text_that_looks_labelled_does_not_change_the_others(shared_world: World) -> None:
    files = {"a.txt": b"JAPAN B-LOC\nGET O\n", "b.txt": "设备运行正常。".encode()}
    job, tasks, rejects = brought(shared_world, spans("LOC"), "t.zip", zipped(files))
    assert format_of(job).startswith("files")
    assert (len(tasks) + len(rejects), results(tasks)) == (2, [])
