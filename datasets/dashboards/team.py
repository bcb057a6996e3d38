"""Tell those who lead: what is where, what ages, what lapses, who agrees, who needs help."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import people, quality, reviews, tasks
from ..assignments import Assignment, AssignmentState
from ..db import now
from ..errors import _
from ..flags import Flag, FlagState
from ..people import Role, User
from ..projects import Project
from ..reviews import Stage
from . import counts
from .panels import Asked, Column, Kind, Panel, Said

MOST_PROJECTS = 30  # whose stages are counted one by one
MOST_ROWS = 50
SOON = dt.timedelta(minutes=30)
STAGES = {
    Stage.ARRIVED: _("Arrived, other annotators are awaited"),
    Stage.FIRST: _("First review"),
    Stage.SECOND: _("Second review"),
    Stage.ARBITRATION: _("Arbitration"),
}


def panels(session: Session, user: User, asked: Asked) -> list[Panel]:
    """Return a leader's panels: of their team where they lead one, else of all who they see."""
    projects = counts.projects_of(session, user, asked)[:MOST_PROJECTS]
    crowd = _crowd(session, user)
    return [
        _stages(session, projects),
        _reviews(session, projects),
        _lapsing(session, projects, crowd),
        _coaching(session, projects, crowd, asked),
        _agreement(session, projects),
        _flags(session, projects),
    ]


def _crowd(session: Session, user: User) -> dict[int, User] | None:
    """Return the people that a leader's panels are about; None for everybody on the projects."""
    if user.role != Role.TEAM_LEADER:
        return None
    own = [
        team for team in people.teams(session, [user.organisation_id]) if team.leader_id == user.id
    ]
    members = people.team_members(session, [team.id for team in own])
    return {person.id: person for found in members.values() for person in found}


def _stages(session: Session, projects: list[Project]) -> Panel:
    found = tasks.counts(session, [row.id for row in projects])
    names = ("waiting", "returned", "labelled", "accepted", "skipped")
    rows: list[dict[str, Any]] = [
        {
            "project": row.title,
            **{name: found.get(row.id, {}).get(name, 0) for name in names},
            "address": f"/projects/{row.id}",
        }
        for row in projects
    ]
    plot = {
        "legend": {},
        "grid": {"left": 8, "right": 16, "containLabel": True},
        "xAxis": {"type": "value"},
        "yAxis": {
            "type": "category",
            "data": [row["project"] for row in rows],
            "inverse": True,
            # Names are cut, or long ones leave a telephone no room for the bars.
            "axisLabel": {"width": 120, "overflow": "truncate"},
        },
        "series": [
            {"type": "bar", "stack": "tasks", "name": name, "data": [row[name] for row in rows]}
            for name in names
        ],
    }
    left = sum(row["waiting"] + row["returned"] for row in rows)
    return Panel(
        "stages",
        _("Where the tasks are"),
        Said(_("%(number)s tasks are still to be labelled"), {"number": left}),
        (
            Column("project", _("Project")),
            Column("waiting", _("To label"), Kind.NUMBER),
            Column("returned", _("Returned"), Kind.NUMBER),
            Column("labelled", _("To review"), Kind.NUMBER),
            Column("accepted", _("Accepted"), Kind.NUMBER),
            Column("skipped", _("Skipped"), Kind.NUMBER, less=True),
        ),
        rows,
        plot if rows else None,
    )


def _reviews(session: Session, projects: list[Project]) -> Panel:
    rows: list[dict[str, Any]] = []
    for project in projects:
        for found in reviews.stage_counts(session, project):
            age = found.age()
            if found.waiting:
                rows.append(
                    {
                        "project": project.title,
                        "stage": Said(STAGES[found.stage]),
                        "waiting": found.waiting,
                        "held": found.held,
                        "oldest": None if age is None else age.total_seconds(),
                        "address": f"/projects/{project.id}/review-stages",
                    }
                )
    rows.sort(key=lambda row: -(row["oldest"] or 0))
    finding = (
        Said(_("%(number)s answers wait for review"), {"number": sum(r["waiting"] for r in rows)})
        if rows
        else Said(_("No answer waits for review"))
    )
    return Panel(
        "reviews",
        _("What waits for review, the oldest first"),
        finding,
        (
            Column("project", _("Project")),
            Column("stage", _("Stage"), Kind.SAID),
            Column("waiting", _("Waiting"), Kind.NUMBER),
            Column("held", _("Being looked at"), Kind.NUMBER, less=True),
            Column("oldest", _("Oldest waits for"), Kind.DURATION),
        ),
        rows,
    )


