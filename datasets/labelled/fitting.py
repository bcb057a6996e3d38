"""Fit labelled things to a project's config: choose the control, look the label up, check it.

A control is chosen by what a thing is: a box goes to RectangleLabels, else as its four corners
to PolygonLabels; an outline to PolygonLabels, else painted to BrushLabels; a mask to
BrushLabels; points to KeyPointLabels; a track to VideoRectangle; a span to Labels on a text;
an answer to Choices or TextArea. A label is found by what is stored or by what is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .. import labels
from ..errors import Problem, _
from ..labels import Control, LabelConfig
from .things import (
    Answer,
    Box,
    Ellipse,
    Form,
    Line,
    Link,
    Marks,
    Mask,
    Point,
    Polygon,
    Span,
    Thing,
    Track,
)

_WANTED: dict[type, tuple[str, ...]] = {
    Box: ("RectangleLabels", "PolygonLabels"),
    Polygon: ("PolygonLabels", "BrushLabels"),
    Line: ("VectorLabels",),
    Ellipse: ("EllipseLabels",),
    Mask: ("BrushLabels",),
    Marks: ("KeyPointLabels",),
    Track: ("VideoRectangle",),
    Span: ("Labels",),
}
_NONE: dict[type, str] = {
    Box: _("the config has no control for boxes (%(tags)s)"),
    Polygon: _("the config has no control for outlines (%(tags)s)"),
    Line: _("the config has no control for lines (%(tags)s)"),
    Ellipse: _("the config has no control for ellipses (%(tags)s)"),
    Mask: _("the config has no control for masks (%(tags)s)"),
    Marks: _("the config has no control for points (%(tags)s)"),
    Track: _("the config has no control for tracks in a film (%(tags)s)"),
    Span: _("the config has no control for spans of text (%(tags)s)"),
    Answer: _("the config has no control for an answer about the whole (%(tags)s)"),
}
_SHOWN_ON = {Span: ("Text",), Track: ("Video",)}
MOST_NAMED = 20  # labels that a reason lists
POINT_WIDTH = 0.5  # percent of the picture, as the editor draws a point
Size = tuple[int, int]
Regions = list[dict[str, Any]]


class Unfit(Exception):
    """A thing has no place in the config, or is no thing at all."""

    def __init__(
        self, message: str, *, hopeless: bool = True, place: str = "", **values: Any
    ) -> None:
        super().__init__(message)
        self.problem = Problem(place, message, values)
        self.hopeless = hopeless  # no control of its kind at all, not just another label


@dataclass(frozen=True)
class _Place:
    """Where a thing goes: the control, the object, and the label as it is stored."""

    control: Control
    target: str
    label: str


class Fitting:
    """Know one config's controls."""

    def __init__(self, config: LabelConfig) -> None:
        self.config = config
        self._titles = {
            control.name: {title: label for label, title in control.titles.items()}
            for control in config.controls
        }

    def object(self, tags: tuple[str, ...]) -> str | None:
        """Return the data key of the first object of these tags that a control labels."""
        drawn = {name for control in self.config.controls for name in control.to_names}
        found = [item for item in self.config.objects if item.tag in tags and item.key]
        marked = [item for item in found if item.name in drawn]
        return (marked or found)[0].key if found else None

    def regions(
        self,
        thing: Thing,
        number: int,
        size: Size | None,
        known: set[str],
        data: dict[str, Any] | None = None,
    ) -> Regions:
        """Return the regions of a thing, checked; raise Unfit with the reason.

        `number` makes their ids; `known` are the ids of regions that links may point to; with
        the task's `data` spans must end inside the text.
        """
        found: Unfit | None = None
        for form in thing.forms:
            try:
                made = self._of_form(thing, form, number, size, known)
            except Unfit as reason:
                # A label that is missing says more than a control that is missing.
                if found is None or (found.hopeless and not reason.hopeless):
                    found = reason
                continue
            self._check(made, thing, data)
            return made
        raise found or Unfit(_("it has neither a box nor an outline"))

    def _of_form(
        self, thing: Thing, form: Form, number: int, size: Size | None, known: set[str]
    ) -> Regions:
        if isinstance(form, Answer):
            return [self._answer(thing, form, number)]
        if isinstance(form, Link):
            return [self._link(thing, form, known)]
        if isinstance(form, Marks):
            return [
                self._region(
                    self._place(form, name or thing.label, thing.label),
                    f"{number}-{order}",
                    {"x": _share(x, wide), "y": _share(y, high), "width": POINT_WIDTH},
                    thing,
                    (wide, high),
                )
                for wide, high in [_known(size)]
                for order, (name, x, y) in enumerate(form.points, 1)
            ]
        place = self._place(form, thing.label)
        values = list(_values(form, place.control.tag, size))
        return [
            self._region(
                place, f"{number}" if not order else f"{number}-{order + 1}", v, thing, size
            )
            for order, v in enumerate(values)
        ]

    def _place(self, form: Form, *names: str) -> _Place:
        """Return where a form with one of these labels goes."""
        wanted = _WANTED[type(form)]
        shown = _SHOWN_ON.get(type(form), ("Image",))
        controls = [
            (control, target)
            for tag in wanted
            for control in self.config.controls
            if control.tag == tag and (target := self._target(control, shown)) is not None
        ]
        for name in dict.fromkeys(names):
            for control, target in controls:
                label = self._label(self._naming(control, target), name)
                if label is not None:
                    return _Place(control, target, label)
        if not controls:
            raise Unfit(_NONE[type(form)], tags=", ".join(wanted))
        raise self._unknown(names[0], [self._naming(*pair) for pair in controls])

    def _target(self, control: Control, tags: tuple[str, ...]) -> str | None:
        for name in control.to_names:
            item = self.config.object_by_name.get(name)
            if item is not None and item.tag in tags:
                return name
        return None

    def _naming(self, control: Control, target: str) -> Control:
        """Return the control whose labels a region carries: a track's are beside it."""
        if control.tag != "VideoRectangle":
            return control
        beside = (c for c in self.config.controls if c.tag == "Labels" and target in c.to_names)
        return next(beside, control)

    def _label(self, control: Control, name: str) -> str | None:
        if name in control.label_set or (control.dynamic and name):
            return name
        return self._titles[control.name].get(name)

    def _unknown(self, name: str, controls: list[Control]) -> Unfit:
        there = list(dict.fromkeys(label for control in controls for label in control.labels))
        more = " …" if len(there) > MOST_NAMED else ""
        listed = ", ".join(there[:MOST_NAMED]) + more
        if not name:
            return Unfit(_("it has no label; the config has: %(labels)s"), labels=listed)
        return Unfit(
            _("the config has no label %(label)s; it has: %(labels)s"),
            hopeless=False,
            label=name[:200],
            labels=listed,
        )

    def _region(
        self, place: _Place, suffix: str, value: dict[str, Any], thing: Thing, size: Size | None
    ) -> dict[str, Any]:
        control = place.control
        kind = control.tag.lower()
        member = "labels" if kind in ("labels", "videorectangle") else kind
        region: dict[str, Any] = {
            "id": f"read-{suffix}",
            "from_name": control.name,
            "to_name": place.target,
            "type": kind,
            "value": {**value, member: [place.label]},
        }
        if size is not None and kind not in ("labels", "videorectangle"):
            region |= {
                "original_width": size[0],
                "original_height": size[1],
                "image_rotation": 0,
            }
        if thing.score is not None:
            region["score"] = thing.score
        return region

    def _answer(self, thing: Thing, form: Answer, number: int) -> dict[str, Any]:
        tag = "TextArea" if form.words is not None else "Choices"
        controls = [c for c in self.config.controls if c.tag == tag and not c.per_region]
        if not controls:
            raise Unfit(_NONE[Answer], tags=tag)
        region = {"id": f"read-{number}", "type": tag.lower()}
        if form.words is not None:
            value: dict[str, Any] = {"text": [form.words]}
            control = controls[0]
        else:
            control, chosen = self._chosen(controls, form.labels)
            value = {"choices": chosen}
        region |= {"from_name": control.name, "to_name": control.to_names[0]}
        region["value"] = value  # type: ignore[assignment]
        return region | ({} if thing.score is None else {"score": thing.score})

    def _chosen(self, controls: list[Control], names: tuple[str, ...]) -> tuple[Control, list[str]]:
        missing = names[0] if names else ""
        for control in controls:
            found = [self._label(control, name) for name in names]
            if None not in found and found:
                if control.single and len(found) > 1:
                    message = _("%(control)s takes one choice, and there are %(count)s")
                    raise Unfit(message, control=control.name, count=len(found))
                return control, [label for label in found if label is not None]
            missing = next((n for n, label in zip(names, found, strict=True) if label is None), "")
        raise self._unknown(missing, controls)

    def _link(self, thing: Thing, form: Link, known: set[str]) -> dict[str, Any]:
        for end in (form.start, form.end):
            if end not in known:
                raise Unfit(_("there is no region %(id)s"), id=end)
        return {
            "type": "relation",
            "from_id": form.start,
            "to_id": form.end,
            "direction": "right",
            "labels": [thing.label] if thing.label else [],
        }

    def _check(self, made: Regions, thing: Thing, data: dict[str, Any] | None) -> None:
        """Let the one that checks all answers look at it, one thing at a time."""
        if made and made[0]["type"] == "relation":
            allowed = self.config.relations
            if thing.label and allowed and thing.label not in allowed:
                raise Unfit(_("the label %(label)s is not one of the relations"), label=thing.label)
            return
        problems = labels.check_result(self.config, made, data=data)
        if problems:
            first = problems[0]
            part = first.place.partition(".value.")[2]
            raise Unfit(first.message, place=part, **first.values)


