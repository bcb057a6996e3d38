"""Measure the text classifier on paper titles and headlines beside TF-IDF with a linear SVM."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import costs
from jinbiao.workers.models.interface import Choice, Example, Given, Item, Target
from jinbiao.workers.models.text_classifier import Classifying, TextClassifier

Texts = Sequence[tuple[str, str]]  # each with its class
TRAINED = 1000
A_CLASS = (5, 20, 50)


def read_titles(samples: Path) -> list[tuple[str, str]]:
    """Return the titles of papers with one of 13 fields."""
    file = samples / "text" / "csl_classification" / "cls_ctg_train_2000.tsv"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [(text, label) for _task, text, label in (line.split("\t") for line in lines)]


def read_headlines(samples: Path) -> list[tuple[str, str]]:
    """Return the headlines of THUCNews with one of ten sections."""
    folder = samples / "text" / "thucnews_titles"
    names = (folder / "class.txt").read_text(encoding="utf-8").split()
    lines = (folder / "dev_2000.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.rsplit("\t", 1) for line in lines if "\t" in line)
    return [(text, names[int(number)]) for text, number in pairs]


def example(text: str, label: str) -> Example:
    """Return a text that a person gave a label."""
    return Example(Item(texts={"text": text}), [Choice(label)])


@dataclass(frozen=True)
class Result:
    """Answers to texts that were not learned from: the best label of each, whether it is shown,
    and how many texts a CPU second answers."""

    asked: Texts
    best: Sequence[str]
    shown: np.ndarray
    speed: float

    def figures(self) -> list[float]:
        """Return accuracy and macro F1 of all, the share shown, both of what is shown, speed,
        minutes saved on 100 tasks."""
        true, best = np.array([label for _text, label in self.asked]), np.array(self.best)
        labels = sorted(set(true))
        both = [
            (
                float((true[some] == best[some]).mean()) if some.any() else 0.0,
                float(
                    f1_score(
                        true[some], best[some], labels=labels, average="macro", zero_division=0
                    )
                ),
            )
            for some in (np.ones(len(true), bool), self.shown)
        ]
        seconds = [
            costs.alone([Choice(one)]) - costs.helped([Choice(one)], [Choice(two)] if show else [])
            for one, two, show in zip(true, best, self.shown, strict=True)
        ]
        minutes = float(np.mean(seconds)) * 100 / 60
        return [*both[0], float(self.shown.mean()), *both[1], self.speed, minutes]


def ours(training: Texts, asked: Texts) -> Result:
    """Learn with the pool of what is asked, as a project would."""
    model = TextClassifier()
    target = Target("text", Choice, tuple(sorted({label for _text, label in training})))
    items = [Item(texts={"text": text}) for text, _label in asked]
    weights = model.fit([example(*pair) for pair in training], target, items)
    predictor = model.load(weights, target, Given())
    assert isinstance(predictor, Classifying)
    began = time.process_time()
    answers = predictor.predict(items)
    speed = len(items) / (time.process_time() - began)
    chances = predictor.chances([text for text, _label in asked])
    best = [predictor.labels[place] for place in chances.argmax(axis=1)]
    return Result(asked, best, np.array([bool(answer.marks) for answer in answers]), speed)


def baseline(training: Texts, asked: Texts) -> Result:
    """Take scikit-learn's parts as they come; all that it says is shown."""
    parts = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), LinearSVC())
    parts.fit([text for text, _label in training], [label for _text, label in training])
    began = time.process_time()
    best = parts.predict([text for text, _label in asked])
    speed = len(asked) / (time.process_time() - began)
    return Result(asked, best, np.ones(len(asked), bool), speed)


WAYS: dict[str, Callable[[Texts, Texts], Result]] = {
    "text_classifier": ours,
    "TF-IDF + linear SVM": baseline,
}


def chosen(texts: Texts, count: int, seed: int) -> tuple[Texts, Texts]:
    """Return `count` texts to learn from, by lot, and the others."""
    order = np.random.default_rng(seed).permutation(len(texts))
    return [texts[i] for i in order[:count]], [texts[i] for i in order[count:]]


def chosen_by_class(texts: Texts, count: int, seed: int) -> tuple[Texts, Texts]:
    """Return `count` texts of each class to learn from, by lot, and the others."""
    seen: dict[str, int] = {}
    parts: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for place in np.random.default_rng(seed).permutation(len(texts)):
        text, label = texts[place]
        seen[label] = seen.get(label, 0) + 1
        parts[seen[label] > count].append((text, label))
    return parts


def mean(
    way: str,
    texts: Texts,
    choose: Callable[[Texts, int, int], tuple[Texts, Texts]],
    count: int,
    quick: bool,
) -> list[float]:
    """Return the figures' means over three choices of texts (quick: one)."""
    seeds = range(1 if quick else 3)
    results = [WAYS[way](*choose(texts, count, seed)).figures() for seed in seeds]
    return list(np.mean(results, axis=0).tolist())


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield both data sets with many labels, then headlines with few a class."""
    headlines, titles = read_headlines(samples), read_titles(samples)
    sets = (("CSL titles, 13 classes", titles), ("THUCNews headlines, 10 classes", headlines))
    for data, texts in sets:
        figures = {way: mean(way, texts, chosen, TRAINED, quick) for way in WAYS}
        least = figures["TF-IDF + linear SVM"]
        for way, values in figures.items():
            better = values[0] >= least[0] and values[1] >= least[1]
            is_ours = way == "text_classifier"
            yield Row(
                data,
                way,
                f"{TRAINED:,}",
                "accuracy, macro F1",
                f"{values[0]:.3f}, {values[1]:.3f}",
                goal="not below the baseline" if is_ours else "",
                reached=better if is_ours else None,
                speed=f"{values[5]:,.0f} texts/s",
                saved=values[6],
            )
            if is_ours:
                yield _shown(data, way, f"{TRAINED:,}", values)
    for count in A_CLASS:
        for way in WAYS:
            values = mean(way, headlines, chosen_by_class, count, quick)
            where = ("THUCNews headlines, 10 classes", way, f"{count} a class")
            value = f"{values[0]:.3f}, {values[1]:.3f}"
            yield Row(*where, "accuracy, macro F1 of all", value, saved=values[6])
            if way == "text_classifier":
                yield _shown(*where, values)


def _shown(data: str, way: str, trained_on: str, values: list[float]) -> Row:
    value = f"{values[2]:.0%}: {values[3]:.3f}, {values[4]:.3f}"
    return Row(data, way, trained_on, "share pre-filled: its accuracy, macro F1", value)
