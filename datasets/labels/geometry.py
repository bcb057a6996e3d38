"""Check the `value` of one region: shapes in percent of the picture, spans, and answers.

Each check takes the value, the region around it and its place (`result[2].value`), and
yields one Problem for everything wrong. Sources: Label Studio's result format and the
serialisers of its editor 1.23.2 (coordinates are always those of the upright picture;
turning the view stores `image_rotation` and leaves them alone).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import Problem, _

# Percent of the picture, for what dividing and multiplying pixels leaves behind.
TOLERANCE = 1e-6
# Turned boxes and ellipses go through sines, and their handles through screen pixels.
TURNED_TOLERANCE = 0.1
MAX_POINTS = 10_000
MAX_TURN = 360
# Whole numbers beyond it lose digits in JSON readers elsewhere.
LARGEST = 2**53
MAX_SIDE = 1_000_000

Value = Mapping[str, Any]
Check = Callable[[Value, Value, str], Iterator[Problem]]


def is_number(value: object) -> bool:
    """Say whether it is a finite number that a float can hold (true and false are not)."""
    if type(value) is int:
        return -LARGEST <= value <= LARGEST
    return type(value) is float and math.isfinite(value)


def bad_numbers(value: Value, names: tuple[str, ...], place: str) -> list[Problem]:
    """List those of the named members that are not finite numbers."""
    message = _("must be a finite number")
    return [Problem(f"{place}.{n}", message) for n in names if not is_number(value.get(n))]


def _turn(value: Value, place: str) -> list[Problem]:
    turn = value.get("rotation")
    if turn is None or (is_number(turn) and -MAX_TURN <= turn <= MAX_TURN):
        return []
    message = _("must lie between %(low)s and %(high)s degrees")
    return [Problem(f"{place}.rotation", message, {"low": -MAX_TURN, "high": MAX_TURN})]


def _outside(place: str) -> Problem:
    return Problem(place, _("leaves the picture, which is 0 to 100 percent"))


def _inside(x: float, y: float, slack: float = TOLERANCE) -> bool:
    return -slack <= x <= 100 + slack and -slack <= y <= 100 + slack


def corners(value: Value, aspect: float) -> list[tuple[float, float]]:
    """Turn a box about its top-left corner; percent in and out.

    `aspect` is the picture's width divided by its height, since an angle means pixels.
    """
    x, y, width, height = value["x"], value["y"], value["width"], value["height"]
    angle = math.radians(value.get("rotation") or 0)
    cosine, sine = math.cos(angle), math.sin(angle)
    return [
        (x + u * cosine - v * sine / aspect, y + u * sine * aspect + v * cosine)
        for u, v in ((0, 0), (width, 0), (width, height), (0, height))
    ]


def rectangle(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a box: finite, an area, wholly inside, also when turned about its corner."""
    problems = bad_numbers(value, ("x", "y", "width", "height"), place) + _turn(value, place)
    if problems:
        yield from problems
        return
    x, y, width, height = value["x"], value["y"], value["width"], value["height"]
    for name, size in (("width", width), ("height", height)):
        if size <= 0:
            yield Problem(f"{place}.{name}", _("must be greater than 0"))
            return
    if value.get("rotation"):
        aspect = _aspect(region)
        # Without the picture's size only the corner that it turns about is certain.
        points = corners(value, aspect) if aspect else [(x, y)]
        if not all(_inside(u, v, TURNED_TOLERANCE) for u, v in points):
            yield _outside(place)
        return
    for name, low, high in (("x", x, x + width), ("y", y, y + height)):
        if low < -TOLERANCE:
            yield _outside(f"{place}.{name}")
        if high > 100 + TOLERANCE:
            yield _outside(f"{place}.{'width' if name == 'x' else 'height'}")


def ellipse(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check an ellipse: radii greater than 0, and wholly inside, also when turned."""
    problems = bad_numbers(value, ("x", "y", "radiusX", "radiusY"), place) + _turn(value, place)
    for name in ("radiusX", "radiusY"):
        if not problems and value[name] <= 0:
            problems.append(Problem(f"{place}.{name}", _("must be greater than 0")))
    if problems:
        yield from problems
        return
    x, y, reach_x, reach_y = value["x"], value["y"], value["radiusX"], value["radiusY"]
    if turn := math.radians(value.get("rotation") or 0):
        aspect = _aspect(region)
        # Without the picture's size only the centre is certain.
        across, down = (reach_x, reach_y / aspect) if aspect else (0, 0)
        reach_x = math.hypot(across * math.cos(turn), down * math.sin(turn))
        reach_y = math.hypot(across * math.sin(turn), down * math.cos(turn)) * (aspect or 0)
    low = _inside(x - reach_x, y - reach_y, TURNED_TOLERANCE)
    if not (low and _inside(x + reach_x, y + reach_y, TURNED_TOLERANCE)):
        yield _outside(place)


def _aspect(region: Value) -> float | None:
    """Divide the picture's width by its height, if both are known."""
    wide, high = region.get("original_width"), region.get("original_height")
    known = all(type(side) is int and 0 < side <= MAX_SIDE for side in (wide, high))
    return wide / high if known else None  # type: ignore[operator]


def polygon(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a polygon: three points or more, all inside, not all on one line."""
    points = value.get("points")
    place = f"{place}.points"
    if not isinstance(points, list) or len(points) < 3:
        yield Problem(place, _("a polygon has at least 3 points"))
        return
    if len(points) > MAX_POINTS:
        message = _("has %(count)s points; at most %(limit)s are allowed")
        yield Problem(place, message, {"count": len(points), "limit": MAX_POINTS})
        return
    wrong = False
    for index, point in enumerate(points):
        pair = isinstance(point, list) and len(point) == 2
        if not pair or not (is_number(point[0]) and is_number(point[1])):
            yield Problem(f"{place}[{index}]", _("must be two finite numbers"))
            wrong = True
        elif not _inside(point[0], point[1]):
            yield _outside(f"{place}[{index}]")
            wrong = True
    if not wrong and _flat(points):
        yield Problem(place, _("the polygon has no area"))


def _flat(points: list[list[float]]) -> bool:
    x0, y0 = points[0]
    far = max(points, key=lambda p: abs(p[0] - x0) + abs(p[1] - y0))
    dx, dy = far[0] - x0, far[1] - y0
    return all(abs(dx * (y - y0) - dy * (x - x0)) <= 1e-12 for x, y in points)


def keypoint(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a point: inside the picture."""
    problems = bad_numbers(value, ("x", "y"), place)
    if "width" in value and not (is_number(value["width"]) and value["width"] >= 0):
        problems.append(Problem(f"{place}.width", _("must be a finite number")))
    yield from problems
    if not problems and not _inside(value["x"], value["y"]):
        yield _outside(place)


def vector(value: Value, region: Value, place: str) -> Iterator[Problem]:
    """Check a path: one vertex or more, all inside."""
    vertices = value.get("vertices")
    if not isinstance(vertices, list) or not 1 <= len(vertices) <= MAX_POINTS:
        message = _("must be a list of 1 to %(limit)s points")
        yield Problem(f"{place}.vertices", message, {"limit": MAX_POINTS})
        return
    for index, vertex in enumerate(vertices):
        here = f"{place}.vertices[{index}]"
        if not isinstance(vertex, dict):
            yield Problem(here, _("must be an object"))
        else:
            yield from keypoint({"x": vertex.get("x"), "y": vertex.get("y")}, region, here)
