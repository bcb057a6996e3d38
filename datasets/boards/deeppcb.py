"""Read board pairs in the folder layout of DeepPCB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import errors
from ..errors import _
from .defects import LABELS

LabelledBox = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class BoardFiles:
    """A board pair on disk; boxes are `(label, x, y, width, height)` in pixels."""

    image: Path
    template: Path
    boxes: list[LabelledBox]
    name: str
    group: str


def read_deeppcb(folder: Path) -> Iterator[BoardFiles]:
    """Yield every pair below the folder by name: `G/N_test.jpg`, `G/N_temp.jpg`, `G_not/N.txt`.

    A label line is `x1 y1 x2 y2 type`, separated by spaces or commas. Raises `errors.Invalid`
    with file and line for anything else, and for a pair whose template or labels are missing.
    """
    for image in sorted(folder.rglob("*_test.jpg")):
        name = image.name.removesuffix("_test.jpg")
        template = image.with_name(f"{name}_temp.jpg")
        labels = image.parent.with_name(f"{image.parent.name}_not") / f"{name}.txt"
        for needed in (template, labels):
            if not needed.is_file():
                raise errors.Invalid(
                    _("the board %(name)s lacks the file %(file)s"), name=name, file=needed.name
                )
        yield BoardFiles(image, template, _read_boxes(labels), name, image.parent.name)


def _read_boxes(file: Path) -> list[LabelledBox]:
    boxes = []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        place = f"{file.name}:{number}"
        try:
            left, top, right, bottom, kind = (int(word) for word in words)
        except ValueError as error:
            raise errors.Invalid(_("a label line is `x1 y1 x2 y2 type`"), place=place) from error
        if not 1 <= kind <= len(LABELS) or right <= left or bottom <= top:
            raise errors.Invalid(_("the box is empty or its type is unknown"), place=place)
        label = LABELS[kind - 1]
        boxes.append((label, float(left), float(top), float(right - left), float(bottom - top)))
    return boxes
