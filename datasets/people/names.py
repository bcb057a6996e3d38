"""Check what people call themselves and things."""

from __future__ import annotations

from .. import errors
from ..errors import _


def clean_line(text: str, place: str, longest: int) -> str:
    """Return one line of text, trimmed.

    Raises:
        errors.Invalid: it is empty, too long, or holds control characters.
    """
    text = text.strip()
    if not text or len(text) > longest or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise errors.Invalid(
            _("must be one line of 1 to %(longest)s characters"), place=place, longest=longest
        )
    return text
