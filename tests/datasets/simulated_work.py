"""Make up the work of a team: honest people who differ, and some who do not work honestly.

Honest people share biases: everybody confuses neighbouring classes, two schools confuse one
more pair each; many tasks are so easy that all say the same; experts are quick and nearly
always right; pre-labels pull everybody a little. Copiers take most of one colleague's answers
and move what they take; stampers leave nearly every pre-label; speeders hardly look.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jinbiao.datasets.integrity import FindingKind
from jinbiao.datasets.integrity.said import Result, Said

CLASSES = 6
START = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
OVERLAP = 3


@dataclass(frozen=True)
class Plan:
    """Who is in the team: the first are honest, then experts, copiers, stampers, speeders."""

    people: int = 12
    experts: int = 2
    copiers: int = 2
    stampers: int = 1
    speeders: int = 1
    tasks: int = 2400
    copied: float = 0.85
    boxes: bool = False


@dataclass
class Work:
    """What came of it, and what was planted: kind → pairs (person, source or 0)."""

    answers: list[Said]
    planted: dict[FindingKind, set[tuple[int, int]]]


@dataclass
class _Person:
    number: int
    errors: float
    pace: float
    anchoring: float
    school: int
    clock: dt.datetime = field(default=START)
    source: int = 0
    stamps: bool = False
    speeds: bool = False


def simulate(seed: int, plan: Plan = Plan()) -> Work:
    """Let the team work; the same seed gives the same work."""
    chance = np.random.default_rng(seed)
    people = _people(chance, plan)
    answers: list[Said] = []
    for task in range(1, plan.tasks + 1):
        truth = int(chance.integers(CLASSES))
        hardness = float(chance.choice([0.01, 0.1, 0.35], p=[0.5, 0.35, 0.15]))
        place = chance.uniform(10, 60, 4) if plan.boxes else None
        predicted = truth if chance.random() < 0.85 else (truth + 1) % CLASSES
        shown = _result(chance, predicted, place, "model")
        team = [people[n] for n in chance.choice(plan.people, OVERLAP, replace=False)]
        # Who copies comes after whom they copy from.
        team.sort(key=lambda person: (person.source != 0, person.clock))
        said: dict[int, Said] = {}
        for person in team:
            help_ = shown if chance.random() < 0.7 else None
            answer = _answer(chance, plan, person, said, task, truth, hardness, place, help_)
            said[person.number] = answer
        answers += said.values()
    planted: dict[FindingKind, set[tuple[int, int]]] = {kind: set() for kind in FindingKind}
    for person in people:
        if person.source:
            planted[FindingKind.COPYING].add((person.number, person.source))
        if person.stamps:
            planted[FindingKind.STAMPING].add((person.number, 0))
        if person.speeds:
            planted[FindingKind.SPEED].add((person.number, 0))
    return Work(answers, planted)


def _people(chance: np.random.Generator, plan: Plan) -> list[_Person]:
    people = [
        _Person(
            number + 1,
            float(chance.lognormal(0, 0.4)),
            float(chance.lognormal(0, 0.3)),
            float(chance.beta(2, 6)),
            number % 3,
        )
        for number in range(plan.people)
    ]
    at = plan.people - plan.copiers - plan.stampers - plan.speeders
    for expert in people[at - plan.experts : at]:
        expert.errors, expert.pace = 0.4, 0.5
    for place, copier in enumerate(people[at : at + plan.copiers]):
        copier.source = people[place].number
    for stamper in people[at + plan.copiers : at + plan.copiers + plan.stampers]:
        stamper.stamps, stamper.pace = True, 0.7
    for speeder in people[plan.people - plan.speeders :]:
        speeder.speeds, speeder.pace, speeder.errors = True, 0.15, 3.0
    return people


def _answer(
    chance: np.random.Generator,
    plan: Plan,
    person: _Person,
    said: dict[int, Said],
    task: int,
    truth: int,
    hardness: float,
    place: Any,
    shown: Result | None,
) -> Said:
    source = said.get(person.source)
    if source is not None and chance.random() < plan.copied:
        result = _moved(chance, source.result)
        shown = None
    elif shown is not None and chance.random() < _keeps(person, shown, truth):
        result = shown
    else:
        result = _result(chance, _label(chance, person, truth, hardness), place, "own")
    seconds = 20 * person.pace * (1 + 2 * hardness) * float(chance.lognormal(0, 0.5))
    seconds *= 0.7 if shown is not None else 1
    begun = max([person.clock, *([] if source is None else [source.at])])
    person.clock = begun + dt.timedelta(seconds=seconds + float(chance.exponential(2)))
    return Said(
        id=task * 100 + person.number,
        task_id=task,
        person=person.number,
        at=person.clock,
        result=result,
        seconds=seconds,
        claimed=20.0 if person.speeds else seconds,
        shown=shown,
    )


def _keeps(person: _Person, shown: Result, truth: int) -> float:
    if person.stamps:
        return 0.95
    return 0.97 if label_of(shown) == truth else person.anchoring


def _label(chance: np.random.Generator, person: _Person, truth: int, hardness: float) -> int:
    if person.school and truth == person.school and chance.random() < 0.15:
        return (truth + 2) % CLASSES
    if chance.random() < min(0.8, hardness * person.errors):
        # Most errors are the one that everybody makes.
        return (truth + 1) % CLASSES if chance.random() < 0.7 else int(chance.integers(CLASSES))
    return truth


def _result(chance: np.random.Generator, label: int, place: Any, who: str) -> Result:
    region: dict[str, Any] = {"id": f"{who}{chance.integers(2**40)}", "type": "choices"}
    region["from_name"] = "label"
    region["value"] = {"choices": [str(label)]}
    if place is not None:
        x, y, width, height = (place + chance.normal(0, 1.5, 4)).tolist()
        region["value"] |= {"x": x, "y": y, "width": max(1, width), "height": max(1, height)}
    return [region]


def _moved(chance: np.random.Generator, result: Result) -> Result:
    """Take over an answer: new ids, boxes moved by a hair."""
    value = dict(result[0]["value"])
    for name in ("x", "y", "width", "height"):
        if name in value:
            value[name] += float(chance.normal(0, 0.2))
    return [{**result[0], "id": f"own{chance.integers(2**40)}", "value": value}]


def label_of(result: Result) -> int:
    """Return the class of an answer."""
    return int(result[0]["value"]["choices"][0])


def agree(first: Result, second: Result) -> float:
    """Compare two answers: 0 for other classes, else 1 or how the boxes overlap."""
    one, other = first[0]["value"], second[0]["value"]
    if one["choices"] != other["choices"]:
        return 0.0
    if "x" not in one:
        return 1.0
    wide = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    high = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    both = max(0.0, wide) * max(0.0, high)
    union = one["width"] * one["height"] + other["width"] * other["height"] - both
    return float(both / union)
