"""Workers and queues: who works, on what, what waits, and why jobs failed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template

from ..datasets import jobs, permissions, workers
from ..datasets.jobs import Job, JobState
from ..datasets.workers import QueueState, Worker
from . import payloads, refusals
from .auth import allows, installation, user

routes = Blueprint("workers", __name__)
SHOWN = 30
LINKED = 5


@routes.get("/workers")
@allows("job.read")
def index() -> str:
    """Show operators workers and queues, others what of their organisation waits and failed."""
    return render_template("workers/index.html", **_seen())


@routes.get("/workers/live")
@allows("job.read")
def live() -> str:
    """Return what changes of that page, for refreshing."""
    return render_template("workers/live.html", **_seen())


@routes.get("/api/workers/")
@allows("platform.operate")
def api_workers() -> Response:
    """List the worker processes, also those that fell silent within the hour."""
    with installation().database.read() as session:
        found = workers.everyone(session)
    return payloads.answer([_worker(row) for row in found])


@routes.get("/api/queues/")
@allows("platform.operate")
def api_queues() -> Response:
    """Return what each queue holds, and how many workers serve it."""
    with installation().database.read() as session:
        found = workers.queue_states(session)
    return payloads.answer([_queue(state) for state in found])


def _seen() -> dict[str, Any]:
    operates = permissions.allows(user(), "platform.operate")
    own = None if operates else user().organisation_id
    with installation().database.read() as session:
        failures = [
            {
                "kind": group.kind,
                "reason": refusals.told(group.reason),
                "number": len(group.jobs),
                "jobs": group.jobs[:LINKED],
            }
            for group in workers.failures(session, own)
        ]
        waiting = jobs.recent(session, organisation_id=own, state=JobState.WAITING, limit=SHOWN)
        seen: dict[str, Any] = {
            "operates": operates,
            "failures": failures[:SHOWN],
            "waiting": waiting,
            "served": workers.served(session),
        }
        if operates:
            processes = workers.everyone(session)
            present = [session.get(Job, row.job_id) for row in processes if row.job_id]
            seen["workers"] = processes
            seen["present"] = {job.id: job for job in present if job is not None}
            seen["queues"] = workers.queue_states(session)
    return seen


def _worker(row: Worker) -> dict[str, Any]:
    return {
        "name": row.name,
        "host": row.host,
        "process": row.process,
        "queues": row.queue_names,
        "version": row.program_version,
        "memory_bytes": row.memory_bytes,
        "models": row.model_versions,
        "job": row.job_id,
        "jobs_done": row.jobs_done,
        "is_silent": row.is_silent,
        "started_at": payloads.time(row.started_at),
        "heartbeat_at": payloads.time(row.heartbeat_at),
    }


def _queue(state: QueueState) -> dict[str, Any]:
    return {
        "name": state.name,
        "waiting": state.waiting,
        "paused": state.paused,
        "running": state.running,
        "ended_per_minute": state.per_minute,
        "workers": state.workers,
        "oldest_job": state.oldest_id,
        "oldest_at": payloads.time(state.oldest_at),
    }
