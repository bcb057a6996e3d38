"""Cleaning sound: signals whose share of clipping, silence and noise is known, and real files."""

from __future__ import annotations

import io
import math
import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets.cleaning.operators import OPERATORS
from jinbiao.datasets.cleaning.operators.audio_facts import measure, speech
from jinbiao.datasets.media.recordings import opened
from jinbiao.tests.datasets.cleaning_records import applied, record

RATE = 16_000


def sound(samples: np.ndarray, rate: int = RATE, form: str = "WAV", kind: str = "PCM_16") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, subtype=kind)
    return out.getvalue()


def tone(seconds: float, size: float = 0.3, pitch: float = 437.0) -> np.ndarray:
    return size * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, size: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, round(seconds * RATE))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.4])
def test_the_share_of_clipping_is_that_of_a_cut_sine(share: float) -> None:
    # A sine of size 1/sin(π/2 · (1 − share)) is cut at 1 for that share of its time.
    size = 1 / math.sin(math.pi / 2 * (1 - share)) if share else 0.9
    cut = np.clip(tone(4, size), -1, 1)
    [found] = applied("audio.clipping", [record(sound(cut), "audio")], most_share=0.05)
    assert found.facts and found.facts["clipping_share"] == pytest.approx(share, abs=0.004)
    assert found.reason == ("clipped" if share > 0.05 else "")


