"""Decoding sound files: every format that people bring, and files made to hurt."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from jinbiao.datasets import errors
from jinbiao.workers.models.sounds import (
    LONGEST,
    RATES,
    Samples,
    missing_codecs,
    read_sound,
    resampled,
)


def encoded(samples: np.ndarray, rate: int, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, subtype=subtype)
    return out.getvalue()


def tone(seconds: float, rate: int, pitch: float = 440.0) -> Samples:
    moments = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * pitch * moments)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "rate", "seconds"),
    [
        ("audio/wenet/aishell-BAC009S0724W0121.wav", 16000, 4.28),
        ("audio/silero_vad/test.wav", 16000, 60.0),
        ("audio/silero_vad/test.opus", 16000, 8.06),
        ("audio/inception/752067_71257-lq.mp3", 16000, 2.02),
        ("audio/transcoded/5_theo_7.mp3", 8000, 0.38),
        ("audio/transcoded/5_theo_7.ogg", 8000, 0.38),
        ("audio/fsdd/0_jackson_0.wav", 8000, 0.64),
        # Made to mislead: the content counts, not the name, and what is there, not the header.
        ("hostile/audio/mp3_named.wav", 8000, 0.38),
        ("hostile/audio/wav_header_claims_4GiB.wav", 16000, 0.5),
        ("hostile/audio/wav_24bit_6ch_96k.wav", 16000, 0.1),
    ],
)
def test_real_files_of_every_format_are_read(
    samples: Path, name: str, rate: int, seconds: float
) -> None:
    sound = read_sound((samples / name).read_bytes())
    assert sound.rate == rate
    assert len(sound.samples) / rate == pytest.approx(seconds, abs=0.01)
    assert sound.samples.ndim == 1 and sound.samples.dtype == np.float32
    assert 0 < np.abs(sound.samples).max() <= 1


def test_this_machine_decodes_all_that_is_promised() -> None:
    assert missing_codecs() == set()


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_16")],
)
def test_channels_are_averaged_at_every_depth(form: str, subtype: str) -> None:
    left, right = tone(0.5, 16000), tone(0.5, 16000, 700.0) / 2
    sound = read_sound(encoded(np.stack([left, right], axis=1), 16000, form, subtype))
    assert sound.samples == pytest.approx((left + right) / 2, abs=0.02)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 48001])
def test_more_samples_than_a_model_hears_are_brought_down(rate: int) -> None:
    sound = read_sound(encoded(tone(3.0, rate) + tone(3.0, rate, 9500.0), rate))
    assert sound.rate == 16000
    # What lies above 8000 Hz is gone and does not come back as another tone.
    middle = slice(2000, -2000)
    assert sound.samples[middle] == pytest.approx(tone(3.0, 16000)[middle], abs=0.02)


def test_numbers_that_are_none_become_silence_or_the_loudest() -> None:
    wild = np.array([np.nan, np.inf, -np.inf, 7.0, -7.0, 0.25] * 100, np.float32)
    sound = read_sound(encoded(wild, 16000, "WAV", "FLOAT"))
    assert sound.samples[:6].tolist() == [0.0, 1.0, -1.0, 1.0, -1.0, 0.25]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"speech", "no sound"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "no sound"),
        (b"\0\0\0\x20ftypM4A " + bytes(40), "M4A"),
        (b"\x1a\x45\xdf\xa3\x93webm" + bytes(40), "WEBM"),
        (b"\0\1\2\3" * 20, "known"),
        (b"RIFF\0\0\0\0WAVE", "damaged"),
        (b"fLaC" + bytes(60), "damaged"),
        (b"OggS\0" + b"OpusHead" * 9, "damaged"),
        (b"ID3\3" + bytes(200), "damaged"),
        (encoded(np.zeros(0, np.float32), 16000), "no sound"),
    ],
)
def test_what_is_no_sound_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(errors.Invalid, match=reason):
        read_sound(content)


def test_hostile_files_are_refused(samples: Path) -> None:
    with pytest.raises(errors.TooLarge, match="21600 seconds; the limit is 14400"):
        read_sound((samples / "hostile/audio/flac_6h_silence.flac").read_bytes())
    with pytest.raises(errors.Invalid, match="no sound"):
        read_sound((samples / "hostile/audio/wav_no_samples.wav").read_bytes())


def without_length(samples: np.ndarray, rate: int) -> bytes:
    """Encode as a recorder does that writes the FLAC header before it knows the length."""
    content = bytearray(encoded(samples, rate, "FLAC"))
    packed = int.from_bytes(content[18:26], "big")  # rate, channels, depth, then 36 bits of length
    content[18:26] = (packed >> 36 << 36).to_bytes(8, "big")
    return bytes(content)


def test_a_recording_whose_header_tells_no_length_is_read_to_its_end() -> None:
    whole = tone(40.0, 16000)
    assert read_sound(without_length(whole, 16000)).samples == pytest.approx(whole, abs=1e-4)


def test_a_long_recording_that_hides_its_length_is_refused_all_the_same() -> None:
    rate = RATES[0]
    content = without_length(np.zeros(LONGEST * rate + 1, np.int16), rate)
    with pytest.raises(errors.TooLarge, match="14400"):
        read_sound(content)


@pytest.mark.parametrize("rate", [0, 1, 999, 400_001, 2**31 - 1])
def test_a_rate_that_no_recording_has_is_refused(rate: int) -> None:
    content = bytearray(encoded(tone(0.1, 16000), 16000))
    content[24:28] = struct.pack("<I", rate)
    with pytest.raises(errors.Invalid):
        read_sound(bytes(content))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_give_sound_or_a_reason(data: st.DataObject) -> None:
    form, subtype = data.draw(
        st.sampled_from(
            [
                ("WAV", "PCM_16"),
                ("FLAC", "PCM_16"),
                ("OGG", "VORBIS"),
                ("OGG", "OPUS"),
                ("MP3", "MPEG_LAYER_III"),
            ]
        )
    )
    content = bytearray(encoded(tone(0.2, 16000), 16000, form, subtype))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(1, len(content)))
    try:
        sound = read_sound(bytes(content[:end]))
    except errors.Invalid:
        return
    assert len(sound.samples) and np.abs(sound.samples).max() <= 1


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([(8000, 16000), (11025, 16000), (44100, 16000), (48000, 16000), (16000, 8000)]),
    st.lists(st.integers(0, 3000), max_size=6),
)
def test_blocks_come_out_as_one_pass_would_give_them(
    rates: tuple[int, int], sizes: list[int]
) -> None:
    rate, wanted = rates
    whole = np.random.default_rng(0).normal(0, 0.2, sum(sizes)).astype(np.float32)
    blocks = np.split(whole, np.cumsum(sizes)[:-1]) if sizes else []
    got = list(resampled(blocks, rate, wanted))
    if not sum(sizes):
        assert got == []
        return
    assert np.array_equal(np.concatenate(got), signal.resample_poly(whole, wanted, rate))
