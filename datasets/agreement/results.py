"""Compare two results under a labelling config: control by control, and as their mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..labels import Control, LabelConfig
from .answers import MEASURES, chosen
from .matching import Mark, matched
from .places import place_of

Region = Mapping[str, Any]
Result = Sequence[Region]
Sides = tuple[list[Region], list[Region]]


@dataclass(frozen=True)
class Comparison:
    """How much two results agree.

    `controls` maps each control that one of them used to 0 … 1, or to None where it has no
    measure; `agreement` is the mean of those that have one, None where none has.
    """

    controls: Mapping[str, float | None]
    agreement: float | None


def compare(config: LabelConfig, first: Result, second: Result) -> Comparison:
    """Compare two results; a control that only one of them used counts 0, nothing twice 1."""
    mine, theirs = _by_control(first), _by_control(second)
    scores: dict[str, float | None] = {}
    same = _Same()
    for name in dict.fromkeys((*mine, *theirs)):
        control, sides = config.control(name), (mine.get(name, []), theirs.get(name, []))
        # Which regions are the same ones must be known before what is said of each.
        if control is not None and not control.per_region:
            scores[name] = _control(config, control, sides, same)
    for name in dict.fromkeys((*mine, *theirs)):
        control, sides = config.control(name), (mine.get(name, []), theirs.get(name, []))
        if control is None or control.per_region:
            scores[name] = None if control is None else _of_regions(control, sides, same)
    if not scores:
        return Comparison({}, 1.0)
    return Comparison(scores, mean([score for score in scores.values() if score is not None]))


def by_label(config: LabelConfig, first: Result, second: Result) -> dict[str, float]:
    """Return label → 0 … 1 of the labels that one of two results used.

    Regions are compared with those of the other that have the label as well; a choice was
    taken by both or not. A label of several controls has their mean.
    """
    mine, theirs = _by_control(first), _by_control(second)
    found: dict[str, list[float]] = {}
    for name in dict.fromkeys((*mine, *theirs)):
        control = config.control(name)
        if control is None or control.per_region:
            continue
        sides = mine.get(name, []), theirs.get(name, [])
        if control.tag in ("Choices", "Taxonomy"):
            taken = [chosen(side) for side in sides]
            for label in taken[0] | taken[1]:
                words = "/".join(label) if isinstance(label, tuple) else label
                found.setdefault(words, []).append(float(all(label in each for each in taken)))
        elif control.tag not in MEASURES:
            for words, score in _marks_by_label(config, *sides).items():
                found.setdefault(words, []).append(score)
    return {label: sum(scores) / len(scores) for label, scores in found.items()}


def distribution(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Count each label by control, and average numbers and ratings, as Label Studio does."""
    kinds: dict[str, str] = {}
    counts: dict[str, Counter[str]] = {}
    numbers: dict[str, list[float]] = {}
    for region in (region for result in results for region in result):
        name, kind = region.get("from_name"), str(region.get("type"))
        if name is None or kind == "relation":
            continue
        kinds.setdefault(name, kind)
        value = region.get("value") or {}
        counts.setdefault(name, Counter()).update(_labels_of(region))
        if kind == "pairwise" and value.get("selected"):
            counts[name][value["selected"]] += 1
        if kind in ("rating", "number") and value.get(kind) is not None:
            numbers.setdefault(name, []).append(value[kind])
    return {
        name: {
            "type": kind,
            "labels": dict(counts[name]),
            **_average(numbers.get(name, [])),
        }
        for name, kind in kinds.items()
    }


def mean(scores: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return sum(scores) / len(scores) if scores else None


def _average(numbers: Sequence[float]) -> dict[str, Any]:
    return {"average": mean(numbers), "count": len(numbers)} if numbers else {}


def _by_control(result: Result) -> dict[str, list[Region]]:
    found: dict[str, list[Region]] = {}
    for region in result:
        if region.get("type") != "relation" and region.get("from_name"):
            found.setdefault(str(region["from_name"]), []).append(region)
    return found


@dataclass
class _Same:
    """Which regions could be compared, and which of one result is which of the other."""

    compared: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    partners: dict[str, str] = field(default_factory=dict)


def _control(config: LabelConfig, control: Control, sides: Sides, same: _Same) -> float | None:
    measure = MEASURES.get(control.tag)
    if measure is not None:
        return measure(control, *sides) if all(sides) else 0.0
    mine, theirs = (_marks(config, control, side) for side in sides)
    found = None if mine is None or theirs is None else matched(mine, theirs)
    if found is None:
        return None
    for seen, side in zip(same.compared, sides, strict=True):
        seen.update(str(region.get("id")) for region in side)
    same.partners.update(found.partners)
    return found.score


def _of_regions(control: Control, sides: Sides, same: _Same) -> float | None:
    """Compare what two people say of the same regions, by the larger number of answers.

    None where a region could not be compared itself.
    """
    measure = MEASURES.get(control.tag)
    mine, theirs = (_by_region(side) for side in sides)
    known = mine.keys() <= same.compared[0] and theirs.keys() <= same.compared[1]
    if measure is None or not known:
        return None
    total = 0.0
    for region, answers in mine.items():
        others = theirs.get(same.partners.get(region, ""))
        score = 0.0 if others is None else measure(control, answers, others)
        if score is None:
            return None
        total += score
    return total / max(len(mine), len(theirs))


def _by_region(side: list[Region]) -> dict[str, list[Region]]:
    found: dict[str, list[Region]] = {}
    for region in side:
        found.setdefault(str(region.get("id")), []).append(region)
    return found


def _marks(config: LabelConfig, control: Control, regions: list[Region]) -> list[Mark] | None:
    """Return the regions of a control; None where one has no place that can be compared."""
    found = []
    for region in regions:
        place = place_of(config, region)
        if place is None:
            return None
        on = f"{region.get('to_name')} {region.get('item_index') or 0}"
        found.append(Mark(str(region.get("id")), frozenset(_labels_of(region)), on, place))
    return found


def _marks_by_label(
    config: LabelConfig, mine: list[Region], theirs: list[Region]
) -> dict[str, float]:
    names = dict.fromkeys(label for region in (*mine, *theirs) for label in _labels_of(region))
    found = {}
    for label in names:
        sides = []
        for regions in (mine, theirs):
            places = [
                (place_of(config, region), f"{region.get('to_name')} {region.get('item_index')}")
                for region in regions
                if label in _labels_of(region)
            ]
            sides.append([Mark("", frozenset({label}), on, place) for place, on in places if place])
            if len(sides[-1]) < len(places):
                break
        match = matched(*sides) if len(sides) == 2 else None
        if match is not None:
            found[label] = match.score
    return found


def _labels_of(region: Region) -> list[str]:
    """Return the labels of a region, or the choices taken; of a path its last step."""
    value = region.get("value") or {}
    told = value.get(region.get("type")) or value.get("labels") or ()
    if not isinstance(told, list):
        return []
    words = [item[-1] if isinstance(item, list) and item else item for item in told]
    return [word for word in words if isinstance(word, str)]