@pytest.mark.parametrize("decibels", [5, 10, 20, 30, 40])
def test_signal_to_noise_is_estimated_within_a_decibel(decibels: float) -> None:
    speaks = np.tile(np.repeat([1.0, 0.0], RATE // 2), 4)
    signal = tone(4) * speaks
    size = math.sqrt(0.3**2 / 2 / 10 ** (decibels / 10))
    [found] = applied(
        "audio.measure", [record(sound(signal + noise(4, size), kind="FLOAT"), "audio")]
    )
    assert found.facts and found.facts["snr_db"] == pytest.approx(decibels, abs=1.0)


def test_silence_is_measured_left_out_and_cut_off() -> None:
    quiet = np.concatenate([np.zeros(RATE), tone(1), np.zeros(2 * RATE)])
    taken = record(sound(quiet), "audio")
    [found] = applied("audio.silence", [taken], most_share=0.7)
    assert found.reason == "silent" and found.facts
    assert found.facts["silence_share"] == pytest.approx(0.75, abs=0.01)
    assert applied("audio.silence", [taken], most_share=0.8)[0].reason == ""
    [cut] = applied("audio.trim", [taken], margin=0.1)
    assert cut.content and cut.content_type == "audio/flac"
    samples, rate = soundfile.read(io.BytesIO(cut.content))
    assert rate == RATE and len(samples) / rate == pytest.approx(1.2, abs=0.02)
    assert applied("audio.trim", [record(cut.content, "audio")], margin=0.1)[0].content is None
    [nothing] = applied("audio.trim", [record(sound(np.zeros(RATE)), "audio")])
    assert nothing.reason == "silent"


def test_another_rate_keeps_the_tone_and_takes_the_mean_of_channels() -> None:
    both = np.column_stack([tone(1, 0.4), tone(1, 0.2)])
    taken = record(sound(both, 44_100), "audio")
    [found] = applied("audio.resample", [taken], rate=16_000)
    assert found.content
    samples, rate = soundfile.read(io.BytesIO(found.content))
    assert rate == 16_000 and samples.ndim == 1
    assert len(samples) == math.ceil(len(both) * 16_000 / 44_100)
    spectrum = np.abs(np.fft.rfft(samples))
    pitch = np.argmax(spectrum) * rate / len(samples)
    assert pitch == pytest.approx(437 * 44_100 / RATE, abs=3)
    assert np.sqrt(2 * np.mean(samples**2)) == pytest.approx(0.3, abs=0.01)
    [kept] = applied("audio.resample", [taken], rate=16_000, mono=False, format="wav")
    assert kept.content and soundfile.info(io.BytesIO(kept.content)).channels == 2
    [same] = applied("audio.resample", [taken], rate=44_100, mono=False)
    assert same.content is None and not same.reason


def test_speech_by_energy_finds_what_stands_out() -> None:
    track = np.concatenate(
        [noise(1, 0.002), tone(1.5), noise(1, 0.002), tone(0.5), noise(1, 0.002)]
    )
    [found] = applied("audio.speech", [record(sound(track), "audio")])
    assert found.facts and not found.reason
    expected = [[1.0, 2.5], [3.5, 4.0]]
    assert np.abs(np.array(found.facts["speech"]) - expected).max() <= 0.03
    [hum] = applied("audio.speech", [record(sound(noise(3, 0.01)), "audio")])
    assert hum.reason == "no_speech"


def test_speech_by_energy_agrees_with_the_network_on_a_conversation(samples: Path) -> None:
    """The network finds 48.6 s of speech in this minute."""
    with (samples / "audio/silero_vad/test.wav").open("rb") as stream:
        found = speech(measure(stream, 100).levels)
    assert sum(end - start for start, end in found) == pytest.approx(48.6, abs=5)


@pytest.mark.parametrize(
    ("name", "seconds", "rate", "channels"),
    [
        ("audio/silero_vad/test.opus", 8.06, 16_000, 1),
        ("audio/inception/752067_71257-lq.mp3", 2.02, 48_000, 1),
        ("audio/transcoded/5_theo_7.ogg", 0.38, 8_000, 1),
        ("audio/wenet/aishell-BAC009S0724W0121.wav", 4.28, 16_000, 1),
        ("hostile/audio/wav_24bit_6ch_96k.wav", 0.1, 96_000, 6),
        ("hostile/audio/wav_header_claims_4GiB.wav", 0.5, 16_000, 1),
        ("hostile/audio/mp3_named.wav", 0.38, 8_000, 1),
    ],
)
def test_real_files_of_every_format(
    samples: Path, name: str, seconds: float, rate: int, channels: int
) -> None:
    taken = record(samples / name, "audio")
    [found] = applied("audio.decode", [taken])
    assert found.facts and not found.reason
    assert found.facts["seconds"] == pytest.approx(seconds, abs=0.02)
    assert (found.facts["rate"], found.facts["channels"]) == (rate, channels)
    for operator in OPERATORS:
        if operator.startswith("audio."):
            assert applied(operator, [taken])[0].reason != "unreadable"


def test_what_is_no_sound_costs_its_own_record_alone(samples: Path) -> None:
    good = record(sound(np.concatenate([tone(1), np.zeros(RATE // 2)])), "audio")
    bad = [
        record(samples / "hostile/audio/wav_no_samples.wav", "audio"),
        record(samples / "hostile/images/zero_byte.jpg", "audio"),
        record(samples / "hostile/images/cmyk.jpg", "audio"),
    ]
    long = record(samples / "hostile/audio/flac_6h_silence.flac", "audio")
    for operator in (name for name in OPERATORS if name.startswith("audio.")):
        given = {"rate": 8_000} if operator == "audio.resample" else {}
        reasons = [one.reason for one in applied(operator, [good, *bad, long], **given)]
        assert reasons == ["", *["unreadable"] * 3, "too_long"], operator
    assert applied("audio.decode", [good], least_seconds=2)[0].reason == "too_short"


def test_a_header_that_does_not_tell_its_length_is_stopped_where_the_limit_is() -> None:
    """Streaming FLAC may state 0 samples: what counts is what comes out."""
    content = bytearray(sound(noise(20, 0.1), form="FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    taken = record(bytes(content), "audio")
    assert applied("audio.decode", [taken], most_seconds=10)[0].reason == "too_long"
    [found] = applied("audio.decode", [taken])
    assert found.facts and found.facts["seconds"] == 20


def test_twenty_minutes_are_measured_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        for minute in range(20):
            file.write(noise(60, 0.01, minute).astype(np.float32))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [found] = applied("audio.measure", [record(path, "audio")])
    assert found.facts and found.facts["seconds"] == 1200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024, "kilobytes"


@given(st.integers(1, 40_000), st.integers(1, 3), st.sampled_from([8_000, 22_050, 48_000]))
@settings(max_examples=25, deadline=None)
def test_blocks_joined_are_the_recording(count: int, channels: int, rate: int) -> None:
    samples = np.random.default_rng(count).uniform(-1, 1, (count, channels)).astype(np.float32)
    with opened(io.BytesIO(sound(samples, rate, kind="FLOAT")), 100) as recording:
        blocks = list(recording.blocks(100, 160))
    assert np.array_equal(np.concatenate(blocks), samples)
    assert all(len(block) % 160 == 0 for block in blocks[:-1])
