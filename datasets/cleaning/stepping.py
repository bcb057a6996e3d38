"""Take records through the steps of a recipe and remember what each step did: no storage here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import errors
from ..errors import _
from .operators import OPERATORS, SAME, Operator, Outcome, Record, bytes_opener
from .rows import RecordState

log = logging.getLogger("jinbiao.cleaning")

# The reason of a record that an operator could not look at; its words are in REASONS.
FAILED = "failed"
REASONS: Mapping[str, str] = {FAILED: _("the operator could not read it")}

Keep = Callable[[bytes], str]


@dataclass(frozen=True)
class Step:
    """One step of a recipe: its place from 0, its operator, its complete options."""

    place: int
    operator: Operator
    options: Mapping[str, Any]


@dataclass(slots=True)
class Passing:
    """One record on its way, and what has happened to it so far."""

    record: Record
    # The asset's own object in the store; None of a text.
    stored: str | None = None
    # Whether `record.text` is no longer the asset's own.
    rewritten: bool = False
    # Of changed bytes: where they are kept and how many they are.
    digest: str | None = None
    size: int | None = None
    changed_steps: tuple[int, ...] = ()
    dropped_step: int | None = None
    reason: str | None = None
    duplicate_of: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> RecordState:
        """Return what has become of it."""
        if self.dropped_step is not None:
            return RecordState.DROPPED
        return RecordState.CHANGED if self.changed_steps else RecordState.KEPT


@dataclass(slots=True)
class StepCount:
    """What one step saw and did, summed over batches; seconds are of processor time."""

    seen: int = 0
    changed: int = 0
    dropped: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, other: StepCount) -> None:
        """Add what another batch counted."""
        self.seen += other.seen
        self.changed += other.changed
        self.dropped += other.dropped
        self.seconds += other.seconds
        for reason, number in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number

    def drop(self, reason: str) -> None:
        """Count one that is left out."""
        self.dropped += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "seen": self.seen,
            "changed": self.changed,
            "dropped": self.dropped,
            "seconds": round(self.seconds, 3),
            "reasons": dict(sorted(self.reasons.items())),
        }


def steps_of(values: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Return the steps that a recipe version names.

    Raises:
        errors.Refused: an operator is not there any more, or answers differently by now.
    """
    steps = []
    for place, value in enumerate(values):
        operator = OPERATORS.get(str(value["operator"]))
        if operator is None:
            raise errors.Refused(_("there is no operator %(name)s"), name=str(value["operator"]))
        if int(value.get("version", operator.version)) != operator.version:
            raise errors.Refused(
                _("operator %(name)s has changed since: save the recipe again"), name=operator.name
            )
        options = {option.name: option.default for option in operator.options}
        steps.append(Step(place, operator, {**options, **dict(value.get("options") or {})}))
    return steps


@dataclass(frozen=True)
class Stage:
    """Steps that look at one record at a time, then those that hold records against each other.

    Either may be missing. The comparisons follow one another without any change between them,
    so that what each wants to compare can be taken down in the same look at a record.
    """

    alone: tuple[Step, ...] = ()
    compares: tuple[Step, ...] = ()


def stages_of(steps: Sequence[Step]) -> list[Stage]:
    """Divide steps where records have to wait for each other; there is at least one stage."""
    stages = [Stage()]
    for step in steps:
        last = stages[-1]
        if step.operator.does == "compare":
            stages[-1] = replace(last, compares=(*last.compares, step))
        elif last.compares:
            stages.append(Stage((step,)))
        else:
            stages[-1] = replace(last, alone=(*last.alone, step))
    return stages


def take_through(
    passing: Sequence[Passing], steps: Sequence[Step], counts: Mapping[int, StepCount], keep: Keep
) -> list[Passing]:
    """Apply steps that look at one record at a time; `keep` stores new bytes by their digest.

    The answer is in the order of the input, parts in the place of what was split.
    """
    present = list(passing)
    for step in steps:
        began = time.process_time()
        present = _apply(present, step, counts[step.place], keep)
        counts[step.place].seconds += time.process_time() - began
    return present


def concerned(passing: Sequence[Passing], step: Step) -> list[int]:
    """Return the places of the records that a step looks at."""
    kind = step.operator.kind
    return [
        place
        for place, each in enumerate(passing)
        if each.dropped_step is None and each.record.kind == kind
    ]


