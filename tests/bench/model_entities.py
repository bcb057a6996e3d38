"""Measure the sequence tagger on Weibo messages beside jieba's part-of-speech tags."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import MODELS, costs
from jinbiao.workers.models.interface import Example, Given, Item, Span, Target
from jinbiao.workers.models.sequence_tagger.words import dictionary

TRAINED = 500
DATA = "Weibo NER, revised pass, 8 labels"


def read_messages(file: Path) -> list[Example]:
    """Return messages with their spans; each character of the file carries its place in a word."""
    examples = []
    for message in file.read_text(encoding="utf-8").split("\n\n"):
        pairs = [line.split("\t") for line in message.splitlines() if "\t" in line]
        if pairs:
            text = "".join(token[0] for token, _state in pairs)
            spans = list(_spans([state for _token, state in pairs]))
            examples.append(Example(Item(texts={"text": text}), spans))
    return examples


def _spans(states: Sequence[str]) -> Iterator[Span]:
    start = None
    for place, state in enumerate([*states, "O"]):
        if start is not None and not (state.startswith("I-") and state[2:] == states[start][2:]):
            yield Span(states[start][2:], start, place)
            start = None
        if start is None and state != "O":  # as conlleval counts, a few begin with I-
            start = place


def target(examples: Sequence[Example]) -> Target:
    """Return what is wanted: all labels of the examples."""
    return Target("text", Span, tuple(sorted({m.label for e in examples for m in e.marks})))


def quality(truth: Sequence[Example], shown: Sequence[Sequence[Span]]) -> tuple[float, ...]:
    """Return F1, precision and recall of spans whose label and both ends are right (micro)."""
    true = [{_place(mark) for mark in example.marks} for example in truth]
    found = [{_place(mark) for mark in marks} for marks in shown]
    right = sum(len(t & f) for t, f in zip(true, found, strict=True))
    there, said = sum(map(len, true)), sum(map(len, found))
    return 2 * right / max(there + said, 1), right / max(said, 1), right / max(there, 1)


def _place(mark: object) -> tuple[int, int, str]:
    assert isinstance(mark, Span)
    return mark.start, mark.end, mark.label


class PartsOfSpeech:
    """Take jieba's names for spans: each part of speech for the label it meets most often.

    The best that can be made of them (F1 0.25): parts that meet no label in a tenth of their
    words are left out; with a quarter, and with a twentieth, it is 0.15 and 0.18.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from jieba import posseg
        self._tagger = posseg.POSTokenizer(dictionary().cutter)
        met: dict[str, Counter[str]] = {}
        for example in examples:
            true = {_place(mark)[:2]: mark.label for mark in example.marks}
            for start, end, part in self._words(example.item.texts["text"]):
                met.setdefault(part, Counter())[true.get((start, end), "")] += 1
        self.labels = {}
        for part, counts in met.items():
            named = Counter({label: count for label, count in counts.items() if label})
            label, count = named.most_common(1)[0] if named else ("", 0)
            if count >= 0.1 * counts.total():
                self.labels[part] = label

    def _words(self, text: str) -> Iterator[tuple[int, int, str]]:
        place = 0
        for word in self._tagger.cut(text):
            yield place, place + len(word.word), word.flag
            place += len(word.word)

    def spans(self, text: str) -> list[Span]:
        """Return the words whose part of speech stands for a label."""
        words = self._words(text)
        return [Span(self.labels[part], a, b) for a, b, part in words if part in self.labels]


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield the tagger and the baseline: mean of three choices of messages (quick: one)."""
    examples = read_messages(samples / "text" / "weibo_ner" / "weiboNER_2nd_conll.train")
    model, wanted = MODELS["sequence_tagger"], target(examples)
    learned, tags = [], []
    for seed in range(1 if quick else 3):
        order = np.random.default_rng(seed).permutation(len(examples))
        training = [examples[place] for place in order[:TRAINED]]
        asked = [examples[place] for place in order[TRAINED:]]
        predictor = model.load(model.fit(training, wanted), wanted, Given())
        began = time.process_time()
        answers = predictor.predict([example.item for example in asked])
        speed = len(asked) / (time.process_time() - began)
        spans = [[m for m in answer.marks if isinstance(m, Span)] for answer in answers]
        learned.append((*quality(asked, spans), speed, saved(asked, spans)))
        baseline = PartsOfSpeech(training)
        began = time.process_time()
        spans = [baseline.spans(example.item.texts["text"]) for example in asked]
        speed = len(asked) / (time.process_time() - began)
        tags.append((*quality(asked, spans), speed, saved(asked, spans)))
    ours, theirs = np.mean(learned, axis=0), np.mean(tags, axis=0)
    goal, reached = f"≥ {1.5 * theirs[0]:.2f} (1.5 × jieba)", bool(ours[0] >= 1.5 * theirs[0])
    yield _row("sequence_tagger", ours, goal, reached)
    yield Row(
        DATA,
        "sequence_tagger",
        f"{TRAINED} messages",
        "messages a CPU second",
        f"{ours[3]:,.0f}",
        goal="≥ 1,000",
        reached=bool(ours[3] >= 1000),
    )
    yield _row("jieba's parts of speech", theirs, "", None)


def _row(model: str, figures: np.ndarray, goal: str, reached: bool | None) -> Row:
    score, precision, recall, speed, minutes = figures.tolist()
    return Row(
        DATA,
        model,
        f"{TRAINED} messages",
        "span F1 (exact; precision, recall)",
        f"{score:.3f} ({precision:.2f}, {recall:.2f})",
        goal=goal,
        reached=reached,
        speed=f"{speed:,.0f} messages/s",
        saved=minutes,
    )


def saved(truth: Sequence[Example], shown: Sequence[Sequence[Span]]) -> float:
    """Return the minutes of manual work that the marks save on 100 tasks."""
    seconds = [
        costs.alone(example.marks) - costs.helped(example.marks, marks)
        for example, marks in zip(truth, shown, strict=True)
    ]
    return float(np.mean(seconds)) * 100 / 60
