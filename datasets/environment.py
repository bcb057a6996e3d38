"""Read numbers from the environment, and from them the limits of what is brought in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import errors
from .errors import _


def megabytes(given: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    """Return as bytes what a variable says in megabytes; see `whole_number`."""
    return whole_number(given, name, default, lowest, highest) * 1024**2


def whole_number(
    given: Mapping[str, str], name: str, default: int, lowest: int, highest: int
) -> int:
    """Return a variable's number, the default where it is not set.

    Raises:
        errors.Invalid: it is no whole number from `lowest` to `highest`.
    """
    text = given.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise errors.Invalid(
            _("%(name)s must be a whole number from %(lowest)s to %(highest)s, not “%(value)s”"),
            name=name,
            lowest=lowest,
            highest=highest,
            value=text[:40],
        )
    return int(text)


def incoming(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the limits of what is brought in, by the names that Settings has for them."""
    drawn = whole_number(given, "JINBIAO_MAXIMUM_PDF_PAGE_MEGAPIXELS", 16, 1, 100)
    return {
        "maximum_media_bytes": megabytes(given, "JINBIAO_MAXIMUM_MEDIA_MB", 512, 1, 1_000_000),
        "maximum_pixels": whole_number(given, "JINBIAO_MAXIMUM_MEGAPIXELS", 100, 1, 170)
        * 1_000_000,
        "maximum_archive_entries": whole_number(
            given, "JINBIAO_MAXIMUM_ARCHIVE_ENTRIES", 100_000, 1, 10_000_000
        ),
        "maximum_archive_bytes": megabytes(
            given, "JINBIAO_MAXIMUM_ARCHIVE_MB", 51_200, 1, 100_000_000
        ),
        "maximum_pdf_pages": whole_number(given, "JINBIAO_MAXIMUM_PDF_PAGES", 500, 1, 100_000),
        "maximum_pdf_page_pixels": drawn * 1_000_000,
    }
