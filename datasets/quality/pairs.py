"""Say in counts what two people said of one task, so that a project's figures are sums.

Choices count as categories; marks (boxes, outlines, masks, spans, stretches of sound) are
matched where they overlap at least by half, first those with the same label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..agreement import by_label, compare
from ..agreement.answers import LONGEST_TEXT, chosen
from ..agreement.matching import MOST_PAIRS
from ..agreement.places import Place, Stretches, overlap, place_of
from ..labels import Control, LabelConfig
from .matched import LEAST_OVERLAP
from .transcripts import character_errors, word_errors

NOTHING = ""  # the label of what only one of two people marked
Region = Mapping[str, Any]
Result = Sequence[Region]
# One's label, the other's, how often; of marks the sum of their overlaps, and how many are
# exactly the same.
Count = tuple[str, str, int, float, int]


class Said(msgspec.Struct, omit_defaults=True):
    """What two people said of one task.

    `labels` maps a label to 0 … 1; the others are by control: `categories` counts where one is
    chosen, `taken` where several may be, `marks` where something is marked, `numbers` what each
    said, `texts` (character edits, characters, word edits, words).
    """

    score: float | None = None
    labels: dict[str, float] = {}
    categories: dict[str, list[Count]] = {}
    taken: dict[str, list[Count]] = {}
    marks: dict[str, list[Count]] = {}
    numbers: dict[str, tuple[float, float]] = {}
    texts: dict[str, tuple[int, int, int, int]] = {}


def say(config: LabelConfig, first: Result, second: Result) -> Said:
    """Compare two people's answers to one task under a labelling config."""
    found = Said(compare(config, first, second).agreement, by_label(config, first, second))
    sides = _by_control(first), _by_control(second)
    for name in dict.fromkeys((*sides[0], *sides[1])):
        control = config.control(name)
        if control is None or control.per_region:
            continue
        mine, theirs = (side.get(name, []) for side in sides)
        if control.tag in ("Choices", "Taxonomy"):
            _choices(found, control, mine, theirs)
        elif control.tag in ("Rating", "Number"):
            _numbers(found, name, mine, theirs)
        elif control.tag == "TextArea":
            _texts(found, name, mine, theirs)
        else:
            counts = _marks(config, mine, theirs)
            if counts is not None:
                found.marks[name] = counts
    return found


def _by_control(result: Result) -> dict[str, list[Region]]:
    found: dict[str, list[Region]] = {}
    for region in result:
        if region.get("type") != "relation" and region.get("from_name"):
            found.setdefault(str(region["from_name"]), []).append(region)
    return found


def _choices(found: Said, control: Control, mine: list[Region], theirs: list[Region]) -> None:
    one, other = ({_words(each) for each in chosen(side)} for side in (mine, theirs))
    if control.single and len(one) < 2 and len(other) < 2:
        pair = next(iter(one), NOTHING), next(iter(other), NOTHING)
        found.categories[control.name] = [(*pair, 1, 0.0, 0)]
        return
    counts: list[Count] = [(label, label, 1, 0.0, 0) for label in sorted(one & other)]
    counts += [(label, NOTHING, 1, 0.0, 0) for label in sorted(one - other)]
    counts += [(NOTHING, label, 1, 0.0, 0) for label in sorted(other - one)]
    found.taken[control.name] = counts


def _words(item: Any) -> str:
    return "/".join(item) if isinstance(item, tuple) else str(item)


def _numbers(found: Said, name: str, mine: list[Region], theirs: list[Region]) -> None:
    if not mine or not theirs:
        return
    values = [
        next((value[kind] for kind in ("rating", "number") if kind in value), None)
        for value in (mine[-1]["value"], theirs[-1]["value"])
    ]
    one, other = values
    if isinstance(one, int | float) and isinstance(other, int | float):
        found.numbers[name] = float(one), float(other)


def _texts(found: Said, name: str, mine: list[Region], theirs: list[Region]) -> None:
    one, other = (_text(side) for side in (mine, theirs))
    if max(len(one), len(other)) > LONGEST_TEXT or not one + other:
        return
    # Neither is the reference: the mean length stands for its length.
    letters = character_errors(one, other), character_errors(other, one)
    tokens = word_errors(one, other), word_errors(other, one)
    found.texts[name] = (
        sum(each.edits for each in letters),
        sum(each.length for each in letters),
        sum(each.edits for each in tokens),
        sum(each.length for each in tokens),
    )


def _text(regions: Iterable[Region]) -> str:
    lines: list[str] = []
    for region in regions:
        text = region["value"].get("text") or ""
        lines += text if isinstance(text, list) else [str(text)]
    return "\n".join(lines)


def _marks(config: LabelConfig, mine: list[Region], theirs: list[Region]) -> list[Count] | None:
    """Count matched marks by their labels; None where they cannot be compared."""
    if len(mine) * len(theirs) > MOST_PAIRS:
        return None
    sides: list[list[tuple[str, str, Place]]] = []
    for side in (mine, theirs):
        told = []
        for region in side:
            place = place_of(config, region)
            if place is None:
                return None
            on = f"{region.get('to_name')} {region.get('item_index') or 0}"
            told.append((_label(region), on, place))
        sides.append(told)
    counts: Counter[tuple[str, str]] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    same: Counter[tuple[str, str]] = Counter()
    pairs = _partners(*sides)
    for here, there, overlapping in pairs:
        names = sides[0][here][0], sides[1][there][0]
        counts[names] += 1
        shared[names] += overlapping  # type: ignore[assignment]
        same[names] += sides[0][here][2] == sides[1][there][2]
    alone = ({here for here, *_rest in pairs}, {there for _here, there, _o in pairs})
    counts.update((name, NOTHING) for n, (name, *_r) in enumerate(sides[0]) if n not in alone[0])
    counts.update((NOTHING, name) for n, (name, *_r) in enumerate(sides[1]) if n not in alone[1])
    return [
        (*names, number, round(float(shared[names]), 4), same[names])
        for names, number in sorted(counts.items())
    ]


def _label(region: Region) -> str:
    value = region.get("value") or {}
    told = value.get(str(region.get("type"))) or value.get("labels") or ()
    return "/".join(str(each) for each in told) if isinstance(told, list) and told else "·"


def _partners(
    first: list[tuple[str, str, Place]], second: list[tuple[str, str, Place]]
) -> list[tuple[int, int, float]]:
    found = []
    for here, (label, on, place) in enumerate(first):
        for there, (name, lies_on, other) in enumerate(second):
            if on != lies_on or _is_apart(place, other):
                continue
            overlapping = overlap(place, other)
            if overlapping >= LEAST_OVERLAP:
                found.append((label == name, overlapping, here, there))
    used: tuple[set[int], set[int]] = set(), set()
    kept = []
    for _same, overlapping, here, there in sorted(found, key=lambda each: (-each[0], -each[1])):
        if here not in used[0] and there not in used[1]:
            used[0].add(here)
            used[1].add(there)
            kept.append((here, there, overlapping))
    return kept


def _is_apart(first: Place, second: Place) -> bool:
    """Tell at once that two stretches do not meet: most spans of a text do not."""
    if not isinstance(first, Stretches) or not isinstance(second, Stretches):
        return False
    return first.parts[-1][1] <= second.parts[0][0] or second.parts[-1][1] <= first.parts[0][0]
