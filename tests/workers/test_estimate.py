"""What a model would save, estimated before anybody sees it: useless ones stay out of sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.datasets.benefit import CleanShare
from jinbiao.datasets.boards import draw_pair
from jinbiao.datasets.errors import _
from jinbiao.datasets.models import Gate
from jinbiao.workers.estimate import Judged, decide, estimate, weigh
from jinbiao.workers.models import MODELS, costs
from jinbiao.workers.models.fixed import NeverTrained, WithoutOptions
from jinbiao.workers.models.interface import (
    Answer,
    Box,
    Example,
    Given,
    Item,
    Predictor,
    Serves,
    Target,
)

TARGET = Target("image", Box, ("spot", "dust"))


class Spots(NeverTrained, WithoutOptions):
    """A model that boxes everything bright, be it a defect or dust."""

    name, version, queue = "spots", "1", "cpu"
    serves = Serves("picture", (Box,))

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        return self

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        return [Answer(self._boxes(item.pictures["image"])) for item in items]

    def _boxes(self, picture: np.ndarray) -> list[Box]:
        count, _marked, table, _centres = cv2.connectedComponentsWithStats(
            (picture > 100).astype(np.uint8)
        )
        rows = [table[row] for row in range(1, count)]
        return [
            Box("spot" if row[2] > 4 else "dust", *(float(side) for side in row[:4]))
            for row in rows
        ]

    def card(self) -> dict[str, Any]:
        return {}


class Learner(Spots):
    """The same, as a model that must be trained; it remembers how many it has learnt from."""

    least_examples = 10

    def __init__(self) -> None:
        self.learnt: list[int] = []

    def check(self, options: Mapping[str, Any], file: bytes | None) -> dict[str, Any]:
        return {}

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        number = len(list(examples))
        self.learnt.append(number)
        if number < self.least_examples:
            raise errors.Refused(_("this model is not trained here"))
        return b"learnt"


def _picture(defects: Sequence[tuple[int, int]], dust: Sequence[tuple[int, int]] = ()) -> Example:
    """Return a picture with spots of 12 pixels, which are defects, and dust of 3, which is not."""
    picture = np.zeros((160, 160), np.uint8)
    for x, y in defects:
        picture[y : y + 12, x : x + 12] = 255
    for x, y in dust:
        picture[y : y + 3, x : x + 3] = 255
    return Example(Item({"image": picture}), [Box("spot", x, y, 12, 12) for x, y in defects])


def _works(clean: int, dirty: int, dust: int) -> list[Example]:
    chance = np.random.default_rng(3)
    cells = [(20 * across + 2, 20 * down + 2) for across in range(8) for down in range(8)]
    found = []
    for number in range(clean + dirty):
        order = [cells[place] for place in chance.permutation(len(cells))]
        found.append(_picture(order[:2] if number >= clean else [], order[2 : 2 + dust]))
    return found


def test_a_model_that_finds_the_defects_is_open() -> None:
    """Two boxes of 8.5 s each become two looks of 0.7 s."""
    found = estimate(Spots(), _works(10, 20, 0), TARGET, [], Given())
    assert (found.gate, found.reason, found.n) == (Gate.OPEN, "saves", 30)
    assert found.saving == pytest.approx(1 - (30 * 2 + 20 * 1.4) / (30 * 2 + 20 * 17))
    assert found.low is not None and found.high is not None
    assert 0 < found.low < found.saving < found.high < 1
    assert found.per_label["spot"].marks == found.per_label["spot"].shown == 40


def test_a_useless_model_is_closed() -> None:
    """Boxes that meet no defect cost a look and a deletion each."""
    wrong = [
        Example(each.item, [Box("spot", 1, 1, 3, 3) for _box in each.marks])
        for each in _works(5, 20, 0)
    ]
    found = estimate(Spots(), wrong, TARGET, [], Given())
    assert (found.gate, found.reason) == (Gate.CLOSED, "costs")
    assert found.labels_off == ["spot"]
    assert found.report()["gate"] == "closed"


def test_the_true_share_of_clean_items_flips_a_model() -> None:
    """It helps on defects, but takes every reflection of a clean item for one."""
    defects = [Judged([Box("spot", 9, 9, 9, 9)], [Box("spot", 9, 9, 9, 9)])] * 20
    clean = [Judged([], [Box("spot", 9 * place, 50, 8, 8) for place in range(5)])] * 10
    as_labelled, real = weigh([*defects, *clean], 0.1), weigh([*defects, *clean], 0.9)
    assert as_labelled.gate == Gate.OPEN
    assert (real.gate, real.clean_share) == (Gate.CLOSED, 0.9)
    seconds = 0.9 * (2 + 5 * 2.2) + 0.1 * 2.7
    assert real.helped == pytest.approx(seconds)
    assert real.saving == pytest.approx(1 - seconds / (0.9 * 2 + 0.1 * 10.5))


def test_without_a_clean_item_nothing_is_promised() -> None:
    """Half of the work is said to be clean, but only defects were labelled."""
    defects = [Judged([Box("spot", 9, 9, 9, 9)], [Box("spot", 9, 9, 9, 9)])] * 20
    found = weigh(defects, 0.5)
    assert (found.gate, found.reason) == (Gate.UNMEASURED, "clean unseen")
    assert weigh(defects, 0.02).gate == Gate.OPEN


def test_an_estimated_clean_share_makes_the_interval_wider() -> None:
    """A share that ten answers told is no certainty."""
    defects = [Judged([Box("spot", 9, 9, 9, 9)], [Box("spot", 9, 9, 9, 9)])] * 20
    clean = [Judged([], [Box("spot", 50, 50, 8, 8)])] * 20
    known = weigh([*defects, *clean], CleanShare(0.5, 0.5, 0.5, 0))
    guessed = weigh([*defects, *clean], CleanShare(0.5, 0.24, 0.76, 10))
    assert known.saving == guessed.saving
    assert known.low is not None and guessed.low is not None
    assert guessed.low < known.low - 0.02


def test_a_label_that_costs_time_is_taken_out_and_named() -> None:
    """Dust is never what people mark: without it the model saves more."""
    found = estimate(Spots(), _works(5, 20, 6), TARGET, [], Given())
    assert found.labels_off == ["dust"]
    assert found.per_label["dust"].high < 0 < found.per_label["spot"].low
    assert found.gate == Gate.OPEN
    clear = estimate(Spots(), _works(5, 20, 0), TARGET, [], Given())
    assert found.saving == pytest.approx(clear.saving)


def test_fewer_than_ten_tell_nothing() -> None:
    """Nor do items on which nobody marked anything."""
    few = estimate(Spots(), _works(2, 7, 0), TARGET, [], Given())
    assert (few.gate, few.reason, few.saving) == (Gate.UNMEASURED, "few", None)
    clean = estimate(Spots(), _works(15, 0, 0), TARGET, [], Given())
    assert (clean.gate, clean.reason) == (Gate.UNMEASURED, "nothing marked")


def test_models_that_learn_never_see_what_they_are_judged_on() -> None:
    """Five folds, more where the rest would be too few to learn from."""
    many, few = Learner(), Learner()
    estimate(many, _works(10, 20, 0), TARGET, [], Given())
    assert many.learnt == [24] * 5
    estimate(few, _works(2, 10, 0), TARGET, [], Given())
    assert set(few.learnt) == {10}
    assert sum(12 - number for number in few.learnt) == 12
    none = Learner()
    assert estimate(none, _works(2, 8, 0), TARGET, [], Given()).gate == Gate.UNMEASURED
    assert none.learnt == []


class Broken(Spots):
    """A model that breaks at clean pictures; its service goes away where `away` is told."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        if self.away:
            raise errors.Refused(_("this model is not trained here"))
        if not all(item.pictures["image"].any() for item in items):
            raise ZeroDivisionError
        return super().predict(items)


