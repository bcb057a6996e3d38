"""Hold what every reader needs, and check the numbers that label files bring."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import SourceLimits
from . import sniffing
from .things import Fault
from .trees import Files

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


@dataclass
class Context:
    """State what is read, by which limits, and what the project shows.

    `film` is true where a film is labelled, `choosing` where a whole task gets a choice and
    `writing` where it gets words; `spans` where stretches of a text are labelled.
    """

    files: Files
    limits: SourceLimits
    skipped: Counter[str]
    most_pixels: int
    film: bool = False
    choosing: bool = False
    writing: bool = False
    spans: bool = False
    columns: tuple[str, ...] = ()
    chosen: bool = False  # the format was chosen by a person, not recognised
    _sniffed: dict[str, str | None] = field(default_factory=dict)

    def sniff(self, path: str) -> str | None:
        """Return the format of one file by its content, None for one that is not known."""
        if path not in self._sniffed:
            self._sniffed[path] = sniffing.format_of(self.files, path, self.limits)
        return self._sniffed[path]

    def documents(self, kind: str, *suffixes: str) -> list[str]:
        """List the files of these suffixes that are of a format, or of none that is known."""
        return [path for path in self.files.ending(*suffixes) if self.sniff(path) in (kind, None)]


def number(value: dict[str, Any], name: str) -> float | None:
    """Return a member that is a finite number, None without one."""
    found = value.get(name)
    if found is None:
        return None
    return finite(found, name)


def finite(value: Any, place: str) -> float:
    """Return a finite number; raise Invalid naming the place for anything else."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not math.isfinite(value) or abs(value) > 1e12:
        raise Invalid(_("must be a finite number"), place=place)
    return float(value)


def numbers(value: Any, place: str, count: int | None = None) -> tuple[float, ...]:
    """Return a list of finite numbers, so many where `count` says it."""
    if not isinstance(value, list | tuple):
        raise Invalid(_("must be a list of numbers"), place=place)
    if count is not None and len(value) != count:
        raise Invalid(
            _("must be %(count)s numbers, not %(found)s"),
            place=place,
            count=count,
            found=len(value),
        )
    return tuple(finite(each, place) for each in value)


def parsed(text: str | None, place: str) -> float:
    """Return the number that a text is; raise Invalid naming the place for anything else."""
    if text is None or not _NUMBER.fullmatch(text.strip()):
        raise Invalid(_("%(text)s is no number"), place=place, text=(text or "")[:40])
    return finite(float(text), place)


def own_lines(context: Context, path: str, faults: list[Any]) -> list[str]:
    """Return the lines of one picture's label file; where it is no text, none and a Fault."""
    try:
        return context.files.text(path).splitlines()
    except Invalid as wrong:
        faults.append(Fault(path, Problem(wrong.place, wrong.message, wrong.values)))
        return []
