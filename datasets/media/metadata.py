"""Take what a picture file says beside its picture: place, owner, thumbnail, trailing bytes.

JPEG, PNG, GIF and WebP are taken apart into their blocks and put together again without decoding,
so that no pixel changes. What decides how a picture looks stays (colour profile, resolution,
animation, the turn of a camera held sideways), and so does the mark of generated content, which
may not be removed (GB 45438-2025; TC260-PG-20259A: element TC260:AIGC of XMP).
Sources: ITU-T T.81 annex B and T.871 (JPEG), PNG 3rd edition, GIF89a, RFC 9649 (WebP).
"""

from __future__ import annotations

import re
import struct
import zlib

from ..errors import Invalid, _

_PROFILE_BYTES = 4 * 1024**2
_MARK_BYTES = 16 * 1024
_INFLATED = 256 * 1024
_AIGC = (
    re.compile(rb"<TC260:AIGC[^>]{0,200}>([^<>]{1,16000})</TC260:AIGC>"),
    re.compile(rb"TC260:AIGC\s*=\s*\"([^\"<>]{1,16000})\""),
    re.compile(rb"TC260:AIGC\s*=\s*'([^'<>]{1,16000})'"),
)
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"><TC260:AIGC>%b</TC260:AIGC>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
# Of PNG: what decides how it looks and moves. Text, time, EXIF and unknown chunks go.
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs hIST sPLT"
    b" acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))


def generated_mark(content: bytes) -> bytes:
    """Return the AIGC mark as it stands in XMP (escaped), b"" where there is none."""
    for pattern in _AIGC:
        if (found := pattern.search(content)) and len(found[1]) <= _MARK_BYTES:
            return found[1]
    return b""


def mark_packet(mark: bytes) -> bytes:
    """Return an XMP packet that holds the AIGC mark and nothing else."""
    return _XMP % mark


def without(content: bytes, pillow: str) -> bytes:
    """Return a picture file of Pillow's format name without what it says beside its picture.

    Raises Invalid for a format that cannot be taken apart, and for one whose blocks make no
    sense: such a picture has to be decoded and written anew.
    """
    take = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp}.get(pillow)
    if take is None:
        raise Invalid(_("this format cannot be taken apart without decoding it"))
    try:
        return take(content)
    except (struct.error, IndexError, ValueError) as problem:
        raise Invalid(_("the blocks of the picture file make no sense")) from problem


def orientation(exif: bytes) -> int:
    """Return the turn (1 to 8) that a block of EXIF states, 1 where it states none."""
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for number in range(min(count, 512)):
            tag, kind = struct.unpack_from(order + "HH", exif, start + 2 + 12 * number)
            if tag == 0x0112 and kind == 3:
                (turn,) = struct.unpack_from(order + "H", exif, start + 10 + 12 * number)
                return turn if 1 <= turn <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1


def turn_block(turn: int) -> bytes:
    """Return a block of EXIF that states a turn and nothing else."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, turn, 0, 0)


def _jpeg(content: bytes) -> bytes:
    out = [b"\xff\xd8"]
    turn, mark, place = 1, b"", 2
    kept: list[bytes] = []
    while True:
        if content[place] != 0xFF:
            raise ValueError
        while content[place] == 0xFF:
            place += 1
        marker = content[place]
        place += 1
        if marker == 0xD9:
            break
        if marker in (0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            continue
        (length,) = struct.unpack_from(">H", content, place)
        if length < 2 or place + length > len(content):
            raise ValueError
        body = content[place + 2 : place + length]
        place += length
        if marker == 0xE1 and body.startswith(b"Exif\0\0") and turn == 1:
            turn = orientation(body[6:])
        elif marker == 0xE1 and body.startswith(_XMP_NAME) and not mark:
            mark = generated_mark(body)
        if body := _jpeg_kept(marker, body):
            kept.append(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body)
        if marker == 0xDA:
            end = _scan_end(content, place)
            kept.append(content[place:end])
            place = end
    if turn != 1:
        out.append(_segment(b"Exif\0\0" + turn_block(turn)))
    if mark:
        out.append(_segment(_XMP_NAME + mark_packet(mark)))
    jfif = [each for each in kept if each[:2] == b"\xff\xe0"]
    rest = [each for each in kept if each[:2] != b"\xff\xe0"]
    return b"".join([out[0], *jfif, *out[1:], *rest, b"\xff\xd9"])


def _segment(body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body


def _jpeg_kept(marker: int, body: bytes) -> bytes:
    """Return what stays of a segment: tables, frames, scans, profile and colour transform."""
    if marker == 0xE0:  # density, without the thumbnail that may follow it
        return body[:12] + b"\0\0" if body.startswith(b"JFIF\0") and len(body) >= 14 else b""
    if marker == 0xE2:
        return body if body.startswith(b"ICC_PROFILE\0") else b""
    if marker == 0xEE:
        return body if body.startswith(b"Adobe") else b""
    if 0xE0 <= marker <= 0xEF or marker == 0xFE or 0xF0 <= marker <= 0xFD:
        return b""
    return body


def _scan_end(content: bytes, place: int) -> int:
    """Return where the next marker begins; stuffed zeros and restarts belong to the scan."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            raise ValueError
        following = content[place + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return place
        place += 1 if following == 0xFF else 2


def _png(content: bytes) -> bytes:
    turn, mark, place = 1, b"", 8
    chunks: list[bytes] = []
    while True:
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise ValueError
        body = content[place + 8 : place + 8 + length]
        if name == b"eXIf":
            turn = orientation(body)
        elif name in (b"iTXt", b"tEXt") and not mark:
            mark = generated_mark(_itxt(body) if name == b"iTXt" else body)
        elif name in _PNG_KEPT and (name != b"iCCP" or _profile_fits(body)):
            chunks.append(content[place:end])
        place = end
        if name == b"IEND":
            break
    extra = []
    if turn != 1:
        extra.append(_chunk(b"eXIf", turn_block(turn)))
    if mark:
        extra.append(png_packet(mark))
    return b"".join([content[:8], chunks[0], *extra, *chunks[1:]])


def png_packet(mark: bytes) -> bytes:
    """Return the chunk of a PNG that holds the AIGC mark; it stands behind the first chunk."""
    return _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + mark_packet(mark))


