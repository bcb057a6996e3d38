"""Write Pascal VOC: one XML file a picture, pixels counted from 1."""

from __future__ import annotations

from typing import BinaryIO
from xml.sax.saxutils import escape

from ..voc import pixels
from .archive import Archive
from .pictures import Picture, Pictures, Shape
from .reading import Lines


def write(lines: Lines, out: BinaryIO) -> None:
    """Write `Annotations/<stem>.xml`; what is turned becomes the upright box around it."""
    pictures, archive = Pictures(lines, by_stem=True), Archive(out)
    archive.folder("Annotations")
    archive.folder("images")
    for picture in pictures.read():
        archive.text(f"Annotations/{picture.stem}.xml", _xml(picture))
    archive.end(pictures.left_out)


def _xml(picture: Picture) -> bytes:
    objects = "".join(_object(picture, found) for found in picture.shapes)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        "<annotation>\n"
        "<folder>images</folder>\n"
        f"<filename>{escape(picture.name)}</filename>\n"
        f"<source><annotator>{picture.annotator or ''}</annotator></source>\n"
        f"<size>\n<width>{picture.width}</width>\n<height>{picture.height}</height>\n"
        "<depth>3</depth>\n</size>\n"
        "<segmented>0</segmented>\n"
        f"{objects}"
        "</annotation>\n"
    ).encode()


def _object(picture: Picture, found: Shape) -> str:
    left, right = pixels(found.x, found.width, picture.width)
    top, bottom = pixels(found.y, found.height, picture.height)
    return (
        f"<object>\n<name>{escape(found.label)}</name>\n<pose>Unspecified</pose>\n"
        "<truncated>0</truncated>\n<difficult>0</difficult>\n"
        f"<bndbox>\n<xmin>{left}</xmin>\n<ymin>{top}</ymin>\n"
        f"<xmax>{right}</xmax>\n<ymax>{bottom}</ymax>\n</bndbox>\n</object>\n"
    )
