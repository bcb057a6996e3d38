"""Learn from a few pictures that people painted on, and paint the same kind of thing on others.

A linear head a label tells places of a picture apart by what a packaged network sees there and
by classical filters; sure places are gathered into regions. How sure they must be, and how often
such a region is right, is learned on pictures that the heads had not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from .. import arrays, colours, packaged
from ..backbone import PACKAGE, Backbone, backbone
from ..fixed import WithoutOptions
from ..interface import Answer, Box, Example, Given, Item, Mask, Picture, Predictor, Serves, Target
from . import heads, lessons, looking, regions
from .card import CARD
from .heads import Heads
from .lessons import Lesson
from .patches import overlap
from .regions import Judge

Floats = NDArray[np.float32]

FOLDS = 4
HARD = 100  # places of a picture where a head that had not seen it was most wrong
OVERLAP = 0.5  # intersection over union above which two regions are one thing
LEAST_EXAMPLES = 5
JUDGED = ("level", "least", "usual", "offset", "shown")  # numbers of a judge, in this order


class FewShotBrush(WithoutOptions):
    """Pre-label surfaces with masks or boxes, learned from about 10 to 50 pictures."""

    name = "few_shot_brush"
    serves = Serves("picture", (Mask, Box))
    queue = "cpu"
    least_examples = LEAST_EXAMPLES

    @property
    def version(self) -> str:
        """Our version with that of the package that holds the network."""
        return packaged.versioned("1", PACKAGE)

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn from masks and boxes; pictures without any teach what is not there.

        Keeps at most 90 pictures of 1.2 megapixels in memory. Raises errors.Refused where no
        mark of the target's labels is big enough to be seen.
        """
        taught = lessons.lessons(examples, target.key, target.labels)
        scale = lessons.scale_for(taught)
        taught = [lessons.rescaled(lesson, scale) for lesson in taught]
        drawn = {each.label for lesson in taught for each in lesson.drawn}
        labels = [label for label in target.labels if label in drawn]
        if not labels:
            raise errors.Refused(_("the examples hold no mark that the model could learn from"))
        network = backbone()
        rows, known = _rows(taught, labels, network)
        folds = np.random.default_rng(1).permutation(len(taught)) % FOLDS
        _add_hard(taught, labels, network, rows, known, folds)
        judges = _judges(taught, labels, network, rows, known, folds, target.makes is Box)
        learned = heads.learn(np.concatenate(rows), np.concatenate(known))
        return _pack(labels, scale, network.digest, learned, judges)

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; labels that the project does not have any more are left out.

        Raises errors.Refused without weights, errors.Damaged for bytes that `fit` did not give,
        errors.Unavailable for those that were learned with another version of the network.
        """
        if weights is None:
            raise errors.Refused(_("this model needs to be trained first"))
        network = backbone()
        return Brush(target, network, *_unpack(weights, network))

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return {"name": self.name, "version": self.version, **CARD}


@dataclass(frozen=True)
class Brush:
    """Paint the labels that were learned."""

    target: Target
    network: Backbone
    labels: list[str]
    scale: float
    heads: Heads
    judges: list[Judge]

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return masks or boxes, the surest first; the score of the whole is that of the least
        certain decision."""
        return [self._paint(colours.read(item, self.target.key)) for item in items]

    def _paint(self, picture: Picture) -> Answer:
        shape = (picture.shape[0], picture.shape[1])
        if min(shape) < looking.SMALLEST:
            return Answer([])
        small = looking.working(colours.rgb(picture), self.scale)
        odds = self.heads.odds(looking.look(small, self.network))
        found, doubts = [], [1.0]
        for place, judge in enumerate(self.judges):
            if self.labels[place] not in self.target.labels:
                continue
            for region in regions.regions(odds[place], judge.level, judge.least, judge.usual):
                score = judge.score(region)
                doubts.append(abs(score - judge.shown) / max(judge.shown, 1 - judge.shown))
                if score >= judge.shown:
                    found.append((score, place, region))
        found.sort(key=lambda each: (-each[0], each[1], each[2].patch.top, each[2].patch.left))
        kept: list[tuple[float, int, regions.Region]] = []
        for each in found:
            if all(overlap(other[2].patch, each[2].patch) < OVERLAP for other in kept):
                kept.append(each)
        marks = [
            regions.drawn(
                region,
                odds[place],
                self.judges[place],
                self.labels[place],
                self.target.makes,
                shape,
            )
            for _score, place, region in kept
        ]
        return Answer(marks, score=float(min(doubts)))


def _rows(
    taught: Sequence[Lesson], labels: Sequence[str], network: Backbone
) -> tuple[list[Floats], list[Floats]]:
    """Return what is seen at chosen places of each picture, and what is known of them."""
    rows, known = [], []
    for number, lesson in enumerate(taught):
        seen = looking.look(lesson.picture, network)
        answers = lessons.answers(lesson, seen.grid, labels)
        places = lessons.choose(answers, np.random.default_rng([2, number]))
        rows.append(looking.at(seen, *places))
        known.append(answers[:, places[0], places[1]].T)
    return rows, known


