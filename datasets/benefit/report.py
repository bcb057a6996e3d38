"""Report what pre-labels are worth in a project, each figure with its interval, n and method."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from .. import agreement, models
from ..db import now
from ..labels import LabelConfig
from ..projects import Project
from . import effects, reading
from .edits import Edits, compare
from .effects import LEAST_TASKS, Effect
from .reading import Answered, Gold

IDLE_TIMES = 10.0  # times the annotator's median: somebody had gone away
LEAST_IDLE = 60.0  # seconds that are never called idle


@dataclass(frozen=True)
class Figure:
    """One figure: an estimate with its interval, or what is missing for it.

    `n` counts tasks: with pre-labels and without, or those that it is about. `method` names
    the estimator of `effects`. Where there is not enough yet, `value` is None and `missing`
    says (how many, of how many needed) of the smaller arm.
    """

    n: tuple[int, ...]
    method: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    missing: tuple[int, int] | None = None


@dataclass(frozen=True)
class OfLabel:
    """What became of one label: how many regions were shown with it, how many of them were
    right, and how much its errors differ between the arms."""

    shown: int
    accepted: int
    error: Figure
    # The difference lies above 0 with all labels looked at together (Bonferroni).
    rises: bool


@dataclass(frozen=True)
class OfModel:
    """What people did with one model's marks; `accepted` is the share that was right."""

    model_id: int
    kind: str
    answers: int
    marks: int
    accepted: Figure


