"""Say what a file with labels holds, whatever its format: pictures, texts, and things on them.

Coordinates are pixels of the picture from its top left corner, offsets count characters
(code points) of a text, the end not included; frames count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import Problem

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box, turned by `rotation` degrees clockwise about its top-left corner."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True)
class Polygon:
    """One or more closed outlines of one thing."""

    rings: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True)
class Line:
    """An open line from point to point."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Ellipse:
    """An ellipse by its centre and radii, turned by `rotation` degrees clockwise about it."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float = 0.0


@dataclass(frozen=True)
class Mask:
    """The painted pixels of a picture: rows × columns, not 0 where painted.

    With a `corner` (x, y) they are those of a part of it that begins there.
    """

    pixels: np.ndarray[Any, Any]
    corner: tuple[int, int] | None = None


@dataclass(frozen=True)
class Marks:
    """Single points of one thing, each with its own name ('' when it has none)."""

    points: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Frame:
    """Where a track is in one frame; `enabled` is False in the last frame before it is away."""

    number: int
    box: Box
    enabled: bool = True


@dataclass(frozen=True)
class Track:
    """One thing through the frames of a film, of `frames` in all at `rate` a second."""

    sequence: tuple[Frame, ...]
    frames: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class Span:
    """A stretch of a text."""

    start: int
    end: int


@dataclass(frozen=True)
class Answer:
    """What is said of the whole task: labels to choose, or words."""

    labels: tuple[str, ...] = ()
    words: str | None = None


@dataclass(frozen=True)
class Link:
    """A relation between two things, by their names in the file."""

    start: str
    end: str


Form = Box | Polygon | Line | Ellipse | Mask | Marks | Track | Span | Answer | Link


@dataclass(frozen=True)
class Thing:
    """One labelled thing: `forms` say the same in several ways, the most exact first.

    `place` finds it in its file (`line 7`, `annotation 12`). `beside` marks what says more of
    a thing that is there already, so that it may be left out where the config has no place
    for it. `key` is its name in the file, which links refer to; `attributes` are names with
    values, a name again where its value changes.
    """

    label: str
    forms: tuple[Form, ...]
    place: str
    score: float | None = None
    key: str = ""
    beside: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fault:
    """Something of a file that cannot be used."""

    place: str
    reason: Problem


@dataclass
class Picture:
    """A picture or a film that a file with labels names, and what lies on it.

    `path` is as the file names it; `size` is what the file says of it, None or 0 where it says
    nothing. `said` is False where nobody looked at it yet; `shares` says that coordinates are
    shares of its sides instead of pixels.
    """

    path: str
    place: str
    things: list[Thing | Fault] = field(default_factory=list)
    size: tuple[int, int] | None = None
    said: bool = True
    film: bool = False
    shares: bool = False


@dataclass
class Words:
    """A text with what was labelled in it; `data` are further values that came with it."""

    text: str
    place: str
    things: list[Thing | Fault] = field(default_factory=list)
    data: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    said: bool = True


Found = Picture | Words | Fault