def _values(form: Form, tag: str, size: Size | None) -> Iterator[dict[str, Any]]:
    """Give the value of each region that a form becomes in a control of this tag."""
    if isinstance(form, Span):
        yield {"start": form.start, "end": form.end}
    elif isinstance(form, Track):
        yield _track(form, _known(size))
    elif isinstance(form, Mask):
        yield {"format": "rle", "rle": labels.packed_mask(_whole(form, _known(size)))}
    elif isinstance(form, Line):
        points = [(_share(x, _known(size)[0]), _share(y, _known(size)[1])) for x, y in form.points]
        yield {"vertices": [{"x": x, "y": y} for x, y in points], "closed": False}
    elif isinstance(form, Ellipse):
        yield _ellipse(form, _known(size))
    elif isinstance(form, Box) and tag == "RectangleLabels":
        yield _box(form, _known(size))
    elif isinstance(form, Box):
        yield {"points": _outline(corners(form), _known(size)), "closed": True}
    elif isinstance(form, Polygon) and tag == "PolygonLabels":
        for ring in form.rings:
            yield {"points": _outline(ring, _known(size)), "closed": True}
    elif isinstance(form, Polygon):
        yield {"format": "rle", "rle": labels.packed_mask(_painted(form, _known(size)))}


def _known(size: Size | None) -> Size:
    if size is None or size[0] < 1 or size[1] < 1:
        raise Unfit(_("the size of the picture is not known"))
    return size


