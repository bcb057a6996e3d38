"""Write Pascal VOC: one XML file a picture, and lists of names by split.

VOC counts pixels from 1 and includes both ends. An edge is rounded to the nearest line
between pixels, so a box over the pixel columns 10 to 19 (counted from 0; x 10, width 10)
has xmin 11 and xmax 20, and none is narrower than one pixel. A turned box or a polygon
becomes the upright box around it. `depth` is 3: readers decode pictures as RGB.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from xml.sax.saxutils import escape

from ..datasets.versions import FrozenVersion
from .detections import Detection, Picture, Pictures
from .layout import Layout
from .output import Output


def write(version: FrozenVersion, output: Output) -> None:
    """Write `Annotations/<stem>.xml` and `ImageSets/Main/<split>.txt`.

    Raises:
        errors.Refused: the project draws neither boxes nor polygons.
    """
    pictures, layout = Pictures(version), Layout(version.config)
    with ExitStack() as stack:
        lists = {
            split: stack.enter_context(output.file(f"ImageSets/Main/{split}.txt"))
            for split in version.splits
        }
        for record in version.records():
            picture = pictures.read(record)
            folder, file_name = layout.path(record, pictures.key).rsplit("/", 1)
            stem = file_name.rsplit(".", 1)[0]
            output.write(f"Annotations/{stem}.xml", _xml(picture, folder, file_name))
            lists[record.split].write(f"{stem}\n".encode())
            layout.link(record, output)
            output.count(1, len(picture.detections))


def _xml(picture: Picture, folder: str, file_name: str) -> bytes:
    objects = "".join(_object(found, picture) for found in picture.detections)
    return (
        "<annotation>\n"
        f"  <folder>{escape(folder)}</folder>\n"
        f"  <filename>{escape(file_name)}</filename>\n"
        f"  <path>{escape(folder)}/{escape(file_name)}</path>\n"
        f"  <size><width>{picture.width}</width><height>{picture.height}</height>"
        "<depth>3</depth></size>\n"
        "  <segmented>0</segmented>\n"
        f"{objects}"
        "</annotation>\n"
    ).encode()


def _object(found: Detection, picture: Picture) -> str:
    left, right = pixels(found.x, found.width, picture.width)
    top, bottom = pixels(found.y, found.height, picture.height)
    return (
        "  <object>\n"
        f"    <name>{escape(found.label)}</name>\n"
        "    <pose>Unspecified</pose>\n"
        "    <truncated>0</truncated>\n"
        "    <difficult>0</difficult>\n"
        f"    <bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>\n"
        "  </object>\n"
    )


def pixels(start: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first and last pixel, from 1 and both included, of a stretch of a picture."""
    first = min(math.floor(start + 0.5) + 1, limit)
    last = min(math.floor(start + length + 0.5), limit)
    return first, max(first, last)
