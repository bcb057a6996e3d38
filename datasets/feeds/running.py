"""Ask for runs of a feed, remember what was seen, and know what has gone since."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, jobs
from ..db import insert_new, now
from ..errors import _
from ..jobs import Job, JobState
from ..people import User
from .keeping import lock, next_run
from .rows import Feed, FeedObject, FeedRun, ObjectState, RunState
from .stopping import has_target, stopped

# A run asks first when more than this share of what is held has gone at once.
SAFE_SHARE = 0.5
PAGE = 500  # objects that one statement names


@dataclass
class Seen:
    """An object that a run has dealt with, as it is to be remembered."""

    key: str
    etag: str | None
    digest: str | None = None
    validators: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    state: str = ObjectState.TAKEN


def key_digest(key: str) -> str:
    """Return the name by which a key is looked up."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def ask(session: Session, actor: User, row: Feed, *, confirm: bool = False) -> tuple[FeedRun, Job]:
    """Write down a run, or return the one that is on its way; announce it afterwards.

    With `confirm`, what has gone there goes here too, however much it is.

    Raises:
        errors.NotFound: it was deleted meanwhile.
        errors.Refused: the library or project that it fills was removed.
    """
    lock(session, row)
    if stopped(session, [row]):
        raise errors.Refused(_("what this feed fills was removed, so it runs no more"))
    present = None if row.job_id is None else session.get(Job, row.job_id)
    if present is not None and present.state in (JobState.WAITING, JobState.RUNNING):
        run = session.scalar(sa.select(FeedRun).where(FeedRun.job_id == present.id))
        if run is not None and run.ended_at is None:
            if confirm and not run.is_confirmed:
                run.is_confirmed = True
                audit.record(session, actor, "feed.confirm", f"feed/{row.id}", job=present.id)
            return run, present
    return _begin(session, actor, row, is_confirmed=confirm)


