"""Read LabelU's JSON and JSON lines: points, boxes, outlines and answers of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import values
from .context import Context, finite
from .things import Answer, Box, Fault, Form, Found, Marks, Picture, Polygon, Thing


def read(context: Context) -> Iterator[Found]:
    """Give the pictures of all files."""
    limits = context.limits
    for path in context.documents("labelu", ".json", ".jsonl", ".ndjson"):
        with context.files.opener(path).open() as stream:
            found = values.values(stream, limits.task_bytes, limits.depth)
            for number, (value, problem) in enumerate(found, 1):
                place = f"{path}, item {number}"
                if problem is not None:
                    yield Fault(place, problem)
                    continue
                try:
                    yield _picture(place, value)
                except Invalid as wrong:
                    yield Fault(place, Problem(wrong.place, wrong.message, wrong.values))


def _picture(place: str, value: Any) -> Picture:
    if not isinstance(value, dict):
        raise Invalid(_("must be an object"))
    name = value.get("sample_name") or value.get("fileNames")
    if not isinstance(name, str) or not name:
        raise Invalid(_("must name a file"), place="sample_name")
    tools = value.get("annotations")
    if not isinstance(tools, dict):
        raise Invalid(_("must be an object"), place="annotations")
    meta = value.get("meta_data")
    told = meta if isinstance(meta, dict) else {}
    size = told.get("width"), told.get("height")
    known = (size[0], size[1]) if type(size[0]) is int and type(size[1]) is int else None
    picture = Picture(name, place, size=known)
    for tool, drawn in tools.items():
        listed = drawn.get("result") if isinstance(drawn, dict) else None
        for order, each in enumerate(listed if isinstance(listed, list) else (), 1):
            here = f"{place}, {tool} {order}"
            try:
                picture.things += _things(tool, each, here)
            except Invalid as wrong:
                reason = Problem(wrong.place, wrong.message, wrong.values)
                picture.things.append(Fault(here, reason))
    return picture


def _things(tool: str, each: Any, place: str) -> Iterator[Thing]:
    if not isinstance(each, dict):
        raise Invalid(_("must be an object"))
    if tool in ("tagTool", "textTool"):
        told = each.get("value")
        for given in told.values() if isinstance(told, dict) else ():
            if tool == "textTool" and isinstance(given, str) and given:
                yield Thing("", (Answer(words=given),), place)
            elif isinstance(given, list) and given and all(isinstance(g, str) for g in given):
                yield Thing(given[0], (Answer(tuple(given)),), place)
        return
    label = each.get("label") or each.get("attribute")
    if not isinstance(label, str) or not label:
        raise Invalid(_("it has no label"), place="label")
    yield Thing(label, (_form(tool, each),), place)


def _form(tool: str, each: dict[str, Any]) -> Form:
    if tool == "pointTool":
        return Marks((("", finite(each.get("x"), "x"), finite(each.get("y"), "y")),))
    if tool == "rectTool":
        x, y, wide, high = (finite(each.get(name), name) for name in ("x", "y", "width", "height"))
        return Box(x, y, wide, high)
    if tool == "polygonTool":
        points = each.get("points") or each.get("pointList")
        if not isinstance(points, list) or not all(isinstance(p, dict) for p in points):
            raise Invalid(_("must be a list of points"), place="points")
        ring = tuple((finite(p.get("x"), "x"), finite(p.get("y"), "y")) for p in points)
        return Polygon((ring,))
    raise Invalid(_("shapes of the type %(type)s are not read"), type=tool[:40])
