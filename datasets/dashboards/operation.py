"""Tell the operator how the machine is: queues, workers, failures, storage, the last backup."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import workers
from ..audit import AuditEvent
from ..db import now
from ..errors import _
from ..jobs import Job, JobState
from ..people import User
from ..tasks import Media
from .panels import Asked, Column, Kind, Panel, Said

BACKUP = "backup"  # the subject of the events that backups leave
STALE_BACKUP_DAYS = 1
LONG_WAIT_SECONDS = 600


def panels(session: Session, _user: User, asked: Asked) -> list[Panel]:
    """Return the operator's panels."""
    return [
        _queues(session),
        _workers(session),
        _failures(session),
        _jobs_by_day(session, asked.days),
        _storage(session),
        _backups(session),
    ]


def _queues(session: Session) -> Panel:
    states = workers.queue_states(session)
    at = now()
    rows: list[dict[str, Any]] = [
        {
            "queue": state.name,
            "waiting": state.waiting,
            "running": state.running,
            "per_minute": round(state.per_minute, 1),
            "workers": state.workers,
            "oldest": (at - state.oldest_at).total_seconds() if state.oldest_at else None,
            "address": f"/jobs/{state.oldest_id}" if state.oldest_id else "",
        }
        for state in states
    ]
    late = [row for row in rows if (row["oldest"] or 0) > LONG_WAIT_SECONDS]
    waiting = sum(state.waiting for state in states)
    finding = (
        Said(
            _("In %(number)s queues a job has waited for more than ten minutes"),
            {"number": len(late)},
        )
        if late
        else Said(_("%(number)s jobs wait, none for long"), {"number": waiting})
    )
    return Panel(
        "queues",
        _("Queues"),
        finding,
        (
            Column("queue", _("Queue")),
            Column("waiting", _("Waiting"), Kind.NUMBER),
            Column("running", _("Running"), Kind.NUMBER),
            Column("oldest", _("Oldest waits for"), Kind.DURATION),
            Column("per_minute", _("Ended a minute"), Kind.NUMBER, less=True),
            Column("workers", _("Workers"), Kind.NUMBER, less=True),
        ),
        rows,
        state="bad" if late else "good",
    )


def _workers(session: Session) -> Panel:
    found = workers.everyone(session)
    silent = [row for row in found if row.is_silent]
    finding = (
        Said(_("%(number)s workers are silent"), {"number": len(silent)})
        if silent
        else Said(_("%(number)s workers are alive"), {"number": len(found)})
    )
    rows = [
        {
            "host": row.host,
            "process": str(row.process),
            "queues": ", ".join(row.queue_names),
            "state": "silent" if row.is_silent else "alive",
            "memory": row.memory_bytes,
            "done": row.jobs_done,
            "since": row.started_at,
        }
        for row in found
    ]
    return Panel(
        "workers",
        _("Workers"),
        finding,
        (
            Column("host", _("Host")),
            Column("process", _("Process"), less=True),
            Column("queues", _("Queues")),
            Column("state", _("State"), Kind.STATE),
            Column("memory", _("Memory"), Kind.BYTES),
            Column("done", _("Jobs done"), Kind.NUMBER),
            Column("since", _("Since"), Kind.TIME, less=True),
        ),
        rows,
        state="bad" if silent or not found else "good",
    )


def _failures(session: Session) -> Panel:
    groups = workers.failures(session)
    number = sum(len(group.jobs) for group in groups)
    rows = [
        {
            "kind": group.kind,
            "reason": Said(group.reason.message, group.reason.values),
            "number": len(group.jobs),
            "newest": group.jobs[0].ended_at,
            "address": f"/jobs/{group.jobs[0].id}",
        }
        for group in groups
    ]
    return Panel(
        "failures",
        _("Failures"),
        Said(_("%(number)s jobs failed in the last days"), {"number": number})
        if number
        else Said(_("No job failed in the last days")),
        (
            Column("kind", _("Job")),
            Column("reason", _("Reason"), Kind.SAID),
            Column("number", _("How many"), Kind.NUMBER),
            Column("newest", _("Newest"), Kind.TIME, less=True),
        ),
        rows,
        state="watch" if number else "good",
    )


def _jobs_by_day(session: Session, days: int) -> Panel:
    since = now() - dt.timedelta(days=days)
    day = sa.func.date(Job.ended_at)
    query = (
        sa.select(day, Job.state, sa.func.count())
        .where(Job.ended_at >= since)
        .group_by(day, Job.state)
        .order_by(day)
    )
    counts: dict[str, dict[str, int]] = {}
    for date, state, number in session.execute(query):
        counts.setdefault(str(date), {})[state] = number
    rows: list[dict[str, Any]] = [
        {
            "day": date,
            "done": found.get(JobState.DONE, 0),
            "failed": found.get(JobState.FAILED, 0),
            "cancelled": found.get(JobState.CANCELLED, 0),
        }
        for date, found in counts.items()
    ]
    done = sum(int(row["done"]) for row in rows)
    plot = {
        "xAxis": {"type": "category", "data": [row["day"] for row in rows]},
        "yAxis": {"type": "value"},
        "series": [
            {"type": "bar", "stack": "jobs", "name": name, "data": [row[name] for row in rows]}
            for name in ("done", "failed", "cancelled")
        ],
    }
    return Panel(
        "jobs",
        _("Jobs by day"),
        Said(_("%(number)s jobs were done in %(days)s days"), {"number": done, "days": days}),
        (
            Column("day", _("Day")),
            Column("done", _("Done"), Kind.NUMBER),
            Column("failed", _("Failed"), Kind.NUMBER),
            Column("cancelled", _("Cancelled"), Kind.NUMBER),
        ),
        rows,
        plot if rows else None,
    )


def _storage(session: Session) -> Panel:
    query = (
        sa.select(Media.content_type, sa.func.count(), sa.func.sum(Media.size))
        .group_by(Media.content_type)
        .order_by(sa.func.sum(Media.size).desc())
    )
    rows: list[dict[str, Any]] = [
        {"type": name, "number": number, "bytes": int(size or 0)}
        for name, number, size in session.execute(query)
    ]
    return Panel(
        "storage",
        _("Stored media"),
        Said(_("%(number)s media are stored"), {"number": sum(row["number"] for row in rows)}),
        (
            Column("type", _("Kind")),
            Column("number", _("How many"), Kind.NUMBER),
            Column("bytes", _("Size"), Kind.BYTES),
        ),
        rows,
        note=Said(_("Versions, exports and uploaded archives are stored besides.")),
    )


def _backups(session: Session) -> Panel:
    query = (
        sa.select(AuditEvent)
        .where(AuditEvent.subject == BACKUP)
        .order_by(AuditEvent.number.desc())
        .limit(10)
    )
    rows: list[dict[str, Any]] = [
        {"at": dt.datetime.fromisoformat(event.at), "by": event.actor}
        for event in session.scalars(query)
    ]
    newest = rows[0]["at"] if rows else None
    age = None if newest is None else (now() - newest).total_seconds()
    fresh = age is not None and age < STALE_BACKUP_DAYS * 86_400
    return Panel(
        "backups",
        _("Backups"),
        Said(_("There is no backup yet"))
        if age is None
        else Said(_("The last backup is %(hours)s hours old"), {"hours": int(age // 3600)}),
        (Column("at", _("When"), Kind.TIME), Column("by", _("By"))),
        rows,
        note=Said(_("Counted are backups that the command `jinbiao backup` has made.")),
        state="good" if fresh else "bad",
    )