def due(session: Session, limit: int = 100) -> list[int]:
    """List the feeds whose next run is due; those whose library or project went are not."""
    query = (
        sa.select(Feed.id)
        .where(Feed.next_at <= now(), Feed.deleted_at.is_(None), Feed.every_hours.is_not(None))
        .where(has_target())
        .order_by(Feed.next_at, Feed.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def begin_due(session: Session, feed_id: int) -> Job | None:
    """Write down the run of a feed that is due; None where another worker was first."""
    row = session.scalar(
        sa.select(Feed)
        .where(Feed.id == feed_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.deleted_at is not None or row.every_hours is None:
        return None
    if row.next_at is None or row.next_at > now() or stopped(session, [row]):
        return None
    row.next_at = next_run(row.every_hours)
    present = None if row.job_id is None else session.get(Job, row.job_id)
    if present is not None and present.state in (JobState.WAITING, JobState.RUNNING):
        return None
    actor = session.get_one(User, row.created_by)
    return _begin(session, actor, row, is_automatic=True)[1]


def start(session: Session, row: Feed, job_id: str) -> FeedRun:
    """Return the run of a job, begun; one of a job that begins again goes on.

    Raises:
        errors.Cancelled: the feed was deleted.
    """
    if row.deleted_at is not None:
        raise errors.Cancelled(_("the feed was deleted"))
    run = session.scalar(sa.select(FeedRun).where(FeedRun.job_id == job_id))
    if run is None:
        run = FeedRun(feed_id=row.id, job_id=job_id)
        session.add(run)
    run.state, run.error, run.ended_at = RunState.RUNNING, None, None
    session.flush()
    return run


def last_checkpoint(session: Session, run: FeedRun) -> dict[str, Any]:
    """Return how far the last run before this one came that wrote anything down."""
    query = (
        sa.select(Job.checkpoint)
        .join(FeedRun, FeedRun.job_id == Job.id)
        .where(FeedRun.feed_id == run.feed_id, FeedRun.id < run.id, Job.checkpoint != "{}")
        .order_by(FeedRun.id.desc())
        .limit(1)
    )
    return dict(msgspec.json.decode(session.scalar(query) or "{}"))


def known(session: Session, feed_id: int, keys: Iterable[str]) -> dict[str, FeedObject]:
    """Return what is remembered of objects, by the digest of their keys."""
    wanted = [key_digest(key) for key in keys]
    query = sa.select(FeedObject).where(
        FeedObject.feed_id == feed_id, FeedObject.key_digest.in_(wanted)
    )
    return {row.key_digest: row for row in session.scalars(query)}


def note_same(session: Session, run: FeedRun, digests: Sequence[str]) -> None:
    """Remember that this run saw objects as they were before."""
    for start in range(0, len(digests), PAGE):
        some = FeedObject.key_digest.in_(digests[start : start + PAGE])
        session.execute(
            sa.update(FeedObject)
            .where(FeedObject.feed_id == run.feed_id, some)
            .values(run_id=run.id)
            .execution_options(synchronize_session=False)
        )


def note_seen(session: Session, run: FeedRun, objects: Sequence[Seen]) -> None:
    """Remember objects in the form in which this run dealt with them."""
    at = now()
    rows = {key_digest(each.key): each for each in objects}
    there = known(session, run.feed_id, [each.key for each in objects])
    for digest, row in there.items():
        values = _values(run, digest, rows[digest], at)
        for name in ("etag", "digest", "validators", "about", "state", "run_id"):
            setattr(row, name, values[name])
        row.changed_at = at
    fresh = [_values(run, digest, rows[digest], at) for digest in sorted(set(rows) - set(there))]
    insert_new(session, FeedObject, fresh)
    session.flush()


def gone(session: Session, run: FeedRun) -> tuple[int, int]:
    """Return how many objects that were taken this run did not see, and how many there were."""
    taken = sa.select(sa.func.count()).where(
        FeedObject.feed_id == run.feed_id, FeedObject.state == ObjectState.TAKEN
    )
    missing = taken.where(FeedObject.run_id != run.id)
    return int(session.scalar(missing) or 0), int(session.scalar(taken) or 0)


def is_too_much(missing: int, held: int) -> bool:
    """Tell whether so much has gone at once that somebody has to say it is right."""
    return missing > held * SAFE_SHARE


def next_gone(session: Session, run: FeedRun, limit: int) -> list[FeedObject]:
    """Return some of the objects that were taken and that this run did not see."""
    query = (
        sa.select(FeedObject)
        .where(
            FeedObject.feed_id == run.feed_id,
            FeedObject.state == ObjectState.TAKEN,
            FeedObject.run_id != run.id,
        )
        .limit(limit)
    )
    return list(session.scalars(query))


def end(session: Session, run_id: int, error: errors.JinbiaoError | None = None) -> FeedRun:
    """Write down how a run ended."""
    run = session.get_one(FeedRun, run_id)
    run.ended_at = now()
    if error is not None:
        run.state, run.error = RunState.FAILED, errors.to_json(error)
    else:
        run.state = RunState.HELD if run.held else RunState.DONE
    session.flush()
    return run


def runs(
    session: Session, feed: Feed, *, before: int | None = None, limit: int = 30
) -> list[FeedRun]:
    """List the runs of a feed, newest first."""
    query = sa.select(FeedRun).where(FeedRun.feed_id == feed.id)
    if before is not None:
        query = query.where(FeedRun.id < before)
    return list(session.scalars(query.order_by(FeedRun.id.desc()).limit(limit)))


def newest_runs(session: Session, feed_ids: Sequence[int]) -> dict[int, FeedRun]:
    """Return the newest run of each feed that has one."""
    newest = sa.select(sa.func.max(FeedRun.id)).where(FeedRun.feed_id.in_(feed_ids))
    query = sa.select(FeedRun).where(FeedRun.id.in_(newest.group_by(FeedRun.feed_id)))
    return {run.feed_id: run for run in session.scalars(query)}


def run_state(run: FeedRun, job_state: str | None) -> str:
    """Return how a run stands: a job that was cancelled or lost says nothing in the run's row."""
    if run.state in (RunState.DONE, RunState.HELD, RunState.FAILED):
        return run.state
    return str(job_state or run.state)


def _begin(
    session: Session,
    actor: User,
    row: Feed,
    *,
    is_confirmed: bool = False,
    is_automatic: bool = False,
) -> tuple[FeedRun, Job]:
    request: dict[str, Any] = {"feed": row.id}
    if is_automatic:
        request[jobs.AUTOMATIC] = True
    job = jobs.add(
        session,
        actor,
        "feed",
        request,
        project_id=row.project_id,
        organisation_id=row.organisation_id,
    )
    run = FeedRun(
        feed_id=row.id, job_id=job.id, is_confirmed=is_confirmed, is_automatic=is_automatic
    )
    session.add(run)
    row.job_id = job.id
    session.flush()
    if is_confirmed:
        audit.record(session, actor, "feed.confirm", f"feed/{row.id}", job=job.id)
    return run, job


def _values(run: FeedRun, digest: str, seen: Seen, at: dt.datetime) -> dict[str, Any]:
    return {
        "feed_id": run.feed_id,
        "key_digest": digest,
        "key": seen.key,
        "etag": None if seen.etag is None else seen.etag[:200],
        "digest": seen.digest,
        "validators": _json(seen.validators),
        "about": _json(seen.about),
        "state": str(seen.state),
        "run_id": run.id,
        "first_at": at,
        "changed_at": at,
    }


def _json(values: dict[str, str]) -> str | None:
    return msgspec.json.encode(values).decode() if values else None
