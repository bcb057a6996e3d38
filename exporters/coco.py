"""Write COCO instances: streamed, with stable whole-number ids.

Boxes are x, y, width, height in pixels. A turned box has the upright box around it as
`bbox`, its four corners as `segmentation`, and its angle in the extra member `rotation`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import compress, repeat
from typing import BinaryIO

import msgspec
import numpy as np

from ..datasets.versions import FrozenVersion
from . import divided
from .divided import Part
from .drawn import Drawn, DrawnFormat, DrawnPictures
from .output import Output

# What a part holds beside the images of each split: all annotations, one a line and without
# its number, and for each of them the place of its split.
_ANNOTATIONS, _SPLITS = "annotations", "splits"
# What stands before the number of an annotation that is not the first of its file.
_NEXT = b',\n{"id":'


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int | None
    height: int | None


class _Annotation(msgspec.Struct, gc=False):
    """An annotation without its `id`, which stands in front of the rest."""

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
    divided.write(version, Instances(version), output)


class Instances(DrawnFormat):
    """Divide the images and annotations of a version among the files of its splits."""

    def __init__(self, version: FrozenVersion) -> None:
        """Look for what is drawn; see DrawnFormat."""
        super().__init__(version)
        self._folder = self._layout.folder(self._pictures.key)
        self._head = _head(version, self._pictures)

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return the images with their numbers, and the annotations without."""
        drawn = self._pictures.read(lines)
        places = {split: place for place, split in enumerate(self._splits)}
        own = np.array([places[record.split] for record in drawn.records], np.uint8)
        texts = {_SPLITS: np.repeat(own, drawn.counts).tobytes()}
        texts[_ANNOTATIONS] = _ENCODER.encode_lines(_annotations(drawn, before))
        images: dict[str, list[_Image]] = {split: [] for split in self._splits}
        rows = enumerate(zip(drawn.records, drawn.pictures, strict=True), before + 1)
        for number, (record, picture) in rows:
            name = f"{self._folder}/{record.split}/{picture.file}"
            images[record.split].append(_Image(number, name, picture.width, picture.height))
        for split, listed in images.items():
            if listed:
                # Inside of JSON a line's end is escaped.
                texts[split] = _ENCODER.encode_lines(listed)[:-1].replace(b"\n", b",\n")
        links = self._layout.links(drawn.records)
        return Part(len(lines), len(drawn.category), texts, links)

    @contextmanager
    def united(self, output: Output) -> Iterator[Callable[[Part], None]]:
        """Open a file for each split, and give each annotation its number."""
        with ExitStack() as stack:
            files = {
                split: stack.enter_context(_SplitFile.opened(output, split, self._head))
                for split in self._splits
            }
            first = 1

            def put(part: Part) -> None:
                nonlocal first
                # Of an object without its opening brace; the number stands there.
                rests = part.texts[_ANNOTATIONS][1:-1].split(b"\n{") if part.regions else []
                numbers = _ENCODER.encode([*range(first, first + part.regions)])[1:-1].split(b",")
                belongs = np.frombuffer(part.texts[_SPLITS], np.uint8)
                for place, (split, file) in enumerate(files.items()):
                    own = (belongs == place).tolist()
                    file.add_images(part.texts.get(split, b""))
                    file.add_annotations(list(compress(numbers, own)), list(compress(rests, own)))
                first += part.regions

            yield put


def _annotations(drawn: Drawn, before: int) -> list[_Annotation]:
    """Return what is drawn, shape by shape; `before` images stand before the first."""
    found = list(
        map(
            _Annotation,
            np.repeat(np.arange(len(drawn.counts)) + (before + 1), drawn.counts).tolist(),
            (np.array(drawn.category, np.int64) + 1).tolist(),
            zip(*(side.tolist() for side in drawn.at[:4]), strict=True),
            drawn.at.area.tolist(),
            repeat([]),
            repeat(0),
        )
    )
    for place, turned in drawn.turned.items():
        found[place].segmentation = [turned.outline]
        found[place].rotation = turned.rotation or msgspec.UNSET
    return found


class _SplitFile:
    """Write the images as they come, and the annotations beside them until the end."""

    def __init__(self, file: BinaryIO, annotations: BinaryIO) -> None:
        self._file, self._annotations = file, annotations
        self._before_image, self._first = b"\n", _NEXT[1:]

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

    def add_images(self, images: bytes) -> None:
        if images:
            self._file.write(self._before_image + images)
            self._before_image = b",\n"

    def add_annotations(self, numbers: list[bytes], rests: list[bytes]) -> None:
        if rests:
            pieces = [_NEXT, b"", b",", b""] * len(rests)
            pieces[1::4], pieces[3::4] = numbers, rests
            pieces[0] = self._first
            self._annotations.write(b"".join(pieces))
            self._first = _NEXT


def _head(version: FrozenVersion, pictures: DrawnPictures) -> bytes:
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
