"""Tell agencies that order work: how far it is, how good at least, whether it may go out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import quality, tasks
from ..errors import _
from ..findings import Finding, FindingState
from ..flags import Flag, FlagKind, FlagState
from ..people import User
from ..projects import Project
from ..quality.intervals import Figure
from . import counts
from .panels import Asked, Column, Kind, Label, Panel, Said

MOST_LABELS = 200


def panels(session: Session, user: User, asked: Asked) -> list[Panel]:
    """Return an agency's panels, of its projects or of one."""
    projects = counts.projects_of(session, user, asked)
    return [
        _progress(session, projects, asked),
        _classes(session, projects),
        _gates(session, projects),
        _personal(session, projects),
    ]


def _progress(session: Session, projects: list[Project], asked: Asked) -> Panel:
    states = tasks.counts(session, [row.id for row in projects])
    passed = counts.passed_first(session, [row.id for row in projects], counts.since(asked))
    rows: list[dict[str, Any]] = []
    for project in projects:
        found = states.get(project.id, {})
        total = sum(found.values())
        accepted = found.get("accepted", 0)
        rows.append(
            {
                "project": project.title,
                "tasks": total,
                "labelled": found.get("labelled", 0),
                "accepted": accepted,
                "share": accepted / total if total else None,
                "yield": counts.yield_of(
                    [each for each in passed if each.project_id == project.id]
                ),
                "address": f"/projects/{project.id}",
            }
        )
    total, accepted = (sum(row[name] for row in rows) for name in ("tasks", "accepted"))
    plot = {
        "unit": "percent",
        "grid": {"left": 8, "right": 16, "containLabel": True},
        "xAxis": {"type": "value", "min": 0, "max": 1},
        "yAxis": {
            "type": "category",
            "data": [row["project"] for row in rows[:25]],
            "inverse": True,
            # Names are cut, or long ones leave a telephone no room for the bars.
            "axisLabel": {"width": 120, "overflow": "truncate"},
        },
        "series": [{"type": "bar", "data": [row["share"] for row in rows[:25]]}],
    }
    return Panel(
        "progress",
        _("How far the work is"),
        Said(
            _("%(accepted)s of %(total)s tasks are accepted"),
            {"accepted": accepted, "total": total},
        ),
        (
            Column("project", _("Project")),
            Column("tasks", _("Tasks"), Kind.NUMBER),
            Column("labelled", _("To review"), Kind.NUMBER, less=True),
            Column("accepted", _("Accepted"), Kind.NUMBER),
            Column("share", _("Share"), Kind.PERCENT),
            Column("yield", _("Passed at first review"), Kind.FIGURE, less=True),
        ),
        rows,
        plot if rows else None,
    )


def _classes(session: Session, projects: list[Project]) -> Panel:
    """Give each label's agreement with its lower bound, the least certain first."""
    rows: list[dict[str, Any]] = []
    for project in projects:
        kept = quality.newest(session, project)
        titles = project.config.titles
        for each in (kept or {}).get("labels", []):
            figure = Figure(*(each[name] for name in ("value", "low", "high", "number", "method")))
            rows.append(
                {
                    "project": project.title,
                    "label": Label(each["label"], titles.get(each["label"], each["label"])),
                    "low": figure.low,
                    "agreement": figure,
                    "address": f"/projects/{project.id}/quality",
                }
            )
    rows.sort(key=lambda row: -1.0 if row["low"] is None else row["low"])
    shown = rows[:MOST_LABELS]
    worst = next((row for row in rows if row["low"] is not None), None)
    return Panel(
        "classes",
        _("How good each class is at least"),
        Said(_("No label was given by two people yet"))
        if worst is None
        else Said(
            _("The least certain class is “%(label)s”: at least %(low)s %%"),
            {"label": worst["label"], "low": round(worst["low"] * 100)},
        ),
        (
            Column("project", _("Project")),
            Column("label", _("Label"), Kind.SAID),
            Column("low", _("At least"), Kind.PERCENT),
            Column("agreement", _("Agreement"), Kind.FIGURE),
        ),
        shown,
        note=Said(_("The lower end of the 95 %% interval of how much people agree about it.")),
    )


