"""Find out in which encoding a text was written: by its mark, by strict decoding, by statistics.

Strict decoding reads all of the text, a block at a time. A text that is UTF-8 but for a few
damaged bytes is read as UTF-8, its damaged lines being told one by one. charset-normalizer is
asked only where neither UTF-8 nor GB 18030 fits.
"""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

from charset_normalizer import from_bytes

from ..errors import Invalid, _

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20
_PROBE = 1 << 18  # bytes that statistics are made of
# How bytes that are no text come out of `opened`; a line with one of them is told and left out.
BROKEN = "jinbiao-broken"


def _as_surrogates(problem: UnicodeError) -> tuple[str, int]:
    """Put a lone surrogate where a byte is no text: also where it is ASCII, as in UTF-16."""
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    return "\udcff" * (problem.end - problem.start), problem.end


codecs.register_error(BROKEN, _as_surrogates)


def encoding_of(stream: BinaryIO) -> str:
    """Name the encoding of a seekable stream and go to its beginning; raise Invalid without one."""
    stream.seek(0)
    head = stream.read(_PROBE)
    try:
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        for name in ("utf-8", "gb18030"):
            if _fits(stream, name):
                return name
        return _likely(head)
    finally:
        stream.seek(0)


def opened(stream: BinaryIO) -> io.TextIOWrapper:
    """Return the text of a stream; bytes that fit its encoding nowhere become lone surrogates."""
    name = encoding_of(stream)
    return io.TextIOWrapper(stream, encoding=name, errors=BROKEN, newline="")


def is_broken(text: str) -> bool:
    """Tell whether a piece of such a text holds bytes that were none."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _fits(stream: BinaryIO, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    stream.seek(0)
    try:
        while block := stream.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _likely(head: bytes) -> str:
    lines = [line for line in head.split(b"\n")[:-1] or [head] if not line.isascii()]
    good = sum(_is_utf8(line) for line in lines)
    if good * 2 > len(lines):
        return "utf-8"
    best = from_bytes(head).best()
    if best is None:
        if good:
            return "utf-8"
        raise Invalid(_("the text is neither UTF-8 nor GB18030"))
    return best.encoding


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
