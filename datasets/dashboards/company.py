"""Tell annotation companies: what is done a day, what passes at once, when it will be done."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from .. import people, tasks
from ..annotations import AnnotationState
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from . import counts
from .forecasts import LEAST_DAYS, forecast
from .panels import Asked, Column, Kind, Panel, Said

MOST_PEOPLE = 200


def panels(session: Session, user: User, asked: Asked) -> list[Panel]:
    """Return the panels of a company: of its people's work in all projects that it works on."""
    projects = counts.projects_of(session, user, asked)
    own = {row.id: row for row in people.users(session, user.organisation_id)}
    return [
        _throughput(session, projects, own, asked),
        _yield_by_project(session, projects, own, asked),
        _yield_by_person(session, projects, own, asked),
        _forecast(session, projects, own, asked),
    ]


def _throughput(
    session: Session, projects: list[Project], own: dict[int, User], asked: Asked
) -> Panel:
    ids = [row.id for row in projects]
    found = counts.by_day(session, ids, counts.since(asked), list(own))
    rows: list[dict[str, Any]] = [
        {
            "day": day,
            "submitted": counts.submitted(states),
            "accepted": states.get(AnnotationState.ACCEPTED, 0),
            "returned": states.get(AnnotationState.REJECTED, 0),
        }
        for day, states in found.items()
    ]
    plot = {
        "legend": {},
        "xAxis": {"type": "category", "data": [row["day"] for row in rows]},
        "yAxis": {"type": "value"},
        "series": [
            {"type": "line", "name": name, "data": [row[name] for row in rows]}
            for name in ("submitted", "accepted")
        ],
    }
    total = sum(row["submitted"] for row in rows)
    return Panel(
        "throughput",
        _("Answers by day"),
        Said(_("%(number)s answers in %(days)s days"), {"number": total, "days": asked.days}),
        (
            Column("day", _("Day")),
            Column("submitted", _("Submitted"), Kind.NUMBER),
            Column("accepted", _("Accepted"), Kind.NUMBER),
            Column("returned", _("Returned"), Kind.NUMBER),
        ),
        rows,
        plot if rows else None,
        note=Said(_("By the day on which an answer was first submitted.")),
    )


def _yield_by_project(
    session: Session, projects: list[Project], own: dict[int, User], asked: Asked
) -> Panel:
    passed = counts.passed_first(
        session, [row.id for row in projects], counts.since(asked), list(own)
    )
    rows: list[dict[str, Any]] = []
    for project in projects:
        found = [each for each in passed if each.project_id == project.id]
        if found:
            address = f"/projects/{project.id}"
            rows.append(
                {"project": project.title, "yield": counts.yield_of(found), "address": address}
            )
    together = counts.yield_of(passed)
    return Panel(
        "yield",
        _("First-pass yield by project"),
        Said(_("Nothing of these days has been reviewed yet"))
        if together.value is None
        else Said(
            _("%(share)s %% of what was reviewed passed at once"),
            {"share": round(together.value * 100)},
        ),
        (
            Column("project", _("Project")),
            Column("yield", _("Passed at first review"), Kind.FIGURE),
        ),
        rows,
    )


def _yield_by_person(
    session: Session, projects: list[Project], own: dict[int, User], asked: Asked
) -> Panel:
    passed = counts.passed_first(
        session, [row.id for row in projects], counts.since(asked), list(own)
    )
    of_people: dict[int, list[counts.Passed]] = {}
    for each in passed:
        of_people.setdefault(each.user_id, []).append(each)
    found = sorted(of_people.items(), key=lambda item: -sum(each.reviewed for each in item[1]))
    rows: list[dict[str, Any]] = [
        {"person": own[person].name, "yield": counts.yield_of(told)}
        for person, told in found[:MOST_PEOPLE]
    ]
    figures = [(row["person"], row["yield"]) for row in rows[:25]]
    plot = {
        "unit": "percent",
        "grid": {"left": 8, "right": 16, "containLabel": True},
        "xAxis": {"type": "value", "min": 0, "max": 1},
        "yAxis": {
            "type": "category",
            "data": [name for name, _f in figures],
            "inverse": True,
            # Names are cut, or long ones leave a telephone no room for the bars.
            "axisLabel": {"width": 120, "overflow": "truncate"},
        },
        "series": [
            {"type": "bar", "data": [figure.value for _name, figure in figures]},
            {
                "type": "interval",
                "lying": True,
                "data": [[f.low, f.high, place] for place, (_name, f) in enumerate(figures)],
            },
        ],
    }
    return Panel(
        "people",
        _("First-pass yield by person"),
        Said(_("%(number)s people had answers reviewed"), {"number": len(of_people)}),
        (
            Column("person", _("Person")),
            Column("yield", _("Passed at first review"), Kind.FIGURE),
        ),
        rows,
        plot if rows else None,
    )


def _forecast(
    session: Session, projects: list[Project], own: dict[int, User], asked: Asked
) -> Panel:
    states = tasks.counts(session, [row.id for row in projects])
    # Today is not over.
    until = now() + dt.timedelta(hours=counts.HOURS_AHEAD)
    days = [
        (until - dt.timedelta(days=back)).date().isoformat() for back in range(asked.days, 0, -1)
    ]
    rows: list[dict[str, Any]] = []
    for project in projects:
        found = states.get(project.id, {})
        left = (found.get("waiting", 0) + found.get("returned", 0)) * project.maximum_annotations
        if not left:
            continue
        done = counts.by_day(session, [project.id], counts.since(asked), list(own))
        told = forecast([counts.submitted(done.get(day, {})) for day in days], left, project.id)
        rows.append(
            {
                "project": project.title,
                "left": left,
                "per_day": round(told.per_day, 1),
                "days": None if told.days is None else round(told.days),
                "range": "—"
                if told.low is None or told.high is None
                else f"{told.low:.0f}–{told.high:.0f}",
                "address": f"/projects/{project.id}",
            }
        )
    known = [row for row in rows if row["days"] is not None]
    return Panel(
        "forecast",
        _("When the work will be done"),
        Said(_("%(number)s projects have a forecast"), {"number": len(known)}),
        (
            Column("project", _("Project")),
            Column("left", _("Answers left"), Kind.NUMBER),
            Column("per_day", _("A day"), Kind.NUMBER, less=True),
            Column("days", _("Days left"), Kind.NUMBER),
            Column("range", _("Interval")),
        ),
        rows,
        note=Said(
            _(
                "If the days to come are like the last %(days)s (a bootstrap of whole days, "
                "2,000 futures); it needs %(least)s days with work."
            ),
            {"days": asked.days, "least": LEAST_DAYS},
        ),
    )
