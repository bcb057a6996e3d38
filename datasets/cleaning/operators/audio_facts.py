"""Measure a recording in one pass: level, silence, clipping, noise, and where somebody may speak.

Frames of 20 ms of the mean of all channels. Only their power is kept (8 bytes each), so that a
recording of hours takes some megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, _
from ...media.recordings import Samples, opened

FRAME = 0.02  # seconds
QUIETEST = -100.0  # dB below full scale that stand for nothing at all
# Of what may be speech: so far above the quiet frames, and never below this level (dB).
ABOVE_NOISE, FAINTEST = 9.0, -50.0
SHORTEST_SPEECH, SHORTEST_PAUSE = 0.10, 0.30  # seconds
LOW_SHARE = 0.1  # of frames that stand for the noise

Powers = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What one pass over a recording tells; `levels` are dB below full scale by frame."""

    seconds: float
    rate: int
    channels: int
    peak: float
    clipped: float
    levels: Powers

    @property
    def loudness(self) -> float:
        """Return the mean power in dB below full scale."""
        return _decibels(float(np.mean(10 ** (self.levels / 10))))

    def silence(self, threshold: float) -> float:
        """Return the share of frames below so many dB."""
        return float((self.levels < threshold).mean())

    @property
    def noise_ratio(self) -> float | None:
        """Estimate signal to noise in dB; None where nothing stands out from the rest.

        Noise is the mean power of the quietest tenth of frames; signal that of the frames above
        the middle between those and the loudest, less the noise. It needs pauses: of sound
        without any it tells too little.
        """
        powers = np.sort(10 ** (self.levels / 10))
        noise = float(powers[: max(1, int(len(powers) * LOW_SHARE))].mean())
        loud = float(powers[int(len(powers) * 0.95) :].mean())
        middle = np.sqrt(max(noise, 1e-12) * max(loud, 1e-12))
        signal = powers[powers > middle]
        if loud < 2 * noise or not len(signal):
            return None
        return _decibels((float(signal.mean()) - noise) / max(noise, 1e-10))


def measure(stream: BinaryIO, most: float) -> Measured:
    """Decode a recording to its end and measure it.

    `clipped` is the share of samples, of all channels, at the greatest value of the format.
    Raises Invalid where it is damaged or holds no sound, TooLarge above `most` seconds.
    """
    with opened(stream, most) as recording:
        size = max(1, round(recording.rate * FRAME))
        count = clipped = 0
        peak = 0.0
        levels: list[Powers] = []
        for block in recording.blocks(most, size):
            absolute = np.abs(block)
            count += len(block)
            clipped += int((absolute >= recording.full).sum())
            peak = max(peak, float(absolute.max()))
            levels.append(_levels(block.mean(axis=1, dtype=np.float32), size))
        if not count:
            raise Invalid(_("the file holds no sound"))
        return Measured(
            count / recording.rate,
            recording.rate,
            recording.channels,
            peak,
            clipped / (count * recording.channels),
            np.concatenate(levels),
        )


def _levels(samples: Samples, size: int) -> Powers:
    """Return the power of each frame in dB; the last one may be shorter."""
    squares = samples.astype(np.float64) ** 2
    starts = np.arange(0, len(samples), size)
    sums = np.add.reduceat(squares, starts)
    lengths = np.diff(np.append(starts, len(samples)))
    found: Powers = np.maximum(10 * np.log10(np.maximum(sums / lengths, 1e-20)), QUIETEST)
    return found


def _decibels(power: float) -> float:
    return max(10 * float(np.log10(max(power, 1e-20))), QUIETEST)


def speech(levels: Powers) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of what is loud enough to be speech.

    A frame counts that is ABOVE_NOISE over the quietest tenth. It cannot tell speech from other
    sound: a machine that starts and stops speaks to it as well.
    """
    if not len(levels):
        return []
    floor = float(np.percentile(levels, 100 * LOW_SHARE))
    loud = levels >= max(floor + ABOVE_NOISE, FAINTEST)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    joined: list[list[float]] = []
    for start, end in (edges.reshape(-1, 2) * FRAME).tolist():
        if joined and start - joined[-1][1] < SHORTEST_PAUSE:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return [(start, end) for start, end in joined if end - start >= SHORTEST_SPEECH]


def within(blocks: Iterator[Samples], start: int, end: int) -> Iterator[Samples]:
    """Yield the samples from `start` up to `end` of blocks that follow one another."""
    place = 0
    for block in blocks:
        part = block[max(start - place, 0) : max(end - place, 0)]
        place += len(block)
        if len(part):
            yield part
        if place >= end:
            return
