"""Walk the blocks of a picture file without decoding it: frames, and where the picture ends.

Bytes after the end can hold a second file (a polyglot) that the picture decoder never sees.
Sources: ITU-T T.81 annex B (JPEG), PNG 3rd edition §5, GIF89a, RIFF container of WebP, TIFF 6.0
and BigTIFF. A walk that meets nonsense stops; the decoder has the last word on damage.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import Invalid, TooLarge, _
from .facts import MediaLimits

_BLOCK = 1 << 20
_TAG_BYTES = 32 * 1024**2
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


@dataclass(frozen=True)
class Outline:
    """Count the frames; `end` is the offset after the picture, None when it is not known.

    `regular` is False when the blocks make no sense, so that bytes may hide among them.
    """

    frames: int = 1
    end: int | None = None
    regular: bool = True


def outline(stream: BinaryIO, pillow: str, limits: MediaLimits) -> Outline:
    """Walk a picture of Pillow's format name; raise TooLarge when a limit is passed."""
    stream.seek(0)
    walk = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp, "TIFF": _tiff}.get(pillow)
    try:
        found = walk(stream, limits) if walk else Outline()
    except (struct.error, EOFError):
        return Outline(regular=False)
    if found.frames > limits.frames:
        raise TooLarge(
            _("it has more than %(limit)s pages or frames"), limit=limits.frames, place="frames"
        )
    return found


def _take(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _jpeg(stream: BinaryIO, limits: MediaLimits) -> Outline:
    _take(stream, 2)
    scans = 0
    while True:
        marker = _next_marker(stream)
        if marker == 0xD9:
            return Outline(end=stream.tell())
        if marker in (0x01, 0xD8):
            continue
        (length,) = struct.unpack(">H", _take(stream, 2))
        stream.seek(max(length - 2, 0), io.SEEK_CUR)
        scans += marker == 0xDA
        if scans > limits.scans:
            raise TooLarge(_("the JPEG has more than %(limit)s scans"), limit=limits.scans)


def _next_marker(stream: BinaryIO) -> int:
    """Go behind the next marker; stuffed zeros and restart markers are part of the scan."""
    while block := stream.read(_BLOCK):
        if found := _MARKER.search(block):
            stream.seek(found.end() - len(block), io.SEEK_CUR)
            return block[found.end() - 1]
        if block.endswith(b"\xff") and len(block) > 1:
            stream.seek(-1, io.SEEK_CUR)
    raise EOFError


def _png(stream: BinaryIO, limits: MediaLimits) -> Outline:
    _take(stream, 8)
    frames = 1
    while True:
        length, name = struct.unpack(">I4s", _take(stream, 8))
        if name == b"acTL" and length >= 8:
            (frames,) = struct.unpack(">I", _take(stream, 4))
            stream.seek(-4, io.SEEK_CUR)
        stream.seek(length + 4, io.SEEK_CUR)
        if name == b"IEND":
            return Outline(frames=max(frames, 1), end=stream.tell())


def _gif(stream: BinaryIO, limits: MediaLimits) -> Outline:
    flags = _take(stream, 13)[10]
    stream.seek(3 << ((flags & 7) + 1) if flags & 0x80 else 0, io.SEEK_CUR)
    frames = 0
    while frames <= limits.frames:
        block = _take(stream, 1)
        if block == b";":
            return Outline(frames=max(frames, 1), end=stream.tell())
        if block == b"!":
            _take(stream, 1)
        elif block == b",":
            frames += 1
            flags = _take(stream, 9)[8]
            stream.seek(3 << ((flags & 7) + 1) if flags & 0x80 else 0, io.SEEK_CUR)
            _take(stream, 1)
        else:
            raise EOFError
        while size := _take(stream, 1)[0]:
            stream.seek(size, io.SEEK_CUR)
    return Outline(frames=frames)


def _webp(stream: BinaryIO, limits: MediaLimits) -> Outline:
    (size,) = struct.unpack("<4xI4x", _take(stream, 12))
    end, frames = size + 8 + (size & 1), 0
    while stream.tell() + 8 <= end:
        name, length = struct.unpack("<4sI", _take(stream, 8))
        here = stream.tell()
        if name == b"VP8X" and length >= 10:
            _check_canvas(_take(stream, 10), limits)
        frames += name == b"ANMF"
        stream.seek(here + length + (length & 1))
    return Outline(frames=max(frames, 1), end=end)


def _check_canvas(chunk: bytes, limits: MediaLimits) -> None:
    """Refuse a huge canvas here: the WebP decoder would allocate it on opening."""
    width = int.from_bytes(chunk[4:7], "little") + 1
    height = int.from_bytes(chunk[7:10], "little") + 1
    check_pixels(width, height, limits.megapixels)


def check_pixels(width: int, height: int, megapixels: int) -> None:
    """Refuse a declared size above the limit, before anything is decoded."""
    if width * height > megapixels * 1_000_000:
        raise TooLarge(
            _("the picture is %(width)s × %(height)s; the limit is %(limit)s megapixels"),
            width=width,
            height=height,
            limit=megapixels,
        )


def _tiff(stream: BinaryIO, limits: MediaLimits) -> Outline:
    head = _take(stream, 8)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"\x2b\x00", b"\x00\x2b")
    (offset,) = struct.unpack(order + ("Q" if big else "4xI"), _take(stream, 8) if big else head)
    seen: set[int] = set()
    while offset and len(seen) <= limits.frames:
        if offset in seen:
            raise Invalid(_("the pages of the TIFF lead in a circle"))
        seen.add(offset)
        if offset >= 2**63:
            raise EOFError
        stream.seek(offset)
        tags = dict(_tags(stream, order, big))
        if tags.get(322, 0) * tags.get(323, 0) > limits.megapixels * 1_000_000:
            raise TooLarge(
                _("a tile of the TIFF is larger than %(limit)s megapixels"), limit=limits.megapixels
            )
        (offset,) = struct.unpack(order + ("Q" if big else "I"), _take(stream, 8 if big else 4))
    return Outline(frames=max(len(seen), 1))


def _tags(stream: BinaryIO, order: str, big: bool) -> Iterator[tuple[int, int]]:
    """Give (tag, first value) of a TIFF directory; refuse one whose tags hold too many bytes."""
    (count,) = struct.unpack(order + ("Q" if big else "H"), _take(stream, 8 if big else 2))
    total = 0
    for _number in range(min(count, 4096)):
        entry = _take(stream, 20 if big else 12)
        tag, kind, length = struct.unpack_from(order + ("HHQ" if big else "HHI"), entry)
        total += length * _TIFF_SIZES.get(kind, 8)
        if total > _TAG_BYTES:
            raise TooLarge(
                _("the tags of the TIFF hold more than %(limit)s MB"), limit=_TAG_BYTES // 1024**2
            )
        form = {3: "H", 4: "I", 16: "Q"}.get(kind)
        if form and length == 1 and (big or form != "Q"):
            yield tag, struct.unpack_from(order + form, entry, 12 if big else 8)[0]
    if count > 4096:
        raise EOFError
