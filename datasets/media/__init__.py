"""Read what people bring in by its content, in bounded memory and time.

Pictures are decoded before they are believed; sound and film are recognised by their magic
numbers, their length where the container states it; text is decoded completely. SVG, HTML,
XML, HEIC, AVIF, archives and unknown bytes are refused with the reason.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from ..errors import Invalid, TooLarge, _
from . import durations, pictures, sounds, texts
from .facts import Kind, MediaFacts, MediaLimits
from .pages import page, page_count, pages
from .pictures import THUMBNAIL_TYPE, thumbnail
from .signatures import (
    FLAC,
    HEAD,
    M4A,
    MP3,
    MP4,
    OGG,
    TEXT,
    WAV,
    Signature,
    name_differs,
    named_kind,
    recognise,
)

__all__ = [
    "THUMBNAIL_TYPE",
    "Kind",
    "MediaFacts",
    "MediaLimits",
    "display_copy",
    "inspect",
    "named_kind",
    "page",
    "page_count",
    "pages",
    "size",
    "thumbnail",
]

_DURATIONS = {OGG: durations.ogg, MP3: durations.mp3, MP4: durations.mp4, M4A: durations.mp4}


def inspect(stream: BinaryIO, name: str = "", *, limits: MediaLimits) -> MediaFacts:
    """Say what a seekable stream holds; raise Invalid (TooLarge) with a plain reason.

    `name` can only cause a refusal or a warning: the content alone decides what it is.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    signature = recognise(stream.read(HEAD), name)
    _check_size(signature, size, limits)
    if signature.kind == "image":
        return pictures.inspect(stream, name, signature, size, limits)
    if signature is TEXT:
        return _text(stream)
    notes: list[str] = []
    if name_differs(name, signature):
        notes.append(f"the name does not fit: the content is {signature.content_type}")
    seconds = None
    if signature is WAV:
        seconds = sounds.wav(stream, size, limits, notes)
    elif signature is FLAC:
        seconds = sounds.flac(stream, limits)
    elif (read := _DURATIONS.get(signature)) is not None:
        seconds = read(stream)
        sounds.check_length(seconds, limits)
    return MediaFacts(
        signature.content_type,
        signature.kind,
        signature.extension,
        seconds=seconds,
        warnings=notes,
    )


def size(stream: BinaryIO, name: str = "", *, limits: MediaLimits) -> tuple[int, int]:
    """Return the width and height of an upright picture by its header; see `inspect`.

    Raises:
        Invalid: it is no picture, or its header is damaged.
    """
    stream.seek(0)
    signature = recognise(stream.read(HEAD), name)
    if signature.kind != "image":
        raise Invalid(_("the file is no picture"))
    return pictures.size(stream, signature, limits)


def _check_size(signature: Signature, size: int, limits: MediaLimits) -> None:
    limit = {"image": limits.image_bytes, "text": limits.text_bytes}.get(
        signature.kind, limits.other_bytes
    )
    if size > limit:
        raise TooLarge(
            _("the file has %(size)s MB; the limit is %(limit)s MB"),
            size=round(size / 1024**2, 1),
            limit=round(limit / 1024**2, 1),
        )


def _text(stream: BinaryIO) -> MediaFacts:
    encoding = texts.encoding(stream)
    copy = encoding not in ("utf-8", "utf-8-sig")
    notes = [f"the text is {encoding}: shown as UTF-8"] if copy else []
    # The original keeps its bytes, so its type must name its own encoding.
    charset = encoding if copy else "utf-8"
    return MediaFacts(
        f"text/plain; charset={charset}",
        "text",
        TEXT.extension,
        needs_display_copy=copy,
        warnings=notes,
    )


def display_copy(stream: BinaryIO, facts: MediaFacts) -> tuple[bytes, str]:
    """Return (bytes, content type) that every browser can show; only for pictures and text."""
    if facts.kind == "image":
        return pictures.display_copy(stream, facts)
    if facts.kind == "text":
        return texts.as_utf8(stream), TEXT.content_type
    raise Invalid(_("only pictures and text have a copy for display"))
