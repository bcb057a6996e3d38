"""Read Datumaro's own JSON: items with boxes, outlines, masks, points, captions and labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import values
from .context import Context, numbers
from .runs import unpacked
from .things import Answer, Box, Fault, Form, Found, Marks, Mask, Picture, Polygon, Thing


def read(context: Context) -> Iterator[Found]:
    """Give the pictures of all files."""
    for path in context.documents("datumaro", ".json"):
        yield from _document(context, path)


def _document(context: Context, path: str) -> Iterator[Found]:
    limits = context.limits
    names: list[str] | None = None
    with context.files.opener(path).open() as stream:
        for name, order, value, _problem in values.members(stream, limits.task_bytes, limits.depth):
            if name == "categories" and order < 0:
                names = _names(value)
                break
    with context.files.opener(path).open() as stream:
        for name, order, value, problem in values.members(stream, limits.task_bytes, limits.depth):
            place = f"{path}, item {order + 1}" if order >= 0 else path
            if problem is not None:
                yield Fault(place, problem)
            elif name == "items" and order >= 0:
                try:
                    yield _picture(context, path, place, value, names or [])
                except Invalid as wrong:
                    yield Fault(place, Problem(wrong.place, wrong.message, wrong.values))


def _names(value: Any) -> list[str]:
    told = value.get("label") if isinstance(value, dict) else None
    listed = told.get("labels") if isinstance(told, dict) else None
    found = listed if isinstance(listed, list) else []
    return [str(each.get("name", "")) if isinstance(each, dict) else "" for each in found]


def _picture(context: Context, path: str, place: str, item: Any, names: list[str]) -> Picture:
    if not isinstance(item, dict):
        raise Invalid(_("must be an object"))
    image = item.get("image")
    told = image if isinstance(image, dict) else {}
    name = told.get("path") or item.get("id")
    if not isinstance(name, str) or not name:
        raise Invalid(_("must name a file"), place="image.path")
    size = told.get("size")
    known = None
    if isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size):
        known = size[1], size[0]
    picture = Picture(name, f"{path}, {item.get('id', place)}", size=known)
    listed = item.get("annotations")
    if not isinstance(listed, list):
        raise Invalid(_("must be a list of objects"), place="annotations")
    for order, each in enumerate(listed, 1):
        here = f"{picture.place}, annotation {order}"
        try:
            picture.things.append(_thing(context, each, names, here))
        except Invalid as wrong:
            picture.things.append(Fault(here, Problem(wrong.place, wrong.message, wrong.values)))
    return picture


def _thing(context: Context, each: Any, names: list[str], place: str) -> Thing:
    if not isinstance(each, dict):
        raise Invalid(_("must be an object"))
    kind = each.get("type")
    if kind == "caption":
        caption = each.get("caption")
        if not isinstance(caption, str) or not caption:
            raise Invalid(_("must be words"), place="caption")
        return Thing("", (Answer(words=caption),), place)
    index = each.get("label_id")
    if type(index) is not int or not 0 <= index < len(names) or not names[index]:
        raise Invalid(
            _("there is no class %(number)s: %(count)s are named"),
            place="label_id",
            number=str(index)[:40],
            count=len(names),
        )
    return Thing(names[index], (_form(context, each, kind, names[index]),), place)


def _form(context: Context, each: dict[str, Any], kind: Any, label: str) -> Form:
    if kind == "label":
        return Answer((label,))
    if kind == "bbox":
        left, top, width, height = numbers(each.get("bbox"), "bbox", 4)
        return Box(left, top, width, height)
    if kind == "rotated_bbox":
        raise Invalid(_("shapes of the type %(type)s are not read"), place="type", type=kind)
    if kind == "mask":
        rle = each.get("rle")
        if not isinstance(rle, dict):
            raise Invalid(_("must be run lengths, none below 0"), place="rle")
        return Mask(unpacked(rle, context.most_pixels))
    if kind == "polygon":
        flat = numbers(each.get("points"), "points")
        if len(flat) < 6 or len(flat) % 2:
            message = _("must be x, y of at least 3 points, not %(count)s numbers")
            raise Invalid(message, place="points", count=len(flat))
        return Polygon((tuple(zip(flat[::2], flat[1::2], strict=True)),))
    if kind == "points":
        flat = numbers(each.get("points"), "points")
        return Marks(tuple(("", x, y) for x, y in zip(flat[::2], flat[1::2], strict=False)))
    raise Invalid(_("shapes of the type %(type)s are not read"), place="type", type=str(kind)[:40])
