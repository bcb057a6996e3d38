"""Put whole uploads into the object store, and ask for the jobs that bring them."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from itertools import islice

from ..datasets import errors, people, transfers
from ..datasets.db import now
from ..datasets.installation import Installation
from ..datasets.people import User
from ..datasets.transfers import IdleBatch, pieces
from . import queues

log = logging.getLogger("jinbiao.taking")
# A batch to which nothing came for so long is brought, though nobody said that it is complete.
QUIET = dt.timedelta(minutes=10)
# So long nobody has written to a file that no row knows: nothing writes to it any more.
ORPHANED = dt.timedelta(days=1)
EVERY_SECONDS = 3600.0
_tidied: dict[str, float] = {}


def finish(installation: Installation, key: str) -> None:
    """Make an object of a whole upload and ask for its job; safe to repeat.

    Raises:
        pieces.Busy: another request does it at the moment.
        errors.Unavailable: the disk or the store cannot be used.
    """
    settings = installation.settings
    with pieces.locked(settings, key) as file:
        with installation.database.read() as session:
            transfer = transfers.open_one(session, key)
            if transfer is None or not transfer.is_whole:
                return
            # Before its bytes are moved: who may no longer, or whose target has gone, is told.
            transfers.target_of(session, session.get_one(User, transfer.user_id), transfer)
        pieces.check_held(file, transfer.length)
        file.truncate(transfer.length)
        file.seek(0)
        digest = installation.store.put(file).digest
        with installation.database.write() as session:
            actor = session.get_one(User, transfer.user_id)
            job = transfers.stored(session, actor, transfer, digest)
        # After the commit: until then these bytes are the only ones that count.
        pieces.forget(settings, key)
    if job is not None:
        queues.announce(installation, [job.id])


def sweep(installation: Installation) -> int:
    """Put away what is whole, bring quiet batches, forget what lapsed; return how many lapsed."""
    _put_away(installation)
    with installation.database.read() as session:
        quiet = transfers.idle_batches(session, now() - QUIET)
    for idle in quiet:
        _bring(installation, idle)
    number = _forget_lapsed(installation)
    tidy(installation)
    return number


def tidy_now_and_then(installation: Installation) -> None:
    """Delete what is left over on this host, at most once an hour; a host may have no worker."""
    home, at = str(installation.settings.home), time.monotonic()
    if at - _tidied.get(home, -EVERY_SECONDS) >= EVERY_SECONDS:
        _tidied[home] = at
        tidy(installation)


def tidy(installation: Installation) -> int:
    """Delete the files of this host that no unfinished upload has any more; return how many.

    Their rows may have gone while another host swept, or their process died in between.
    """
    old = pieces.untouched(installation.settings, time.time() - ORPHANED.total_seconds())
    deleted = 0
    while keys := list(islice(old, transfers.CHUNK)):
        with installation.database.read() as session:
            wanted = transfers.known(session, keys)
        for key in keys:
            if key not in wanted:
                pieces.forget(installation.settings, key)
                deleted += 1
    return deleted


def _put_away(installation: Installation) -> None:
    """Finish uploads whose last piece came to this host and whose process died after it."""
    with installation.database.read() as session:
        keys = transfers.whole(session, now() - QUIET)
    for key in keys:
        if not pieces.path(installation.settings, key).exists():
            continue
        try:
            finish(installation, key)
        except errors.JinbiaoError as problem:
            log.info("the upload %s is not put away: %s", key, problem)


def _forget_lapsed(installation: Installation) -> int:
    with installation.database.read() as session:
        if not transfers.any_lapsed(session):
            return 0
    with installation.database.write() as session:
        gone = transfers.forget_lapsed(session)
    for key in gone:
        pieces.forget(installation.settings, key)
    if gone:
        log.info("%s uploads lapsed", len(gone))
    return len(gone)


def _bring(installation: Installation, idle: IdleBatch) -> None:
    target = (idle.library_id, idle.project_id)
    try:
        with installation.database.write() as session:
            actor = people.by_ids(session, [idle.user_id])[idle.user_id]
            job = transfers.bring(session, actor, idle.batch, target=target)
    except errors.JinbiaoError as problem:
        log.info("the batch %s is not brought: %s", idle.batch, problem)
        # Where its target has gone, or is no longer theirs, it lapses in time.
        lost = isinstance(problem, errors.NotFound | errors.Forbidden)
        with installation.database.write() as session:
            transfers.pass_over(session, idle, forget=lost)
        return
    with contextlib.suppress(errors.Unavailable):
        queues.announce(installation, [job.id])
