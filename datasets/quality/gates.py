"""Judge a project by the thresholds it has set: the lower end of an interval decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from ..projects import Project
from . import report
from .intervals import Figure

# Option of the project, in percent → the figure of the report that it is about.
GATES = {"gate_agreement_percent": "agreement", "gate_first_pass_percent": "first_pass"}


class Outcome(StrEnum):
    """How a gate stands."""

    PASSED = "passed"
    NOT_YET = "not_yet"  # the interval holds the threshold: more work will tell
    FAILED = "failed"


@dataclass(frozen=True)
class GateResult:
    """One threshold (0 … 1) of a project, the figure it is held against, and the outcome."""

    name: str
    threshold: float
    figure: Figure
    outcome: Outcome


def gate(session: Session, project: Project) -> list[GateResult]:
    """Judge a project by its thresholds as the kept report has it; [] where it has set none."""
    kept = report.newest(session, project)
    return judged({name: project.option(name) for name in GATES}, kept)


def judged(thresholds: Mapping[str, Any], kept: Mapping[str, Any] | None) -> list[GateResult]:
    """Judge a report by thresholds in percent; None is no threshold."""
    found = []
    for option, name in GATES.items():
        if thresholds.get(option) is None:
            continue
        figure = Figure(**kept[name]) if kept else Figure(None, None, None, 0, "none")
        limit = float(thresholds[option]) / 100
        found.append(GateResult(name, limit, figure, outcome(figure, limit)))
    return found


def outcome(figure: Figure, threshold: float) -> Outcome:
    """Return passed where the whole interval reaches the threshold, failed where none of it."""
    if figure.value is None or figure.low is None or figure.high is None:
        return Outcome.NOT_YET
    if figure.low >= threshold:
        return Outcome.PASSED
    return Outcome.FAILED if figure.high < threshold else Outcome.NOT_YET
