"""Make frozen versions to export: drawn boards, pictures with classes, and texts."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from jinbiao.datasets import labels, versions
from jinbiao.datasets.boards import draw_pair
from jinbiao.datasets.db import Base, Database
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Organisation, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.storage import FolderStorage, ObjectStore
from jinbiao.datasets.versions import (
    FrozenVersion,
    Record,
    RecordMedia,
    RecordPrediction,
    RecordReview,
    Version,
    VersionRecord,
)

SPLITS = ("train", "train", "validation", "train", "test", "train")
BOARDS = 12
EMPTY, TURNED, TWO_LABELS = 3, 5, 7
TURN = 30.0
TEXT_CONFIG = """\
<View>
  <Labels name="label" toName="text">
    <Label value="人名" alias="PER"/><Label value="机构" alias="ORG"/>
  </Labels>
  <Text name="text" value="$text"/>
  <Choices name="tone" toName="text" choice="single">
    <Choice value="好" alias="good"/><Choice value="坏" alias="bad"/>
  </Choices>
  <Choices name="topics" toName="text" choice="multiple">
    <Choice value="政务"/><Choice value="制造"/>
  </Choices>
</View>
"""
POLYGON_CONFIG = """\
<View>
  <Image name="picture" value="$picture"/>
  <PolygonLabels name="area" toName="picture"><Label value="锈"/><Label value="漆"/></PolygonLabels>
  <Choices name="class" toName="picture"><Choice value="pass"/><Choice value="fail"/></Choices>
