"""Bring what is new at the place of a feed: the feed job, and the runs that are due."""

from __future__ import annotations

import tempfile
import time
from typing import Any

from ..datasets import audit, collection, errors, feeds
from ..datasets.errors import _
from ..datasets.feeds import Feed, FeedRun
from ..datasets.installation import Installation
from ..datasets.libraries import Library
from ..datasets.projects import Project
from . import queues, spool
from .feeds.bringing import Bringing
from .feeds.destinations import Destination, LibraryDestination, ProjectDestination
from .feeds.ways import way_of
from .work import Work

EVERY_SECONDS = 30.0  # one look of a worker for what is due

# When this process looked last.
_looked: dict[str, float] = {}


def run(work: Work) -> dict[str, Any]:
    """Bring what is new or changed at the requested `feed`, and follow what has gone.

    What was dealt with once is passed over: a second run over the same adds nothing. The result
    counts objects (`new`, `changed`, `same`, `gone`, `held`: gone, but kept until somebody
    confirms), `brought` assets or tasks, `withdrawn` ones, `rejected` with a `reject_file`.
    """
    database = work.installation.database
    with database.write() as session:
        feed = session.get(Feed, int(work.request["feed"]))
        if feed is None:
            raise errors.Cancelled(_("the feed was deleted"))
        begun = feeds.start(session, feed, work.id)
    try:
        with database.read() as session:
            feed = feeds.get(session, work.actor, feed.id)
            target = feeds.target_of(session, work.actor, feed)
        with spool.folder(work.installation.settings) as folder:
            way = way_of(work.installation.settings, feed)
            destination = _destination(work, feed, target)
            bringing = Bringing(work, feed, begun, way, destination, folder)
            bringing.bring()
            while (result := _finish(work, feed, begun)) is None:
                bringing.follow()
        return result
    except (errors.Unavailable, errors.Damaged, errors.Cancelled):
        raise
    except errors.JinbiaoError as problem:
        with database.write() as session:
            feeds.end(session, begun.id, problem)
        raise


def begin_due(installation: Installation) -> list[str]:
    """Write down and announce a run for each feed that is due; return the ids of their jobs.

    Looks at most every EVERY_SECONDS; of two workers that find the same feed due, one starts it.
    """
    name = installation.database.url.render_as_string()
    at = time.monotonic()
    if at - _looked.get(name, -EVERY_SECONDS) < EVERY_SECONDS:
        return []
    _looked[name] = at
    with installation.database.read() as session:
        wanted = feeds.due(session)
    started = []
    for number in wanted:
        with installation.database.write() as session:
            job = feeds.begin_due(session, number)
        if job is not None:
            started.append(job.id)
    queues.announce(installation, started)
    return started


def _destination(work: Work, feed: Feed, target: Library | Project) -> Destination:
    if isinstance(target, Project):
        return ProjectDestination(work.installation, work.actor, target)
    return LibraryDestination(work.installation, work.actor, target, feed)


def _finish(work: Work, feed: Feed, begun: FeedRun) -> dict[str, Any] | None:
    """End the run; None where somebody confirmed meanwhile what it had left to be looked at."""
    database = work.installation.database
    with tempfile.TemporaryFile() as out:
        with database.read() as session:
            rejected = collection.write_reject_file(session, work.id, out)
        out.seek(0)
        reject_file = work.installation.store.put(out).digest if rejected else None
    with database.write() as session:
        # Whoever confirms locks the feed as well.
        session.get_one(Feed, feed.id, with_for_update=True)
        run = session.get_one(FeedRun, begun.id)
        if run.held and run.is_confirmed:
            return None
        ended = feeds.end(session, begun.id)
        ended.rejected, ended.reject_file = rejected, reject_file
        result = {
            "feed": feed.id,
            "library": feed.library_id,
            "seen": ended.seen,
            "new": ended.new,
            "changed": ended.changed,
            "same": ended.same,
            "gone": ended.gone,
            "held": ended.held,
            "brought": ended.brought,
            "withdrawn": ended.withdrawn,
            "rejected": rejected,
            "reject_file": reject_file,
        }
        work.advance(session, ended.seen, ended.seen)
        audit.record(
            session,
            work.actor,
            "feed.run",
            f"feed/{feed.id}",
            project=feed.project_id,
            job=work.id,
            **result,
        )
    return result
