"""Read a text file: UTF-8, UTF-16 with a byte order mark, or the Chinese national encoding."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from ..errors import Invalid, _


def encoding(stream: BinaryIO) -> str:
    """Name the encoding that fits the whole file; raise Invalid for NUL and for no encoding."""
    stream.seek(0)
    head = stream.read(3)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig" if head == codecs.BOM_UTF8 else "utf-8", "gb18030"]
    for name in candidates:
        if _fits(stream, name):
            return name
    raise Invalid(_("the text is neither UTF-8, UTF-16 nor GB 18030"))


def _fits(stream: BinaryIO, name: str) -> bool:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(name)()
    try:
        while block := stream.read(1 << 20):
            if "\x00" in decoder.decode(block):
                raise Invalid(_("the text holds NUL characters"))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def as_utf8(stream: BinaryIO) -> bytes:
    """Return the text as UTF-8 without a byte order mark."""
    name = encoding(stream)
    stream.seek(0)
    return stream.read().decode(name).encode()