def _share(value: float, whole: int) -> float:
    """Return percent of a side; what lies less than a pixel outside is taken to the edge."""
    if not math.isfinite(value):
        raise Unfit(_("must be a finite number"))
    if -1 <= value < 0 or whole < value <= whole + 1:
        value = min(max(value, 0.0), float(whole))
    return value * 100 / whole


def _box(form: Box, size: Size) -> dict[str, Any]:
    numbers = (form.x, form.y, form.width, form.height, form.rotation)
    if not all(map(math.isfinite, numbers)):
        raise Unfit(_("must be a finite number"))
    if form.width <= 0 or form.height <= 0:
        raise Unfit(
            _("the box has no area: %(width)s × %(height)s"), width=form.width, height=form.height
        )
    wide, high = size
    if form.rotation:
        x, y = form.x * 100 / wide, form.y * 100 / high
        width, height = form.width * 100 / wide, form.height * 100 / high
    else:
        x, y = _share(form.x, wide), _share(form.y, high)
        width = _share(form.x + form.width, wide) - x
        height = _share(form.y + form.height, high) - y
    return {"x": x, "y": y, "width": width, "height": height, "rotation": form.rotation}


def _ellipse(form: Ellipse, size: Size) -> dict[str, Any]:
    return {
        "x": form.x * 100 / size[0],
        "y": form.y * 100 / size[1],
        "radiusX": form.radius_x * 100 / size[0],
        "radiusY": form.radius_y * 100 / size[1],
        "rotation": form.rotation,
    }


