"""Read labelme: a JSON file a picture, with outlines, boxes, circles, points and whole flags.

The picture may stand in the file itself as base64; one beside it is taken first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import values
from .context import Context, numbers
from .things import Answer, Box, Fault, Form, Found, Marks, Picture, Polygon, Thing
from .trees import LONGEST_DOCUMENT

_CORNERS = 24  # of the outline of a circle, which labelme stores as centre and edge


def read(context: Context) -> Iterator[Found]:
    """Give the picture of each file."""
    for path in context.documents("labelme", ".json"):
        try:
            yield _picture(context, path)
        except Invalid as wrong:
            yield Fault(path, Problem(wrong.place, wrong.message, wrong.values))


def _picture(context: Context, path: str) -> Picture:
    told = _document(context, path)
    shapes = told.get("shapes")
    if not isinstance(shapes, list):
        raise Invalid(_("must be a list of objects"), place="shapes")
    named = told.get("imagePath")
    name = named.replace("\\", "/").rpartition("/")[2] if isinstance(named, str) else ""
    size = told.get("imageWidth"), told.get("imageHeight")
    known = (size[0], size[1]) if type(size[0]) is int and type(size[1]) is int else None
    # The name in the file is where the picture was for whoever labelled it.
    stem = PurePosixPath(path).stem
    usable = not isinstance(context.files.find(name, path.rpartition("/")[0]), Problem)
    picture = Picture(name if name and usable else stem, path, size=known)
    for order, shape in enumerate(shapes, 1):
        place = f"{path}, shape {order}"
        try:
            picture.things.append(_thing(shape, place))
        except Invalid as wrong:
            reason = Problem(wrong.place, wrong.message, wrong.values)
            picture.things.append(Fault(place, reason))
    flags = told.get("flags")
    for label, given in flags.items() if isinstance(flags, dict) else ():
        if given is True:
            picture.things.append(Thing(label, (Answer((label,)),), f"{path}, flags"))
    return picture


def _document(context: Context, path: str) -> dict[str, Any]:
    with context.files.opener(path).open() as stream:
        found = values.members(stream, LONGEST_DOCUMENT, context.limits.depth)
        told: dict[str, Any] = {}
        for name, order, value, problem in found:
            if problem is not None:
                raise Invalid(problem.message, place=name, **problem.values)
            if order < 0 and name != "imageData":
                told[name] = value
            elif order >= 0 and isinstance(told.get(name), list):
                told[name].append(value)
    return told


def _thing(shape: Any, place: str) -> Thing:
    if not isinstance(shape, dict):
        raise Invalid(_("must be an object"))
    label = shape.get("label")
    if not isinstance(label, str) or not label.strip():
        raise Invalid(_("it has no label"), place="label")
    found = shape.get("points")
    if not isinstance(found, list):
        raise Invalid(_("must be a list of points"), place="points")
    points = tuple(
        (x, y) for order, p in enumerate(found) for x, y in [numbers(p, f"points[{order}]", 2)]
    )
    return Thing(label.strip(), (_form(str(shape.get("shape_type") or "polygon"), points),), place)


def _form(kind: str, points: tuple[tuple[float, float], ...]) -> Form:
    if kind == "polygon":
        if len(points) < 3:
            raise Invalid(_("a polygon has at least 3 points"), place="points")
        return Polygon((points,))
    if kind in ("rectangle", "circle") and len(points) != 2:
        raise Invalid(
            _("must be %(count)s numbers, not %(found)s"),
            place="points",
            count=2,
            found=len(points),
        )
    if kind == "rectangle":
        (left, top), (right, bottom) = points
        low, high = min(left, right), min(top, bottom)
        return Box(low, high, abs(right - left), abs(bottom - top))
    if kind == "circle":
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        turns = [2 * math.pi * step / _CORNERS for step in range(_CORNERS)]
        ring = tuple((x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns)
        return Polygon((ring,))
    if kind in ("point", "points"):
        return Marks(tuple(("", x, y) for x, y in points))
    raise Invalid(_("shapes of the type %(type)s are not read"), place="shape_type", type=kind[:40])
