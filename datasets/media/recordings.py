"""Decode sound block by block, so that a recording of hours never lies in memory.

Formats are recognised by their content and decoded by libsndfile (through soundfile): WAV, FLAC,
OGG (Vorbis, Opus) and MP3, as far as the libsndfile of the machine has them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, TooLarge, _
from .signatures import FLAC, HEAD, MP3, OGG, WAV, Signature, recognise

Samples = NDArray[np.float32]

RATES = (1_000, 400_000)  # samples a second that a recording can have
BLOCK = 1 << 18  # samples of all channels that are decoded at a time
UNKNOWN = (1 << 63) - 1  # the length that libsndfile gives where the header tells none
ZERO_CROSSINGS = 10  # of the low pass on each side, as scipy.signal.resample_poly has it


@dataclass(frozen=True)
class Recording:
    """An opened recording: samples a second, channels, and the seconds that its header states.

    `full` is the greatest value that a sample can have in its format.
    """

    file: Any
    rate: int
    channels: int
    seconds: float | None
    full: float

    def blocks(self, most: float, multiple: int = 1) -> Iterator[Samples]:
        """Yield (samples, channels) from -1 to 1, once, from the beginning to the end.

        All but the last hold a multiple of so many samples. Raises TooLarge after `most`
        seconds, whatever the header says, and Invalid where the sound is damaged.
        """
        size = max(1, BLOCK // self.channels // multiple) * multiple
        done = 0
        with _explained():
            while len(block := self.file.read(size, dtype="float32", always_2d=True)):
                done += len(block)
                if done > most * self.rate:
                    raise too_long(done / self.rate, most)
                np.nan_to_num(block, copy=False, posinf=1.0, neginf=-1.0)
                np.clip(block, -1.0, 1.0, out=block)
                yield block


@contextmanager
def opened(stream: BinaryIO, most: float) -> Iterator[Recording]:
    """Open a recording for one reading.

    Raises:
        TooLarge: it states more than `most` seconds.
        Invalid: it is no sound, damaged, or of a format that is not decoded here.
    """
    stream.seek(0)
    check_format(stream.read(HEAD))
    stream.seek(0)
    with _explained():
        file = _forward()(stream)
    try:
        rate = int(file.samplerate)
        if not RATES[0] <= rate <= RATES[1]:
            raise Invalid(
                _("%(rate)s samples a second are no recording; %(least)s to %(most)s are"),
                rate=rate,
                least=RATES[0],
                most=RATES[1],
            )
        seconds = file.frames / rate if file.frames < UNKNOWN else None
        if seconds is not None and seconds > most:
            raise too_long(seconds, most)
        full = 1 - 2.0**-7 if "8" in str(file.subtype)[-2:] else 1 - 2.0**-14
        yield Recording(file, rate, int(file.channels), seconds, full)
    finally:
        file.close()


@contextmanager
def _explained() -> Iterator[None]:
    import soundfile

    try:
        yield
    except (soundfile.SoundFileError, RuntimeError) as problem:
        raise Invalid(
            _("the sound is damaged or cut off (%(reason)s)"),
            reason=str(problem).rpartition(": ")[2][:200],
        ) from problem


@functools.cache
def _forward() -> Any:
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        """A file that is read once from its beginning to its end."""

        def seekable(self) -> bool:
            """Say no: soundfile would seek after each read, which fails at the end of a FLAC
            file whose header does not tell its length."""
            return False

    return Forward


def too_long(seconds: float, most: float) -> TooLarge:
    """Return the error of a recording that lasts longer than it may."""
    return TooLarge(
        _("it lasts %(seconds)s seconds; the limit is %(limit)s"),
        seconds=round(seconds),
        limit=round(most),
    )


def missing_codecs() -> set[str]:
    """Return which of MP3, FLAC, VORBIS and OPUS the libsndfile of this machine lacks."""
    import soundfile

    have = {"MP3", "FLAC"} & set(soundfile.available_formats())
    have |= {"VORBIS", "OPUS"} & set(soundfile.available_subtypes("OGG"))
    return {"MP3", "FLAC", "VORBIS", "OPUS"} - have


def check_format(head: bytes) -> None:
    """Raise Invalid where the first `HEAD` bytes are not of a sound that is decoded here."""
    import soundfile

    signature = recognise(head)
    if signature.kind not in ("audio", "video"):
        raise Invalid(_("the file holds no sound"))
    if signature not in (WAV, FLAC, MP3, OGG):
        raise Invalid(
            _("the sound of %(format)s files cannot be decoded; WAV, FLAC, OGG, Opus and MP3 can"),
            format=signature.extension.removeprefix(".").upper(),
        )
    codec = _codec(head, signature)
    if codec in missing_codecs():
        raise Invalid(
            _("this machine's libsndfile %(version)s cannot decode %(format)s"),
            version=soundfile.__libsndfile_version__,
            format=codec,
        )


def _codec(head: bytes, signature: Signature) -> str:
    if signature == OGG:
        return "OPUS" if b"OpusHead" in head else "VORBIS"
    return signature.extension.removeprefix(".").upper()


def resampled(blocks: Iterable[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    """Yield blocks of another rate; joined they are what one pass over everything would give.

    Blocks are (samples,) or (samples, channels). A polyphase filter with a Kaiser window
    (beta 5), as scipy.signal.resample_poly makes it; n samples become ceil(n · wanted / rate).
    """
    if rate == wanted:
        yield from blocks
        return
    from scipy import signal

    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    half = ZERO_CROSSINGS * max(up, down)
    taps = signal.firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0))
    taps = taps.astype(np.float32)
    # What the filter sees on each side of a sample, in whole steps of the input.
    around = math.ceil(half / up / down) * down
    before = around // down * up
    held: Samples | None = None
    for block in blocks:
        if held is None:
            held = np.zeros((around, *block.shape[1:]), np.float32)
        held = np.concatenate([held, block])
        size = (len(held) - 2 * around) // down * down
        if size > 0:
            made = signal.resample_poly(held[: 2 * around + size], up, down, window=taps)
            yield made[before : before + size // down * up]
            held = held[size:]
    if held is None:
        return
    rest = math.ceil((len(held) - around) * up / down)
    if rest > 0:
        held = np.concatenate([held, np.zeros((around + down, *held.shape[1:]), np.float32)])
        yield signal.resample_poly(held, up, down, window=taps)[before : before + rest]
