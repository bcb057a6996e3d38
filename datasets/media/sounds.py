"""Read the length of WAV and FLAC from their headers, without decoding them.

Sources: RIFF/WAVE (Multimedia Programming Interface 1.0), RFC 9639 §8.2 (FLAC STREAMINFO).
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from ..errors import Invalid, TooLarge, _
from .facts import MediaLimits

_BROWSER_CODECS = (1, 3, 0xFFFE)  # PCM, float, extensible


def wav(stream: BinaryIO, size: int, limits: MediaLimits, notes: list[str]) -> float:
    """Return the seconds that are really there; raise Invalid when there is no sound."""
    stream.seek(12)
    rate = 0
    while len(head := stream.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        if name == b"fmt " and length >= 16:
            codec, rate = struct.unpack("<H6xI4x", stream.read(16).ljust(16, b"\0"))
            if codec not in _BROWSER_CODECS:
                notes.append(f"WAV codec {codec} may not play in every browser")
            stream.seek(length - 16, io.SEEK_CUR)
        elif name == b"data":
            here = min(length, size - stream.tell())
            if length > here:
                notes.append("the WAV header claims more sound than the file holds")
            return _checked(here / rate if rate else 0.0, limits)
        else:
            stream.seek(length, io.SEEK_CUR)
        stream.seek(length & 1, io.SEEK_CUR)
    raise Invalid(_("the file holds no sound"))


def flac(stream: BinaryIO, limits: MediaLimits) -> float | None:
    """Return the stated seconds, None when the encoder did not know them."""
    stream.seek(4)
    block = stream.read(4 + 34)
    if len(block) < 38 or block[0] & 0x7F != 0:
        raise Invalid(_("the FLAC header is damaged"))
    packed = int.from_bytes(block[14:22], "big")
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    if not rate:
        raise Invalid(_("the FLAC header is damaged"))
    return _checked(samples / rate, limits) if samples else None


def _checked(seconds: float, limits: MediaLimits) -> float:
    if not seconds:
        raise Invalid(_("the file holds no sound"))
    check_length(seconds, limits)
    return seconds


def check_length(seconds: float | None, limits: MediaLimits) -> None:
    """Raise TooLarge for a sound or a film that states more than the limit."""
    if seconds is not None and seconds > limits.seconds:
        raise TooLarge(
            _("it lasts %(seconds)s seconds; the limit is %(limit)s"),
            seconds=round(seconds),
            limit=limits.seconds,
        )
