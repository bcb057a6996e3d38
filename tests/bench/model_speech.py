"""Measure the finding of speech: how much faster than it is spoken, and whether it is right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import MODELS, costs
from jinbiao.workers.models.interface import Given, Interval, Item, Predictor, Sound, Target
from jinbiao.workers.models.sounds import read_sound

FASTER = 50  # times real time
TOGETHER = 0.5  # intersection over union from which a stretch is the one that was spoken


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield speed and share of speech of real recordings, and how well known digits are found."""
    listener = MODELS["speech_segments"].load(None, Target("audio", Interval, ("语音",)), Given())
    _hear(listener, Sound(np.zeros(16000, np.float32), 16000))  # the first call sets things up
    for data, name in (
        ("silero sample, 60 s of talk", "silero_vad/test.wav"),
        ("silero sample, 8 s of doors", "silero_vad/test.opus"),
        ("wenet, a Mandarin sentence of 4 s", "wenet/aishell-BAC009S0724W0121.wav"),
    ):
        sound = read_sound((samples / "audio" / name).read_bytes())
        seconds = len(sound.samples) / sound.rate
        times = 1 if quick else round(600 / seconds)
        began = time.process_time()
        for _time in range(times):
            found = _hear(listener, sound)
        factor = seconds * times / max(time.process_time() - began, 1e-6)
        share = sum(mark.end - mark.start for mark in found) / seconds
        yield Row(
            data,
            *("speech_segments", "–", "share of speech; real-time factor"),
            f"{share:.0%}; {factor:.0f}",
            goal=f"factor > {FASTER}",
            reached=factor > FASTER,
            speed=f"{factor:.0f} × real time on one CPU",
        )
    for noise in (0.0, 0.003):
        yield _digits(samples, listener, noise)


def _digits(samples: Path, listener: Predictor, noise: float) -> Row:
    """Measure single spoken digits, 8000 samples a second, between pauses of 0.6 to 1.5 s."""
    chance = np.random.default_rng(0)
    truth, parts, place = [], [], 0
    for file in sorted((samples / "audio/fsdd").glob("*.wav")):
        said = read_sound(file.read_bytes()).samples
        pause = int(chance.uniform(0.6, 1.5) * 8000)
        parts += [np.zeros(pause, np.float32), said]
        start = place + pause
        place = start + len(said)
        truth.append(Interval("语音", start / 8000, place / 8000))
    whole = np.concatenate(parts)
    whole += chance.normal(0, noise, len(whole)).astype(np.float32)
    shown = _hear(listener, Sound(whole, 8000))
    met = sum(any(costs.overlap(mark, other) >= TOGETHER for other in truth) for mark in shown)
    recall = sum(any(costs.overlap(mark, other) >= TOGETHER for mark in shown) for other in truth)
    score = 2 * met / max(len(shown) + len(truth), 1)
    saved = costs.alone(truth) - costs.helped(truth, shown)
    return Row(
        f"one recording of {len(truth)} single digits, noise {noise}",
        *("speech_segments", "–", f"F1 at IoU {TOGETHER}; precision; recall"),
        f"{score:.2f}; {met / max(len(shown), 1):.2f}; {recall / len(truth):.2f}",
        saved=saved / 60 * 100,  # the whole recording is one task
    )


def _hear(listener: Predictor, sound: Sound) -> list[Interval]:
    (answer,) = listener.predict([Item(sounds={"audio": sound})])
    return [mark for mark in answer.marks if isinstance(mark, Interval)]
