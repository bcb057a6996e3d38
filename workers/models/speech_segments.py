"""Find where somebody speaks in a recording, with the packaged weights of Silero VAD.

The network sees 512 samples at 16,000 a second with the 64 before them, and carries its state on;
stretches come from its chances with two thresholds, as its authors do it
(https://github.com/snakers4/silero-vad, MIT). Their Python is not run: it needs torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from . import packaged, sounds
from .fixed import NeverTrained, WithoutOptions
from .interface import Answer, Given, Interval, Item, Serves, Sound, Target

Chances = NDArray[np.float32]

RATE = 16_000
WINDOW, CONTEXT = 512, 64  # samples
STATE = (1, 1, 128)
FILE = "data/silero_vad_16k_sequence.onnx"  # many windows in one call; needs silero-vad 6.2
TOGETHER = 512  # windows in one call
BEGINS, ENDS = 0.5, 0.35  # chance from which speech begins, and below which it ends
SHORTEST_SPEECH, SHORTEST_SILENCE, MARGIN = 4_000, 1_600, 480  # samples: 250, 100, 30 ms

_SPEECH = re.compile(
    r"speech|voice|speak|talk|utter|语音|说话|人声|讲话|话音|发言|发声|口语", re.IGNORECASE
)
_OTHER = re.compile(
    r"\b(?:no|non|not|without)\b|\bun(?:voiced|spoken)|silen|noise|music|非|无|没|不|静|噪",
    re.IGNORECASE,
)


class SpeechSegments(WithoutOptions, NeverTrained):
    """Mark the stretches of a recording in which somebody speaks."""

    name = "speech_segments"
    version = packaged.versioned("1", "silero-vad")
    serves = Serves("sound", (Interval,))
    queue = "cpu"

    def load(self, weights: bytes | None, target: Target, given: Given) -> SpeechListener:
        """Return a predictor; raise errors.Unavailable where the weights are not installed."""
        if weights is not None:
            raise errors.Damaged(
                _("the model %(model)s has no weights of its own"), model=self.name
            )
        return SpeechListener(target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return CARD


class SpeechListener:
    """The network in memory, on one thread."""

    def __init__(self, target: Target) -> None:
        file = packaged.file_of("silero_vad", FILE, "silero-vad")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors; loading warns of initialisers that nobody uses
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._key = target.key
        self._label = label_for_speech(target)

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the stretches of speech of each recording, the surest first.

        The answer's score is the mean chance that a window of 32 ms is judged rightly.
        """
        return [self._answer(item) for item in items]

    def _answer(self, item: Item) -> Answer:
        sound = item.sounds.get(self._key)
        if sound is None:
            raise errors.Invalid(_("the model needs the sound %(key)s"), key=self._key)
        chances, length = self.chances(sound)
        if not length:
            return Answer([])
        marks = [
            Interval(self._label, start / RATE, min(end, length) / RATE, score)
            for start, end, score in stretches(chances, length)
        ]
        marks.sort(key=lambda mark: (-mark.score, mark.start))
        return Answer(marks, float(np.maximum(chances, 1 - chances).mean()))

    def chances(self, sound: Sound) -> tuple[Chances, int]:
        """Return the chance of speech in each window, and the samples at 16,000 a second."""
        hidden = cell = np.zeros(STATE, np.float32)
        context: sounds.Samples = np.zeros(CONTEXT, np.float32)
        found: list[Chances] = []
        length = 0
        blocks = sounds.resampled(sounds.cut(sound.samples), sound.rate, RATE)
        for block in _rounded(blocks):
            length += len(block)
            windows = np.zeros((-(-len(block) // WINDOW), WINDOW), np.float32)
            windows.reshape(-1)[: len(block)] = block
            before = np.vstack([context, windows[:-1, -CONTEXT:]])
            context = windows[-1, -CONTEXT:]
            given = {"input": np.hstack([before, windows]), "h": hidden, "c": cell}
            chances, hidden, cell = self._session.run(None, given)
            found.append(np.asarray(chances, np.float32))
        return (np.concatenate(found) if found else np.zeros(0, np.float32)), length


def _rounded(blocks: Iterable[sounds.Samples]) -> Iterator[sounds.Samples]:
    """Yield the same samples in blocks of whole windows; only the last may hold less."""
    held: sounds.Samples = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= TOGETHER * WINDOW:
            yield held[: TOGETHER * WINDOW]
            held = held[TOGETHER * WINDOW :]
    if len(held):
        yield held


def stretches(chances: Chances, length: int) -> list[tuple[int, int, float]]:
    """Return start, end and mean chance of each stretch of speech, in samples, in order.

    `length` are the samples that there are. Stretches do not overlap: of a silence shorter than
    two margins each neighbour gets half.
    """
    found: list[tuple[int, int, float]] = []
    start = quiet = None
    for place, chance in enumerate(chances.tolist()):
        now = place * WINDOW
        if chance >= BEGINS:
            quiet = None
            start = now if start is None else start
        elif chance < ENDS and start is not None:
            quiet = now if quiet is None else quiet
            if now - quiet >= SHORTEST_SILENCE:
                found.append((start, quiet, _mean(chances, start, quiet)))
                start = quiet = None
    if start is not None:
        found.append((start, length, _mean(chances, start, length)))
    return _widened([one for one in found if one[1] - one[0] > SHORTEST_SPEECH], length)


def _mean(chances: Chances, start: int, end: int) -> float:
    return float(np.clip(chances[start // WINDOW : -(-end // WINDOW)].mean(), 0.0, 1.0))


def _widened(found: list[tuple[int, int, float]], length: int) -> list[tuple[int, int, float]]:
    wide = []
    for place, (start, end, score) in enumerate(found):
        last = found[place - 1][1] if place else -2 * MARGIN
        following = found[place + 1][0] if place + 1 < len(found) else length + 2 * MARGIN
        first = max(start - min(MARGIN, (start - last) // 2), 0)
        wide.append((first, min(end + min(MARGIN, (following - end) // 2), length), score))
    return wide


def label_for_speech(target: Target) -> str:
    """Return the label whose name or title means speech, else the first, "" without labels."""
    for label in target.labels:
        named = f"{label} {target.titles.get(label, '')}"
        if _SPEECH.search(named) and not _OTHER.search(named):
            return label
    return target.labels[0] if target.labels else ""


CARD: dict[str, Any] = {
    "title": {"zh": "语音端点检测", "en": "Stretches of speech"},
    "what": {
        "zh": "用随软件包安装的 Silero VAD 网络逐 32 毫秒判断录音里有没有人说话，"
        "再合并成带起止时间的语音段，不识别说了什么。",
        "en": "Judges every 32 ms of a recording with the network of Silero VAD, whose weights "
        "come with its package, and joins them into stretches of speech. It does not tell what "
        "is said.",
    },
    "for": {
        "zh": "会议、访谈、客服电话等录音：先切出说话的部分，再由人工转写或分类。",
        "en": "Meetings, interviews, telephone calls: it cuts out where somebody speaks, before "
        "people write down or classify it.",
    },
    "limits": {
        "zh": [
            "只分辨有人说话和没人说话，不区分说话人、语种和内容；"
            "标签取名称表示语音的那一个，没有则取第一个。",
            "短于 0.25 秒的语音会漏掉，短于 0.1 秒的停顿会并入前后语音；起止时间误差约 0.05 秒。",
            "单个词、耳语、歌声、笑声以及音乐伴奏或强机器噪声下的语音容易误判。",
            "网络按每秒 16000 个采样工作，其他采样率先转换；多声道取平均，"
            "左右声道各一人时无法区分。",
            "录音最长 4 小时；可解码 WAV、FLAC、OGG、Opus 和 MP3。",
        ],
        "en": [
            "It tells speech from no speech only: not who speaks, which language or what. It gives "
            "the label whose name means speech, or else the first.",
            "It misses speech shorter than 0.25 s and joins across pauses shorter than 0.1 s; ends "
            "are right to about 0.05 s.",
            "Single words, whispers, singing, laughter, and speech over music or loud machines "
            "are often misjudged.",
            "The network works at 16,000 samples a second; other rates are converted. Channels "
            "are averaged: two people on two channels are not told apart.",
            "A recording may last 4 hours; WAV, FLAC, OGG, Opus and MP3 are decoded.",
        ],
    },
    "data": {
        "zh": "权重取自 silero-vad 软件包（未安装 torch），作者未公布训练数据；"
        "不会用本项目的数据训练。",
        "en": "Weights from the package silero-vad (without torch); its authors do not publish the "
        "training data. Nothing is learned from the project.",
    },
    "licence": "MIT (Silero Team)",
}
