"""Read how long Ogg, MP3 and MP4 files last from their containers, without decoding them.

Sources: RFC 3533 (Ogg pages), RFC 7845 (Opus: 48 kHz, pre-skip), Vorbis I §4.2.2, ISO/IEC
11172-3 and 13818-3 (MPEG audio frame headers), the Xing/Info header, ISO/IEC 14496-12 (mvhd).
What is not there, damaged or cut off gives None: the length is a help, not a judgement.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

_TAIL = 1 << 17  # bytes at the end that hold the last Ogg page: a page has at most 65,307
_OPUS_RATE = 48_000
_MOST_FRAMES = 2_000_000  # of MP3: about 14 hours
_MOST_BOXES = 10_000
_LAYER_3_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
_ENCODERS = (b"LAME", b"Lavf", b"Lavc", b"L3.9")


def ogg(stream: BinaryIO) -> float | None:
    """Return the seconds of Opus or Vorbis: the last page's position over the sampling rate."""
    stream.seek(0)
    head = stream.read(512)
    if (at := head.find(b"OpusHead")) >= 0 and len(head) >= at + 16:
        (skip,) = struct.unpack_from("<H", head, at + 10)
        rate = _OPUS_RATE
    elif (at := head.find(b"\x01vorbis")) >= 0 and len(head) >= at + 16:
        (rate,) = struct.unpack_from("<I", head, at + 12)
        skip = 0
    else:
        return None
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read()
    place = tail.rfind(b"OggS")
    if place < 0 or len(tail) < place + 14 or not rate:
        return None
    (position,) = struct.unpack_from("<q", tail, place + 6)
    return max(position - skip, 0) / rate if position >= 0 else None


def mp3(stream: BinaryIO) -> float | None:
    """Return the seconds of layer III: by its Xing header, else by its frames."""
    at = _behind_tag(stream)
    first = _frame(stream, at)
    if first is None:
        return None
    length, samples, rate = first
    stream.seek(at)
    head = stream.read(min(length, 256))
    for mark in (b"Xing", b"Info"):
        place = head.find(mark)
        if 0 < place <= len(head) - 12:
            flags, frames = struct.unpack_from(">II", head, place + 4)
            if flags & 1 and frames:
                total: int = frames * samples - _padding(head, place, flags)
                return max(total, 0) / rate
    seconds = 0.0
    for _number in range(_MOST_FRAMES):
        frame = _frame(stream, at)
        if frame is None:
            break
        length, samples, rate = frame
        seconds += samples / rate
        at += length
    return seconds


def _padding(head: bytes, place: int, flags: int) -> int:
    """Return the samples before and behind the sound that the encoder says it added."""
    at = place + 120
    if flags & 15 != 15 or head[at : at + 4] not in _ENCODERS or len(head) < at + 24:
        return 0
    packed = int.from_bytes(head[at + 21 : at + 24], "big")
    return (packed >> 12) + (packed & 0xFFF)


def mp4(stream: BinaryIO) -> float | None:
    """Return the seconds that the movie header states."""
    size = stream.seek(0, io.SEEK_END)
    for name, start, end in _boxes(stream, 0, size):
        if name != b"moov":
            continue
        for inner, here, _end in _boxes(stream, start, end):
            if inner == b"mvhd":
                stream.seek(here)
                return _movie_header(stream.read(32))
    return None


def _movie_header(content: bytes) -> float | None:
    try:
        form = ">Q" if content[0] == 1 else ">I"
        scale_at = 20 if content[0] == 1 else 12
        (scale,) = struct.unpack_from(">I", content, scale_at)
        (length,) = struct.unpack_from(form, content, scale_at + 4)
    except (struct.error, IndexError):
        return None
    return length / scale if scale and length < 1 << 40 else None


def _boxes(stream: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give (type, start of the content, end) of the boxes in a stretch."""
    for _number in range(_MOST_BOXES):
        stream.seek(at)
        head = stream.read(16)
        if at + 8 > end or len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        begin = at + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            begin = at + 16
        elif size == 0:
            size = end - at
        if size < begin - at:
            return
        yield name, begin, min(at + size, end)
        at += size


def _behind_tag(stream: BinaryIO) -> int:
    """Return where the sound begins behind an ID3v2 tag."""
    stream.seek(0)
    head = stream.read(10)
    if len(head) == 10 and head.startswith(b"ID3"):
        return 10 + sum(
            (byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
    return 0


def _frame(stream: BinaryIO, at: int) -> tuple[int, int, int] | None:
    """Return (bytes, samples, samples a second) of the MPEG audio frame at a place."""
    stream.seek(at)
    head = stream.read(4)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate_at, sample_at = head[2] >> 4, head[2] >> 2 & 3
    if version not in _SAMPLE_RATES or layer != 1 or rate_at in (0, 15) or sample_at == 3:
        return None
    rate = _SAMPLE_RATES[version][sample_at]
    bits = _LAYER_3_RATES[1 if version == 3 else 2][rate_at] * 1000
    samples = 1152 if version == 3 else 576
    return samples // 8 * bits // rate + (head[2] >> 1 & 1), samples, rate