def signatures(passing: Sequence[Passing], step: Step, count: StepCount) -> list[Any]:
    """Return what a compare step wants to hold against others, in the order of `concerned`.

    None for a record that could not be read.
    """
    operator = step.operator
    assert operator.signature is not None
    began = time.process_time()
    records = [passing[place].record for place in concerned(passing, step)]
    found: list[Any] = _tried(
        lambda some: list(operator.signature(some, step.options)),  # type: ignore[misc]
        records,
        None,
        operator,
    )
    count.seconds += time.process_time() - began
    return found


def leave_out(
    passing: Sequence[Passing],
    step: Step,
    same_as: Sequence[tuple[int | None, bool]],
    count: StepCount,
) -> None:
    """Drop what a compare step found: for each of `concerned`, the asset kept instead of it.

    The second value of a pair is False where it could not be read.
    """
    reason = next(iter(step.operator.reasons), "duplicate")
    for place, (asset, readable) in zip(concerned(passing, step), same_as, strict=True):
        each = passing[place]
        count.seen += 1
        if not readable:
            each.dropped_step, each.reason = step.place, FAILED
            count.drop(FAILED)
        elif asset is not None:
            each.dropped_step, each.reason, each.duplicate_of = step.place, reason, asset
            count.drop(reason)


def _apply(present: list[Passing], step: Step, count: StepCount, keep: Keep) -> list[Passing]:
    operator = step.operator
    places = concerned(present, step)
    count.seen += len(places)
    if not places or operator.apply is None:
        return present
    records = [present[place].record for place in places]
    outcomes = _tried(
        lambda some: operator.apply(some, step.options),  # type: ignore[misc]
        records,
        Outcome(reason=FAILED),
        operator,
    )
    split: dict[int, list[Passing]] = {}
    for place, outcome in zip(places, outcomes, strict=True):
        if outcome is SAME:
            continue
        parts = _settle(present[place], outcome, step.place, count, keep)
        if parts:
            split[place] = parts
    if not split:
        return present
    return [part for place, each in enumerate(present) for part in split.get(place, (each,))]


def _settle(
    each: Passing, outcome: Outcome, place: int, count: StepCount, keep: Keep
) -> list[Passing]:
    """Write down what an operator made of a record; return its parts where it was split."""
    if outcome.facts:
        each.facts = {**each.facts, **outcome.facts}
        each.record.facts = {**each.record.facts, **outcome.facts}
    if outcome.reason:
        each.dropped_step, each.reason = place, outcome.reason
        each.duplicate_of = outcome.duplicate_of
        count.drop(outcome.reason)
        return []
    if outcome.parts and outcome.parts != (each.record.text,):
        count.changed += 1
        return [
            _rewritten(replace(each, record=replace(each.record)), text, place)
            for text in outcome.parts
        ]
    if outcome.content is not None:
        count.changed += 1
        each.digest, each.size = keep(outcome.content), len(outcome.content)
        each.changed_steps += (place,)
        each.record.open = bytes_opener(outcome.content)
        each.record.content_type = outcome.content_type or each.record.content_type
    elif outcome.text is not None and outcome.text != each.record.text:
        count.changed += 1
        _rewritten(each, outcome.text, place)
    return []


def _rewritten(each: Passing, text: str, place: int) -> Passing:
    each.record.text = text
    each.rewritten = True
    each.changed_steps += (place,)
    return each


def _tried(
    look: Callable[[Sequence[Record]], list[Any]],
    records: Sequence[Record],
    otherwise: Any,
    operator: Operator,
) -> list[Any]:
    """Let an operator look at a batch; where that breaks, at each record by itself."""
    if not records:
        return []
    try:
        found = look(records)
        if len(found) != len(records):
            raise RuntimeError(f"{len(found)} answers for {len(records)} records")
        return found
    except (MemoryError, errors.Unavailable):
        # No fault of the record's: a part is away, and the job waits for it.
        raise
    except Exception:
        # One record that cannot be read must not take its batch along, nor stop the job.
        if len(records) == 1:
            log.warning("operator %s failed at asset %s", operator.name, records[0].id)
            log.debug("trace", exc_info=True)
            return [otherwise]
    return [answer for record in records for answer in _tried(look, [record], otherwise, operator)]


def numbered(passing: Sequence[Passing]) -> Iterator[tuple[int, Passing]]:
    """Give every record with its part: counted from 0 for each asset, in order."""
    last, part = None, 0
    for each in passing:
        part = part + 1 if each.record.id == last else 0
        last = each.record.id
        yield part, each
