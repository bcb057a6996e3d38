"""Say in the reader's language where something is wrong, and what parsers say of it in English."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext

from . import sentences

_PLACE = re.compile(r"(line|item) (\d+)(.*)", re.DOTALL)
# A row of a table or a list that is taken apart.
_ROW = re.compile(r"(.+): line (\d+)", re.DOTALL)


def _(message: str) -> str:
    return message


_PLACES = {"line": _("line %(number)s"), "item": _("item %(number)s")}
# Where in a file that came with labels.
_INSIDE = re.compile(
    r"(.+), (line|item|annotation|object|shape|image|page|frame|track) (\d+)", re.DOTALL
)
_PLACES_INSIDE = {
    "line": _("%(before)s, line %(number)s"),
    "item": _("%(before)s, item %(number)s"),
    "annotation": _("%(before)s, annotation %(number)s"),
    "object": _("%(before)s, object %(number)s"),
    "shape": _("%(before)s, shape %(number)s"),
    "image": _("%(before)s, image %(number)s"),
    "page": _("%(before)s, page %(number)s"),
    "frame": _("%(before)s, frame %(number)s"),
    "track": _("%(before)s, track %(number)s"),
}


def place(text: str) -> str:
    """Return a place such as `line 7 <Image>`; what stands in no sentence stays as it is."""
    if inside := _INSIDE.fullmatch(text):
        return gettext(_PLACES_INSIDE[inside[2]], before=place(inside[1]), number=inside[3])
    if row := _ROW.fullmatch(text):
        return gettext("%(before)s: line %(number)s", before=row[1], number=row[2])
    found = _PLACE.fullmatch(text)
    return gettext(_PLACES[found[1]], number=found[2]) + found[3] if found else text


def sentence(message: str, values: dict[str, Any]) -> str:
    """Return a message, filled in, in the reader's language; see sentences.py."""
    return sentences.sentence(message, values, gettext)
