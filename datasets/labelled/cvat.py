"""Read CVAT's XML: pictures with shapes and tags, and tracks through the frames of a film.

A track becomes one region on a film, or a shape on each frame whose picture is there.
A mask's runs (`rle`) go along the rows of its own box, from what is not painted on.
Source: cvat-ai/cvat, cvat/apps/dataset_manager/formats/cvat.py (MIT), version 1.1 of the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Invalid, Problem, _
from . import markup
from .context import Context, parsed
from .fitting import about_centre
from .markup import Node
from .runs import unpacked
from .things import (
    Answer,
    Box,
    Ellipse,
    Fault,
    Form,
    Found,
    Frame,
    Line,
    Marks,
    Mask,
    Picture,
    Polygon,
    Thing,
    Track,
)

_FRAME = re.compile(r"(\d+)$")
MOST_FRAMES = 200_000


def read(context: Context) -> Iterator[Found]:
    """Give the pictures of each file, or its film."""
    for path in context.documents("cvat", ".xml"):
        yield from _document(context, path)


def _document(context: Context, path: str) -> Iterator[Found]:
    meta: Node | None = None
    tracks: list[Thing | Fault] = []
    try:
        with context.files.opener(path).open() as stream:
            for order, node in enumerate(markup.elements(stream, "image", "track", "meta"), 1):
                if node.tag == "meta":
                    meta = node
                elif node.tag == "image":
                    yield _picture(context, path, node)
                else:
                    place = f"{path}, track {node.attributes.get('id', order)}"
                    try:
                        tracks.append(_track(node, place))
                    except Invalid as wrong:
                        reason = Problem(wrong.place, wrong.message, wrong.values)
                        tracks.append(Fault(place, reason))
    except Invalid as wrong:
        yield Fault(path, Problem(wrong.place, wrong.message, wrong.values))
        return
    if tracks:
        yield from _film(context, path, meta, tracks)


def _picture(context: Context, path: str, node: Node) -> Picture:
    name = node.attributes.get("name", "")
    size = _side(node.attributes.get("width")), _side(node.attributes.get("height"))
    picture = Picture(name, f"{path}, image {node.attributes.get('id', name)}", size=size)
    for order, shape in enumerate(node.children, 1):
        place = f"{picture.place}, {shape.tag} {order}"
        try:
            thing = _thing(context, shape, place)
        except Invalid as wrong:
            thing = Fault(place, Problem(wrong.place, wrong.message, wrong.values))
        if thing is not None:
            picture.things.append(thing)
    return picture


def _side(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 8 else 0


def _thing(context: Context, shape: Node, place: str) -> Thing | Fault | None:
    label = shape.attributes.get("label", "").strip()
    if shape.tag == "tag":
        return Thing(label, (Answer((label,)),), place, attributes=_attributes(shape))
    if shape.tag == "attribute":
        if shape.words.strip():
            context.skipped["attributes"] += 1
        return None
    if not label:
        raise Invalid(_("it has no label"), place="label")
    form = _mask(shape, context.most_pixels) if shape.tag == "mask" else _form(shape)
    return Thing(label, (form,), place, attributes=_attributes(shape))


def _attributes(*shapes: Node) -> tuple[tuple[str, str], ...]:
    """Return the attributes of a shape, or all values that they have in shapes of a track."""
    nodes = (node for shape in shapes for node in shape.all("attribute"))
    return tuple(dict.fromkeys((n.attributes.get("name", ""), n.words.strip()) for n in nodes))


def _mask(shape: Node, most_pixels: int) -> Mask:
    left, top, wide, high = (
        _whole(shape.attributes.get(name), name) for name in ("left", "top", "width", "height")
    )
    counts = [_whole(run, "rle") for run in shape.attributes.get("rle", "").split(",")]
    # Along the rows here; COCO's go down the columns.
    try:
        turned = unpacked({"size": [wide, high], "counts": counts}, most_pixels)
    except Invalid as wrong:
        raise Invalid(
            _("the run lengths do not fill %(height)s × %(width)s pixels"),
            place="rle",
            height=high,
            width=wide,
        ) from wrong
    return Mask(turned.T, (left, top))


def _whole(text: str | None, place: str) -> int:
    told = (text or "").strip()
    if not told.isdecimal() or len(told) > 9:
        raise Invalid(_("%(text)s is no number"), place=place, text=told[:40])
    return int(told)


def _form(shape: Node) -> Form:
    told = shape.attributes
    if shape.tag == "box":
        left, top, right, bottom = (parsed(told.get(n), n) for n in ("xtl", "ytl", "xbr", "ybr"))
        turn = parsed(told.get("rotation", "0"), "rotation")
        if turn:
            middle = (left + right) / 2, (top + bottom) / 2
            return about_centre(*middle, right - left, bottom - top, turn)
        return Box(left, top, right - left, bottom - top)
    if shape.tag == "polygon":
        points = _points(told.get("points", ""))
        if len(points) < 3:
            raise Invalid(_("a polygon has at least 3 points"), place="points")
        return Polygon((points,))
    if shape.tag == "polyline":
        return Line(_points(told.get("points", "")))
    if shape.tag == "ellipse":
        x, y, wide, high = (parsed(told.get(name), name) for name in ("cx", "cy", "rx", "ry"))
        return Ellipse(x, y, wide, high, parsed(told.get("rotation", "0"), "rotation"))
    if shape.tag == "points":
        return Marks(tuple(("", x, y) for x, y in _points(told.get("points", ""))))
    raise Invalid(_("shapes of the type %(type)s are not read"), type=shape.tag[:40])


def _points(text: str) -> tuple[tuple[float, float], ...]:
    found = []
    for pair in text.split(";"):
        x, comma, y = pair.partition(",")
        if not comma:
            raise Invalid(_("must be x,y;x,y;…"), place="points")
        found.append((parsed(x, "points"), parsed(y, "points")))
    return tuple(found)


def _track(node: Node, place: str) -> Thing:
    label = node.attributes.get("label", "").strip()
    if not label:
        raise Invalid(_("it has no label"), place="label")
    frames: list[Frame] = []
    for shape in node.all("box"):
        number = shape.attributes.get("frame", "")
        if not number.isdecimal() or len(number) > 7:
            raise Invalid(_("%(text)s is no number"), place="frame", text=number[:40])
        form = _form(shape)
        outside = shape.attributes.get("outside") == "1"
        if outside and frames:
            frames[-1] = Frame(frames[-1].number, frames[-1].box, False)
        elif not outside and isinstance(form, Box):
            frames.append(Frame(int(number), form))
    if not frames:
        kinds = sorted({child.tag for child in node.children} - {"box"})
        raise Invalid(_("shapes of the type %(type)s are not read"), type=", ".join(kinds)[:40])
    if len(frames) > MOST_FRAMES:
        raise Invalid(_("there are more than %(limit)s frames"), limit=MOST_FRAMES)
    there = (shape for shape in node.all("box") if shape.attributes.get("outside") != "1")
    return Thing(label, (Track(tuple(frames)),), place, attributes=_attributes(node, *there))


def _film(
    context: Context, path: str, meta: Node | None, tracks: list[Thing | Fault]
) -> Iterator[Found]:
    task = (meta.first("task") or meta.first("job")) if meta is not None else None
    source = (meta.text("source") if meta is not None else "") or (
        task.text("source") if task is not None else ""
    )
    if context.film:
        films = context.files.media("video")
        name = source if source or len(films) != 1 else films[0]
        size = None
        if task is not None:
            size = _side(task.text("original_size/width")), _side(task.text("original_size/height"))
        yield Picture(name or "film", path, tracks, size=size, film=True)
        return
    yield from on_frames(context, path, tracks)


def on_frames(context: Context, path: str, tracks: list[Thing | Fault]) -> Iterator[Found]:
    """Give the pictures that are the frames of tracks, by the number in their names."""
    yield from (each for each in tracks if isinstance(each, Fault))
    pictures: dict[int, str] = {}
    for name in context.files.media():
        found = _FRAME.search(name.rpartition(".")[0])
        if found:
            pictures.setdefault(int(found[1]), name)
    things: dict[int, list[Thing | Fault]] = {}
    for track in tracks:
        for form in track.forms if isinstance(track, Thing) else ():
            for frame in form.sequence if isinstance(form, Track) else ():
                place = f"{track.place}, frame {frame.number}"
                label, told = track.label, track.attributes  # type: ignore[union-attr]
                thing = Thing(label, (frame.box,), place, attributes=told)
                things.setdefault(frame.number, []).append(thing)
    for number in sorted(things):
        name = pictures.get(number, f"frame_{number:06d}")
        yield Picture(name, f"{path}, frame {number}", things[number])
