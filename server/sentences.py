"""Fill messages in, and tell in the reader's language what parsers say in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..datasets.sizes import size

# Gives a message in the reader's language, its values still to be filled in.
Translate = Callable[[str], str]


def _(message: str) -> str:
    return message


# What the parsers of XML (expat), JSON (Python's, msgspec) and CSV find most often.
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
    _("unclosed CDATA section"),
    _("reference to invalid character number"),
    _("XML or text declaration not at start of entity"),
    _("XML declaration not well-formed"),
    _("encoding specified in XML declaration is incorrect"),
    _("unknown encoding"),
    _("partial character"),
    _("unexpected end of data"),
    _("a quote is open"),
    _("a number is too long"),
    _("File is not a zip file"),
    # Why a list may not name a file (datasets/sources/names.py).
    _("the name is empty or too long"),
    _("the name holds control or broken characters"),
    _("the name is an absolute path"),
    _("the name leads out of its folder"),
    # What decoders of pictures (Pillow), sound (libsndfile) and PDF (PDFium) say.
    _("broken data stream when reading image file"),
    _("unrecognized data stream contents when reading image file"),
    _("not enough image data"),
    _("Truncated File Read"),
    _("broken PNG file"),
    _("Format not recognised."),
    _("Failed to load document (PDFium: Data format error)."),
    _("Failed to load document (PDFium: Incorrect password error)."),
}
# What they say in more than one way.
_MANNERS = (
    (
        re.compile(r"image file is truncated(?: \(\d+ bytes not processed\))?"),
        _("it ends too early"),
    ),
    (re.compile(r"field larger than field limit \(\d+\)"), _("a cell is too long")),
    (re.compile(r"'.' expected after '\"'"), _("something stands behind a closing quote")),
    (re.compile(r"Invalid \\(?:uXXXX )?escape.*"), _("a backslash is followed by what is no sign")),
)
_KINDS = {
    "text": _("text"),
    "image": _("picture"),
    "audio": _("sound"),
    "video": _("film"),
    "table": _("table"),
    "document": _("document"),
}


def sentence(message: str, values: dict[str, Any], translate: Translate) -> str:
    """Return a message, filled in, in the reader's language.

    A kind of material is told by its word, and a value that is called `…_bytes` as a size.
    """
    # A bare % must not break a message that has no values.
    said = str(translate(message))
    if not values:
        return said
    return said % {name: _told(name, value, translate) for name, value in values.items()}


def _told(name: str, value: Any, translate: Translate) -> Any:
    if name.endswith("_bytes") and isinstance(value, int):
        return size(value)
    if not isinstance(value, str):
        return value
    if name == "kind" and value in _KINDS:
        return translate(_KINDS[value])
    if name == "reason":
        for manner, said in _MANNERS:
            if manner.fullmatch(value):
                return translate(said)
        return translate(value) if value in _REASONS else value
    return value
