"""Compare an answer with the prediction that it began from: what did the person do to it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..agreement.answers import LONGEST_TEXT, distance
from ..agreement.places import Place, overlap, place_of
from ..labels import LabelConfig
from ..labels.tags import ANSWER_TAGS, REGION_TAGS

Region = Mapping[str, Any]

SAME = 0.99  # overlap from which a region was left where it was: editors round
MEANT = 0.5  # overlap from which a region means the same thing, as the cost model has it
MOST_PAIRS = 40_000  # of places compared for one answer


@dataclass
class Edits:
    """What became of a prediction's regions and other answers in a person's hands.

    `shown` = kept + moved + relabelled + removed; a region that was moved and relabelled counts
    as relabelled. `characters` is by how many a person changed texts (Levenshtein's distance).
    """

    shown: int = 0
    kept: int = 0
    moved: int = 0
    relabelled: int = 0
    removed: int = 0
    added: int = 0
    characters: int = 0
    # label → [shown with it, right].
    labels: dict[str, list[int]] = field(default_factory=dict)

    def note(self, label: str, is_right: bool) -> None:
        """Count a label that was shown."""
        counts = self.labels.setdefault(label, [0, 0])
        counts[0] += 1
        counts[1] += is_right

    @property
    def number(self) -> int:
        """Return how many things the person had to do."""
        return self.moved + self.relabelled + self.removed + self.added

    @property
    def accepted(self) -> int:
        """Return how many of the shown meant the right thing."""
        return self.kept + self.moved


@dataclass(frozen=True)
class _Mark:
    """A region: what it lies on and where, and what it is called."""

    id: str
    on: str
    names: frozenset[str]
    value: Any
    place: Place | None


@dataclass(frozen=True)
class _Said:
    """An answer to a question: the choices taken, or what was written."""

    labels: frozenset[str]
    text: str


def compare(config: LabelConfig, shown: Iterable[Region], answer: Iterable[Region]) -> Edits:
    """Count what a person changed.

    A region is the same by its id, or else by where it lies (from MEANT); other answers by
    their control and the region that they are about. A text that differs is one edit.
    """
    shown, answer = list(shown), list(answer)
    before, after = _marks(config, shown), _marks(config, answer)
    edits = Edits(shown=len(before))
    free = list(after)
    partners: dict[str, str] = {}
    for mark, other in _pairs(before, free):
        partners[mark.id] = other.id
        _judge(mark, other, edits)
    for mark in before:
        if mark.id not in partners:
            for label in mark.names:
                edits.note(label, False)
    met = len(partners)
    edits.removed = len(before) - met
    edits.added = len(after) - met
    _compare_answers(config, shown, answer, partners, edits)
    return edits


def _judge(mark: _Mark, other: _Mark, edits: Edits) -> None:
    for label in mark.names:
        edits.note(label, label in other.names)
    if mark.names != other.names:
        edits.relabelled += 1
    elif _lies_there(mark, other) < SAME:
        edits.moved += 1
    else:
        edits.kept += 1


def _pairs(before: Sequence[_Mark], free: list[_Mark]) -> list[tuple[_Mark, _Mark]]:
    """Match marks by id, then the nearest first; `free` keeps what met nothing."""
    found, rest = [], []
    by_id = {mark.id: mark for mark in free if mark.id}
    for mark in before:
        other = by_id.get(mark.id)
        if other is not None and other.on == mark.on:
            found.append((mark, other))
            free.remove(other)
            del by_id[mark.id]
        else:
            rest.append(mark)
    if len(rest) * len(free) > MOST_PAIRS:
        return found
    near = [
        (_lies_there(mark, other), place, number)
        for place, mark in enumerate(rest)
        for number, other in enumerate(free)
        if mark.on == other.on
    ]
    taken: tuple[set[int], set[int]] = (set(), set())
    for share, place, number in sorted(near, key=lambda each: -each[0]):
        if share >= MEANT and place not in taken[0] and number not in taken[1]:
            taken[0].add(place)
            taken[1].add(number)
            found.append((rest[place], free[number]))
    return found


def _lies_there(mark: _Mark, other: _Mark) -> float:
    if mark.value == other.value:
        return 1.0
    if mark.place is None or other.place is None:
        return 0.0
    return overlap(mark.place, other.place)


def _marks(config: LabelConfig, result: Iterable[Region]) -> list[_Mark]:
    """Return the regions of a result; one that several controls speak of stands once."""
    marks: dict[str, _Mark] = {}
    for number, region in enumerate(result):
        control = config.control(str(region.get("from_name")))
        if control is None or control.per_region or control.tag not in REGION_TAGS:
            continue
        kind, value = str(region.get("type")), dict(region.get("value") or {})
        told = value.pop(kind, None)
        names = frozenset(map(str, told)) if isinstance(told, list) else frozenset()
        on = f"{region.get('to_name')} {region.get('item_index') or 0}"
        name = str(region.get("id") or f"#{number}")
        if name in marks:
            marks[name] = replace(marks[name], names=marks[name].names | names)
        else:
            marks[name] = _Mark(name, on, names, value, place_of(config, region))
    return list(marks.values())


def _compare_answers(
    config: LabelConfig,
    shown: Iterable[Region],
    answer: Iterable[Region],
    partners: Mapping[str, str],
    edits: Edits,
) -> None:
    """Compare what is said of the whole task, and of the regions that are still there."""
    before, after = _answers(config, shown), _answers(config, answer)
    for (control, region), said in before.items():
        if region and region not in partners:
            continue  # it went with its region
        name = partners[region] if region else ""
        now = after.pop((control, name), None)
        edits.shown += 1
        for label in said.labels:
            edits.note(label, now is not None and label in now.labels)
        if now is None:
            edits.removed += 1
        elif now == said:
            edits.kept += 1
        else:
            edits.relabelled += 1
            edits.characters += _apart(said.text, now.text)
    edits.added += len(after)
    edits.characters += sum(len(said.text) for said in after.values())


def _apart(text: str, other: str) -> int:
    if max(len(text), len(other)) > LONGEST_TEXT:
        return abs(len(text) - len(other))
    return distance(text, other)


def _answers(config: LabelConfig, result: Iterable[Region]) -> dict[tuple[str, str], _Said]:
    """Return (control and object, region or "") → what is said there."""
    found: dict[tuple[str, str], list[Any]] = {}
    for region in result:
        control = config.control(str(region.get("from_name")))
        if control is None or control.tag not in ANSWER_TAGS:
            continue
        name = str(region.get("id")) if control.per_region else ""
        on = f"{control.name} {region.get('to_name')} {region.get('item_index') or 0}"
        told = (region.get("value") or {}).get(str(region.get("type")))
        if region.get("type") == "textarea":
            told = (region.get("value") or {}).get("text")
        found.setdefault((on, name), []).extend(told if isinstance(told, list) else [told])
    return {key: _said(config, key[0], values) for key, values in found.items()}


def _said(config: LabelConfig, on: str, values: list[Any]) -> _Said:
    control = config.control(on.rsplit(" ", 2)[0])
    if control is not None and control.tag in ("Choices", "Taxonomy"):
        labels = ("/".join(each) if isinstance(each, list) else str(each) for each in values)
        return _Said(frozenset(labels), "")
    if control is not None and control.tag == "TextArea":
        return _Said(frozenset(), "\n".join(map(str, values)))
    return _Said(frozenset(), repr(values))
