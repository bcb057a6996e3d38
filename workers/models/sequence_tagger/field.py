"""Learn a conditional random field with crfsuite, and ask it here for the chances of spans.

Lafferty, McCallum & Pereira, ICML 2001. Each character has a state: outside all spans, or
beginning, inside, ending or alone as a span of some label. crfsuite (Okazaki 2007) finds the
weights; they are kept and used as plain arrays, so that weights from an object store never
reach its parser, which crashes the process on damaged files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..characters import Numbers

Doubles = NDArray[np.float64]
Chain = list[int]  # the state of each character of a piece

OUTSIDE = 0
BEGIN, INSIDE, END, ALONE = 1, 2, 3, 4  # plus four for each label before
FAINT = 0.02  # chance below which a span is not looked at
LARGEST = 2_000_000  # numbers in an array of a batch
ROUNDS = (20, 80)  # of crfsuite, at least and at most
WORK = 1e11  # states × states × characters × rounds that a training may take: minutes


@dataclass(frozen=True)
class Found:
    """A span of a piece with its label's number and the chance that it is one, ends included."""

    piece: int
    start: int
    end: int
    label: int
    chance: float


@dataclass(frozen=True)
class Field:
    """Weights of clues (ascending; those of clue n for states `columns[starts[n]:starts[n+1]]`)
    and of a state after a state, both for the states listed in `states`, the first OUTSIDE."""

    states: NDArray[np.int32]
    after: NDArray[np.float32]
    clues: Numbers
    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    weights: NDArray[np.float32]

    @cached_property
    def _table(self) -> Any:
        # Sparse matrices are what scipy is for; the web server never gets here.
        from scipy import sparse

        shape = (len(self.clues), len(self.states))
        return sparse.csr_array((self.weights, self.columns, self.starts), shape=shape)

    @cached_property
    def _allowed(self) -> Doubles:
        """Return how a state speaks for the next, 0 where a span would be left or entered."""
        part, label = (self.states - 1) % 4 + 1, (self.states - 1) // 4
        part[self.states == OUTSIDE] = OUTSIDE
        opened = np.isin(part, (BEGIN, INSIDE))
        goes_on = np.isin(part, (INSIDE, END))
        same = label[:, None] == label[None, :]
        fits = np.where(opened[:, None], goes_on & same, ~goes_on)
        return np.where(fits, np.exp(np.clip(self.after.astype(np.float64), -40, 40)), 0.0)

    @cached_property
    def _column(self) -> dict[int, int]:
        return {state: column for column, state in enumerate(self.states.tolist())}

    def scores(self, clues: Numbers) -> Doubles:
        """Return how strongly the clues of each character speak for each state."""
        from scipy import sparse

        places = np.searchsorted(self.clues, clues)
        places[places == len(self.clues)] = 0
        known = self.clues[places] == clues if len(self.clues) else np.zeros(clues.shape, bool)
        starts = np.append(0, np.cumsum(known.sum(axis=1)))
        chosen = places[known]
        ones = np.ones(len(chosen), np.float32)
        rows = sparse.csr_array((ones, chosen, starts), shape=(len(clues), len(self.clues)))
        return np.asarray((rows @ self._table).toarray(), np.float64)

    def spans(self, scores: Doubles, sizes: Sequence[int]) -> tuple[list[Found], Doubles]:
        """Return spans that are not faint, and for each piece how sure its least sure character
        is of its label. `scores` are those of all pieces' characters, one after another."""
        begins = np.append(0, np.cumsum(sizes))
        order = np.argsort(-np.asarray(sizes), kind="stable")
        found: list[Found] = []
        sure = np.ones(len(sizes))
        start = 0
        while start < len(order):
            longest = sizes[order[start]]
            count = max(1, LARGEST // (longest * len(self.states)))
            batch = order[start : start + count]
            start += count
            passes = self._passes([scores[begins[p] : begins[p + 1]] for p in batch])
            found += self._found(passes, batch)
            sure[batch] = self._surest(passes)
        return found, sure

    def _passes(self, pieces: list[Doubles]) -> Passes:
        """Go through pieces of falling length together, forward and back.

        Every step is scaled to sum 1, so that long pieces do not vanish (Rabiner 1989).
        """
        sizes = np.array([len(piece) for piece in pieces])
        here = np.zeros((sizes[0], len(pieces), len(self.states)))
        for number, piece in enumerate(pieces):
            # 60 below the best a state is impossible: nothing else may reach 0 or infinity.
            best = piece.max(axis=1, keepdims=True)
            here[: len(piece), number] = np.exp(np.maximum(piece - best, -60))
        going = [int(np.count_nonzero(sizes > step)) for step in range(sizes[0])]
        forward, scale = np.zeros_like(here), np.ones(here.shape[:2])
        part = (self.states - 1) % 4 + 1
        can_begin = (self.states == OUTSIDE) | np.isin(part, (BEGIN, ALONE))
        can_end = (self.states == OUTSIDE) | np.isin(part, (END, ALONE))
        forward[0] = can_begin * here[0]
        for step, count in enumerate(going):
            if step:
                forward[step, :count] = (forward[step - 1, :count] @ self._allowed) * here[
                    step, :count
                ]
            scale[step, :count] = np.maximum(forward[step, :count].sum(axis=1), 1e-300)
            forward[step, :count] /= scale[step, :count, None]
        here /= scale[:, :, None]
        last = forward[sizes - 1, np.arange(len(sizes))]
        whole = np.maximum((last * can_end).sum(axis=1), 1e-300)
        back = np.zeros_like(here)
        back[sizes - 1, np.arange(len(sizes))] = can_end / whole[:, None]
        for step in range(sizes[0] - 2, -1, -1):
            count = going[step + 1]
            back[step, :count] = (here[step + 1, :count] * back[step + 1, :count]) @ self._allowed.T
        return Passes(sizes, here, forward, back)

    def _found(self, passes: Passes, pieces: NDArray[np.intp]) -> Iterator[Found]:
        """Yield the spans of all labels that are not faint, by following each that begins."""
        chance = passes.forward * passes.back
        for state, column in self._column.items():
            if state == OUTSIDE:
                continue
            label, part = divmod(state - 1, 4)
            if part + 1 == ALONE:
                for step, number in np.argwhere(chance[:, :, column] > FAINT).tolist():
                    sure = float(chance[step, number, column])
                    yield Found(int(pieces[number]), step, step + 1, label, min(sure, 1.0))
            elif part + 1 == BEGIN:
                for step, number in np.argwhere(chance[:, :, column] > FAINT).tolist():
                    for end, sure in self._ends(passes, step, number, column, label):
                        yield Found(int(pieces[number]), step, end, label, min(sure, 1.0))

    def _ends(
        self, passes: Passes, step: int, number: int, column: int, label: int
    ) -> Iterator[tuple[int, float]]:
        """Yield where a span that begins here may end, with its chance (Culotta & McCallum,
        HLT-NAACL 2004: only paths through exactly this span are counted)."""
        inside = self._column.get(4 * label + INSIDE)
        end = self._column.get(4 * label + END)
        way = float(passes.forward[step, number, column])
        for after in range(step + 1, int(passes.sizes[number])):
            here, back = passes.here[after, number], passes.back[after, number]
            if end is not None:
                sure = way * float(self._allowed[column, end] * here[end] * back[end])
                if sure > FAINT:
                    yield after + 1, sure
            if inside is None:
                return
            way *= float(self._allowed[column, inside] * here[inside])
            column = inside
            if not way * float(back[inside]) > FAINT:
                return

    def _surest(self, passes: Passes) -> Doubles:
        chance = passes.forward * passes.back
        labels = np.where(self.states == OUTSIDE, 0, (self.states - 1) // 4 + 1)
        best = np.zeros(chance.shape[:2])
        for label in np.unique(labels):
            np.maximum(best, chance[:, :, labels == label].sum(axis=2), out=best)
        for number, size in enumerate(passes.sizes):
            best[size:, number] = 1.0
        return np.asarray(np.clip(best.min(axis=0), 0.0, 1.0), np.float64)


@dataclass(frozen=True)
class Passes:
    """Both passes over a batch, `(characters, pieces, states)`: what speaks for a state here,
    what leads to it, and what follows; `forward * back` is the chance of the state."""

    sizes: NDArray[np.int64]
    here: Doubles
    forward: Doubles
    back: Doubles


def learn(pieces: Sequence[tuple[Numbers, Chain]]) -> Field:
    """Return the field that explains the states of the pieces' characters best.

    Regularised a little both ways; rounds are cut where there are many labels or characters.
    """
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for clues, chain in pieces:
        rows = [[f"{clue:x}" for clue in row] for row in clues.tolist()]
        trainer.append(rows, [str(state) for state in chain])
    characters = sum(len(chain) for _clues, chain in pieces)
    count = len({state for _clues, chain in pieces for state in chain})
    rounds = int(np.clip(WORK / (characters * count**2), *ROUNDS))
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": rounds})
    tagger = pycrfsuite.Tagger()
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "field")
        trainer.train(file)
        with tagger.open(file):
            learned = tagger.info()
    return _arrays(learned)


def _arrays(learned: Any) -> Field:
    seen = {int(label) for label in learned.labels}
    states = np.array(sorted({OUTSIDE} | seen), np.int32)
    column = {str(state): place for place, state in enumerate(states.tolist())}
    after = np.zeros((len(states), len(states)), np.float32)
    for (one, next_one), weight in learned.transitions.items():
        after[column[one], column[next_one]] = weight
    entries = sorted(
        (int(clue, 16), column[state], weight)
        for (clue, state), weight in learned.state_features.items()
    )
    numbers = np.array([entry[0] for entry in entries], np.uint64)
    clues, counts = np.unique(numbers, return_counts=True)
    return Field(
        states,
        after,
        clues,
        np.append(0, np.cumsum(counts)).astype(np.int32),
        np.array([entry[1] for entry in entries], np.int32),
        np.array([entry[2] for entry in entries], np.float32),
    )
