"""Learn from labelled rows how strongly each stretch speaks for each label."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

ROUNDS = 10  # of guessing and learning again; 3 are too few for five labels a class
POOL_WEIGHT = 0.5  # of a guessed text beside one that a person labelled
SMOOTHING = 0.04
FIRMNESS = 0.5  # the SVM's C; from 0.3 to 1 it moves results by a point

MACHINE_SHARE, BAYES_SHARE = 5.0, 0.25


@dataclass(frozen=True)
class Head:
    """For each part of the texts one column of weights and one offset a label: `weights` is
    `(parts, columns, labels)`, `offsets` `(parts, labels)`; one part serves all texts."""

    weights: Floats
    offsets: Floats

    def scores(self, rows: Any, parts: Places) -> Doubles:
        """Return how strongly each row speaks for each label, shape `(rows, labels)`.

        `parts` says to which part each row belongs.
        """
        scores = np.zeros((rows.shape[0], self.offsets.shape[1]))
        parts = parts % len(self.offsets)
        for part in np.unique(parts):
            own = np.flatnonzero(parts == part)
            scores[own] = rows[own] @ self.weights[part] + self.offsets[part]
        return scores


def semi_supervised(rows: Any, answers: Flags, pool: Any, parts: Places) -> Head:
    """Return naive Bayes that also learns from unlabelled rows, by expectation maximisation.

    Nigam, McCallum, Thrun & Mitchell, Machine Learning 39 (2000): it labels the pool, learns
    from its guesses at `POOL_WEIGHT`, and so on. How frequent the labels are is taken from the
    people alone: left free, one label swallows the pool. Each row of `answers` holds one True.

    A guess that was learned from comes back surer than it is, and surer than those on new
    texts. So each part of the texts gets a head that learned from the pool's other parts
    (`parts` of the pool's rows); where all are of one part there is one head that saw them all.
    """
    count = int(parts.max(initial=0)) + 1
    heads = []
    for part in range(count):
        others = pool if count == 1 else pool[parts != part]
        heads.append(_expected(rows.T @ answers.astype(np.float64), answers, others))
    return Head(*(np.concatenate(each) for each in zip(*heads, strict=True)))


def _expected(sure: Doubles, answers: Flags, pool: Any) -> tuple[Floats, Floats]:
    frequency = np.log(answers.sum(axis=0) + 1.0)
    head = _bayes(sure, frequency)
    everyone = np.zeros(pool.shape[0], np.int64)
    for _round in range(ROUNDS if pool.shape[0] else 0):
        guesses = POOL_WEIGHT * softmax(head.scores(pool, everyone))
        head = _bayes(sure + pool.T @ guesses, frequency)
    return head.weights, head.offsets


def _bayes(mass: Doubles, frequency: Doubles) -> Head:
    mass = mass + SMOOTHING
    weights = np.log(mass / mass.sum(axis=0))
    # What a stretch says for all labels alike says nothing; without it the numbers stay small.
    weights -= weights.mean(axis=1, keepdims=True)
    offsets = frequency - frequency.mean()
    return Head(weights.astype(np.float32)[None], offsets.astype(np.float32)[None])


def one_against_the_rest(rows: Any, answers: Flags) -> Head:
    """Return a linear support-vector machine for each label against all others."""
    # Only who trains needs scikit-learn: half a second and 130 MB of every process else.
    from sklearn.svm import LinearSVC

    weights = np.zeros((rows.shape[1], answers.shape[1]), np.float32)
    offsets = np.zeros(answers.shape[1], np.float32)
    for place, column in enumerate(answers.T):
        if column.all() or not column.any():
            offsets[place] = 1.0 if column.all() else -1.0
            continue
        machine = LinearSVC(C=FIRMNESS, class_weight="balanced", random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge": it is good enough by then
            machine.fit(rows, column)
        weights[:, place], offsets[place] = machine.coef_[0], machine.intercept_[0]
    return Head(weights[None], offsets[None])


def together(machine: Head, bayes: Head) -> Head:
    """Return both as one: what each says is added up, as chances would be multiplied.

    With 77 to 150 labels a class the sum was more often right than either on headlines, and at
    least as often on titles of papers; there rare classes lose a point to the machine alone
    once labels are many, and two points where Bayes has twice the share.
    """
    weights = MACHINE_SHARE * machine.weights + BAYES_SHARE * bayes.weights
    return Head(weights, MACHINE_SHARE * machine.offsets + BAYES_SHARE * bayes.offsets)


def softmax(scores: Doubles) -> Doubles:
    """Return chances that sum to 1 in each row."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)


def sigmoid(scores: Doubles) -> Doubles:
    """Return a chance for each score by itself."""
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -40, 40))), np.float64)


def sharpness(scores: Doubles, answers: Flags) -> float:
    """Return by what to multiply scores so that their softmax is the chance of being right.

    Temperature scaling (Guo, Pleiss, Sun & Weinberger, ICML 2017): the likelihood of answers
    that were held back is highest there. 1 where there are none.
    """
    if not len(scores):
        return 1.0
    tried = [2.0**power for power in np.arange(-4, 6.1, 0.125)]
    losses = [-np.log(softmax(scores * factor)[answers] + 1e-12).mean() for factor in tried]
    return float(tried[int(np.argmin(losses))])


def slope(scores: Doubles, answers: Flags) -> tuple[float, float]:
    """Return factor and offset that turn each score into a chance (Platt 1999), for all labels
    together: a label with five examples could not support its own."""
    from sklearn.linear_model import LogisticRegression

    flat = answers.ravel()
    if flat.all() or not flat.any():
        return 1.0, 0.0
    line = LogisticRegression(C=100.0).fit(scores.reshape(-1, 1), flat)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def folds(answers: Flags, count: int = 3) -> Places:
    """Return for each row which part it belongs to, every label spread over all parts."""
    order = sorted(range(len(answers)), key=lambda row: answers[row].tobytes())
    part = np.zeros(len(answers), np.int64)
    part[order] = np.arange(len(answers)) % count
    return part


def directions(rows: Any, count: int) -> Floats:
    """Return the main directions of the rows, `(columns, at most count)` (LSA, truncated SVD)."""
    from sklearn.utils.extmath import randomized_svd

    count = min(count, min(rows.shape) - 1)
    if count < 1:
        return np.zeros((rows.shape[1], 0), np.float32)
    _left, _sizes, right = randomized_svd(rows, count, random_state=0)
    return np.asarray(right.T, np.float32)