def _whole(form: Mask, size: Size) -> np.ndarray[Any, Any]:
    """Return the pixels of the whole picture."""
    wide, high = size
    pixels = form.pixels
    if form.corner is not None:
        (left, top), (rows, columns) = form.corner, pixels.shape
        if left < 0 or top < 0 or left + columns > wide or top + rows > high:
            raise Unfit(_("it lies outside the picture"))
        pixels = np.zeros((high, wide), np.uint8)
        pixels[top : top + rows, left : left + columns] = form.pixels
    if pixels.shape != (high, wide):
        raise Unfit(
            _("the mask is not of the picture's size, %(width)s x %(height)s"),
            width=wide,
            height=high,
        )
    return pixels


def _outline(points: tuple[Point, ...], size: Size) -> list[list[float]]:
    found = [[_share(x, size[0]), _share(y, size[1])] for x, y in points]
    if len(found) > 3 and found[0] == found[-1]:
        found.pop()  # some formats close an outline by its first point
    return found


def corners(box: Box) -> tuple[Point, ...]:
    """Return the four corners of a box, clockwise from its own top left; pixels."""
    angle = math.radians(box.rotation)
    cosine, sine = math.cos(angle), math.sin(angle)
    sides = ((0.0, 0.0), (box.width, 0.0), (box.width, box.height), (0.0, box.height))
    return tuple((box.x + u * cosine - v * sine, box.y + u * sine + v * cosine) for u, v in sides)


def _painted(form: Polygon, size: Size) -> np.ndarray[Any, Any]:
    canvas = Image.new("1", size)
    draw = ImageDraw.Draw(canvas)
    for ring in form.rings:
        if len(ring) < 3 or not all(math.isfinite(v) for point in ring for v in point):
            raise Unfit(_("a polygon has at least 3 points"))
        draw.polygon(list(ring), fill=1)
    return np.asarray(canvas)


def _track(form: Track, size: Size) -> dict[str, Any]:
    rate = form.rate or 25.0
    sequence = [
        {
            "frame": frame.number + 1,  # the editor counts from 1
            "enabled": frame.enabled,
            "time": frame.number / rate,
            **_box(frame.box, size),
        }
        for frame in form.sequence
    ]
    frames = max(form.frames, max((f.number for f in form.sequence), default=0) + 1)
    return {"sequence": sequence, "framesCount": frames, "duration": frames / rate}


def about_centre(x: float, y: float, width: float, height: float, degrees: float) -> Box:
    """Return the box of this centre that is turned clockwise about it."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    left = x - width / 2 * cosine + height / 2 * sine
    top = y - width / 2 * sine - height / 2 * cosine
    return Box(left, top, width, height, degrees)