def _others(rows: list[Floats], known: list[Floats], folds: NDArray[np.intp], fold: int) -> Heads:
    """Learn from all pictures that are not in a fold."""
    chosen = [place for place in range(len(rows)) if folds[place] != fold] or [*range(len(rows))]
    return heads.learn(
        np.concatenate([rows[place] for place in chosen]),
        np.concatenate([known[place] for place in chosen]),
    )


def _add_hard(
    taught: Sequence[Lesson],
    labels: Sequence[str],
    network: Backbone,
    rows: list[Floats],
    known: list[Floats],
    folds: NDArray[np.intp],
) -> None:
    """Add the places that heads from other pictures wrongly hold for a label."""
    learned = {int(fold): _others(rows, known, folds, int(fold)) for fold in set(folds)}
    for number, lesson in enumerate(taught):
        seen = looking.look(lesson.picture, network)
        answers = lessons.answers(lesson, seen.grid, labels)
        odds = learned[int(folds[number])].odds(seen)
        wrong = np.where((answers == 0).all(axis=0), odds.max(axis=0), -np.inf).reshape(-1)
        hard = np.flatnonzero(wrong > 0)
        if len(hard) > HARD:  # not only the worst, which all lie in one spot
            hard = np.random.default_rng([3, number]).permutation(hard)[:HARD]
        places = np.unravel_index(hard, seen.grid)
        rows[number] = np.concatenate([rows[number], looking.at(seen, *places)])
        known[number] = np.concatenate([known[number], answers[:, places[0], places[1]].T])


def _judges(
    taught: Sequence[Lesson],
    labels: Sequence[str],
    network: Backbone,
    rows: list[Floats],
    known: list[Floats],
    folds: NDArray[np.intp],
    boxed: bool,
) -> list[Judge]:
    """Learn, for each label, what to make of odds, from pictures that the heads had not seen."""
    learned = {int(fold): _others(rows, known, folds, int(fold)) for fold in set(folds)}
    sizes, true = [], []
    for label in labels:
        marks = [lessons.marks_on_grid(lesson, label) for lesson in taught]
        areas = [mark.area for each in marks for mark in each]
        sizes.append((max(2.0, 0.3 * float(np.quantile(areas, 0.05))), float(np.median(areas))))
        true.append(marks)
    tried: list[list[list[Floats]]] = [[] for _label in labels]
    for number, lesson in enumerate(taught):
        odds = learned[int(folds[number])].odds(looking.look(lesson.picture, network))
        for place in range(len(labels)):
            marks_here = true[place][number]
            tried[place].append(regions.tries(odds[place], marks_here, sizes[place], boxed))
    return [
        regions.judge(tried[place], sum(map(len, true[place])), sizes[place])
        for place in range(len(labels))
    ]


def _pack(
    labels: Sequence[str], scale: float, digest: str, learned: Heads, judges: Sequence[Judge]
) -> bytes:
    numbers = [[float(getattr(judge, name)) for name in JUDGED] for judge in judges]
    return arrays.pack(
        FewShotBrush.name,
        {
            "labels": np.array(labels),
            "scale": np.array([scale]),
            "network": np.array([digest]),
            **learned.__dict__,
            "judges": np.array(numbers),
            "judge_tables": np.array([[j.middle, j.spread, j.factors] for j in judges]),
        },
    )


def _unpack(weights: bytes, network: Backbone) -> tuple[list[str], float, Heads, list[Judge]]:
    """Return what `_pack` packed; raises errors.Damaged where parts do not fit together."""
    held = arrays.unpack(FewShotBrush.name, weights)
    columns = looking.FILTERS + sum(network.channels)
    try:
        labels = [str(label) for label in held["labels"]]
        shapes = {
            "middle": (columns,),
            "spread": (columns,),
            "factors": (columns, len(labels)),
            "offsets": (len(labels),),
            "judges": (len(labels), len(JUDGED)),
            "judge_tables": (len(labels), 3, regions.COLUMNS),
            "scale": (1,),
            "network": (1,),
        }
        if any(held[name].shape != shape for name, shape in shapes.items()):
            raise arrays.damaged()
        if str(held["network"][0]) != network.digest:
            raise errors.Unavailable(_("the weights were learned with another picture network"))
        learned = Heads(*(held[name].astype(np.float32) for name in [*shapes][:4]))
        judges = []
        for numbers, table in zip(held["judges"], held["judge_tables"], strict=True):
            said = dict(zip(JUDGED, numbers.tolist(), strict=True))
            tables = [row.astype(np.float32) for row in table]
            judges.append(Judge(**said, middle=tables[0], spread=tables[1], factors=tables[2]))
        return labels, float(held["scale"][0]), learned, judges
    except (KeyError, ValueError, TypeError) as wrong:
        raise arrays.damaged() from wrong
