"""Read what is asked of feeds, and do it: the same for pages and programs.

Places are asked outside of transactions; what does not answer is not kept.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session

from ...datasets import errors, feeds, jobs, libraries, projects
from ...datasets.feeds import OPTIONS, SECRETS, Feed, FeedKind, FeedRun
from ...datasets.feeds.references import Standing
from ...datasets.libraries import Library
from ...datasets.projects import Project
from ...workers import queues
from ...workers.feeds.ways import way_of
from .. import payloads
from ..auth import installation, user
from ..errors import words

_COMMON = ("title", "follows_deletions", "every_hours")


def asked_target(session: Session) -> Library | Project | None:
    """Return the library or project that the address names."""
    names = [name for name in ("library", "project") if request.args.get(name)]
    if not names:
        return None
    return chosen_target(session, {names[0]: request.args[names[0]]})


def chosen_target(session: Session, values: dict[str, Any]) -> Library | Project:
    """Return what a feed is to fill: a library, or the project that is named instead."""
    if values.get("project"):
        return projects.get(session, user(), payloads.number(values, "project"), "task.import")
    number = payloads.number(values, "library")
    return libraries.get(session, user(), number, "library.change")


def target_of(session: Session, row: Feed) -> Library | Project | None:
    """Return what a feed fills; None where it was deleted."""
    try:
        return feeds.target_of(session, user(), row)
    except errors.NotFound:
        return None


def listed(
    session: Session, target: Library | Project | None, limit: int = feeds.MOST_FEEDS
) -> list[Feed]:
    """List the feeds that the address asks for, of a library or project or of all."""
    return feeds.listing(
        session,
        user(),
        library_id=target.id if isinstance(target, Library) else None,
        project_id=target.id if isinstance(target, Project) else None,
        after=payloads.number(request.args, "after", 0),
        limit=limit,
    )


def create(values: dict[str, Any]) -> Feed:
    """Keep what was sent as a feed, once its place answers."""
    settings = installation().settings
    with installation().database.read() as session:
        attempt(draft(session, values))
    with installation().database.write() as session:
        target, kind, given = chosen_target(session, values), kind_of(values), given_values(values)
        return feeds.add(session, settings, user(), target, kind, given)


def draft(session: Session, values: dict[str, Any]) -> Feed:
    """Return what was sent as a feed that is not kept."""
    settings, target = installation().settings, chosen_target(session, values)
    return feeds.draft(settings, user(), target, kind_of(values), given_values(values))


def change(feed_id: int, values: dict[str, Any]) -> Feed:
    """Change what was sent of a feed, once its place answers."""
    settings = installation().settings
    with installation().database.read() as session:
        tried = feeds.get(session, user(), feed_id)
        given = given_values(values, tried.kind)
        # Thrown away: what does not answer changes nothing.
        feeds.apply(settings, tried, given)
    if set(given) - set(_COMMON):
        attempt(tried)
    with installation().database.write() as session:
        row = feeds.get(session, user(), feed_id)
        feeds.change(session, settings, user(), row, given)
        return row


def delete(feed_id: int, confirmed: bool) -> Feed:
    """Delete a feed and return it; what it only refers to goes where that is confirmed."""
    with installation().database.write() as session:
        row = feeds.get(session, user(), feed_id)
        feeds.delete(session, user(), row, confirmed=confirmed)
        return row


def run(feed_id: int, confirm: bool) -> jobs.Job:
    """Ask for a run of a feed and announce its job."""
    with installation().database.write() as session:
        row = feeds.get(session, user(), feed_id)
        _run_row, job = feeds.ask(session, user(), row, confirm=confirm)
    queues.announce(installation(), [job.id])
    return job


def attempt(row: Feed) -> None:
    """Raise errors.Invalid unless the place answers."""
    try:
        way_of(installation().settings, row).check()
    except errors.Refused as problem:
        raise errors.Invalid(problem.message, **problem.values) from problem


def kind_of(values: dict[str, Any]) -> str:
    """Return the kind of feed that was sent."""
    return payloads.choice(values, "kind", "", list(FeedKind))


def given_values(values: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """Return what was sent of a feed, each common value of its type."""
    chosen = kind or kind_of(values)
    known = {*OPTIONS[chosen], *SECRETS[chosen]}
    beside = {"kind", "library", "project"} if not kind else set()
    payloads.refuse_unknown(values, known | {*_COMMON} | beside)
    given = {name: values[name] for name in known if values.get(name) is not None}
    if values.get("title") is not None:
        given["title"] = payloads.text(values, "title")
    if values.get("follows_deletions") is not None:
        given["follows_deletions"] = payloads.flag(values, "follows_deletions")
    if values.get("recursive") is not None:
        given["recursive"] = payloads.flag(values, "recursive")
    if "every_hours" in values:
        is_none = values["every_hours"] is None
        given["every_hours"] = None if is_none else payloads.number(values, "every_hours", 0)
    return given


def states_of(session: Session, runs: list[FeedRun]) -> dict[int, str]:
    """Return how each run stands."""
    ids = [run.job_id for run in runs]
    rows = session.execute(sa.select(jobs.Job.id, jobs.Job.state).where(jobs.Job.id.in_(ids)))
    found = {job_id: state for job_id, state in rows}
    return {run.id: feeds.run_state(run, found.get(run.job_id)) for run in runs}


def one(row: Feed) -> dict[str, Any]:
    """Return a feed with its newest run as programs see it."""
    with installation().database.read() as session:
        run = feeds.newest_runs(session, [row.id]).get(row.id)
        told = None if run is None else told_run(run, states_of(session, [run]))
        stopped = feeds.stopped(session, [row])
        referred = feeds.references.standing(session, [row.id]).get(row.id)
    kept = sorted(feeds.secrets_of(installation().settings, row))
    return shown(row, kept, told, stopped, referred)


def shown(
    row: Feed,
    kept: list[str],
    run: dict[str, Any] | None,
    stopped: Collection[int],
    referred: Standing | None,
) -> dict[str, Any]:
    """Return a feed; of its secrets only which there are, and whether it is one of the stopped."""
    referred = referred or Standing()
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "library": row.library_id,
        "project": row.project_id,
        "options": row.option_values,
        "secrets": kept,
        "follows_deletions": row.follows_deletions,
        "every_hours": row.every_hours,
        "next_at": None if row.id in stopped else payloads.time(row.next_at),
        "stopped": row.id in stopped,
        "last_run": run,
        "references": {"objects": referred.held, "lost": referred.lost, "bytes": referred.size},
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
    }


def told_run(run: FeedRun, states: dict[int, str]) -> dict[str, Any]:
    """Return a run as programs see it."""
    return {
        "id": run.id,
        "job": run.job_id,
        "state": states[run.id],
        "automatic": run.is_automatic,
        "seen": run.seen,
        "new": run.new,
        "changed": run.changed,
        "same": run.same,
        "gone": run.gone,
        "held": run.held,
        "brought": run.brought,
        "withdrawn": run.withdrawn,
        "rejected": run.rejected,
        "error": None if run.problem is None else words(run.problem),
        "created_at": payloads.time(run.created_at),
        "ended_at": payloads.time(run.ended_at),
    }
