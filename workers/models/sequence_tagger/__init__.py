"""Mark names and terms in texts: a conditional random field over characters that knows words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from ..arrays import damaged, pack, unpack
from ..characters import Numbers, text_of
from ..fixed import WithoutOptions
from ..interface import Answer, Example, Given, Item, Predictor, Serves, Span, Target
from .card import CARD
from .clues import clues
from .field import ALONE, BEGIN, END, INSIDE, OUTSIDE, Chain, Field, Found, learn
from .words import dictionary, pieces

CHARACTERS = 1_000_000  # of people's texts that are learned from
BLOCK = 20_000  # characters that are looked at together
# By the seconds of `costs` a span that is wholly right or wholly wrong would be worth showing
# from a chance of 0.37 on. Many a doubtful one is nearly right and spares a part: on microblogs
# the time saved grew down to 0.2 and stayed the same below.
WORTH_SHOWING = 0.2


class SequenceTagger(WithoutOptions):
    """Pre-label the spans of a text."""

    name = "sequence_tagger"
    version = "1"
    serves = Serves(reads="text", makes=(Span,))
    queue = "cpu"
    least_examples = 20

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn how the characters of spans look, and those beside them.

        Of spans that overlap the longest is learned. Raises `errors.Refused` where the
        examples hold no span.
        """
        cut = list(_examples(examples, target))
        labels = sorted({span.label for _piece, spans in cut for span in spans})
        if not labels:
            raise errors.Refused(_("the examples hold no span to learn from"))
        chains = [_chain(piece, spans, labels) for piece, spans in cut]
        field = learn(list(zip(_clues([piece for piece, _spans in cut]), chains, strict=True)))
        arrays = {"labels": np.array(labels, np.str_)}
        return pack(self.name, arrays | {name: getattr(field, name) for name in _FIELD})

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; labels that the target lacks by now are left out."""
        if weights is None:
            raise errors.Refused(_("this model needs to be trained first"))
        return Tagging.read(unpack(self.name, weights), target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return {"name": self.name, "version": self.version, **CARD}


_FIELD = ("states", "after", "clues", "starts", "columns", "weights")


@dataclass(frozen=True)
class Tagging:
    """What was learned, ready for texts."""

    key: str
    labels: list[str]
    shown: frozenset[str]
    field: Field

    @classmethod
    def read(cls, arrays: dict[str, NDArray[Any]], target: Target) -> Tagging:
        """Return the arrays as a predictor; raises `errors.Damaged` where they do not fit."""
        try:
            field = Field(**{name: arrays[name] for name in _FIELD})
            labels = [str(label) for label in arrays["labels"].tolist()]
        except (KeyError, TypeError) as error:
            raise damaged() from error
        if not _sound(field, len(labels)):
            raise damaged()
        return cls(target.key, labels, frozenset(target.labels), field)

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the spans worth a look, the surest first, none over another.

        The answer is as sure as the least sure character of its text.
        """
        texts = [text_of(item, self.key) for item in items]
        cut = [(which, at, piece) for which, text in enumerate(texts) for at, piece in pieces(text)]
        spans: list[list[Span]] = [[] for _text in texts]
        sure = np.ones(len(texts))
        for block in _blocks(cut):
            found, scores = self._look([piece for _which, _at, piece in block])
            np.minimum.at(sure, [which for which, _at, _piece in block], scores)
            for one in found:
                which, at, _piece = block[one.piece]
                span = Span(self.labels[one.label], at + one.start, at + one.end, one.chance)
                if span.label in self.shown:
                    spans[which].append(span)
        return [
            Answer(_apart(found), float(score)) for found, score in zip(spans, sure, strict=True)
        ]

    def _look(self, block: list[str]) -> tuple[list[Found], NDArray[np.float64]]:
        scores = self.field.scores(clues(block, dictionary()))
        found, sure = self.field.spans(scores, [len(piece) for piece in block])
        return [one for one in found if one.chance >= WORTH_SHOWING], sure


def _sound(field: Field, labels: int) -> bool:
    """Say whether no array reaches outside another and all numbers are numbers."""
    states, count = field.states, len(field.clues)
    whole = (field.states, field.starts, field.columns)
    real = (field.after, field.weights)
    return (
        all(array.ndim == 1 and array.dtype == np.int32 for array in whole)
        and all(array.dtype == np.float32 and bool(np.isfinite(array).all()) for array in real)
        and field.clues.dtype == np.uint64
        and len(states) > 1
        and int(states[0]) == OUTSIDE
        and int(states[-1]) <= 4 * labels
        and bool((np.diff(states) > 0).all())
        and field.after.shape == (len(states), len(states))
        and field.clues.shape == (count,)
        and bool((field.clues[1:] > field.clues[:-1]).all())
        and field.starts.shape == (count + 1,)
        and int(field.starts[0]) == 0
        and int(field.starts[-1]) == len(field.columns)
        and bool((np.diff(field.starts) >= 0).all())
        and field.weights.shape == field.columns.shape
        and bool(((field.columns >= 0) & (field.columns < len(states))).all())
    )


def _examples(examples: Iterable[Example], target: Target) -> Iterator[tuple[str, list[Span]]]:
    """Yield people's texts in pieces, each with its spans: none over another, none cut."""
    read = 0
    for example in examples:
        text = example.item.texts.get(target.key)
        if not isinstance(text, str):
            continue
        read += len(text)
        if read > CHARACTERS:
            return
        spans = _longest(
            mark
            for mark in example.marks
            if isinstance(mark, Span)
            and mark.label in target.labels
            and 0 <= mark.start < mark.end <= len(text)
        )
        for at, piece in pieces(text):
            end = at + len(piece)
            inside = [span for span in spans if at <= span.start and span.end <= end]
            yield piece, [Span(s.label, s.start - at, s.end - at) for s in inside]


def _longest(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap, the longest of those that do."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start, s.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return kept


def _chain(piece: str, spans: Sequence[Span], labels: list[str]) -> Chain:
    chain = [OUTSIDE] * len(piece)
    for span in spans:
        first = 4 * labels.index(span.label)
        if span.end - span.start == 1:
            chain[span.start] = first + ALONE
            continue
        chain[span.start : span.end] = [first + INSIDE] * (span.end - span.start)
        chain[span.start], chain[span.end - 1] = first + BEGIN, first + END
    return chain


def _clues(texts: list[str]) -> Iterator[Numbers]:
    """Yield the clues of each piece."""
    for block in _blocks([(0, 0, text) for text in texts]):
        found = clues([piece for _which, _at, piece in block], dictionary())
        start = 0
        for _which, _at, piece in block:
            yield found[start : start + len(piece)]
            start += len(piece)


def _blocks(cut: list[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Yield pieces together, so that memory does not grow with the texts."""
    block: list[tuple[int, int, str]] = []
    size = 0
    for piece in cut:
        block.append(piece)
        size += len(piece[2])
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _apart(spans: list[Span]) -> list[Span]:
    """Return the surest of spans that overlap, the surest first."""
    taken: set[int] = set()
    kept = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start, s.end, s.label)):
        if taken.isdisjoint(range(span.start, span.end)):
            taken.update(range(span.start, span.end))
            kept.append(span)
    return kept