@dataclass(frozen=True)
class Report:
    """All figures of a project at one moment; `shown` and `blank` count answers."""

    at: dt.datetime
    shown: int
    blank: int
    annotators: int
    idle: int
    untimed: int
    truths: int
    reviewed: int
    time_ratio: Figure
    minutes_saved: Figure
    seconds: dict[str, float]  # arm → median
    edits: Figure
    characters: Figure
    unchanged: Figure
    accepted: Figure
    error: Figure
    of_labels: dict[str, OfLabel] = field(default_factory=dict)
    of_models: list[OfModel] = field(default_factory=list)

    def as_values(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass
class _Rows:
    """What was read, as columns."""

    answers: list[tuple[int, int, bool, float | None]] = field(default_factory=list)
    edits: list[tuple[int, Edits, int | None]] = field(default_factory=list)
    errors: list[tuple[int, bool, float]] = field(default_factory=list)
    # Answers of which it is known what they ought to be, and their errors at each label.
    judged: list[tuple[int, bool, dict[str, float]]] = field(default_factory=list)


def report(session: Session, project: Project) -> Report:
    """Return what pre-labels are worth in a project, from all answers since it had any."""
    gold = reading.gold(session, project)
    rows = _Rows()
    for answered in reading.answers(session, project):
        _take(rows, project.config, answered, gold)
    chosen = {model.id: model for model in models.of_project(session, project)}
    timed, idle, untimed = _timed(rows)
    edits = [(task, each) for task, each, _model in rows.edits]
    tasks = [task for task, _each in edits]
    return Report(
        at=now(),
        shown=sum(is_shown for _t, _p, is_shown, _s in rows.answers),
        blank=sum(not is_shown for _t, _p, is_shown, _s in rows.answers),
        annotators=len({person for _t, person, _a, _s in rows.answers}),
        idle=idle,
        untimed=untimed,
        truths=len(gold.truth),
        reviewed=len(gold.fixed),
        time_ratio=_figure(_compared(effects.time_ratio, timed), _sizes(timed), "time_ratio"),
        minutes_saved=_figure(
            _compared(effects.minutes_saved, timed), _sizes(timed), "minutes_saved"
        ),
        seconds=_medians(timed),
        edits=_mean([each.number for _task, each in edits], tasks),
        characters=_mean([each.characters for _task, each in edits], tasks),
        unchanged=_share([each.number == 0 for _task, each in edits], tasks),
        accepted=_accepted(edits),
        error=_difference(rows.errors),
        of_labels=_labels(rows),
        of_models=_models(rows, chosen),
    )


def _take(rows: _Rows, config: LabelConfig, answered: Answered, gold: Gold) -> None:
    is_shown = answered.arm == models.SHOWN
    task = answered.task_id
    rows.answers.append((task, answered.annotator, is_shown, answered.seconds))
    sides = answered.sides
    if is_shown and sides is not None:
        edits = compare(config, *sides)
        model = answered.model
        rows.edits.append((task, edits, None if model is None else model.id))
    right = gold.of(answered)
    if right is None:
        return
    score = agreement.compare(config, answered.result, right).agreement
    if score is not None:
        rows.errors.append((task, is_shown, 1 - score))
    scores = agreement.by_label(config, answered.result, right)
    rows.judged.append((task, is_shown, {label: 1 - share for label, share in scores.items()}))


Timed = Sequence[tuple[int, int, bool, float]]


def _timed(rows: _Rows) -> tuple[Timed, int, int]:
    """Return the answers with a usable time, and how many were idle or have none."""
    timed = [row for row in rows.answers if row[3] is not None and row[3] > 0]
    of_person: dict[int, list[float]] = {}
    for _task, person, _arm, seconds in timed:
        of_person.setdefault(person, []).append(float(seconds or 0))
    limits = {
        person: max(LEAST_IDLE, IDLE_TIMES * float(np.median(times)))
        for person, times in of_person.items()
    }
    kept = [(t, p, arm, float(s or 0)) for t, p, arm, s in timed if float(s or 0) <= limits[p]]
    return kept, len(timed) - len(kept), len(rows.answers) - len(timed)


def _compared(estimator: Any, timed: Timed) -> Effect | None:
    tasks, people, arms, seconds = zip(*timed, strict=True) if timed else ((), (), (), ())
    found: Effect | None = estimator(seconds, np.array(arms, bool), people, tasks)
    return found


def _sizes(rows: Sequence[Sequence[Any]], arm: int = 2) -> tuple[int, int]:
    shown = {row[0] for row in rows if row[arm]}
    return len(shown), len({row[0] for row in rows if not row[arm]})


def _medians(timed: Timed) -> dict[str, float]:
    arms = {
        models.SHOWN: [row[3] for row in timed if row[2]],
        models.BLANK: [row[3] for row in timed if not row[2]],
    }
    return {name: float(np.median(times)) for name, times in arms.items() if times}


def _figure(effect: Effect | None, sizes: tuple[int, ...], method: str) -> Figure:
    if effect is None:
        return Figure(sizes, method, missing=(min(sizes), LEAST_TASKS))
    return Figure(effect.n, method, float(effect.value), float(effect.low), float(effect.high))


def _mean(values: Sequence[float], tasks: Sequence[int]) -> Figure:
    return _figure(effects.mean(values, tasks), (len(set(tasks)),), "mean")


def _share(hits: Sequence[bool], tasks: Sequence[int]) -> Figure:
    return _figure(effects.share(hits, tasks), (len(set(tasks)),), "share")


def _accepted(edits: Sequence[tuple[int, Edits]]) -> Figure:
    """Return the share of shown marks that meant the right thing."""
    seen = [(task, each) for task, each in edits if each.shown]
    tasks = [task for task, _each in seen]
    hits = [each.accepted for _task, each in seen]
    effect = effects.share(hits, tasks, [each.shown for _task, each in seen])
    return _figure(effect, (len(set(tasks)),), "share")


def _difference(rows: Sequence[tuple[int, bool, float]], labels: int = 1) -> Figure:
    tasks, arms, errors = zip(*rows, strict=True) if rows else ((), (), ())
    level = 1 - (1 - effects.LEVEL) / labels
    effect = effects.error_difference(errors, np.array(arms, bool), tasks, level)
    return _figure(effect, _sizes(rows, 1), "error_difference")


def _labels(rows: _Rows) -> dict[str, OfLabel]:
    counts: dict[str, list[int]] = {}
    for _task, edits, _model in rows.edits:
        for label, (shown, right) in edits.labels.items():
            told = counts.setdefault(label, [0, 0])
            told[0] += shown
            told[1] += right
    names = sorted({*counts, *(label for _t, _a, found in rows.judged for label in found)})
    found = {}
    for label in names:
        # Neither put where it does not belong nor missed: no error.
        errors = [(task, arm, wrong.get(label, 0.0)) for task, arm, wrong in rows.judged]
        figure, strict = _difference(errors), _difference(errors, len(names))
        shown, right = counts.get(label, (0, 0))
        rises = shown > 0 and strict.low is not None and strict.low > 0
        found[label] = OfLabel(shown, right, figure, rises)
    return found


def _models(rows: _Rows, chosen: Mapping[int, models.ProjectModel]) -> list[OfModel]:
    by_model: dict[int, list[tuple[int, Edits]]] = {}
    for task, edits, model in rows.edits:
        if model is not None:
            by_model.setdefault(model, []).append((task, edits))
    return [
        OfModel(
            number,
            chosen[number].kind,
            len(edits),
            sum(each.shown for _task, each in edits),
            _accepted(edits),
        )
        for number, edits in sorted(by_model.items())
    ]