</View>
"""


class World:
    """A database and a store with one project, to put versions into."""

    def __init__(self, folder: Path, installation: Installation | None = None) -> None:
        """Use that installation, otherwise a new database and store in `folder`."""
        if installation is None:
            self.database = Database(f"sqlite:///{folder / 'jinbiao.db'}")
            self.store: ObjectStore = FolderStorage(folder / "store")
        else:
            self.database, self.store = installation.database, installation.store
        Base.metadata.create_all(self.database.engine)
        with self.database.write() as session:
            agency = Organisation(slug="agency", name="津市数据局")
            session.add(agency)
            session.flush()
            user = User(
                username="li",
                name="李",
                role="requester",
                organisation_id=agency.id,
                pseudonym="person-1",
                password_hash="",
            )
            session.add(user)
            session.flush()
            self.user_id, self.agency_id = user.id, agency.id

    def freeze(self, label_config: str, records: Iterable[Record]) -> FrozenVersion:
        """Store records as a frozen version, as freezing does, and open it."""
        parsed = labels.parse(label_config)
        with self.database.write() as session:
            project = Project(
                title="样例",
                label_config=label_config,
                parsed_label_config=parsed.to_json(),
                organisation_id=self.agency_id,
                created_by=self.user_id,
            )
            session.add(project)
            session.flush()
            version = Version(
                project_id=project.id,
                tag="v1.0.0",
                label_config=label_config,
                parsed_label_config=parsed.to_json(),
                seed=7,
                fractions='{"train":0.7,"validation":0.15,"test":0.15}',
                created_by=self.user_id,
            )
            session.add(version)
            session.flush()
            version_id = version.id
            counts = _insert(session, version_id, parsed, records)
            statistics = _statistics(counts)
            manifest = self.store.put_bytes(_manifest(session, version, statistics))
            version.records = sum(statistics["splits"].values())
            version.statistics = msgspec.json.encode(statistics).decode()
            version.commit_id = manifest.digest[:40]
            version.manifest_digest, version.manifest_size = manifest.digest, manifest.size
        with self.database.read() as session:
            return versions.opened(session, self.database, self.store, version_id)

    def put_picture(self, data: bytes, file: str, width: int, height: int) -> RecordMedia:
        """Store a JPEG."""
        stored = self.store.put_bytes(data)
        return RecordMedia(
            stored.digest, stored.digest, stored.size, file, "image/jpeg", width, height
        )


def boards(world: World, number: int = BOARDS) -> FrozenVersion:
    """Freeze drawn boards: one empty, one with a turned box, one with a box of two labels."""
    config = labels.TEMPLATES["board_pair"].config
    control = labels.parse(config).by_name["label"]
    return world.freeze(config, [_board(world, control, place) for place in range(number)])


def texts(world: World, number: int = 8) -> FrozenVersion:
    """Freeze texts with spans and choices."""
    return world.freeze(TEXT_CONFIG, (text_record(place) for place in range(number)))


def text_record(place: int, *, split: str | None = None) -> Record:
    """Make a text with one span, one class and no, one or two topics."""
    text = f"张三在津市数据局办事，第{place}号。"
    result: list[dict[str, Any]] = [
        _answer("a", "labels", "label", {"start": 0, "end": 2, "text": "张三", "labels": ["PER"]}),
        _answer("b", "labels", "label", {"start": 3, "end": 8, "labels": ["ORG"]}),
    ]
    if place % 4 != 3:
        result.append(
            _answer("c", "choices", "tone", {"choices": ["good" if place % 2 else "bad"]})
        )
    if topics := ["政务", "制造"][: place % 3]:
        result.append(_answer("d", "choices", "topics", {"choices": topics}))
    data = {"text": text, "number": place, "share": place if place % 2 else place / 8}
    data["tags"] = ["甲", place]
    data["large"] = 2**70 if place == 0 else place
    return _record(place, {}, data, result, f"文本 {place}", split)


def answered(
    world: World, config: str, answers: Iterable[dict[str, tuple[str, dict[str, Any]]]]
) -> FrozenVersion:
    """Freeze texts in the training part, each with answers: control → type and value."""

    def made(place: int, given: dict[str, tuple[str, dict[str, Any]]]) -> Record:
        result = [_answer(name, kind, name, value) for name, (kind, value) in given.items()]
        return _record(place, {}, {"text": f"第 {place} 条"}, result, f"文本 {place}", "train")

    return world.freeze(config, (made(place, given) for place, given in enumerate(answers)))


def box_record(place: int) -> Record:
    """Make a record with two boxes on a picture whose bytes nobody stored, for speed."""
    media = RecordMedia("0" * 64, "0" * 64, 1, f"p{place}.jpg", "image/jpeg", 640, 480)
    boxes = [
        _box_region(f"r{number}", ["scratch"], 10 + place % 50, 20, 12.5, 10, (640, 480))
        for number in range(2)
    ]
    return _record(place, {"image": media}, {}, boxes, f"p{place}", None)


def linked(world: World) -> FrozenVersion:
    """Freeze a record whose picture lies at an address elsewhere."""
    data = {"image": "https://pictures.example/1.jpg"}
    boxes = [_box_region("r", ["scratch"], 10, 20, 25, 10, (640, 480))]
    config = labels.TEMPLATES["defect_boxes"].config
    return world.freeze(config, [_record(0, {}, data, boxes, "1", "train")])


def polygons(world: World) -> FrozenVersion:
    """Freeze two pictures, one with a triangle, with a class each."""
    media = [
        world.put_picture(draw_pair(7, place).template, f"面 {place}.jpg", 640, 640)
        for place in range(2)
    ]
    triangle = {
        "id": "t",
        "from_name": "area",
        "to_name": "picture",
        "type": "polygonlabels",
        "original_width": 640,
        "original_height": 640,
        "value": {"points": [[10, 10], [30, 10], [10, 50]], "polygonlabels": ["漆"]},
    }
    classes = [
        {**_answer("c", "choices", "class", {"choices": [name]}), "to_name": "picture"}
        for name in ("fail", "pass")
    ]
    return world.freeze(
        POLYGON_CONFIG,
        [
            _record(0, {"picture": media[0]}, {}, [triangle, classes[0]], "面 0", "train"),
            _record(1, {"picture": media[1]}, {}, [classes[1]], "面 1", "train"),
        ],
    )


def _board(world: World, control: labels.Control, place: int) -> Record:
    pair = draw_pair(7, place)
    name = f"电路板 {place:02d}" if place % 2 else pair.name
    result = [
        labels.make_box_region(
            control, "image", *box[:1], *box[1:], 640, 640, region_id=f"r{number}"
        )
        for number, box in enumerate(pair.boxes)
    ]
    if place == EMPTY:
        result = []
    if place == TURNED:
        result = [_box_region("turned", ["open"], 50, 20, 25, 12.5, (640, 640), TURN)]
        result += [_box_region("edge", ["short"], 5, 5, 30, 10, (640, 640), TURN * 3)]
    if place == TWO_LABELS:
        result = [_box_region("two", ["open", "pin_hole"], 10, 10, 10, 10, (640, 640))]
    media = {
        "image": world.put_picture(pair.image, f"{name}.jpg", 640, 640),
        "template": world.put_picture(pair.template, f"{name}_temp.jpg", 640, 640),
    }
    return _record(place, media, {}, result, name, None, group=pair.group)


def _box_region(
    region_id: str,
    names: Sequence[str],
    x: float,
    y: float,
    width: float,
    height: float,
    size: tuple[int, int],
    rotation: float = 0,
) -> dict[str, Any]:
    return {
        "id": region_id,
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rotation": rotation,
            "rectanglelabels": list(names),
        },
    }


def _answer(region_id: str, kind: str, control: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": region_id,
        "from_name": control,
        "to_name": "text",
        "type": kind,
        "value": value,
    }


def _record(
    place: int,
    media: dict[str, RecordMedia],
    data: dict[str, Any],
    result: list[dict[str, Any]],
    name: str,
    split: str | None,
    group: str = "",
) -> Record:
    return Record(
        key=hashlib.sha256(f"{place}".encode()).hexdigest(),
        name=name,
        group=group,
        split=split or SPLITS[place % len(SPLITS)],
        media=media,
        data=data,
        result=result,
        annotator=f"person-{place % 3}",
        prediction=RecordPrediction("diff-1", "f" * 64, 0.5) if place % 2 else None,
        review=RecordReview("person-9", "accept") if place % 3 else None,
    )


def _insert(
    session: Any, version_id: int, config: labels.LabelConfig, records: Iterable[Record]
) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("train", "validation", "test")}
    numbered = enumerate(records)
    while batch := list(itertools.islice(numbered, 2000)):
        rows = []
        for position, record in batch:
            counts[record.split][""] += 1
            counts[record.split].update(labels.label_counts(config, record.result))
            rows.append(
                {
                    "version_id": version_id,
                    "position": position,
                    "task_id": position + 1,
                    "annotation_id": position + 1,
                    "key": record.key,
                    "split": record.split,
                    "line": msgspec.json.encode(record, order="sorted").decode(),
                }
            )
        session.execute(sa.insert(VersionRecord), rows)
    return counts


def _statistics(counts: dict[str, Counter[str]]) -> dict[str, Any]:
    total = sum(counts.values(), Counter())
    return {
        "splits": {name: counted[""] for name, counted in counts.items()},
        "labels": {label: total[label] for label in sorted(total) if label},
        "labels_by_split": {
            name: {label: counted[label] for label in sorted(counted) if label}
            for name, counted in counts.items()
        },
    }


def _manifest(session: Any, version: Version, statistics: dict[str, Any]) -> bytes:
    head = {"format": "jinbiao-manifest/1", "statistics": statistics}
    query = (
        sa.select(VersionRecord.line)
        .where(VersionRecord.version_id == version.id)
        .order_by(VersionRecord.position)
    )
    lines = [msgspec.json.encode(head, order="sorted").decode(), *session.scalars(query)]
    return ("\n".join(lines) + "\n").encode()
