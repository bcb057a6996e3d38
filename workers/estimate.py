"""Estimate what a model saves by cross-validation, before anybody sees what it says.

People's own marks are hidden from the model, a fold at a time; what it then says is costed by
`models.costs`: correcting it against marking alone. Items with nothing to mark are weighed by
their true share, because they dominate real work: a model that is good at defects and sees
some on clean items as well may cost more than it saves.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import errors
from ..datasets.benefit import CleanShare
from ..datasets.db import now
from ..datasets.models import Gate
from .models import costs
from .models.costs import Cost
from .models.interface import Example, Given, Item, Mark, Model, Predictor, Target

log = logging.getLogger("jinbiao.estimate")

LEAST_ITEMS = 10  # labelled, below which nothing is told
ENOUGH_ITEMS = 50  # from which "perhaps" counts as "no"
WORTH_WHILE = 0.05  # of people's time
# Where more of the items than this are clean, one of them must have been labelled.
MOST_UNSEEN_CLEAN = 0.05
LEAST_SHOWN = 5  # marks of a label, before it may be switched off
REPLICATES = 2000
BATCH = 8  # items that a model sees at once
METHOD = "cross-validation, bootstrap by item"

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class LabelEstimate:
    """What one label costs and saves in seconds an item, with the interval of what it saves."""

    alone: float
    saved: float
    low: float
    high: float
    marks: int
    shown: int


@dataclass(frozen=True)
class Estimate:
    """What a model would save: `saving` is a share of people's time, with its 95 % interval.

    `alone` and `helped` are seconds an item. `clean_share` is how much of real work was taken
    to have nothing to mark. `labels_off` cost time on their own and are left out of all else
    but `per_label`, as long as there are others. `gate` follows `decide`; `reason` is one of
    its words.
    """

    n: int
    gate: Gate = Gate.UNMEASURED
    reason: str = "few"
    saving: float | None = None
    low: float | None = None
    high: float | None = None
    alone: float | None = None
    helped: float | None = None
    clean_share: float | None = None
    per_label: dict[str, LabelEstimate] = field(default_factory=dict)
    labels_off: list[str] = field(default_factory=list)
    estimated_at: dt.datetime = field(default_factory=now)

    def report(self) -> dict[str, Any]:
        """Return it as plain values, for the model's `gate_report`."""
        return {
            **asdict(self),
            "gate": str(self.gate),
            "method": METHOD,
            "estimated_at": self.estimated_at.isoformat(),
        }


@dataclass(frozen=True)
class Judged:
    """One labelled item, and what the model said of it without having seen its marks."""

    truth: Sequence[Mark]
    shown: Sequence[Mark]


