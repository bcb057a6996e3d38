"""Say of what class a text is: from few labels with the help of the unlabelled pool, from many
with a support-vector machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from .. import costs
from ..arrays import damaged, pack, unpack
from ..characters import text_of
from ..fixed import WithoutOptions
from ..interface import Answer, Choice, Example, Given, Item, Predictor, Serves, Target
from . import heads
from .card import CARD
from .grams import READ, Grams, learn
from .heads import Doubles, Flags, Floats, Head, Places

FEW = 50  # labels a class, on average, below which the pool is asked for help
POOL = 20_000  # unlabelled texts that are read
POOL_CHARACTERS = 2_000_000
CHARACTERS = 4_000_000  # of labelled texts; what comes after is not read
LONGEST = 2  # units in a row that are one stretch; 3 are no better
WIDEST = 60_000  # stretches that count, fewer where there are many labels
WEIGHTS = 20_000_000
DIRECTIONS = 64
PARTS = 8  # of the pool: what is learned from seven serves the eighth
DOUBTS = 10  # answers that must be known before half of them can be left out

# A right choice that is shown spares the choosing for a look, a wrong one costs a look and a
# change beside it: showing pays from this chance on.
_LOOK, _CLASS = costs.SECONDS["look"], costs.SECONDS["class"]
WORTH_SHOWING = (_LOOK + costs.SECONDS["relabel"] - _CLASS) / costs.SECONDS["relabel"]
# Where any number of labels may be given, a wrong one has to be deleted.
WORTH_SHOWING_ONE_OF_MANY = (_LOOK + costs.SECONDS["delete"]) / (_CLASS + costs.SECONDS["delete"])


class TextClassifier(WithoutOptions):
    """Pre-label whole texts with one label or several."""

    name = "text_classifier"
    version = "1"
    serves = Serves(reads="text", makes=(Choice,))
    queue = "cpu"
    least_examples = 10

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn which stretches of text speak for which label.

        One label of several with fewer than `FEW` examples each is learned with the pool's
        help, and only the surer half of what comes will be pre-filled. Raises `errors.Refused`
        where people's answers do not differ.
        """
        texts, answers, labels = _answered(examples, target)
        few = target.single and len(texts) < FEW * len(labels)
        way = "few" if few else "one of many" if target.single else "any of many"
        pool = _pool(unlabelled, target.key)
        most = min(WIDEST, WEIGHTS // (len(labels) * PARTS))
        grams = learn([*texts, *pool], LONGEST, most)
        rows, pool_rows = grams.rows(texts), grams.rows(pool)
        both, parts = _both(rows, pool_rows), _parts(pool)
        head = _head(rows, answers, pool_rows, parts, way)
        held_back, true = _held_back(rows, answers, pool_rows, way)
        if target.single:
            factor, offset = heads.sharpness(held_back, true), 0.0
            chances = heads.softmax(factor * (head.scores(pool_rows, parts) if pool else held_back))
            shown = max(WORTH_SHOWING, _surer_half(chances) if few else 0.0)
        else:
            factor, offset = heads.slope(held_back, true)
            shown = WORTH_SHOWING_ONE_OF_MANY
        return pack(
            self.name,
            {
                "labels": np.array(labels, np.str_),
                "numbers": grams.numbers,
                "rarity": grams.weights,
                "longest": np.array(grams.longest),
                "weights": head.weights.astype(np.float16),
                "offsets": head.offsets,
                "directions": heads.directions(both, DIRECTIONS).astype(np.float16),
                "scale": np.array([factor, offset, shown], np.float64),
            },
        )

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; labels that the target lacks by now are left out."""
        if weights is None:
            raise errors.Refused(_("this model needs to be trained first"))
        return Classifying.read(unpack(self.name, weights), target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return {"name": self.name, "version": self.version, **CARD}


@dataclass(frozen=True)
class Classifying:
    """What was learned, ready for texts."""

    key: str
    single: bool
    labels: tuple[str, ...]
    grams: Grams
    head: Head
    directions: Floats
    factor: float
    offset: float
    shown: float

    @classmethod
    def read(cls, arrays: dict[str, NDArray[Any]], target: Target) -> Classifying:
        """Return the arrays as a predictor; raises `errors.Damaged` where they do not fit."""
        try:
            grams = Grams(arrays["numbers"], arrays["rarity"], int(arrays["longest"]))
            head = Head(arrays["weights"], arrays["offsets"])
            directions, scale = arrays["directions"], arrays["scale"]
            labels = [str(label) for label in arrays["labels"].tolist()]
            factor, offset, shown = (float(number) for number in scale.tolist())
        except (KeyError, TypeError, ValueError) as error:
            raise damaged() from error
        width = len(grams.numbers)
        fits = (
            grams.numbers.dtype == np.uint64
            and bool((grams.numbers[1:] > grams.numbers[:-1]).all())
            and grams.weights.shape == (width,)
            and 1 <= grams.longest <= 3
            and head.offsets.ndim == 2
            and len(head.offsets) > 0
            and head.offsets.shape[1] == len(labels)
            and head.weights.shape == (len(head.offsets), width, len(labels))
            and directions.ndim == 2
            and len(directions) == width
            and all(
                array.dtype.kind == "f" and bool(np.isfinite(array).all())
                for array in (grams.weights, head.weights, head.offsets, directions, scale)
            )
        )
        if not fits:
            raise damaged()
        kept = [place for place, label in enumerate(labels) if label in target.labels]
        return cls(
            target.key,
            target.single,
            tuple(labels[place] for place in kept),
            grams,
            Head(head.weights[:, :, kept].astype(np.float32), head.offsets[:, kept]),
            np.asarray(directions, np.float32),
            factor,
            offset,
            shown,
        )

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return a choice for each text that is clear enough, and for all how clear they are."""
        texts = [text_of(item, self.key) for item in items]
        rows = self.grams.rows(texts)
        chances, features = self._chances(rows, _parts(texts)), self._features(rows)
        answers = []
        for row, (chance, feature) in enumerate(zip(chances, features, strict=True)):
            known = rows.indptr[row] < rows.indptr[row + 1]  # else it would be a guess
            score = float(chance.max(initial=0.0))
            if not self.single:
                score = float(np.maximum(chance, 1 - chance).prod())
            order = np.argsort(-chance, kind="stable")[: 1 if self.single else None]
            marks = [
                Choice(self.labels[place], float(chance[place]))
                for place in order.tolist()
                if known and chance[place] >= self.shown
            ]
            answers.append(Answer(marks, score, feature))
        return answers

    def chances(self, texts: Sequence[str]) -> Doubles:
        """Return the chance of each label for each text, clear or not: `(texts, labels)`."""
        return self._chances(self.grams.rows(texts), _parts(texts))

    def _chances(self, rows: Any, parts: Places) -> Doubles:
        scores = self.factor * self.head.scores(rows, parts) + self.offset
        if not self.labels:
            return scores
        return heads.softmax(scores) if self.single else heads.sigmoid(scores)

    def _features(self, rows: Any) -> Floats:
        """Return unit vectors; a text of which nothing is known points where no other does."""
        found = np.asarray(rows @ self.directions, np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        known = lengths > 1e-6
        found = np.where(known, found / np.maximum(lengths, 1e-6), 0)
        return np.hstack([found, ~known]).astype(np.float32)


def _answered(examples: Iterable[Example], target: Target) -> tuple[list[str], Flags, list[str]]:
    """Return texts with their answers as a table of flags, and the labels of its columns.

    Raises `errors.Refused` where nothing can be told apart.
    """
    texts: list[str] = []
    given: list[list[str]] = []
    size = 0
    for example in examples:
        text = example.item.texts.get(target.key)
        chosen = [m.label for m in example.marks if isinstance(m, Choice)]
        chosen = [label for label in chosen if label in target.labels]
        if isinstance(text, str) and (chosen or not target.single):
            texts.append(text[:READ])
            given.append(chosen[:1] if target.single else chosen)
            size += len(texts[-1])
        if size >= CHARACTERS:
            break
    seen = {label for chosen in given for label in chosen}
    labels = [label for label in target.labels if label in seen]
    answers = np.array([[label in chosen for label in labels] for chosen in given], np.bool_)
    if not labels or (answers == answers[0]).all():
        raise errors.Refused(_("all examples have the same answer: there is nothing to learn"))
    return texts, answers, labels


def _pool(unlabelled: Iterable[Item], key: str) -> list[str]:
    texts: list[str] = []
    size = 0
    for item in islice(unlabelled, POOL):
        text = item.texts.get(key)
        if isinstance(text, str):
            texts.append(text[:READ])
            size += len(texts[-1])
        if size >= POOL_CHARACTERS:
            break
    return texts


def _parts(texts: Sequence[str]) -> Places:
    """Return for each text one of `PARTS` parts: always the same for the same text."""
    sums = [crc32(text[:READ].encode("utf-8", "surrogatepass")) for text in texts]
    return np.array(sums, np.int64) % PARTS


def _head(rows: Any, answers: Flags, pool: Any, parts: Places, way: str) -> Head:
    if way == "any of many":
        return heads.one_against_the_rest(rows, answers)
    bayes = heads.semi_supervised(rows, answers, pool, parts)
    if way == "few":
        return bayes
    return heads.together(heads.one_against_the_rest(rows, answers), bayes)


def _held_back(rows: Any, answers: Flags, pool: Any, way: str) -> tuple[Doubles, Flags]:
    """Return scores of examples by heads that have not seen them, and their true answers.

    Examples of labels that only they have are left out: nobody could have known.
    """
    part = heads.folds(answers)
    scores: list[Doubles] = [np.zeros((0, answers.shape[1]))]
    true: list[Flags] = [np.zeros((0, answers.shape[1]), np.bool_)]
    for number in np.unique(part):
        learned, asked = part != number, part == number
        if not learned.any():
            continue
        known = answers[learned].any(axis=0)
        asked &= ~(answers & ~known).any(axis=1)
        head = _head(rows[learned], answers[learned], pool, np.zeros(pool.shape[0], int), way)
        scores.append(head.scores(rows[asked], np.zeros(int(asked.sum()), int)))
        true.append(answers[asked])
    return np.concatenate(scores), np.concatenate(true)


def _surer_half(chances: Doubles) -> float:
    """Return from what chance on an answer belongs to the surer half."""
    return float(np.median(chances.max(axis=1))) if len(chances) >= DOUBTS else 0.0


def _both(rows: Any, pool: Any) -> Any:
    from scipy import sparse

    return sparse.vstack([rows, pool], format="csr")