def test_a_model_that_breaks_is_judged_by_the_rest() -> None:
    """What it cannot answer it does not show; a service that is away tells nothing."""
    broken = estimate(Broken(), _works(10, 20, 0), TARGET, [], Given())
    sound = estimate(Spots(), _works(10, 20, 0), TARGET, [], Given())
    assert (broken.gate, broken.saving) == (sound.gate, sound.saving)
    away = estimate(Broken(away=True), _works(10, 20, 0), TARGET, [], Given())
    assert (away.gate, away.reason, away.n) == (Gate.UNMEASURED, "unanswered", 0)


def test_the_gate_follows_the_rule() -> None:
    """What each interval means."""
    assert decide(0.3, 0.1, 0.5, 20) == (Gate.OPEN, "saves")
    assert decide(-0.1, -0.3, 0.1, 20) == (Gate.CLOSED, "costs")
    assert decide(0.1, -0.3, 0.4, 20) == (Gate.UNMEASURED, "perhaps")
    assert decide(0.1, -0.1, 0.3, 80) == (Gate.OPEN, "probably")
    assert decide(0.02, -0.02, 0.06, 80) == (Gate.CLOSED, "too little")


def test_the_same_seed_gives_the_same() -> None:
    """An estimate can be made again."""
    first, second = (
        estimate(Spots(), _works(10, 20, 2), TARGET, [], Given(), 0.4, seed=7).report()
        for _run in range(2)
    )
    first.pop("estimated_at"), second.pop("estimated_at")
    assert first == second


def test_the_golden_difference_model_is_open_on_drawn_boards() -> None:
    """The real model, trained in folds on boards with their templates."""
    boards = []
    for number in range(0, 45, 3):
        pair = draw_pair(1, number)
        images = {
            name: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
            for name, content in (("image", pair.image), ("template", pair.template))
        }
        boards.append(Example(Item(images), [Box(*box) for box in pair.boxes]))
    labels = tuple(sorted({mark.label for board in boards for mark in board.marks}))
    found = estimate(
        MODELS["golden_difference"], boards, Target("image", Box, labels), [], Given(), folds=3
    )
    assert found.gate == Gate.OPEN
    assert found.low is not None and found.low > 0.5
    assert set(found.per_label) >= set(labels)
    assert found.alone == pytest.approx(np.mean([costs.alone(board.marks) for board in boards]))
