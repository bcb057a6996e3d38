"""Make annotated records as real work has them, and the same ones as Label Studio exports them.

Pictures have one to eleven boxes, six on average, as DeepPCB and COCO have; a box lies where a
hand drew it, in percent with all its digits, under an id of ten characters. Texts are of some 40
words, in Chinese or in English, with one to nine entities. The export has every field that
Label Studio 1.23 writes for a task and its annotation, its converter's usual input.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from jinbiao.datasets import labels
from jinbiao.datasets.versions import FrozenVersion, Record, RecordMedia, RecordReview

PICTURE_CONFIG = labels.TEMPLATES["defect_boxes"].config
TEXT_CONFIG = """\
<View>
  <Labels name="label" toName="text">
    <Label value="PER"/><Label value="ORG"/><Label value="LOC"/><Label value="DATE"/>
  </Labels>
  <Text name="text" value="$text"/>
</View>
"""
MOST_BOXES = 11
WIDTH, HEIGHT = 640, 480
_NAMES = ("PER", "ORG", "LOC", "DATE")
_WORDS = (
    "the office of data in Jinan said on Monday that line three had scratches again, so".split()
)
_CHINESE = "张三在津市数据局反映三号生产线的电路板有划痕，值班员已登记并安排复检。"


def pictures(number: int, picture: RecordMedia) -> Iterator[Record]:
    """Make pictures with boxes; all have the bytes of one picture, and a name of their own."""
    control = labels.parse(PICTURE_CONFIG).by_name["label"]
    names = list(control.labels)
    for place in range(number):
        chance = random.Random(place)
        boxes = [_box(chance, names) for _each in range(1 + place % MOST_BOXES)]
        media = msgspec.structs.replace(picture, file=f"board-{place:07d}.jpg")
        yield _record(place, {"image": media}, {}, boxes)


def texts(number: int, language: str) -> Iterator[Record]:
    """Make texts with entities, in Chinese ("zh") or English ("en")."""
    for place in range(number):
        chance = random.Random(place)
        if language == "zh":
            words = [_CHINESE[chance.randrange(12) :] for _each in range(4)]
        else:
            words = [chance.choice(_WORDS) for _each in range(40)]
        text, spans, at = (" " if language == "en" else "").join(words), [], 0
        for _each in range(1 + place % 9):
            start = at + chance.randrange(12)
            start = text.find(" ", start) + 1 if language == "en" else start
            end = text.find(" ", start + 4) if language == "en" else start + 4
            if end <= start or end > len(text):
                break
            value = {"start": start, "end": end, "text": text[start:end]}
            spans.append(_region(chance, "text", "labels", value, chance.choice(_NAMES)))
            at = end
        yield _record(place, {}, {"text": text, "number": place}, spans)


def write_export(version: FrozenVersion, path: Path) -> None:
    """Write the records as Label Studio's export of the project has them, in one JSON list."""
    encode = msgspec.json.encode
    with path.open("wb") as out:
        for number, record in enumerate(version.records(), 1):
            out.write((b"[" if number == 1 else b",\n") + encode(_exported(number, record)))
        out.write(b"]")


def _exported(number: int, record: Record) -> dict[str, Any]:
    at = "2026-01-01T08:00:00.123456Z"
    data = {**record.data, **{key: f"/data/{m.file}" for key, m in record.media.items()}}
    annotation = {
        "id": number,
        "completed_by": 1,
        "result": record.result,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": at,
        "updated_at": at,
        "draft_created_at": at,
        "lead_time": 21.5,
        "prediction": {},
        "result_count": len(record.result),
        "unique_id": str(uuid.UUID(int=number)),
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": number,
        "project": 1,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    counts = {"total_annotations": 1, "cancelled_annotations": 0, "total_predictions": 0}
    counts |= {"comment_count": 0, "unresolved_comment_count": 0}
    return {
        "id": number,
        "annotations": [annotation],
        "file_upload": None,
        "drafts": [],
        "predictions": [],
        "data": data,
        "meta": {},
        "created_at": at,
        "updated_at": at,
        "allow_skip": True,
        "inner_id": number,
        **counts,
        "last_comment_updated_at": None,
        "project": 1,
        "updated_by": 1,
        "comment_authors": [],
    }


def _box(chance: random.Random, names: list[str]) -> dict[str, Any]:
    value = {
        "x": chance.uniform(0, 80),
        "y": chance.uniform(0, 80),
        "width": chance.uniform(1, 20),
        "height": chance.uniform(1, 20),
        "rotation": 0,
    }
    region = _region(chance, "image", "rectanglelabels", value, chance.choice(names))
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {**region, **size}


def _region(
    chance: random.Random, target: str, kind: str, value: dict[str, Any], label: str
) -> dict[str, Any]:
    return {
        "id": f"{chance.getrandbits(40):010x}",
        "from_name": "label",
        "to_name": target,
        "type": kind,
        "origin": "manual",
        "value": {**value, kind: [label]},
    }


def _record(
    place: int,
    media: dict[str, RecordMedia],
    data: dict[str, Any],
    result: list[dict[str, Any]],
) -> Record:
    name = next((each.file for each in media.values()), f"item {place}")
    return Record(
        key=hashlib.sha256(b"%d" % place).hexdigest(),
        name=name,
        group="",
        split=("train", "train", "train", "train", "validation", "test")[place % 6],
        media=media,
        data=data,
        result=result,
        annotator=f"person-{place % 7}",
        prediction=None,
        review=RecordReview("person-9", "accept"),
    )
