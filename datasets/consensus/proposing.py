"""Bring the answers to one task to one answer, control by control, with how sure it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median_low
from typing import Any

import numpy as np

from .. import labels
from ..agreement import compare
from ..agreement.answers import MEASURES, chosen
from ..agreement.places import Box, Painted, Place, Stretches, overlap, place_of
from ..labels import Control, LabelConfig
from . import shapes
from .shapes import Group, Marked
from .votes import Vote, majority

Region = Mapping[str, Any]
Result = list[dict[str, Any]]
Answers = Mapping[int, Sequence[Region]]
WHERE = ("x", "y", "width", "height", "rotation", "points", "rle", "start", "end", "text")
MOST_MARKS = 400  # of one control of one task, beyond which nothing is brought together


@dataclass
class Proposal:
    """What the answers to a task come to; `nearest` is who agrees most with all others."""

    nearest: int
    agreement: float
    certainty: float = 1.0
    result: Result = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)


def propose(
    config: LabelConfig,
    answers: Answers,
    data: Mapping[str, Any],
    votes: Mapping[str, Vote] | None = None,
) -> Proposal:
    """Bring what people said of a task to one result; `votes` are choices made already.

    Choices: Dawid and Skene's where given, else the majority. Ratings and numbers: the
    median. Upright boxes: fused by agreement; spans of text: characters that most marked;
    painted masks: STAPLE; other marks: of those that most made, the one nearest to the others.
    Texts and orders: the one nearest to all. Relations are left to the curator.
    """
    nearest, agreed = _nearest(config, answers)
    found = Proposal(nearest, agreed)
    sure: list[float] = []
    names = dict.fromkeys(
        str(region["from_name"])
        for result in answers.values()
        for region in result
        if region.get("from_name") and region.get("type") != "relation"
    )
    for name in names:
        control = config.control(name)
        if control is None or control.per_region:
            continue
        said = {
            person: [each for each in result if each.get("from_name") == name]
            for person, result in answers.items()
        }
        method, regions, certainties = _of_control(
            config, control, said, data, (votes or {}).get(name), nearest
        )
        found.methods[name] = method
        found.result += regions
        sure += certainties
    found.result += _of_regions(config, answers, found.result)
    for region in found.result:
        region.pop("_from", None)
    found.certainty = sum(sure) / len(sure) if sure else 1.0
    return found


def _nearest(config: LabelConfig, answers: Answers) -> tuple[int, float]:
    """Return who agrees most with the others, and the mean agreement of all pairs."""
    sums = dict.fromkeys(answers, 0.0)
    scores = []
    for one, other in combinations(answers, 2):
        score = compare(config, answers[one], answers[other]).agreement
        if score is not None:
            scores.append(score)
            sums[one] += score
            sums[other] += score
    best = max(sums, key=lambda person: (sums[person], -person))
    return best, sum(scores) / len(scores) if scores else 0.0


Found = tuple[str, Result, list[float]]


def _of_control(
    config: LabelConfig,
    control: Control,
    said: dict[int, list[Region]],
    data: Mapping[str, Any],
    vote: Vote | None,
    nearest: int,
) -> Found:
    if control.tag in ("Choices", "Taxonomy"):
        return _choices(control, said, vote)
    if control.tag in ("Rating", "Number"):
        return _median(said)
    if control.tag in MEASURES:
        return _taken(said, nearest)
    return _marks(config, said, data, nearest)


def _choices(control: Control, said: dict[int, list[Region]], vote: Vote | None) -> Found:
    people = len(said)
    taken = {person: chosen(side) for person, side in said.items()}
    if control.single:
        told = [str(next(iter(each))) for each in taken.values() if len(each) == 1]
        if 2 * len(told) <= people:
            return "majority", [], [1 - len(told) / people]
        found = vote or majority(told)
        source = next(
            (
                side[-1]
                for person, side in said.items()
                if {str(each) for each in taken[person]} == {found.choice}
            ),
            None,
        )
        method = "majority" if vote is None else "dawid_skene"
        if source is None:
            return method, [], [0.0]
        return method, [_copied(source)], [found.certainty]
    counts: dict[Any, int] = {}
    for each in taken.values():
        for item in each:
            counts[item] = counts.get(item, 0) + 1
    kept = [item for item, number in counts.items() if 2 * number > people]
    sure = [max(number, people - number) / people for number in counts.values()]
    source = next(side[-1] for side in said.values() if side)
    if not kept:
        return "majority", [], sure
    words = sorted(list(item) if isinstance(item, tuple) else item for item in kept)
    return "majority", [_copied(source, **{str(source["type"]): words})], sure


def _median(said: dict[int, list[Region]]) -> Found:
    told = [side[-1] for side in said.values() if side]
    if 2 * len(told) <= len(said):
        return "median", [], [1 - len(told) / len(said)]
    kind = str(told[0]["type"])
    values = [region["value"][kind] for region in told]
    middle = median_low(values)
    source = told[values.index(middle)]
    return "median", [_copied(source)], [values.count(middle) / len(said)]


def _taken(said: dict[int, list[Region]], nearest: int) -> Found:
    """Take the answer of whom most agree with, where half have answered."""
    told = [person for person, side in said.items() if side]
    if 2 * len(told) <= len(said):
        return "nearest", [], [1 - len(told) / len(said)]
    best = nearest if nearest in told else told[0]
    mine = [_plain(region) for region in said[best]]
    equal = sum([_plain(region) for region in said[person]] == mine for person in told)
    return "nearest", [_copied(region) for region in said[best]], [equal / len(said)]


def _plain(region: Region) -> Any:
    return region.get("value")


def _marks(
    config: LabelConfig, said: dict[int, list[Region]], data: Mapping[str, Any], nearest: int
) -> Found:
    """Bring marks of one control to one set, thing by thing that they lie on."""
    marks: dict[str, list[Marked]] = {}
    for person, side in said.items():
        for region in side:
            place = place_of(config, region)
            if place is None:
                return _taken(said, nearest)
            on = f"{region.get('to_name')} {region.get('item_index') or 0}"
            marks.setdefault(on, []).append(Marked(person, _label(region), (place, region)))
    if sum(map(len, marks.values())) > MOST_MARKS:
        return _taken(said, nearest)
    result: Result = []
    sure: list[float] = []
    method = "boxes"
    for each in marks.values():
        method, regions, certainties = _on_one(each, len(said), data, config)
        result += regions
        sure += certainties
    return method, result, sure


def _on_one(
    marks: list[Marked], people: int, data: Mapping[str, Any], config: LabelConfig
) -> Found:
    places = [mark.place[0] for mark in marks]
    if all(isinstance(place, Painted) for place in places):
        if len({place.size for place in places}) == 1:
            return _painted(marks, people)
    text = _text(marks, data, config)
    if text is not None and all(isinstance(place, Stretches) for place in places):
        return _spans(marks, people, text)
    found = shapes.groups(marks, people, lambda one, other: overlap(one[0], other[0]))
    result, sure = [], []
    is_boxes = all(isinstance(place, Box) for place in places)
    for group in found:
        sure.append(max(group.certainty, 1 - group.certainty))
        if group.certainty > 0.5:
            result.append(_fused(group) if is_boxes else _copied(_central(group)))
    return "boxes" if is_boxes else "nearest", result, sure


def _fused(group: Group) -> dict[str, Any]:
    sides = [
        [box.left, box.top, box.right, box.bottom] for box, _region in map(_place, group.marks)
    ]
    left, top, right, bottom = (round(float(side), 4) for side in shapes.fused(sides))
    width, height = round(right - left, 4), round(bottom - top, 4)
    return _copied(_central(group), x=left, y=top, width=width, height=height)


def _place(mark: Marked) -> tuple[Any, Region]:
    place, region = mark.place
    return place, region


def _central(group: Group) -> Region:
    """Return the region of a group that overlaps the others most."""
    places: list[Place] = [mark.place[0] for mark in group.marks]
    sums = [sum(overlap(one, other) for other in places) for one in places]
    region: Region = group.marks[int(np.argmax(sums))].place[1]
    return region


def _text(marks: list[Marked], data: Mapping[str, Any], config: LabelConfig) -> str | None:
    """Return the plain text that all marks lie on; None where it is something else."""
    regions = [mark.place[1] for mark in marks]
    target = config.object_by_name.get(str(regions[0].get("to_name")).split(",")[0])
    if target is None or target.tag != "Text":
        return None
    value = data.get(target.key)
    plain = all(type(region["value"].get("start")) is int for region in regions)
    return value if isinstance(value, str) and plain else None


def _spans(marks: list[Marked], people: int, text: str) -> Found:
    result: Result = []
    sure: list[float] = []
    for label in dict.fromkeys(mark.label for mark in marks):
        mine = [mark for mark in marks if mark.label == label]
        ends = [
            (mark.person, int(mark.place[1]["value"]["start"]), int(mark.place[1]["value"]["end"]))
            for mark in mine
        ]
        kept = shapes.voted_spans(ends, people)
        for start, end, certainty in kept:
            near = max(mine, key=lambda mark: _meets(mark, start, end))
            result.append(_copied(near.place[1], start=start, end=end, text=text[start:end]))
            sure.append(certainty)
        lost = [e for e in ends if not any(s < e[2] and e[1] < t for s, t, _c in kept)]
        sure += [1 - 1 / people for _each in lost]
    return "spans", result, sure


def _meets(mark: Marked, start: int, end: int) -> int:
    value = mark.place[1]["value"]
    return int(min(end, value["end"]) - max(start, value["start"]))


def _painted(marks: list[Marked], people: int) -> Found:
    width, height = marks[0].place[0].size
    result: Result = []
    sure: list[float] = []
    for label in dict.fromkeys(mark.label for mark in marks):
        mine = [mark for mark in marks if mark.label == label]
        masks = np.zeros((people, height, width), np.uint8)
        rows = {person: n for n, person in enumerate(dict.fromkeys(m.person for m in mine))}
        for mark in mine:
            bits = np.unpackbits(mark.place[0].bits, count=width * height)
            masks[rows[mark.person]] |= bits.reshape(height, width)
        found = shapes.staple(masks)
        painted = found.probability > 0.5
        sure.append(shapes.mask_certainty(found))
        if painted.any():
            result.append(_copied(mine[0].place[1], rle=labels.packed_mask(painted)))
    return "staple", result, sure


def _label(region: Region) -> str:
    value = region.get("value") or {}
    told = value.get(str(region.get("type"))) or value.get("labels") or ()
    return "/".join(str(each) for each in told) if isinstance(told, list) else ""


def _copied(region: Region, **values: Any) -> dict[str, Any]:
    """Return a region anew, under an id of its own, with other values where told."""
    old = str(region.get("id") or "")
    changed = {**(region.get("value") or {}), **values}
    name = hashlib.sha256(repr((old, region.get("from_name"), changed)).encode()).hexdigest()[:10]
    found = {**region, "value": changed, "id": name, "_from": old}
    found.pop("origin", None)
    return found


def _of_regions(config: LabelConfig, answers: Answers, made: Result) -> Result:
    """Return what is said of each region that was kept, by whoever made the one it is from."""
    kept = {str(region["_from"]): region for region in made}
    found = []
    seen = set()
    for result in answers.values():
        for region in result:
            control = config.control(str(region.get("from_name")))
            source = kept.get(str(region.get("id")))
            if control is None or not control.per_region or source is None:
                continue
            key = (source["id"], region.get("from_name"))
            if key not in seen:
                seen.add(key)
                # What is said of a region repeats where it lies.
                where = {name: source["value"][name] for name in WHERE if name in source["value"]}
                value = {**(region.get("value") or {}), **where}
                found.append({**region, "id": source["id"], "value": value})
    return found
