"""Count what is stored, delete what has had its time, and report it: the retain job."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ..datasets import feeds, retention
from ..datasets.db import now
from ..datasets.installation import Installation
from ..datasets.retention import References
from .work import Work

# Hours of the night in Shanghai, where the platform's people sleep.
NIGHT = range(1, 5)
ZONE = ZoneInfo("Asia/Shanghai")
EVERY_SECONDS = 300.0  # one look of a worker
BEAT_SECONDS = 2.0
# Objects that are deleted between two transactions.
PORTION = 100
_looked: dict[str, float] = {}


def run(work: Work) -> dict[str, Any]:
    """Look at everything that is stored; `dry` deletes nothing. Safe to run again.

    First assets go whose library keeps them no longer; then each reference of every table is
    gathered, and what nothing refers to is remembered. It goes when it has been unused for
    `unused_days`, and was not put within the last day.
    """
    is_dry = bool(work.request.get("dry"))
    with work.installation.database.write() as session:
        report = retention.begin(session, work.actor, work.id, is_dry=is_dry)
        report_id = report.id
    _lapse(work, report_id, is_dry)
    settings = work.installation.settings
    at = now()
    with work.installation.database.read() as session:
        taken = retention.taken(session)
    with References() as references:
        beat = _beat(work)
        references.gather(
            work.installation.database,
            at - dt.timedelta(days=settings.unused_days),
            at - dt.timedelta(days=settings.deleted_project_days),
            beat,
        )
        references.list_objects(work.installation.store.listing(), beat)
        parts = references.sums()
        with work.installation.database.write() as session:
            work.advance(session, 0)
            retention.keep_counts(session, parts, taken)
        _forget_used(work, references)
        if not is_dry:
            _forget_places(work, references, at - retention.FRESH)
        _delete(work, references, report_id, is_dry)
    with work.installation.database.write() as session:
        report = retention.begin(session, work.actor, work.id, is_dry=is_dry)
        retention.end(session, work.actor, report)
        return {
            "report": report.id,
            "dry": is_dry,
            "objects": report.objects,
            "assets": report.assets,
            "size": report.size,
        }


def start_due(installation: Installation) -> None:
    """Write down the nightly job when it is due; called by every worker in every round."""
    name = installation.database.url.render_as_string()
    at = time.monotonic()
    if at - _looked.get(name, -EVERY_SECONDS) < EVERY_SECONDS:
        return
    _looked[name] = at
    with installation.database.write() as session:
        retention.ask_at_night(session, NIGHT, now().astimezone(ZONE).hour)


def _lapse(work: Work, report_id: int, is_dry: bool) -> None:
    """Take away what libraries keep no longer, a portion a transaction."""
    with work.installation.database.read() as session:
        libraries = retention.libraries(session)
    done = dict(work.checkpoint.get("lapsed", {}))
    for library in libraries:
        after: int | None = int(done.get(str(library), 0))
        while after is not None:
            with work.installation.database.write() as session:
                report = retention.begin(session, work.actor, work.id, is_dry=is_dry)
                after = retention.lapse(session, report, library, after, is_dry=is_dry)
                if after is not None:
                    done[str(library)] = after
                work.advance(session, report.assets, checkpoint={"lapsed": done})


def _beat(work: Work) -> Any:
    """Return what says now and then that the job goes on, and stops it when it is told to."""
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > BEAT_SECONDS:
            last = time.monotonic()
            with work.installation.database.write() as session:
                work.advance(session, 0)

    return beat


def _forget_used(work: Work, references: References) -> None:
    """Forget of what was unused once, that something refers to it again or that it is gone."""
    after = ""
    while True:
        with work.installation.database.write() as session:
            known = retention.known_unused(session, after)
            if not known:
                return
            after = known[-1]
            retention.forget_unused(session, references.used(known))


def _forget_places(work: Work, references: References, before: dt.datetime) -> None:
    """Forget where bytes are that nothing here needs any more: only our note of them goes.

    What was noted since `before` may be needed by what was written after the look.
    """
    after = ""
    while True:
        with work.installation.database.write() as session:
            known = feeds.references.digests_after(session, after, before)
            if not known:
                return
            after = known[-1]
            needed = references.needed(known)
            gone = [digest for digest in known if digest not in needed]
            feeds.references.forget_digests(session, gone, before)
        for digest in gone:
            _forget_thumbnail(work.installation, digest)


def _delete(work: Work, references: References, report_id: int, is_dry: bool) -> None:
    """Remember what is unused, and delete what has been so for long enough.

    What will be deleted is written down before, so that no end by force leaves it untold.
    """
    installation = work.installation
    at = now()
    long_ago = at - dt.timedelta(days=installation.settings.unused_days)
    fresh = at - retention.FRESH
    for number, batch in enumerate(_batches(references.unused()), 1):
        with installation.database.write() as session:
            work.advance(session, number * PORTION)
            since = retention.note_unused(session, [(digest, size) for digest, size, _at in batch])
            due = [
                (digest, size, since[digest])
                for digest, size, put_at in batch
                if since[digest] <= long_ago and put_at < fresh.timestamp()
            ]
            retention.note_deleted(session, report_id, due)
        if is_dry or not due:
            continue
        names = [digest for digest, _size, _since in due]
        stayed = [name for name in names if not installation.store.delete_old(name, fresh)]
        gone = [name for name in names if name not in stayed]
        for name in gone:
            _forget_thumbnail(installation, name)
        with installation.database.write() as session:
            retention.take_back(session, report_id, stayed)
            retention.forget_unused(session, names)
            retention.forget_facts(session, installation.store, gone)


def _batches(
    rows: Iterator[tuple[str, int, float]],
) -> Iterator[list[tuple[str, int, float]]]:
    while batch := [row for _number, row in zip(range(PORTION), rows, strict=False)]:
        yield batch


def _forget_thumbnail(installation: Installation, digest: str) -> None:
    folder = Path(installation.settings.home) / "cache" / "thumbnails" / digest[:2]
    with suppress(OSError):
        (folder / f"{digest}.webp").unlink()
