"""Turn the pages of a PDF into pictures, one at a time.

PDFium draws; it knows one document at a time in a process. A page is drawn at 150 dots an inch,
or coarser where that would be more pixels than the limit allows. Scripts, forms and links of the
document are not run, not filled and not followed.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ..errors import Invalid, TooLarge, _
from .facts import MediaLimits

DOTS = 150  # an inch
_POINTS = 72  # an inch: what a PDF measures in
_SMALLEST = 0.05  # scale below which a page is no page
_ONE = threading.Lock()


def page_count(stream: BinaryIO, limits: MediaLimits) -> int:
    """Return how many pages a PDF has.

    Raises:
        Invalid: it is damaged or has a password.
        TooLarge: it has more pages or bytes than the limits allow.
    """
    with _opened(stream, limits) as document:
        return len(document)


def page(stream: BinaryIO, number: int, limits: MediaLimits) -> bytes:
    """Return one page, counted from 1, as a PNG.

    Raises:
        Invalid: there is no such page, or it cannot be drawn.
    """
    with _opened(stream, limits) as document:
        return _drawn(document, number, limits)


def pages(stream: BinaryIO, limits: MediaLimits) -> Iterator[bytes]:
    """Give the pages of a PDF as PNG, in order; see `page`."""
    for number in range(1, page_count(stream, limits) + 1):
        yield page(stream, number, limits)


@contextmanager
def _opened(stream: BinaryIO, limits: MediaLimits) -> Iterator[Any]:
    import pypdfium2

    size = stream.seek(0, io.SEEK_END)
    if size > limits.pdf_bytes:
        raise TooLarge(
            _("the file has %(size)s MB; the limit is %(limit)s MB"),
            size=round(size / 1024**2, 1),
            limit=round(limits.pdf_bytes / 1024**2, 1),
        )
    stream.seek(0)
    with _ONE:
        try:
            document = pypdfium2.PdfDocument(stream.read())
        except pypdfium2.PdfiumError as error:
            raise Invalid(
                _("the PDF is damaged or needs a password (%(reason)s)"), reason=str(error)[:200]
            ) from error
        try:
            if len(document) > limits.pdf_pages:
                raise TooLarge(
                    _("the PDF has %(pages)s pages; the limit is %(limit)s"),
                    pages=len(document),
                    limit=limits.pdf_pages,
                )
            yield document
        except pypdfium2.PdfiumError as error:
            raise Invalid(
                _("the page cannot be drawn (%(reason)s)"), reason=str(error)[:200]
            ) from error
        finally:
            document.close()


def _drawn(document: Any, number: int, limits: MediaLimits) -> bytes:
    if not 1 <= number <= len(document):
        raise Invalid(_("there is no page %(number)s"), number=number)
    drawn = document[number - 1]
    try:
        wide, high = drawn.get_size()
        scale = DOTS / _POINTS
        if wide * high * scale * scale > limits.pdf_page_pixels:
            scale = (limits.pdf_page_pixels / max(wide * high, 1)) ** 0.5
        if scale < _SMALLEST or wide < 1 or high < 1:
            raise TooLarge(
                _("the page measures %(width)s × %(height)s points; it cannot be drawn"),
                width=round(wide),
                height=round(high),
            )
        bitmap = drawn.render(scale=scale, may_draw_forms=False)
        try:
            out = io.BytesIO()
            bitmap.to_pil().convert("RGB").save(out, "PNG", compress_level=1)
            return out.getvalue()
        finally:
            bitmap.close()
    finally:
        drawn.close()
