"""Report how good a project's work is: every figure with its interval, n and method."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation
from ..db import now
from ..projects import Project
from ..reviews import Review, Verdict
from . import intervals, kappa, keeping, sums
from .pairs import Said
from .rows import ComparedPair, QualityReport
from .sums import Control, Ratio, Table

LEAST_TASKS = 5  # two people have in common before a page tells how much they agree
MOST_PAIRS = 300  # of people that have an interval, those with the most common tasks
MOST_LABELS = 300
ROWS = 2000

_decode = msgspec.json.Decoder(Said).decode


def newest(session: Session, project: Project) -> dict[str, Any] | None:
    """Return the kept report of a project as plain values; None before the first.

    `at` is when it was worked out, `waiting` how many tasks are not in yet.
    """
    kept = session.get(QualityReport, project.id)
    if kept is None:
        return None
    found: dict[str, Any] = msgspec.json.decode(kept.report)
    return {
        **found,
        "at": kept.worked_out_at.isoformat(),
        "waiting": keeping.pending(session, project),
    }


def write(session: Session, project: Project, until: dt.datetime, seconds: float) -> dict[str, Any]:
    """Work out the report of a project from what is kept, and keep it; return it."""
    found = worked_out(session, project)
    values = {
        "worked_out_at": now(),
        "seen_until": until,
        "config_digest": keeping.config_digest(project),
        "seconds": seconds,
        "report": msgspec.json.encode(found).decode(),
    }
    there = session.get(QualityReport, project.id, with_for_update=True)
    if there is None:
        session.add(QualityReport(project_id=project.id, **values))
    else:
        for name, value in values.items():
            setattr(there, name, value)
    session.flush()
    return found


def worked_out(session: Session, project: Project) -> dict[str, Any]:
    """Return the figures of what is kept now."""
    whole, tasks, number = Ratio(), 0, 0
    labels: dict[str, Ratio] = {}
    people: dict[int, Ratio] = {}
    pairs: dict[tuple[int, int], Ratio] = {}
    tables: dict[tuple[int, int], dict[str, Table]] = {}
    controls: dict[str, Control] = {}
    for task, rows in _by_task(session, project):
        tasks += 1
        answered = len({each[1] for each in rows} | {each[2] for each in rows})
        told: dict[str, tuple[int, int]] = {}
        for _task, one, other, score, text in rows:
            said = _decode(text)
            number += 1
            if score is not None:
                whole.add(task, score)
                for person in (one, other):
                    people.setdefault(person, Ratio()).add(task, score)
            pairs.setdefault((one, other), Ratio()).add(
                task, score or 0.0, float(score is not None)
            )
            for label, (both, either) in sums.of_labels(said).items():
                before = told.get(label, (0, 0))
                told[label] = before[0] + both, before[1] + either
            for name, counts in said.categories.items():
                of_pair = tables.setdefault((one, other), {})
                of_pair.setdefault(name, Table()).add(task, counts)
            sums.add(controls, task, said, answered)
        for label, (both, either) in told.items():
            labels.setdefault(label, Ratio()).add(task, both, either)
    yields = first_pass(session, project)
    return {
        "tasks": tasks,
        "pairs": number,
        "agreement": whole.figure().as_values(),
        "labels": _of_labels(labels),
        "people": _of_people(people, yields),
        "matrix": _matrix(pairs, tables),
        "controls": {
            name: {"kind": each.kind, "measures": each.values(), "confusion": each.confusion()}
            for name, each in controls.items()
        },
        "first_pass": _share(yields).as_values(),
    }


def first_pass(session: Session, project: Project) -> dict[int, tuple[int, int]]:
    """Return person → (answers accepted as they were at their first review, reviewed ones).

    What a rule let pass says nothing of anybody's work and is left out.
    """
    first = (
        sa.select(sa.func.min(Review.id))
        .where(Review.project_id == project.id, Review.reviewer_id.is_not(None))
        .group_by(Review.annotation_id)
    )
    rows = session.execute(
        sa.select(
            Annotation.completed_by,
            sa.func.sum(sa.case((Review.verdict == Verdict.ACCEPT, 1), else_=0)),
            sa.func.count(),
        )
        .join(Review, Review.annotation_id == Annotation.id)
        .where(Review.id.in_(first), Annotation.is_work)
        .group_by(Annotation.completed_by)
    )
    return {person: (int(good), int(every)) for person, good, every in rows}


def _share(yields: dict[int, tuple[int, int]]) -> intervals.Figure:
    good, every = (sum(each[side] for each in yields.values()) for side in (0, 1))
    return intervals.wilson(good, every)


def _by_task(session: Session, project: Project) -> Iterator[tuple[int, list[Any]]]:
    """Give the kept pairs of each task, by id."""
    found = session.execute(
        sa.select(
            ComparedPair.task_id,
            ComparedPair.one_id,
            ComparedPair.other_id,
            ComparedPair.score,
            ComparedPair.said,
        )
        .where(ComparedPair.project_id == project.id)
        .order_by(ComparedPair.task_id, ComparedPair.one_id, ComparedPair.other_id)
        .execution_options(yield_per=ROWS)
    )
    for task, rows in groupby(found, key=lambda row: row[0]):
        yield task, list(rows)


def _of_labels(labels: dict[str, Ratio]) -> list[dict[str, Any]]:
    most = sorted(labels, key=lambda name: (-sum(labels[name].bottoms), name))[:MOST_LABELS]
    return [
        {
            "label": name,
            "marks": int(sum(labels[name].bottoms)),
            **labels[name].figure().as_values(),
        }
        for name in most
    ]


def _of_people(
    people: dict[int, Ratio], yields: dict[int, tuple[int, int]]
) -> list[dict[str, Any]]:
    return [
        {
            "person": person,
            "agreement": people.get(person, Ratio()).figure().as_values(),
            "first_pass": intervals.wilson(*yields.get(person, (0, 0))).as_values(),
        }
        for person in sorted({*people, *yields})
    ]


def _matrix(
    pairs: dict[tuple[int, int], Ratio], tables: dict[tuple[int, int], dict[str, Table]]
) -> list[dict[str, Any]]:
    most = sorted(pairs, key=lambda pair: (-len(set(pairs[pair].tasks)), pair))[:MOST_PAIRS]
    return [
        {
            "one": pair[0],
            "other": pair[1],
            "tasks": len(set(pairs[pair].tasks)),
            "agreement": pairs[pair].figure().as_values(),
            "kappa": {
                name: table.figure(_cohens, symmetric=False).as_values()
                for name, table in tables.get(pair, {}).items()
                if len(table.names) <= 15
            },
        }
        for pair in sorted(most)
    ]


def _cohens(tables: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    return kappa.cohens(tables)