def _gates(session: Session, projects: list[Project]) -> Panel:
    rows: list[dict[str, Any]] = [
        {
            "project": project.title,
            "gate": result.name,
            "threshold": result.threshold,
            "figure": result.figure,
            "outcome": str(result.outcome),
            "address": f"/projects/{project.id}/quality",
        }
        for project in projects
        for result in quality.gate(session, project)
    ]
    bad = sum(row["outcome"] != "passed" for row in rows)
    finding = (
        Said(_("%(number)s gates are not passed"), {"number": bad})
        if bad
        else Said(_("Every gate that was set is passed"))
        if rows
        else Said(_("No project has set a gate"))
    )
    return Panel(
        "gates",
        _("Gates"),
        finding,
        (
            Column("project", _("Project")),
            Column("gate", _("Gate"), Kind.STATE),
            Column("threshold", _("At least"), Kind.PERCENT),
            Column("figure", _("Measured"), Kind.FIGURE),
            Column("outcome", _("Outcome"), Kind.STATE),
        ),
        rows,
        note=Said(_("A gate is passed when the lower end of the interval reaches it.")),
        state="watch" if bad else "",
    )


def _personal(session: Session, projects: list[Project]) -> Panel:
    titles = {row.id: row.title for row in projects}
    query = (
        sa.select(Flag.project_id, Flag.state, sa.func.count())
        .where(
            Flag.project_id.in_(titles),
            Flag.kind == FlagKind.PERSONAL_INFORMATION,
        )
        .group_by(Flag.project_id, Flag.state)
    )
    found: dict[int, dict[str, int]] = {}
    for project_id, state, number in session.execute(query):
        found.setdefault(project_id, {})[state] = number
    scanned: dict[int, dict[str, int]] = {}
    seen = (
        sa.select(Finding.project_id, Finding.state, sa.func.count())
        .where(Finding.project_id.in_(titles))
        .group_by(Finding.project_id, Finding.state)
    )
    for searched_id, state, number in session.execute(seen):
        scanned.setdefault(searched_id or 0, {})[state] = number
    rows: list[dict[str, Any]] = [
        {
            "project": titles[number],
            "open": states.get(FlagState.OPEN, 0),
            "settled": sum(states.values()) - states.get(FlagState.OPEN, 0),
            "found": sum(scanned.get(number, {}).values()),
            "left": _left(scanned.get(number, {})),
            "gate": "failed"
            if states.get(FlagState.OPEN) or _left(scanned.get(number, {}))
            else "passed",
            "address": f"/projects/{number}/{'findings' if number in scanned else 'flags'}",
        }
        for number in sorted({*found, *scanned})
        for states in (found.get(number, {}),)
    ]
    open_ = sum(row["open"] for row in rows)
    left = sum(row["left"] for row in rows)
    return Panel(
        "personal",
        _("Personal information"),
        Said(
            _("%(number)s findings are to be decided or treated, %(flags)s tasks are flagged"),
            {"number": left, "flags": open_},
        )
        if open_ or left
        else Said(_("Nothing is left to decide about personal information")),
        (
            Column("project", _("Project")),
            Column("open", _("Open flags"), Kind.NUMBER),
            Column("settled", _("Settled flags"), Kind.NUMBER),
            Column("found", _("Findings"), Kind.NUMBER),
            Column("left", _("Findings left"), Kind.NUMBER),
            Column("gate", _("Gate"), Kind.STATE),
        ),
        rows,
        note=Said(_("Counted is what people have flagged and what scans have found.")),
        state="bad" if open_ or left else "",
    )


def _left(states: dict[str, int]) -> int:
    """Return how many findings are to be decided or treated."""
    return states.get(FindingState.OPEN, 0) + states.get(FindingState.CONFIRMED, 0)
