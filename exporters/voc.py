"""Write Pascal VOC: one XML file a picture, and lists of names by split.

VOC counts pixels from 1 and includes both ends. An edge is rounded to the nearest line
between pixels, so a box over the pixel columns 10 to 19 (counted from 0; x 10, width 10)
has xmin 11 and xmax 20, and none is narrower than one pixel. A turned box or a polygon
becomes the upright box around it. `depth` is 3: readers decode pictures as RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from xml.sax.saxutils import escape

import numpy as np

from ..datasets.versions import FrozenVersion
from . import divided
from .divided import Part
from .drawn import Drawn, DrawnFormat, Floats
from .layout import Medium
from .output import Output

_OBJECT = (
    b"  <object>\n"
    b"    <name>%b</name>\n"
    b"    <pose>Unspecified</pose>\n"
    b"    <truncated>0</truncated>\n"
    b"    <difficult>0</difficult>\n"
    b"    <bndbox><xmin>%d</xmin><ymin>%d</ymin><xmax>%d</xmax><ymax>%d</ymax></bndbox>\n"
    b"  </object>\n"
)


def write(version: FrozenVersion, output: Output) -> None:
    """Write `Annotations/<stem>.xml` and `ImageSets/Main/<split>.txt`.

    Raises:
        errors.Refused: the project draws neither boxes nor polygons.
    """
    divided.write(version, Documents(version), output)


class Documents(DrawnFormat):
    """Give each picture of a version its file, and list them by split."""

    def __init__(self, version: FrozenVersion) -> None:
        """Look for what is drawn; see DrawnFormat."""
        super().__init__(version)
        self._folder = self._layout.folder(self._pictures.key)
        self._names = [escape(name).encode() for name in self._pictures.names]

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return the files of a batch, and the names for the lists."""
        drawn = self._pictures.read(lines)
        paths, documents = [], []
        listed: dict[str, list[str]] = {split: [] for split in self._splits}
        objects = drawn.split_up(_objects(drawn, self._names))
        for record, picture, written in zip(drawn.records, drawn.pictures, objects, strict=True):
            stem = picture.file.rsplit(".", 1)[0]
            paths.append(f"Annotations/{stem}.xml")
            documents.append(_document(f"{self._folder}/{record.split}", picture, written))
            listed[record.split].append(f"{stem}\n")
        texts = {split: "".join(stems).encode() for split, stems in listed.items()}
        links = self._layout.links(drawn.records)
        return Part(len(lines), len(drawn.category), texts, links, (paths, documents))

    def united(self, output: Output) -> AbstractContextManager[Callable[[Part], None]]:
        """Open the list of each split."""
        return divided.files(output, {s: f"ImageSets/Main/{s}.txt" for s in self._splits})


def _document(folder: str, picture: Medium, objects: bytes) -> bytes:
    folder, name = escape(folder), escape(picture.file)
    head = (
        "<annotation>\n"
        f"  <folder>{folder}</folder>\n"
        f"  <filename>{name}</filename>\n"
        f"  <path>{folder}/{name}</path>\n"
        f"  <size><width>{picture.width}</width><height>{picture.height}</height>"
        "<depth>3</depth></size>\n"
        "  <segmented>0</segmented>\n"
    )
    return b"%b%b</annotation>\n" % (head.encode(), objects)


def _objects(drawn: Drawn, names: list[bytes]) -> list[bytes]:
    wide, high = drawn.sides()
    edges = (
        *_pixels(drawn.at.left, drawn.at.width, wide),
        *_pixels(drawn.at.top, drawn.at.height, high),
    )
    left, right, top, bottom = (edge.astype(np.int64).tolist() for edge in edges)
    labels = [names[number] for number in drawn.category]
    return [_OBJECT % row for row in zip(labels, left, top, right, bottom, strict=True)]


def pixels(start: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first and last pixel, from 1 and both included, of a stretch of a picture."""
    ends = _pixels(np.array([start]), np.array([length]), np.array([limit], np.float64))
    first, last = (int(end[0]) for end in ends)
    return first, last


def _pixels(start: Floats, length: Floats, limit: Floats) -> tuple[Floats, Floats]:
    first = np.minimum(np.floor(start + 0.5) + 1, limit)
    last = np.minimum(np.floor(start + length + 0.5), limit)
    return first, np.maximum(first, last)
