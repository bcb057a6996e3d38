"""Say in the reader's language where something is wrong, and what parsers say of it in English."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext

_PLACE = re.compile(r"(line|item) (\d+)(.*)", re.DOTALL)


def _(message: str) -> str:
    return message


_PLACES = {"line": _("line %(number)s"), "item": _("item %(number)s")}
# What the parsers of XML (expat) and JSON (Python's, msgspec) find most often.
_REASONS = {
    _("unclosed token"),
    _("mismatched tag"),
    _("not well-formed (invalid token)"),
    _("no element found"),
    _("duplicate attribute"),
    _("junk after document element"),
    _("undefined entity"),
    _("unbound prefix"),
    _("Expecting value"),
    _("Expecting property name enclosed in double quotes"),
    _("Expecting ',' delimiter"),
    _("Expecting ':' delimiter"),
    _("Extra data"),
    _("Unterminated string starting at"),
    _("Invalid control character at"),
    _("Input data was truncated"),
}


def place(text: str) -> str:
    """Return a place such as `line 7 <Image>`; what stands in no sentence stays as it is."""
    found = _PLACE.fullmatch(text)
    return gettext(_PLACES[found[1]], number=found[2]) + found[3] if found else text


def sentence(message: str, values: dict[str, Any]) -> str:
    """Return a message, filled in, in the reader's language."""
    # gettext() formats only when it is given variables; a bare % must not break it.
    if not values:
        return gettext(message)
    reason = values.get("reason")
    known = isinstance(reason, str) and reason in _REASONS
    told = {**values, "reason": gettext(reason)} if known else values
    return gettext(message, **told)
