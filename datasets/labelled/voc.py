"""Read Pascal VOC, and LabelMe's older XML: a file a picture, with boxes and outlines.

VOC counts pixels from 1 and includes both ends, so a box from xmin 11 to xmax 20 covers the
columns 10 to 19 (counted from 0): x 10, width 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePosixPath

from ..errors import Invalid, Problem, _
from . import markup
from .context import Context, parsed
from .fitting import about_centre
from .markup import Node
from .things import Box, Fault, Form, Found, Picture, Polygon, Thing


def read(context: Context) -> Iterator[Found]:
    """Give the picture of each file."""
    for path in context.documents("voc", ".xml"):
        try:
            with context.files.opener(path).open() as stream:
                nodes = list(markup.elements(stream, "annotation"))
            if len(nodes) != 1:
                raise Invalid(_("there is no element %(name)s"), name="annotation")
            yield _picture(path, nodes[0])
        except Invalid as wrong:
            yield Fault(path, Problem(wrong.place, wrong.message, wrong.values))


def _picture(path: str, node: Node) -> Picture:
    name = node.text("filename") or PurePosixPath(path).stem
    size = _side(node.text("size/width")), _side(node.text("size/height"))
    if size == (0, 0):
        size = _side(node.text("imagesize/ncols")), _side(node.text("imagesize/nrows"))
    picture = Picture(name, path, size=size)
    for order, each in enumerate(node.all("object"), 1):
        place = f"{path}, object {order}"
        if each.text("deleted") == "1":
            continue
        try:
            picture.things.append(Thing(_name(each), (_form(each),), place))
        except Invalid as wrong:
            reason = Problem(wrong.place, wrong.message, wrong.values)
            picture.things.append(Fault(place, reason))
    return picture


def _name(node: Node) -> str:
    name = node.text("name")
    if not name:
        raise Invalid(_("it has no label"), place="name")
    return name


def _side(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def _form(node: Node) -> Form:
    box, turned = node.first("bndbox"), node.first("robndbox")
    if turned is not None:
        x, y, wide, high, angle = (
            parsed(turned.text(name), name) for name in ("cx", "cy", "w", "h", "angle")
        )
        return about_centre(x, y, wide, high, math.degrees(angle))
    if box is not None:
        left, top, right, bottom = (
            parsed(box.text(name), f"bndbox.{name}") for name in ("xmin", "ymin", "xmax", "ymax")
        )
        if right < left or bottom < top:
            raise Invalid(_("the far corner lies before the near one"), place="bndbox")
        return Box(left - 1, top - 1, right - left + 1, bottom - top + 1)
    outline = node.first("polygon")
    if outline is not None:
        points = tuple(
            (parsed(each.text("x"), "polygon"), parsed(each.text("y"), "polygon"))
            for each in outline.all("pt")
        )
        return Polygon((points or _numbered(outline),))
    raise Invalid(_("it has neither a box nor an outline"))


def _numbered(outline: Node) -> tuple[tuple[float, float], ...]:
    """Return the points of `x1 y1 x2 y2 …`, as some tools write them into VOC."""
    found = []
    for order in range(1, 10_001):
        if outline.first(f"x{order}") is None:
            break
        found.append(
            (
                parsed(outline.text(f"x{order}"), "polygon"),
                parsed(outline.text(f"y{order}"), "polygon"),
            )
        )
    return tuple(found)
