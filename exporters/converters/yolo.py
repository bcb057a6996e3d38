"""Write YOLO labels: one text file a picture, in shares of the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec

from .archive import Archive
from .coco import not_stored
from .pictures import Picture, Pictures, Shape
from .reading import Lines


def write(lines: Lines, out: BinaryIO) -> None:
    """Write `class x y width height`: the centre and size of the upright box."""
    _write(lines, out, _box)


def write_corners(lines: Lines, out: BinaryIO) -> None:
    """Write `class x1 y1 x2 y2 x3 y3 x4 y4`: the corners of the box, also of a turned one."""
    _write(lines, out, _corners)


def _write(lines: Lines, out: BinaryIO, line: Callable[[Picture, Shape], str]) -> None:
    pictures, archive = Pictures(lines, by_stem=True), Archive(out)
    archive.folder("images")
    archive.folder("labels")
    missing: list[dict[str, Any]] = []
    for picture in pictures.read():
        rows = [
            f"{pictures.class_index(each.label)} {line(picture, each)}\n" for each in picture.shapes
        ]
        archive.text(f"labels/{picture.stem}.txt", "".join(rows).encode())
        if lines.with_media and not archive.pictures(lines.store, picture):
            missing.append(not_stored(picture))
    archive.text("classes.txt", "".join(f"{name}\n" for name in pictures.classes).encode())
    notes = {
        "categories": [{"id": n, "name": name} for n, name in enumerate(pictures.classes)],
        "info": {"version": "1.0", "contributor": "Jinbiao"},
    }
    archive.text("notes.json", msgspec.json.format(msgspec.json.encode(notes)))
    archive.end([*pictures.left_out, *missing])


def _box(picture: Picture, found: Shape) -> str:
    values = (
        (found.x + found.width / 2) / picture.width,
        (found.y + found.height / 2) / picture.height,
        found.width / picture.width,
        found.height / picture.height,
    )
    return " ".join(_share(value) for value in values)


def _corners(picture: Picture, found: Shape) -> str:
    points = found.outline
    if not found.is_box:
        right, bottom = found.x + found.width, found.y + found.height
        points = ((found.x, found.y), (right, found.y), (right, bottom), (found.x, bottom))
    shares = [value for x, y in points for value in (x / picture.width, y / picture.height)]
    return " ".join(_share(value) for value in shares)


def _share(value: float) -> str:
    return f"{min(max(value, 0.0), 1.0):.6f}".rstrip("0").rstrip(".") or "0"