def _lapsing(session: Session, projects: list[Project], crowd: Mapping[int, User] | None) -> Panel:
    titles = {row.id: row.title for row in projects}
    query = (
        sa.select(Assignment)
        .where(
            Assignment.project_id.in_(titles),
            Assignment.state == AssignmentState.RESERVED,
            Assignment.reserved_until < now() + SOON,
        )
        .order_by(Assignment.reserved_until)
        .limit(MOST_ROWS)
    )
    if crowd is not None:
        query = query.where(Assignment.user_id.in_(list(crowd)))
    found = list(session.scalars(query))
    names = people.by_ids(session, {row.user_id for row in found})
    rows: list[dict[str, Any]] = [
        {
            "person": names[row.user_id].name,
            "project": titles[row.project_id],
            "task": str(row.task_id),
            "until": row.reserved_until,
            "address": f"/projects/{row.project_id}",
        }
        for row in found
    ]
    return Panel(
        "lapsing",
        _("Reservations that lapse soon"),
        Said(_("%(number)s reservations lapse within half an hour"), {"number": len(rows)}),
        (
            Column("person", _("Person")),
            Column("project", _("Project")),
            Column("task", _("Task"), less=True),
            Column("until", _("Reserved until"), Kind.TIME),
        ),
        rows,
        state="watch" if rows else "good",
    )


def _coaching(
    session: Session,
    projects: list[Project],
    crowd: Mapping[int, User] | None,
    asked: Asked,
) -> Panel:
    """Name those whose whole interval lies below what all together reach."""
    passed = counts.passed_first(session, [row.id for row in projects], counts.since(asked))
    together = counts.yield_of(passed)
    of_people: dict[int, list[counts.Passed]] = {}
    for each in passed:
        if crowd is None or each.user_id in crowd:
            of_people.setdefault(each.user_id, []).append(each)
    names = people.by_ids(session, of_people)
    rows: list[dict[str, Any]] = []
    for person, found in of_people.items():
        figure = counts.yield_of(found)
        below = (
            figure.high is not None and together.value is not None and figure.high < together.value
        )
        rows.append({"person": names[person].name, "yield": figure, "needs": below})
    rows.sort(key=lambda row: (not row["needs"], row["yield"].low or 0))
    number = sum(bool(row["needs"]) for row in rows)
    shown = [{**row, "needs": Said(_("yes")) if row["needs"] else None} for row in rows]
    finding = (
        Said(_("%(number)s people would profit from coaching"), {"number": number})
        if number
        else Said(_("Nobody is certainly below the others"))
    )
    return Panel(
        "coaching",
        _("Who needs coaching"),
        finding,
        (
            Column("person", _("Person")),
            Column("yield", _("Passed at first review"), Kind.FIGURE),
            Column("needs", _("Coaching"), Kind.SAID),
        ),
        shown,
        note=Said(
            _("Named are people whose whole 95 %% interval lies below the share of all together.")
        ),
        state="watch" if number else "",
    )


def _agreement(session: Session, projects: list[Project]) -> Panel:
    rows: list[dict[str, Any]] = []
    for project in projects:
        kept = quality.newest(session, project)
        if kept is not None and kept["agreement"]["value"] is not None:
            rows.append(
                {
                    "project": project.title,
                    "agreement": quality.Figure(**kept["agreement"]),
                    "address": f"/projects/{project.id}/quality",
                }
            )
    return Panel(
        "agreement",
        _("How much people agree"),
        Said(_("The matrix of people is on each project's quality page"))
        if rows
        else Said(_("No two people have answered the same tasks yet")),
        (
            Column("project", _("Project")),
            Column("agreement", _("Agreement"), Kind.FIGURE),
        ),
        rows,
    )


def _flags(session: Session, projects: list[Project]) -> Panel:
    titles = {row.id: row.title for row in projects}
    query = (
        sa.select(Flag.project_id, Flag.kind, sa.func.count(), sa.func.min(Flag.created_at))
        .where(Flag.project_id.in_(titles), Flag.state == FlagState.OPEN)
        .group_by(Flag.project_id, Flag.kind)
    )
    at = now()
    rows: list[dict[str, Any]] = [
        {
            "project": titles[project_id],
            "kind": kind,
            "number": number,
            "oldest": (at - oldest).total_seconds(),
            "address": f"/projects/{project_id}/flags",
        }
        for project_id, kind, number, oldest in session.execute(query)
    ]
    return Panel(
        "flags",
        _("What people say is wrong with tasks"),
        Said(
            _("%(number)s flags wait for an answer"),
            {"number": sum(row["number"] for row in rows)},
        ),
        (
            Column("project", _("Project")),
            Column("kind", _("Kind"), Kind.STATE),
            Column("number", _("How many"), Kind.NUMBER),
            Column("oldest", _("Oldest waits for"), Kind.DURATION),
        ),
        rows,
        state="watch" if rows else "good",
    )
