"""Decode sound files block by block, and bring sound to another rate.

Formats are recognised by their content, decoded by libsndfile (through soundfile).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator

import numpy as np
import soundfile
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from ...datasets.media.signatures import FLAC, HEAD, MP3, OGG, WAV, Signature, recognise
from .interface import Sound

Samples = NDArray[np.float32]

LONGEST = 4 * 60 * 60  # seconds that are decoded
HIGHEST = 16_000  # samples a second: no model here hears more, and memory is bounded by it
RATES = (1_000, 400_000)  # samples a second that a recording can have
BLOCK = 1 << 18  # samples of all channels that are decoded at a time
UNKNOWN = (1 << 63) - 1  # the length that libsndfile gives where the header tells none
ZERO_CROSSINGS = 10  # of the low pass on each side, as scipy.signal.resample_poly has it


def read_sound(content: bytes) -> Sound:
    """Decode WAV, FLAC, OGG (Vorbis, Opus) or MP3 to one channel, the mean of all.

    What has more than HIGHEST samples a second is brought down to so many; four hours then take
    at most 0.9 GB. Raises errors.TooLarge for more than LONGEST seconds, whatever the header
    says, and errors.Invalid for what is no sound or is damaged.
    """
    _check_format(content)
    try:
        with _Forward(io.BytesIO(content)) as file:
            return _read(file)
    except (soundfile.SoundFileError, RuntimeError) as problem:
        raise errors.Invalid(
            _("the sound is damaged or cut off (%(reason)s)"),
            reason=str(problem).rpartition(": ")[2][:200],
        ) from problem


def missing_codecs() -> set[str]:
    """Return which of MP3, FLAC, VORBIS and OPUS the libsndfile of this machine lacks."""
    have = {"MP3", "FLAC"} & set(soundfile.available_formats())
    have |= {"VORBIS", "OPUS"} & set(soundfile.available_subtypes("OGG"))
    return {"MP3", "FLAC", "VORBIS", "OPUS"} - have


def resampled(blocks: Iterable[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    """Yield blocks of another rate; joined they are what one pass over everything would give.

    A polyphase filter with a Kaiser window (beta 5), as scipy.signal.resample_poly makes it;
    n samples become ceil(n · wanted / rate).
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
    held: Samples = np.zeros(around, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        size = (len(held) - 2 * around) // down * down
        if size > 0:
            made = signal.resample_poly(held[: 2 * around + size], up, down, window=taps)
            yield made[before : before + size // down * up]
            held = held[size:]
    rest = math.ceil((len(held) - around) * up / down)
    if rest > 0:
        held = np.concatenate([held, np.zeros(around + down, np.float32)])
        yield signal.resample_poly(held, up, down, window=taps)[before : before + rest]


def cut(samples: Samples) -> Iterator[Samples]:
    """Yield the samples in blocks."""
    for start in range(0, len(samples), BLOCK):
        yield samples[start : start + BLOCK]


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read once from its beginning to its end."""

    def seekable(self) -> bool:
        """Say no: soundfile would seek after each read, which fails at the end of a FLAC file
        whose header does not tell its length."""
        return False


def _check_format(content: bytes) -> None:
    head = content[:HEAD]
    signature = recognise(head)
    if signature.kind not in ("audio", "video"):
        raise errors.Invalid(_("the file holds no sound"))
    if signature not in (WAV, FLAC, MP3, OGG):
        raise errors.Invalid(
            _("the sound of %(format)s files cannot be decoded; WAV, FLAC, OGG, Opus and MP3 can"),
            format=signature.extension.removeprefix(".").upper(),
        )
    codec = _codec(head, signature)
    if codec in missing_codecs():
        raise errors.Invalid(
            _("this machine's libsndfile %(version)s cannot decode %(format)s"),
            version=soundfile.__libsndfile_version__,
            format=codec,
        )


def _codec(head: bytes, signature: Signature) -> str:
    if signature == OGG:
        return "OPUS" if b"OpusHead" in head else "VORBIS"
    return signature.extension.removeprefix(".").upper()


def _read(file: soundfile.SoundFile) -> Sound:
    rate = int(file.samplerate)
    if not RATES[0] <= rate <= RATES[1]:
        raise errors.Invalid(
            _("%(rate)s samples a second are no recording; %(least)s to %(most)s are"),
            rate=rate,
            least=RATES[0],
            most=RATES[1],
        )
    if LONGEST * rate < file.frames < UNKNOWN:
        raise _too_long(file.frames / rate)
    kept = min(rate, HIGHEST)
    held = bytearray()  # grows in place, so that a long recording is never held twice
    for block in resampled(_mono(file, LONGEST * rate), rate, kept):
        held += block.tobytes()
    if not held:
        raise errors.Invalid(_("the file holds no sound"))
    return Sound(np.frombuffer(held, np.float32), kept)


def _mono(file: soundfile.SoundFile, most: int) -> Iterator[Samples]:
    """Yield the mean of the channels, within -1 and 1; raise where there are more samples."""
    size = max(1, BLOCK // file.channels)
    done = 0
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        done += len(block)
        if done > most:
            raise _too_long(done / file.samplerate)
        np.nan_to_num(block, copy=False, posinf=1.0, neginf=-1.0)
        np.clip(block, -1.0, 1.0, out=block)
        yield block.mean(axis=1, dtype=np.float32)


def _too_long(seconds: float) -> errors.TooLarge:
    return errors.TooLarge(
        _("it lasts %(seconds)s seconds; the limit is %(limit)s"),
        seconds=round(seconds),
        limit=LONGEST,
    )