def estimate(
    model: Model,
    examples: Sequence[Example],
    target: Target,
    unlabelled: Iterable[Item],
    given: Given,
    clean_share: CleanShare | float | None = None,
    folds: int = 5,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Estimate:
    """Return what a model would save people, judged on items that it has not learnt from.

    A model that is never trained answers all items as it is; others are trained `folds` times
    on the rest. `clean_share` None takes the items' own share. `tick` is called before every
    training and batch, and may raise to stop. The same examples and seed give the same.
    """
    number = len(examples)
    parts = _parts(examples, model.least_examples, folds, seed)
    if number < LEAST_ITEMS or parts is None:
        return Estimate(number)
    judged: list[Judged] = []
    pool = list(unlabelled)
    for apart in parts:
        kept_apart = set(apart)
        rest = [place for place in range(number) if place not in kept_apart]
        tick()
        try:
            predictor = _predictor(model, examples, rest, target, pool, given)
        except errors.Refused:
            return Estimate(number, reason="refused")
        try:
            judged += _answers(predictor, examples, apart, tick)
        except (errors.Refused, errors.Unavailable):
            # A service is away: the next job asks again, as nothing was looked at.
            return Estimate(0, reason="unanswered")
    return weigh(judged, clean_share, seed)


def weigh(
    judged: Sequence[Judged], clean_share: CleanShare | float | None = None, seed: int = 0
) -> Estimate:
    """Return the estimate that answers of a model for labelled items make.

    Labels whose marks cost more than they save (the interval lies below 0) are taken out
    first, unless nothing were left. Intervals are those of a bootstrap by item within clean and
    other items, widened to Student's t (Hesterberg 2015), in which an estimated clean share is
    drawn anew as well.
    """
    number = len(judged)
    share = _share(clean_share)
    is_clean = np.array([not each.truth for each in judged], bool)
    if number < LEAST_ITEMS or is_clean.all():
        return Estimate(number, reason="few" if number < LEAST_ITEMS else "nothing marked")
    weights = _weights(is_clean, share, seed)
    per_label = _labels(judged, weights)
    off = [
        label for label, found in per_label.items() if found.high < 0 and found.shown >= LEAST_SHOWN
    ]
    left = [
        Judged(each.truth, [mark for mark in each.shown if mark.label not in off])
        for each in judged
    ]
    if not any(each.shown for each in left):
        left = list(judged)
    alone = np.array([costs.alone(each.truth) for each in left])
    helped = np.array([costs.helped(each.truth, each.shown) for each in left])
    savings = 1 - (weights @ helped) / (weights @ alone)
    low, high = _interval(savings[1:], number)
    is_unseen = not is_clean.any() and share is not None and share.value > MOST_UNSEEN_CLEAN
    gate, reason = decide(float(savings[0]), low, high, number, clean_unseen=is_unseen)
    return Estimate(
        n=number,
        gate=gate,
        reason=reason,
        saving=float(savings[0]),
        low=low,
        high=high,
        alone=float(weights[0] @ alone),
        helped=float(weights[0] @ helped),
        clean_share=float(weights[0] @ is_clean) if share is None else share.value,
        per_label=per_label,
        labels_off=off,
    )


def decide(
    saving: float, low: float, high: float, number: int, *, clean_unseen: bool = False
) -> tuple[Gate, str]:
    """Say what an estimated saving means for the gate, and why in a word.

    - CLOSED "costs": the estimate, or the whole interval, is not above 0.
    - UNMEASURED "clean unseen": part of the work is clean, but no labelled item is; what the
      model says there is not known, and saving on the others proves nothing.
    - OPEN "saves": the whole interval is above 0.
    - UNMEASURED "perhaps": the interval holds 0 and fewer than ENOUGH_ITEMS were looked at.
    - OPEN "probably": it holds 0, of ENOUGH_ITEMS or more, and the estimate reaches
      WORTH_WHILE; the blank arm will tell.
    - CLOSED "too little": the same, but it does not.

    UNMEASURED models are shown, and measured on what people do with them.
    """
    if saving <= 0 or high <= 0:
        return Gate.CLOSED, "costs"
    if clean_unseen:
        return Gate.UNMEASURED, "clean unseen"
    if low > 0:
        return Gate.OPEN, "saves"
    if number < ENOUGH_ITEMS:
        return Gate.UNMEASURED, "perhaps"
    return (Gate.OPEN, "probably") if saving >= WORTH_WHILE else (Gate.CLOSED, "too little")


def _share(told: CleanShare | float | None) -> CleanShare | None:
    return CleanShare(told, told, told, 0) if isinstance(told, int | float) else told


def _parts(
    examples: Sequence[Example], least: int | None, folds: int, seed: int
) -> list[list[int]] | None:
    """Return the places of each fold, clean items spread evenly; None where too few are left
    to learn from. Models that are never trained answer all at once."""
    number = len(examples)
    if least is None:
        return [list(range(number))]
    while folds < number and number - math.ceil(number / folds) < least:
        folds += 1
    if number < 2 or number - math.ceil(number / min(folds, number)) < least:
        return None
    order = np.random.default_rng(seed).permutation(number)
    places = sorted(order.tolist(), key=lambda place: not examples[place].marks)
    return [sorted(places[start::folds]) for start in range(min(folds, number))]


def _predictor(
    model: Model,
    examples: Sequence[Example],
    places: Sequence[int],
    target: Target,
    pool: Sequence[Item],
    given: Given,
) -> Predictor:
    if model.least_examples is None:
        return model.load(None, target, given)
    weights = model.fit((examples[place] for place in places), target, pool)
    return model.load(weights, target, given)


def _answers(
    predictor: Predictor,
    examples: Sequence[Example],
    places: Sequence[int],
    tick: Callable[[], None],
) -> list[Judged]:
    """Return what a model says of the items at these places; nothing where it cannot read one.

    Raises `errors.Refused` or `errors.Unavailable` where a service does not answer.
    """
    found = []
    for start in range(0, len(places), BATCH):
        tick()
        batch = [examples[place] for place in places[start : start + BATCH]]
        shown = _said(predictor, [each.item for each in batch])
        if shown is None:
            shown = [(_said(predictor, [each.item]) or [[]])[0] for each in batch]
        found += [Judged(list(each.marks), marks) for each, marks in zip(batch, shown, strict=True)]
    return found


def _said(predictor: Predictor, items: Sequence[Item]) -> list[list[Mark]] | None:
    """Return the marks of each item; None where the model cannot answer for one of them."""
    try:
        answers = predictor.predict(items)
    except errors.Invalid:
        return None
    except errors.JinbiaoError:
        raise
    except Exception:
        # Whatever a model does wrong, people see nothing of it; the log has the trace.
        log.warning("a model broke while it was estimated", exc_info=True)
        return None
    return [list(answer.marks) for answer in answers] if len(answers) == len(items) else None


def _weights(is_clean: NDArray[np.bool_], share: CleanShare | None, seed: int) -> Numbers:
    """Return the weight of each item, first as they are, then REPLICATES times drawn anew.

    Every row sums to 1, clean items together to their share of real work.
    """
    chance = np.random.default_rng(seed)
    number, clean = len(is_clean), int(is_clean.sum())
    weights = np.zeros((REPLICATES + 1, number))
    if share is None:
        weights[0] = 1 / number
        weights[1:] = chance.multinomial(number, np.full(number, 1 / number), REPLICATES) / number
        return weights
    shares = np.full(REPLICATES + 1, share.value if clean else 0.0)
    if clean and share.n:
        hits = share.value * share.n
        shares[1:] = chance.beta(hits + 0.5, share.n - hits + 0.5, REPLICATES)
    for side, part in ((is_clean, shares), (~is_clean, 1 - shares)):
        size = int(side.sum())
        if size:
            drawn = chance.multinomial(size, np.full(size, 1 / size), REPLICATES)
            weights[0, side] = part[0] / size
            weights[1:, side] = drawn / size * part[1:, None]
    return weights


def _labels(judged: Sequence[Judged], weights: Numbers) -> dict[str, LabelEstimate]:
    costed = [costs.by_label(each.truth, each.shown) for each in judged]
    found = {}
    for label in sorted({label for each in costed for label in each}):
        rows = [each.get(label, Cost()) for each in costed]
        saved = weights @ np.array([row.saved for row in rows])
        low, high = _interval(saved[1:], len(judged))
        together = sum(rows, Cost())
        found[label] = LabelEstimate(
            alone=float(weights[0] @ np.array([row.alone for row in rows])),
            saved=float(saved[0]),
            low=low,
            high=high,
            marks=together.marks,
            shown=together.shown,
        )
    return found


def _interval(values: Numbers, number: int) -> tuple[float, float]:
    """Return the 95 % interval of bootstrap replicates of a mean over so many items."""
    from scipy import special

    limit = math.sqrt(number / (number - 1)) * special.stdtrit(number - 1, 0.025)
    tail = float(special.ndtr(limit))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
