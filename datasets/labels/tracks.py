"""Check what is marked over the frames of a video: tracks of boxes and of paths, and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import Problem, _
from .geometry import MAX_POINTS, Value, bad_numbers, is_number
from .spans import interval

_Frame = Callable[[dict[str, Any], str], Iterator[Problem]]


def video_rectangle(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check the boxes of a track; the editor lets them leave the frame, so do we."""
    yield from _sequence(value, place, _box)


def video_vector(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check the paths of a track."""
    yield from _sequence(value, place, _path)


def ranges(value: Value, place: str) -> Iterator[Problem]:
    """Check the frames of a timeline region."""
    found: Any = value.get("ranges")
    if not isinstance(found, list) or not found:
        yield Problem(f"{place}.ranges", _("must be a list of at least one range"))
        return
    for index, item in enumerate(found):
        here = f"{place}.ranges[{index}]"
        if isinstance(item, dict):
            yield from interval(item, here, 0)
        else:
            yield Problem(here, _("must be an object"))


def _sequence(value: Value, place: str, check: _Frame) -> Iterator[Problem]:
    sequence = value.get("sequence")
    if not isinstance(sequence, list) or not 1 <= len(sequence) <= MAX_POINTS:
        message = _("must be a list of 1 to %(limit)s frames")
        yield Problem(f"{place}.sequence", message, {"limit": MAX_POINTS})
        return
    length = value.get("framesCount")
    for index, frame in enumerate(sequence):
        here = f"{place}.sequence[{index}]"
        if not isinstance(frame, dict):
            yield Problem(here, _("must be an object"))
            continue
        number = frame.get("frame")
        if not is_number(number) or number < 0 or number != int(number):  # type: ignore[operator, arg-type]
            yield Problem(f"{here}.frame", _("must be a whole number, at least 0"))
        elif is_number(length) and number > length + 1 > 1:  # type: ignore[operator]
            message = _("there are only %(count)s frames")
            yield Problem(f"{here}.frame", message, {"count": length})
        yield from check(frame, here)


def _box(frame: dict[str, Any], place: str) -> Iterator[Problem]:
    problems = bad_numbers(frame, ("x", "y", "width", "height"), place)
    yield from problems
    for name in () if problems else ("width", "height"):
        if frame[name] <= 0:
            yield Problem(f"{place}.{name}", _("must be greater than 0"))


def _path(frame: dict[str, Any], place: str) -> Iterator[Problem]:
    vertices = frame.get("vertices")
    if not isinstance(vertices, list) or len(vertices) > MAX_POINTS:
        message = _("must be a list of 1 to %(limit)s points")
        yield Problem(f"{place}.vertices", message, {"limit": MAX_POINTS})
        return
    for index, vertex in enumerate(vertices):
        here = f"{place}.vertices[{index}]"
        if isinstance(vertex, dict):
            yield from bad_numbers(vertex, ("x", "y"), here)
        else:
            yield Problem(here, _("must be an object"))
