"""Write COCO instances: one entry a picture, boxes in pixels, masks as run lengths.

A turned box has the upright box around it as `bbox`, inside the picture, its four corners as
`segmentation`, and its angle in `attributes.rotation`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from .archive import Archive
from .masks import decoded, run_lengths
from .pictures import Picture, Pictures, Shape
from .reading import Lines

_ENCODER = msgspec.json.Encoder()


class _Image(msgspec.Struct):
    width: int
    height: int
    id: int
    file_name: str
    path: str | msgspec.UnsetType = msgspec.UNSET


class _Region(msgspec.Struct):
    id: int
    image_id: int
    category_id: int
    segmentation: Any
    bbox: Sequence[float]
    ignore: int
    iscrowd: int
    area: float
    attributes: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


def write(lines: Lines, out: BinaryIO) -> None:
    """Write `result.json`, with `images/` beside it where pictures are wanted."""
    _write(lines, out, "result.json", "images/")


def write_masks(lines: Lines, out: BinaryIO) -> None:
    """Write `result_coco.json` of masks, and of the shapes beside them."""
    _write(lines, out, "result_coco.json", "")


def _write(lines: Lines, out: BinaryIO, name: str, folder: str) -> None:
    pictures, archive = Pictures(lines), Archive(out)
    archive.folder("images")
    missing: list[dict[str, Any]] = []
    with tempfile.TemporaryFile() as annotations, archive.file(name) as file:
        file.write(b'{"images":[')
        before_image, before, number = b"", b"", 0
        for image_id, picture in enumerate(pictures.read()):
            file.write(before_image + _ENCODER.encode(_image(picture, image_id, folder)))
            before_image = b",\n"
            for found in _regions(pictures, picture, image_id):
                found.id = number
                annotations.write(before + _ENCODER.encode(found))
                before, number = b",\n", number + 1
        file.write(b'],"categories":' + _ENCODER.encode(_categories(pictures)))
        file.write(b',"annotations":[')
        annotations.seek(0)
        while chunk := annotations.read(1 << 20):
            file.write(chunk)
        file.write(b'],"info":{"version":"1.0","contributor":"Jinbiao"}}')
    if lines.with_media:
        for picture in pictures.read():
            if not archive.pictures(lines.store, picture):
                missing.append(not_stored(picture))
    archive.end([*pictures.left_out, *missing])


def not_stored(picture: Picture) -> dict[str, Any]:
    """Say that a picture could not be put into the archive."""
    reason = "the picture is not stored here"
    return {"task": picture.task_id, "reason": reason, "address": picture.address}


def _image(picture: Picture, image_id: int, folder: str) -> _Image:
    path = msgspec.UNSET if folder else picture.address
    return _Image(picture.width, picture.height, image_id, f"{folder}{picture.name}", path)


def _categories(pictures: Pictures) -> list[dict[str, Any]]:
    return [{"id": number, "name": name} for number, name in enumerate(pictures.classes)]


def _regions(pictures: Pictures, picture: Picture, image_id: int) -> Iterator[_Region]:
    """Give what is drawn on a picture; who writes it numbers it."""
    for found in picture.shapes:
        bbox = (found.x, found.y, found.width, found.height)
        turned = {"rotation": found.rotation} if found.rotation else msgspec.UNSET
        label = pictures.class_index(found.label)
        segmentation = _segmentation(found)
        yield _Region(0, image_id, label, segmentation, bbox, 0, 0, found.area, turned)
    for name, mask in decoded(picture):
        size = [picture.height, picture.width]
        counts = {"counts": run_lengths(mask), "size": size}
        label = pictures.class_index(name)
        yield _Region(0, image_id, label, counts, mask.box, 0, 0, mask.area)


def _segmentation(found: Shape) -> list[list[float]]:
    if found.is_box and not found.rotation:
        return []
    return [[value for point in found.outline for value in point]]
