"""Tell annotators how their work stands: what waits, what passed, what came back and why."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import gold
from ..annotations import Annotation, AnnotationState
from ..assignments import Assignment, AssignmentState
from ..errors import _
from ..people import User
from ..projects import Project
from ..quality.intervals import wilson
from . import counts
from .panels import Asked, Column, Kind, Panel, Said

MOST_TRENDS = 20  # projects whose gold is looked at
OPEN = (AssignmentState.RESERVED, AssignmentState.RETURNED)


def panels(session: Session, user: User, asked: Asked) -> list[Panel]:
    """Return the panels of somebody's own work."""
    projects = counts.projects_of(session, user, asked)
    return [
        _queue(session, user, projects),
        _done(session, user, projects, asked),
        _days(session, user, projects, asked),
        _reasons(session, user, projects, asked),
        _gold(session, user, projects),
    ]


def _queue(session: Session, user: User, projects: list[Project]) -> Panel:
    # What checks somebody looks like the rest.
    query = (
        sa.select(
            Assignment.project_id,
            Assignment.state,
            sa.func.count(),
            sa.func.min(Assignment.reserved_until),
        )
        .where(
            Assignment.user_id == user.id,
            Assignment.project_id.in_([row.id for row in projects]),
            Assignment.state.in_(OPEN),
        )
        .group_by(Assignment.project_id, Assignment.state)
    )
    found: dict[int, dict[str, int]] = {}
    lapses = {}
    for project_id, state, number, until in session.execute(query):
        found.setdefault(project_id, {})[state] = number
        if state == AssignmentState.RESERVED:
            lapses[project_id] = until
    rows: list[dict[str, Any]] = [
        {
            "project": row.title,
            "held": found[row.id].get(AssignmentState.RESERVED, 0),
            "returned": found[row.id].get(AssignmentState.RETURNED, 0),
            "until": lapses.get(row.id),
            "address": f"/projects/{row.id}/label",
        }
        for row in projects
        if row.id in found
    ]
    back = sum(row["returned"] for row in rows)
    finding = (
        Said(_("%(number)s of your answers came back and wait for you"), {"number": back})
        if back
        else Said(_("Nothing has come back to you"))
    )
    return Panel(
        "queue",
        _("What waits for you"),
        finding,
        (
            Column("project", _("Project")),
            Column("returned", _("Returned"), Kind.NUMBER),
            Column("held", _("Reserved for you"), Kind.NUMBER),
            Column("until", _("Reserved until"), Kind.TIME, less=True),
        ),
        rows,
        state="watch" if back else "good",
    )


def _done(session: Session, user: User, projects: list[Project], asked: Asked) -> Panel:
    ids, from_ = [row.id for row in projects], counts.since(asked)
    query = (
        sa.select(Annotation.project_id, Annotation.state, sa.func.count())
        .where(
            Annotation.completed_by == user.id,
            Annotation.project_id.in_(ids),
            Annotation.created_at >= from_,
            Annotation.is_work,
        )
        .group_by(Annotation.project_id, Annotation.state)
    )
    states: dict[int, dict[str, int]] = {}
    for project_id, state, number in session.execute(query):
        states.setdefault(project_id, {})[state] = number
    passed = counts.passed_first(session, ids, from_, [user.id])
    rows: list[dict[str, Any]] = [
        {
            "project": row.title,
            "submitted": counts.submitted(states[row.id]),
            "accepted": states[row.id].get(AnnotationState.ACCEPTED, 0),
            "returned": states[row.id].get(AnnotationState.REJECTED, 0),
            "waiting": states[row.id].get(AnnotationState.SUBMITTED, 0),
            "yield": counts.yield_of([each for each in passed if each.project_id == row.id]),
            "address": f"/projects/{row.id}",
        }
        for row in projects
        if row.id in states
    ]
    together = counts.yield_of(passed)
    finding = (
        Said(_("Nothing of these days has been reviewed yet"))
        if together.value is None
        else Said(
            _("%(share)s %% of what was reviewed passed at once"),
            {"share": round(together.value * 100)},
        )
    )
    return Panel(
        "done",
        _("What became of your answers"),
        finding,
        (
            Column("project", _("Project")),
            Column("submitted", _("Submitted"), Kind.NUMBER),
            Column("accepted", _("Accepted"), Kind.NUMBER),
            Column("returned", _("Returned"), Kind.NUMBER),
            Column("waiting", _("To review"), Kind.NUMBER, less=True),
            Column("yield", _("Passed at first review"), Kind.FIGURE),
        ),
        rows,
        note=Said(_("An answer that a reviewer fixed or returned did not pass at first review.")),
    )


def _days(session: Session, user: User, projects: list[Project], asked: Asked) -> Panel:
    ids = [row.id for row in projects]
    found = counts.by_day(session, ids, counts.since(asked), [user.id])
    rows: list[dict[str, Any]] = [
        {"day": day, "submitted": counts.submitted(states)} for day, states in found.items()
    ]
    plot = {
        "xAxis": {"type": "category", "data": [row["day"] for row in rows]},
        "yAxis": {"type": "value"},
        "series": [{"type": "bar", "data": [row["submitted"] for row in rows]}],
    }
    total = sum(row["submitted"] for row in rows)
    return Panel(
        "days",
        _("Answers by day"),
        Said(_("%(number)s answers on %(days)s days"), {"number": total, "days": len(rows)}),
        (Column("day", _("Day")), Column("submitted", _("Submitted"), Kind.NUMBER)),
        rows,
        plot if rows else None,
    )


def _reasons(session: Session, user: User, projects: list[Project], asked: Asked) -> Panel:
    ids = [row.id for row in projects]
    found = counts.reasons(session, ids, counts.since(asked), [user.id])
    rows: list[dict[str, Any]] = [
        {"reason": name if name else Said(_("without a code")), "number": number}
        for name, number in found
    ]
    total = sum(number for _name, number in found)
    return Panel(
        "reasons",
        _("Why answers came back"),
        Said(_("%(number)s returns"), {"number": total}),
        (Column("reason", _("Reason"), Kind.SAID), Column("number", _("How many"), Kind.NUMBER)),
        rows,
    )


def _gold(session: Session, user: User, projects: list[Project]) -> Panel:
    rows: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for project in projects[:MOST_TRENDS]:
        for trend in gold.trend(session, project, user.id):
            # Only whole steps: one that moves with each answer would tell which task was gold.
            whole = [point for point in trend.points if point.passed.number == gold.STEP]
            if not whole:
                continue
            passed = sum(round((point.passed.value or 0) * gold.STEP) for point in whole)
            share = wilson(passed, gold.STEP * len(whole))
            rows.append({"project": project.title, "passed": share})
            points += [
                {"value": [point.at.date().isoformat(), point.passed.value]} for point in whole
            ]
    plot = {
        "unit": "percent",
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "min": 0, "max": 1},
        "series": [{"type": "line", "data": sorted(points, key=lambda each: each["value"][0])}],
    }
    return Panel(
        "gold",
        _("How your answers compare with known ones"),
        Said(_("Some tasks have known answers: this is how yours compare with them"))
        if rows
        else Said(_("No answer of yours was compared with a known one yet")),
        (
            Column("project", _("Project")),
            Column("passed", _("Passed"), Kind.FIGURE),
        ),
        rows,
        plot if points else None,
    )
