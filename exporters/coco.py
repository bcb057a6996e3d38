"""Write COCO instances: streamed, with stable whole-number ids.

Boxes are x, y, width, height in pixels. A turned box has the upright box around it as
`bbox`, its four corners as `segmentation`, and its angle in the extra member `rotation`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import msgspec

from ..datasets.versions import FrozenVersion
from .detections import Detection, Pictures
from .layout import Layout
from .output import Output


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int


class _Annotation(msgspec.Struct):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float
    segmentation: list[tuple[float, ...]]
    iscrowd: int
    rotation: float | msgspec.UnsetType = msgspec.UNSET


_ENCODER = msgspec.json.Encoder()


def write(version: FrozenVersion, output: Output) -> None:
    """Write `annotations/instances_<split>.json`; ids run through all splits, from 1.

    Raises:
        errors.Refused: the project draws neither boxes nor polygons.
    """
    pictures, layout = Pictures(version), Layout(version.config)
    head = _head(version, pictures)
    annotation_id = 0
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(_SplitFile.opened(output, split, head))
            for split in version.splits
        }
        for image_id, record in enumerate(version.records(), 1):
            picture, file = pictures.read(record), files[record.split]
            path = layout.path(record, pictures.key)
            file.add_image(_Image(image_id, path, picture.width, picture.height))
            for found in picture.detections:
                annotation_id += 1
                file.add_annotation(_annotation(annotation_id, image_id, found))
            layout.link(record, output)
            output.count(1, len(picture.detections))


class _SplitFile:
    """Write the images as they come, and the annotations beside them until the end."""

    def __init__(self, file: BinaryIO, annotations: BinaryIO) -> None:
        self._file, self._annotations = file, annotations
        self._before_image = self._before_annotation = b"\n"

    @classmethod
    @contextmanager
    def opened(cls, output: Output, split: str, head: bytes) -> Iterator[_SplitFile]:
        with output.file(f"annotations/instances_{split}.json") as file:
            with output.scratch() as annotations:
                opened = cls(file, annotations)
                file.write(head + b',"images":[')
                yield opened
                file.write(b'\n],"annotations":[')
                annotations.seek(0)
                shutil.copyfileobj(annotations, file, 1 << 20)
                file.write(b"\n]}\n")

    def add_image(self, image: _Image) -> None:
        self._file.write(self._before_image + _ENCODER.encode(image))
        self._before_image = b",\n"

    def add_annotation(self, annotation: _Annotation) -> None:
        self._annotations.write(self._before_annotation + _ENCODER.encode(annotation))
        self._before_annotation = b",\n"


def _head(version: FrozenVersion, pictures: Pictures) -> bytes:
    """Write info and categories; `title` is the label as annotators read it."""
    head = {
        "info": {"version": version.tag, "commit": version.commit_id},
        "licenses": [],
        "categories": [
            {
                "id": number,
                "name": name,
                "supercategory": "",
                "title": pictures.titles.get(name, name),
            }
            for number, name in enumerate(pictures.names, 1)
        ],
    }
    return _ENCODER.encode(head)[:-1]


def _annotation(annotation_id: int, image_id: int, found: Detection) -> _Annotation:
    return _Annotation(
        annotation_id,
        image_id,
        found.class_index + 1,
        (found.x, found.y, found.width, found.height),
        found.area,
        [found.outline] if found.outline else [],
        0,
        found.rotation or msgspec.UNSET,
    )
