"""Say what marking an item costs a person in seconds: alone, and with a model's marks shown.

An assumed model of hands and eyes, printed with its constants wherever a figure rests on it;
what people really took is measured by `datasets.benefit`. For boxes it is the one by which the
golden-difference model is judged. Everything here is a pure function of marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .interface import Box, Choice, Interval, Mark, MarkKind, Mask, Span, Words

# Seconds. A box by its extreme points takes 7.0 (Papadopoulos and others, ICCV 2017). An outline
# by hand took 54 to 79 on photographs (Lin and others, ECCV 2014; Bearman and others, ECCV 2016);
# we count three boxes, so that a model of masks is not praised for more than we can vouch for.
# Typing: 40 words a minute of Latin letters, 60 Chinese characters a minute through pinyin.
SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "item": 2.0,  # see the item and send the answer
        "box": 7.0,  # draw it
        "mask": 21.0,
        "span": 3.0,  # select from the first character to the last
        "interval": 5.0,  # hear both ends and drag
        "words": 7.0,  # frame the line
        "class": 1.5,  # choose the label
        "letter": 0.3,  # type one
        "han": 1.0,
        "look": 0.7,  # at one mark that is shown
        "delete": 1.5,
        "relabel": 2.0,
        "adjust": 2.0,  # pull the end of a span or of an interval; reach a letter to correct
    }
)
OVERLAP = 0.5  # intersection over union from which a mark that is shown means a true one
# Below this a person touches up a mask or an interval that means the right thing. Two people
# who mark the same thing agree about as well.
GOOD_OVERLAP = 0.8
DRAWING: Mapping[MarkKind, str] = MappingProxyType(
    {Box: "box", Mask: "mask", Span: "span", Interval: "interval", Words: "words"}
)


@dataclass(frozen=True)
class Cost:
    """What one label costs and saves, over one item or many.

    `alone` are the seconds to make its true marks without help. `saved` are the seconds that
    showing the marks with this label saves: the drawing that they spare people, less looking,
    deleting, relabelling and touching up; negative where they cost more. `marks` and `shown`
    count.
    """

    alone: float = 0.0
    saved: float = 0.0
    marks: int = 0
    shown: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(
            self.alone + other.alone,
            self.saved + other.saved,
            self.marks + other.marks,
            self.shown + other.shown,
        )


@dataclass(frozen=True)
class Meeting:
    """A mark that was shown, and what it did: the seconds it cost (`spent`) on what was shown,
    and the true mark that need not be made any more, if it meets one."""

    shown: Mark
    true: Mark | None
    spent: float


def alone(truth: Sequence[Mark]) -> float:
    """Return the seconds that a person needs for an item without help."""
    return SECONDS["item"] + sum(making(mark) for mark in truth)


def helped(truth: Sequence[Mark], shown: Sequence[Mark]) -> float:
    """Return the seconds that a person needs when `shown` are there to be corrected.

    Each mark that is shown is looked at; one that meets no true mark is deleted, one that meets
    a mark of another label relabelled, one that meets it badly touched up; what none meets is
    made as without help.
    """
    seconds = alone(truth)
    for meeting in meetings(truth, shown):
        seconds += meeting.spent
        if meeting.true is not None:
            seconds -= making(meeting.true)
    return seconds


def saving(pairs: Iterable[tuple[Sequence[Mark], Sequence[Mark]]]) -> float:
    """Return the share of people's time that is saved over items, given as (truth, shown).

    At most 1; negative where showing costs more than it saves; 0 for no items.
    """
    before = after = 0.0
    for truth, shown in pairs:
        before += alone(truth)
        after += helped(truth, shown)
    return 1 - after / before if before else 0.0


def by_label(truth: Sequence[Mark], shown: Sequence[Mark]) -> dict[str, Cost]:
    """Return what each label costs and saves on an item, by label.

    The `alone` of all labels and `item` seconds are `alone(truth)`; the `saved` of all labels
    are `alone(truth) - helped(truth, shown)`. What a mark saves counts for the label that it
    is shown with: that is what is gone when this label is switched off.
    """
    costs: dict[str, Cost] = {}
    for mark in truth:
        costs[mark.label] = costs.get(mark.label, Cost()) + Cost(alone=making(mark), marks=1)
    for meeting in meetings(truth, shown):
        spared = 0.0 if meeting.true is None else making(meeting.true)
        label = meeting.shown.label
        costs[label] = costs.get(label, Cost()) + Cost(saved=spared - meeting.spent, shown=1)
    return costs


def making(mark: Mark) -> float:
    """Return the seconds to make a mark from nothing, its label included."""
    if isinstance(mark, Choice):
        return SECONDS["class"]
    seconds = SECONDS[DRAWING[type(mark)]]
    if isinstance(mark, Words):
        return seconds + typing(mark.text) + (SECONDS["class"] if mark.label else 0.0)
    return seconds + SECONDS["class"]


def worth_showing(kind: MarkKind) -> float:
    """Return from which share of right marks on showing marks of a kind pays.

    A right mark spares its making and costs a look; a wrong one costs a look and its deletion,
    a wrong choice a look and another choice. Boxes pay from 0.22, choices from 0.6.
    """
    if kind is Choice:
        return (SECONDS["look"] + SECONDS["relabel"] - SECONDS["class"]) / SECONDS["relabel"]
    making_one = SECONDS[DRAWING[kind]] + (0.0 if kind is Words else SECONDS["class"])
    return (SECONDS["look"] + SECONDS["delete"]) / (making_one + SECONDS["delete"])


def typing(text: str) -> float:
    """Return the seconds to type a text."""
    return sum(_key(character) for character in text)


def correcting(text: str, wanted: str) -> float:
    """Return the seconds to turn one text into another in the quickest way.

    Either letters are taken out, put in and replaced where the texts differ, after reaching
    for the place; or the line is typed again.
    """
    if text == wanted:
        return 0.0
    before = [0.0]
    for character in wanted:
        before.append(before[-1] + _key(character))
    for place, old in enumerate(text, 1):
        row = [place * SECONDS["letter"]]
        for column, new in enumerate(wanted, 1):
            replaced = before[column - 1] + (0.0 if old == new else _key(new))
            row.append(
                min(before[column] + SECONDS["letter"], row[column - 1] + _key(new), replaced)
            )
        before = row
    return min(SECONDS["adjust"] + before[-1], SECONDS["relabel"] + typing(wanted))


def meetings(truth: Sequence[Mark], shown: Sequence[Mark]) -> Iterator[Meeting]:
    """Yield what becomes of each mark that is shown.

    The surest first, each meets the free true mark of its kind that it overlaps most, from an
    intersection over union of OVERLAP. A choice meets the same choice, or else a free one.
    """
    free = list(truth)
    order = sorted(shown, key=lambda mark: -mark.score)
    chosen = [mark for mark in order if isinstance(mark, Choice)]
    yield from _choices(free, chosen)
    for mark in order:
        if isinstance(mark, Choice):
            continue
        same = [(overlap(mark, other), other) for other in free if type(other) is type(mark)]
        share, best = max(same, key=lambda found: found[0], default=(0.0, None))
        if best is None or share < OVERLAP:
            yield Meeting(mark, None, SECONDS["look"] + SECONDS["delete"])
            continue
        free = [other for other in free if other is not best]
        yield Meeting(mark, best, SECONDS["look"] + _mending(mark, best, share))


def _choices(free: list[Mark], shown: Sequence[Choice]) -> Iterator[Meeting]:
    true = [mark for mark in free if isinstance(mark, Choice)]
    wrong = []
    for mark in shown:
        same = next((other for other in true if other.label == mark.label), None)
        if same is None:
            wrong.append(mark)
            continue
        true.remove(same)
        yield Meeting(mark, same, SECONDS["look"])
    for mark in wrong:
        if true:
            yield Meeting(mark, true.pop(0), SECONDS["look"] + SECONDS["relabel"])
        else:
            yield Meeting(mark, None, SECONDS["look"] + SECONDS["delete"])


def _mending(shown: Mark, true: Mark, share: float) -> float:
    """Return the seconds to make a mark right that means the right thing; `share` overlaps."""
    seconds = SECONDS["relabel"] if shown.label != true.label else 0.0
    if isinstance(shown, Mask) and share < GOOD_OVERLAP:
        seconds += (1 - share) * SECONDS["mask"]
    elif isinstance(shown, Interval) and share < GOOD_OVERLAP:
        seconds += SECONDS["adjust"]
    elif isinstance(shown, Span) and share < 1:
        seconds += SECONDS["adjust"]
    elif isinstance(shown, Words) and isinstance(true, Words):
        seconds += correcting(shown.text, true.text)
    return seconds


def overlap(one: Mark, other: Mark) -> float:
    """Return intersection over union of two marks of one kind, 0 to 1; 0 for choices."""
    if isinstance(one, Mask) and isinstance(other, Mask):
        if one.pixels.shape != other.pixels.shape:
            return 0.0
        both = int(np.count_nonzero(one.pixels & other.pixels))
        return both / max(int(np.count_nonzero(one.pixels | other.pixels)), 1)
    if isinstance(one, Span | Interval) and isinstance(other, Span | Interval):
        shared = float(max(min(one.end, other.end) - max(one.start, other.start), 0))
        together = one.end - one.start + other.end - other.start - shared
        return shared / together if together > 0 else 0.0
    if isinstance(one, Choice) or isinstance(other, Choice):
        return 0.0
    (left, top, right, bottom), (left2, top2, right2, bottom2) = _frame(one), _frame(other)
    across = max(min(right, right2) - max(left, left2), 0.0)
    down = max(min(bottom, bottom2) - max(top, top2), 0.0)
    areas = (right - left) * (bottom - top) + (right2 - left2) * (bottom2 - top2)
    return across * down / (areas - across * down) if areas > across * down else 0.0


def _frame(mark: Mark) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box or of a line of writing."""
    if isinstance(mark, Box):
        return mark.x, mark.y, mark.x + mark.width, mark.y + mark.height
    assert isinstance(mark, Words)
    across = [corner[0] for corner in mark.corners]
    down = [corner[1] for corner in mark.corners]
    return min(across), min(down), max(across), max(down)


def _key(character: str) -> float:
    """Return the seconds to type a character; what lies above U+2E80 needs an input method."""
    return SECONDS["han" if character >= "\u2e80" else "letter"]