def _itxt(body: bytes) -> bytes:
    """Return the text of an iTXt chunk, inflated where it is compressed."""
    keyword, _nothing, rest = body.partition(b"\0")
    if rest[:1] != b"\x01":
        return body
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    try:
        return zlib.decompressobj().decompress(text, _INFLATED)
    except zlib.error:
        return b""


def _profile_fits(body: bytes) -> bool:
    """Tell whether a colour profile inflates to no more than a profile can be."""
    packed = body.partition(b"\0")[2][1:]
    try:
        opened = zlib.decompressobj()
        return len(opened.decompress(packed, _PROFILE_BYTES)) < _PROFILE_BYTES
    except zlib.error:
        return False


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _gif(content: bytes) -> bytes:
    place = 13 + (3 << ((content[10] & 7) + 1) if content[10] & 0x80 else 0)
    out = [content[:place]]
    mark = b""
    while content[place : place + 1] != b";":
        start, kind = place, content[place]
        if kind == 0x2C:
            flags = content[place + 9]
            place += 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0) + 1
        elif kind == 0x21:
            place += 2
        else:
            raise ValueError
        while content[place]:  # blocks of up to 255 bytes, then an empty one
            place += 1 + content[place]
        place += 1
        block = content[start:place]
        if kind == 0x21 and block.startswith(_GIF_XMP):
            mark = mark or generated_mark(block)
        elif kind == 0x2C or block[1] == 0xF9 or block[3:14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
            out.append(block)
    if mark:  # its trailer makes every byte of the text a block of its own length
        trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        out.append(_GIF_XMP + mark_packet(mark) + trailer)
    return b"".join([*out, b";"])


def _webp(content: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", content, 4)
    end, place = min(size + 8, len(content)), 12
    turn, mark = 1, b""
    chunks: list[tuple[bytes, bytes]] = []
    while place + 8 <= end:
        name, length = struct.unpack_from("<4sI", content, place)
        body = content[place + 8 : place + 8 + length]
        if len(body) < length:
            raise ValueError
        if name == b"EXIF":
            turn = orientation(body.removeprefix(b"Exif\0\0"))
        elif name == b"XMP ":
            mark = mark or generated_mark(body)
        elif name in _WEBP_KEPT and (name != b"ICCP" or length <= _PROFILE_BYTES):
            chunks.append((name, body))
        place += 8 + length + (length & 1)
    if turn != 1:
        chunks.append((b"EXIF", turn_block(turn)))
    if mark:
        chunks.append((b"XMP ", mark_packet(mark)))
    return _riff(chunks)


def _riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    names = {name for name, _body in chunks}
    written = []
    for name, body in chunks:
        if name == b"VP8X":  # its flags say which other chunks there are
            flags = body[0] & ~0x2C
            flags |= 0x20 * (b"ICCP" in names) | 0x08 * (b"EXIF" in names)
            body = bytes([flags | 0x04 * (b"XMP " in names)]) + body[1:]
        written.append(struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1))
    inside = b"WEBP" + b"".join(written)
    return struct.pack("<4sI", b"RIFF", len(inside)) + inside
