"""Read a whole sound file for a model: one channel, at most so many samples a second."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from ...datasets import errors
from ...datasets.errors import _
from ...datasets.media.recordings import (
    BLOCK,
    RATES,
    Recording,
    Samples,
    missing_codecs,
    opened,
    resampled,
)
from .interface import Sound

__all__ = ["LONGEST", "RATES", "Samples", "cut", "missing_codecs", "read_sound", "resampled"]

LONGEST = 4 * 60 * 60  # seconds that are decoded
HIGHEST = 16_000  # samples a second: no model here hears more, and memory is bounded by it


def read_sound(content: bytes) -> Sound:
    """Decode WAV, FLAC, OGG (Vorbis, Opus) or MP3 to one channel, the mean of all.

    What has more than HIGHEST samples a second is brought down to so many; four hours then take
    at most 0.9 GB. Raises errors.TooLarge for more than LONGEST seconds, whatever the header
    says, and errors.Invalid for what is no sound or is damaged.
    """
    with opened(io.BytesIO(content), LONGEST) as recording:
        kept = min(recording.rate, HIGHEST)
        held = bytearray()  # grows in place, so that a long recording is never held twice
        for block in resampled(_mono(recording), recording.rate, kept):
            held += block.tobytes()
    if not held:
        raise errors.Invalid(_("the file holds no sound"))
    return Sound(np.frombuffer(held, np.float32), kept)


def cut(samples: Samples) -> Iterator[Samples]:
    """Yield the samples in blocks."""
    for start in range(0, len(samples), BLOCK):
        yield samples[start : start + BLOCK]


def _mono(recording: Recording) -> Iterator[Samples]:
    for block in recording.blocks(LONGEST):
        yield block.mean(axis=1, dtype=np.float32)
