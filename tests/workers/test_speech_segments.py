"""Finding speech: in real recordings, beside silence and noise, at every rate."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from jinbiao.datasets import errors
from jinbiao.workers.models import MODELS, packaged
from jinbiao.workers.models.interface import Answer, Given, Interval, Item, Sound, Target
from jinbiao.workers.models.sounds import read_sound
from jinbiao.workers.models.speech_segments import SpeechListener, label_for_speech, stretches

MODEL = MODELS["speech_segments"]


def target(*labels: str, **titles: str) -> Target:
    return Target("audio", Interval, labels, titles)


@pytest.fixture(scope="module")
def listener() -> SpeechListener:
    predictor = MODEL.load(None, target("Noise", "Speech"), Given())
    assert isinstance(predictor, SpeechListener)
    return predictor


def hear(listener: SpeechListener, sound: Sound) -> Answer:
    (answer,) = listener.predict([Item(sounds={"audio": sound})])
    return answer


def intervals(answer: Answer) -> list[tuple[float, float]]:
    return sorted((mark.start, mark.end) for mark in answer.marks if isinstance(mark, Interval))


@pytest.fixture(scope="module")
def sentence(samples: Path) -> Sound:
    """A sentence of Mandarin, 4.28 s."""
    return read_sound((samples / "audio/wenet/aishell-BAC009S0724W0121.wav").read_bytes())


def test_a_sentence_is_one_stretch(listener: SpeechListener, sentence: Sound) -> None:
    answer = hear(listener, sentence)
    ((start, end),) = intervals(answer)
    # Where its loudness rises and falls.
    loud = np.abs(sentence.samples) > 0.01
    first, last = np.flatnonzero(loud)[[0, -1]] / sentence.rate
    assert start == pytest.approx(first, abs=0.2) and end == pytest.approx(last, abs=0.2)
    assert [mark.label for mark in answer.marks] == ["Speech"]
    assert answer.score is not None and 0.9 < answer.score <= 1


def test_a_minute_of_talk_is_cut_at_pauses(samples: Path, listener: SpeechListener) -> None:
    answer = hear(listener, read_sound((samples / "audio/silero_vad/test.wav").read_bytes()))
    found = intervals(answer)
    assert 15 <= len(found) <= 25
    assert sum(end - start for start, end in found) / 60 == pytest.approx(0.78, abs=0.05)
    assert all(end <= start for (_begin, end), (start, _end) in pairwise(found))
    scores = [mark.score for mark in answer.marks]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.95


@pytest.mark.parametrize("name", ["silero_vad/test.opus", "inception/752067_71257-lq.mp3"])
def test_doors_and_machines_do_not_speak(
    name: str, samples: Path, listener: SpeechListener
) -> None:
    answer = hear(listener, read_sound((samples / "audio" / name).read_bytes()))
    assert answer.marks == [] and answer.score is not None and answer.score > 0.9


def test_silence_noise_and_tones_do_not_speak(listener: SpeechListener) -> None:
    chance = np.random.default_rng(0)
    moments = np.arange(20 * 16000) / 16000
    quiet = {
        "silence": np.zeros(len(moments)),
        "hiss": chance.normal(0, 0.05, len(moments)),
        "loud": chance.uniform(-1, 1, len(moments)),
        "hum": 0.4 * np.sin(2 * np.pi * 50 * moments),
        "clicks": (np.arange(len(moments)) % 8000 == 0) * 0.9,
    }
    for name, samples in quiet.items():
        assert hear(listener, Sound(samples.astype(np.float32), 16000)).marks == [], name


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_the_rate_does_not_matter(listener: SpeechListener, sentence: Sound, rate: int) -> None:
    other = signal.resample_poly(sentence.samples, rate, sentence.rate).astype(np.float32)
    (wanted,) = intervals(hear(listener, sentence))
    (found,) = intervals(hear(listener, Sound(other, rate)))
    assert found == pytest.approx(wanted, abs=0.1)


def test_spoken_digits_are_found_between_silence(samples: Path, listener: SpeechListener) -> None:
    """At 8000 a second, half a second each, two seconds apart."""
    truth, parts, place = [], [], 0.0
    for digit in range(10):
        said = read_sound((samples / f"audio/fsdd/{digit}_jackson_0.wav").read_bytes())
        parts += [np.zeros(16000, np.float32), said.samples]
        truth.append((place + 2.0, place + 2.0 + len(said.samples) / 8000))
        place = truth[-1][1]
    found = intervals(hear(listener, Sound(np.concatenate(parts), 8000)))
    met = [any(start < end2 and start2 < end for start2, end2 in found) for start, end in truth]
    assert sum(met) >= 8
    assert all(any(s < end and start < e for start, end in truth) for s, e in found)


def test_it_judges_as_the_streaming_network_of_its_authors(
    samples: Path, listener: SpeechListener
) -> None:
    sound = read_sound((samples / "audio/silero_vad/test.wav").read_bytes())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    file = packaged.file_of("silero_vad", "data/silero_vad.onnx", "silero-vad")
    network = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32)
    heard = sound.samples[: 700 * 512 - 100]  # more than one call, and a last window not full
    wanted = []
    for start in range(0, len(heard), 512):
        window = np.zeros((1, 512), np.float32)
        window[0, : len(heard[start : start + 512])] = heard[start : start + 512]
        given = np.hstack([context, window])
        chance, state = network.run(
            None, {"input": given, "state": state, "sr": np.array(16000, np.int64)}
        )
        context = window[:, -64:]
        wanted.append(float(chance[0, 0]))
    chances, length = listener.chances(Sound(heard, 16000))
    assert length == len(heard)
    assert chances == pytest.approx(np.array(wanted), abs=1e-4)


def test_one_recording_does_not_change_how_the_next_is_heard(
    listener: SpeechListener, sentence: Sound
) -> None:
    noise = Sound(np.random.default_rng(0).normal(0, 0.3, 50_000).astype(np.float32), 16000)
    items = [Item(sounds={"audio": sound}) for sound in (sentence, noise, sentence)]
    first, _noise, again = listener.predict(items)
    assert first == again == hear(listener, sentence)


def test_the_shortest_recordings_are_heard(listener: SpeechListener) -> None:
    assert hear(listener, Sound(np.zeros(0, np.float32), 16000)) == Answer([])
    assert hear(listener, Sound(np.zeros(1, np.float32), 8000)).marks == []
    assert hear(listener, Sound(np.zeros(513, np.float32), 44100)).marks == []


# Chances a window of 32 ms: speech from 0.5 on, until below 0.35 for 100 ms, 250 ms at least.
@pytest.mark.parametrize(
    ("chances", "wanted"),
    [
        ([], []),
        ([0.1] * 20, []),
        ([0.9] * 20, [(0, 10240)]),
        ([0.1] * 10 + [0.9] * 10 + [0.1] * 10, [(5120 - 480, 10240 + 480)]),
        ([0.1] * 10 + [0.9] * 7 + [0.1] * 10, []),  # 224 ms
        ([0.1] * 10 + [0.4] * 20, []),  # never begins
        ([0.9] * 10 + [0.4] * 20, [(0, 15360)]),  # never ends
        ([0.9] * 10 + [0.1] * 3 + [0.9] * 10, [(0, 11776)]),  # a pause of 96 ms
        ([0.9] * 10 + [0.1] * 5 + [0.9] * 10, [(0, 5600), (7200, 12800)]),
    ],
)
def test_stretches_follow_the_two_thresholds(
    chances: list[float], wanted: list[tuple[int, int]]
) -> None:
    found = stretches(np.array(chances, np.float32), len(chances) * 512)
    assert [(start, end) for start, end, _score in found] == wanted
    assert all(0.5 <= score <= 0.91 for _start, _end, score in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.6, 1.0]), min_size=1), st.integers(1, 512))
def test_stretches_lie_inside_in_order_and_apart(chances: list[float], last: int) -> None:
    length = (len(chances) - 1) * 512 + last
    found = stretches(np.array(chances, np.float32), length)
    edges = [edge for start, end, _score in found for edge in (start, end)]
    assert edges == sorted(edges)
    assert not edges or (edges[0] >= 0 and edges[-1] <= length)
    assert all(end - start > 4000 and 0 <= score <= 1 for start, end, score in found)


@pytest.mark.parametrize(
    ("wanted", "given_target"),
    [
        ("Speech", target("Noise", "Speech")),
        ("human voice", target("Music", "human voice")),
        ("语音", target("噪声", "语音")),
        ("b", target("a", "b", a="背景", b="说话")),
        ("talking", target("non-speech", "talking")),
        ("人声", target("无人声", "人声")),
        ("A", target("A", "B")),
        ("", target()),
    ],
)
def test_the_label_is_the_one_that_means_speech(wanted: str, given_target: Target) -> None:
    assert label_for_speech(given_target) == wanted


def test_an_item_without_the_sound_is_refused_by_name(listener: SpeechListener) -> None:
    with pytest.raises(errors.Invalid, match="audio"):
        listener.predict([Item(texts={"audio": "a.wav"})])


def test_it_takes_no_options_no_file_no_weights_and_no_training() -> None:
    assert MODEL.check({}, None) == {}
    with pytest.raises(errors.Invalid, match=r"options\.threshold"):
        MODEL.check({"threshold": 0.3}, None)
    with pytest.raises(errors.Refused):
        MODEL.fit([], target("Speech"))
    with pytest.raises(errors.Damaged):
        MODEL.load(b"weights", target("Speech"), Given())


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(errors.Unavailable, match="silero-vad is not installed"):
        packaged.file_of("silero_vad_that_nobody_has", "data/x.onnx", "silero-vad")
    with pytest.raises(errors.Unavailable, match=r"silero-vad does not hold data/x\.onnx"):
        packaged.file_of("silero_vad", "data/x.onnx", "silero-vad")


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
    assert len(card["limits"]["zh"]) == len(card["limits"]["en"])
