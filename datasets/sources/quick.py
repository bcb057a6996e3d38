"""Parse a JSON value fast where nothing about it is doubtful; `values.Parser` has the last word.

A value is sure when writing it again gives the same text, or one with as many names in it:
then no name stood twice in one object, and no number was changed.
"""

from __future__ import annotations

from typing import Any

import msgspec

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 19  # a whole number of 64 bits may have as many digits
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
# NUL, half characters (and whole ones of two halves): looked at with care.
_DOUBTFUL = (b"\\u0000", b"\\ud", b"\\uD")
_SPACED = (b" :", b"\t:", b"\r:", b"\n:")


class Doubtful(Exception):
    """Something about the text needs a closer look."""


def value(text: str, depth: int) -> Any:
    """Return the value of a text that is one JSON value.

    Raises:
        Doubtful: it may be wrong, or is not JSON at all.
    """
    try:
        content = text.encode()
        found = _DECODE(content)
        written = _ENCODE(found)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise Doubtful from error
    if content.count(b"[") + content.count(b"{") > depth:
        raise Doubtful
    # `__proto__` and `prototype` are names that are a danger to browsers.
    if b"proto" in content or _LONG in content.translate(_DIGITS):
        raise Doubtful
    if b"\\u" in content and any([word in content for word in _DOUBTFUL]):
        raise Doubtful
    if written != content and not _named_once(content, found):
        raise Doubtful
    return found


def _named_once(content: bytes, found: Any) -> bool:
    """Tell whether a value has as many names as its text, whose colons follow names at once."""
    if any([space in content for space in _SPACED]):
        return False
    return content.count(b'":') == _names(found)


def _names(found: Any) -> int:
    if isinstance(found, dict):
        inner = [_names(each) for each in found.values() if isinstance(each, dict | list)]
        return len(found) + sum(inner)
    if isinstance(found, list):
        return sum([_names(each) for each in found if isinstance(each, dict | list)])
    return 0
