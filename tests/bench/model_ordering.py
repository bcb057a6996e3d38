"""Measure whether an active order pays: accuracy after so many labels beside a random order.

Headlines of ten sections; 500 are kept for the test, people label from the others. The model
learns anew after each LEARNS labels, answers what is left, and the order of `datasets.ordering`
says what is labelled next, as the order job does. Both orders begin with the same labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from jinbiao.datasets.ordering import Known, most_telling
from jinbiao.tests.bench.model_rows import Row
from jinbiao.tests.bench.model_texts import Texts, example, read_headlines
from jinbiao.workers.models.interface import Choice, Given, Item, Target
from jinbiao.workers.models.text_classifier import Classifying, TextClassifier

TESTED = 500
FIRST = 30  # labels by lot, with which both begin
LEARNS = (50, 75, 100, 150, 200)
TOLD = (100, 200)
SEEDS = (1, 2, 3)
RARE = "sports"
Measure = Callable[[Classifying, Texts], float]
Order = Callable[[Classifying, Sequence[Item], int], Sequence[int]]


def by_lot(_model: Classifying, items: Sequence[Item], seed: int) -> Sequence[int]:
    """Return the places of what is left in a random order."""
    return np.random.default_rng(seed).permutation(len(items)).tolist()


def by_doubt(model: Classifying, items: Sequence[Item], _seed: int) -> Sequence[int]:
    """Return them by what the model is unsure of alone."""
    return most_telling([Known(score=answer.score) for answer in model.predict(items)])


def by_doubt_and_likeness(model: Classifying, items: Sequence[Item], _seed: int) -> Sequence[int]:
    """Return them as the order job does: unsure first, alike ones apart."""
    answers = model.predict(items)
    return most_telling([Known(score=a.score, features=a.features) for a in answers])


ORDERS: dict[str, Order] = {
    "random order": by_lot,
    "uncertainty": by_doubt,
    "uncertainty and diversity": by_doubt_and_likeness,
}


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Say what each order comes to after 100 and 200 labels, and how much that is over lots.

    Once with ten sections of one size, once with one section to be found among the others, as
    few defects are among many good parts.
    """
    texts = read_headlines(samples)
    seeds = SEEDS[:1] if quick else SEEDS
    yield from compared("THUCNews headlines, 10 classes", texts, seeds, "accuracy", accuracy)
    rare = [(text, RARE if label == RARE else "other") for text, label in texts]
    yield from compared("THUCNews headlines, 1 in 10 or not", rare, seeds, "F1 of the 1", rare_f1)


def compared(
    data: str, texts: Texts, seeds: Sequence[int], named: str, measure: Measure
) -> Iterator[Row]:
    """Label in each order, from several beginnings."""
    found = {
        name: [curve(texts, seed, order, measure) for seed in seeds]
        for name, order in ORDERS.items()
    }
    for labels in TOLD:
        random = np.array([each[labels] for each in found["random order"]])
        for name, curves in found.items():
            reached = np.array([each[labels] for each in curves])
            each = " / ".join(f"{value:.3f}" for value in reached)
            value = f"{reached.mean():.3f} ({each})"
            if name != "random order":
                value += f"; {reached.mean() - random.mean():+.3f} beside random"
            yield Row(
                data=data,
                model=f"text_classifier, {name}",
                trained_on=f"{labels} labels",
                measure=f"{named}, {TESTED} others, {len(seeds)} seeds",
                value=value,
            )


def curve(texts: Texts, seed: int, order: Order, measure: Measure) -> dict[int, float]:
    """Label in an order; return number of labels → the measure on what is never labelled."""
    drawn = np.random.default_rng(seed).permutation(len(texts))
    test = [texts[place] for place in drawn[:TESTED]]
    left = [texts[place] for place in drawn[TESTED:]]
    labelled, left = left[:FIRST], left[FIRST:]
    reached = {}
    for goal in LEARNS:
        model = learned(labelled, left, texts)
        chosen = order(model, [asked(text) for text, _label in left], seed)[: goal - len(labelled)]
        labelled = [*labelled, *(left[place] for place in chosen)]
        taken = set(chosen)
        left = [pair for place, pair in enumerate(left) if place not in taken]
        if goal in TOLD:
            reached[goal] = measure(learned(labelled, left, texts), test)
    return reached


def learned(labelled: Texts, left: Texts, texts: Texts) -> Classifying:
    """Return the model as it learns from the labels and from what is left."""
    target = Target("text", Choice, tuple(sorted({label for _text, label in texts})))
    model = TextClassifier()
    pool = [asked(text) for text, _label in left]
    weights = model.fit([example(*pair) for pair in labelled], target, pool)
    predictor = model.load(weights, target, Given())
    assert isinstance(predictor, Classifying)
    return predictor


def asked(text: str) -> Item:
    """Return a text as the model sees it."""
    return Item(texts={"text": text})


def accuracy(model: Classifying, test: Texts) -> float:
    """Return the share of texts whose surest label is theirs."""
    said = surest(model, test)
    return float(np.mean([one == label for one, (_text, label) in zip(said, test, strict=True)]))


def rare_f1(model: Classifying, test: Texts) -> float:
    """Return how well the rare label is found: twice what is right of what is said and true."""
    said, true = surest(model, test), [label for _text, label in test]
    right = sum(one == two == RARE for one, two in zip(said, true, strict=True))
    return 2 * right / max(said.count(RARE) + true.count(RARE), 1)


def surest(model: Classifying, test: Texts) -> list[str]:
    """Return each text's surest label, shown or not."""
    chances = model.chances([text for text, _label in test])
    return [model.labels[place] for place in chances.argmax(axis=1)]
