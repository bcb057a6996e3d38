"""Bring what is new or changed at a feed's place, and withdraw what has gone."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ...datasets import errors, feeds, sources
from ...datasets.errors import _
from ...datasets.feeds import (
    Feed,
    FeedObject,
    FeedRun,
    ObjectState,
    Seen,
    key_digest,
    references,
)
from ..work import Work
from .contract import Fetched, Found, Way
from .destinations import Destination, Origin, nothing_in_it, reject_of
from .fetching import FETCH_SECONDS

PAGE = 500  # objects that are looked up together
BATCH = 2000  # things in one transaction
BATCH_OBJECTS = 50  # objects in one transaction: each was fetched and stored
BATCH_BYTES = 32 * 1024**2  # of texts that are held in memory together
MOST_FAILURES = 20  # of one place in a row: then it is away


@dataclass
class _Pending:
    """What is to be written together."""

    batch: list[Any] = field(default_factory=list)
    rejects: list[sources.Reject] = field(default_factory=list)
    # Keys whose earlier form is withdrawn first; objects as they are to be remembered; objects
    # that are as they were.
    withdrawn: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    # Of a feed that refers: objects whose form changed but not their bytes (key → ETag), and
    # those that are there in a form which could not be had.
    renewed: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    held_bytes: int = 0
    new: int = 0
    changed: int = 0

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to write."""
        return (
            len(self.batch) + len(self.rejects) >= BATCH
            or len(self.seen) >= BATCH_OBJECTS
            or len(self.same) + len(self.withdrawn) >= PAGE
            or self.held_bytes >= BATCH_BYTES
        )


@dataclass
class Bringing:
    """One run: goes on after the last committed batch when its job begins again."""

    work: Work
    feed: Feed
    run: FeedRun
    way: Way
    destination: Destination
    folder: Path

    def __post_init__(self) -> None:
        told = self.work.checkpoint
        self._number = int(told.get("number", 0))
        # The object that was being taken apart: its key, its digest, how much of it is written.
        # One that a run before this left in the middle, when it failed, is gone on with as well.
        self._partial: dict[str, Any] | None = told.get("partial") if told else self._left_over()
        self._pending = _Pending()
        self._failures = 0

    def _left_over(self) -> dict[str, Any] | None:
        with self.work.installation.database.read() as session:
            told = feeds.last_checkpoint(session, self.run)
        return told.get("partial")

    def bring(self) -> None:
        """Go through all that is there; then withdraw what has gone, if the feed says so.

        Raises:
            errors.Refused: the place does not answer; what has gone is then not known.
        """
        with closing(self.way.found()) as found:
            while page := list(islice(found, PAGE)):
                self._bring_page(page)
        self._flush(None)
        if self._partial is not None:
            # It was half taken and is not there any more.
            self._pending.withdrawn.append(str(self._partial["key"]))
            self._flush(None)
        self.follow()

    def _bring_page(self, page: Sequence[Found]) -> None:
        with self.work.installation.database.read() as session:
            known = feeds.known(session, self.feed.id, [found.key for found in page])
        fresh: dict[str, tuple[Found, FeedObject | None]] = {}
        same, met = [], set[str]()
        for found in page:
            digest = key_digest(found.key)
            row = known.get(digest)
            comes_again = digest in met or self._comes_twice(found, row)
            met.add(digest)
            if not found.key or comes_again:
                self._reject_key(found)
            elif row is not None and row.run_id == self.run.id:
                continue
            elif _is_same(found, row):
                same.append(digest)
            else:
                fresh[digest] = found, row
        self._note_same(same)
        rows = [(found, row) for found, row in fresh.values() if found.row is not None]
        if rows:
            self._take_rows(rows)
        for found, row in fresh.values():
            if found.row is None:
                self._take(found, row)
                if self._pending.is_full:
                    self._flush(None)

    def _comes_twice(self, found: Found, row: FeedObject | None) -> bool:
        """Tell whether a row has the key of another row that this run saw before."""
        return (
            found.row is not None
            and row is not None
            and row.run_id == self.run.id
            and row.etag != found.etag
        )

    def _reject_key(self, found: Found) -> None:
        message = _("the key comes more than once") if found.key else _("the key is empty")
        self._reject(found.key or found.name, errors.Invalid(message))

    def _note_same(self, digests: Sequence[str]) -> None:
        with self.work.installation.database.write() as session:
            run = self._locked(session)
            run.seen += len(digests)
            run.same += len(digests)
            feeds.note_same(session, run, digests)
            if self.feed.is_by_reference:
                references.note_found(session, self.feed.id, digests)
            self._advance(session, run, None)

    def _take_rows(self, rows: list[tuple[Found, FeedObject | None]]) -> None:
        """Bring rows of a database: together, as lines of one file."""
        path = self.folder / "rows"
        with path.open("wb") as out:
            for found, _row in rows:
                self.way.fetch(found, {}, out, 0)
        base, bad = self._number, set[int]()

        def origin(number: int) -> Origin:
            return Origin(rows[number - 1][0].key, {})

        for each in self.destination.things(path, "rows.jsonl", base, 0, origin, rows=True):
            self._add(each)
            if isinstance(each, sources.Reject):
                bad.add(each.number - base)
        path.unlink()
        self._number = base + len(rows)
        for number, (found, row) in enumerate(rows, 1):
            state = ObjectState.REJECTED if number in bad else ObjectState.TAKEN
            self._note(found, row, None, {}, state)
        self._flush(None)

    def _take(self, found: Found, row: FeedObject | None) -> None:
        """Fetch one object and bring what is in it, unless it is as it was."""
        path = self.folder / "object"
        try:
            came = self._fetch(found, row, path)
            self._failures = 0
        except errors.Unavailable:
            raise
        except errors.NotFound as problem:
            # One that was there before is seen to have gone when all have been looked at.
            if row is None:
                self._reject(found.key, problem)
            return
        except errors.JinbiaoError as problem:
            self._failed(found, row, problem)
            return
        if came is None:
            self._pending.same.append(key_digest(found.key))
            return
        digest = _digest_of(path)
        if row is not None and row.state == ObjectState.TAKEN and row.digest == digest:
            seen = Seen(found.key, found.etag, digest, came.validators, found.about, row.state)
            self._pending.seen.append(seen)
            if self.feed.is_by_reference and found.etag:
                self._pending.renewed[found.key] = found.etag
            path.unlink(missing_ok=True)
            return
        self._take_apart(found, row, came, digest, path)
        path.unlink(missing_ok=True)

    def _fetch(self, found: Found, row: FeedObject | None, path: Path) -> Fetched | None:
        validators: Mapping[str, str] = {}
        if row is not None and row.validators and row.state == ObjectState.TAKEN:
            validators = msgspec.json.decode(row.validators)
        limit = self.work.installation.settings.maximum_upload_bytes
        with path.open("wb") as out, self.work.step(FETCH_SECONDS + 60, found.name[:80]):
            came = self.way.fetch(found, validators, out, limit)
        if came is None and row is None:
            raise errors.Refused(_("it says that nothing changed, and was never here"))
        return came

    def _take_apart(
        self, found: Found, row: FeedObject | None, came: Fetched, digest: str, path: Path
    ) -> None:
        base, start_after = self._number, 0
        partial = self._partial
        if partial is not None and partial["key"] == found.key and partial["digest"] == digest:
            start_after = int(partial["done"])
            # What came between has numbers of its own: it goes on behind them.
            base = self._number - start_after
            if self.feed.is_by_reference and found.etag:
                self._pending.renewed[found.key] = found.etag
        elif row is not None or partial is not None and partial["key"] == found.key:
            self._pending.withdrawn.append(found.key)
        if partial is not None and partial["key"] == found.key:
            self._partial = None
        told = Origin(found.key, found.about, found.etag, digest)
        good, last = start_after, start_after
        problems: list[errors.JinbiaoError] = []
        things = self.destination.things(path, came.name, base, start_after, lambda _number: told)
        for each in _until_broken(things, problems):
            last = each.number - base
            good += not isinstance(each, sources.Reject)
            self._add(each)
            self._number = each.number
            if self._pending.is_full:
                self._flush({"key": found.key, "digest": digest, "done": last})
        for problem in problems or ([] if last else [nothing_in_it()]):
            self._reject(found.key, problem)
        state = ObjectState.TAKEN if good else ObjectState.REJECTED
        self._note(found, row, digest, came.validators, state)

    def _note(
        self,
        found: Found,
        row: FeedObject | None,
        digest: str | None,
        validators: dict[str, str],
        state: str,
    ) -> None:
        """Remember an object that was dealt with."""
        pending = self._pending
        if row is None or row.state == ObjectState.WITHDRAWN:
            pending.new += 1
        else:
            # One that is refused again was looked at because the reason might have gone.
            pending.changed += not row.state == state == ObjectState.REJECTED
            if found.row is not None:
                pending.withdrawn.append(found.key)
        pending.seen.append(Seen(found.key, found.etag, digest, validators, found.about, state))

    def _add(self, each: Any) -> None:
        if isinstance(each, sources.Reject):
            self._pending.rejects.append(each)
            return
        self._pending.batch.append(each)
        content: str | None = getattr(each, "text", None) or getattr(each, "data", None)
        self._pending.held_bytes += len(content or "")

    def _reject(self, key: str, problem: errors.JinbiaoError) -> None:
        self._number += 1
        self._pending.rejects.append(reject_of(self._number, key, problem))

    def _failed(self, found: Found, row: FeedObject | None, problem: errors.JinbiaoError) -> None:
        """Pass over an object that cannot be had now: it is tried again by the next run."""
        self._reject(found.key, problem)
        if row is not None:
            # It may well be there: nothing says that it has gone.
            self._pending.same.append(row.key_digest)
            self._pending.lost.append(row.key_digest)
        self._failures += 1
        is_one_place = self.feed.kind in (feeds.FeedKind.S3, feeds.FeedKind.FOLDER)
        is_away = isinstance(problem, errors.Refused) and self._failures >= MOST_FAILURES
        if is_one_place and is_away:
            raise problem

    def _flush(self, partial: dict[str, Any] | None) -> None:
        """Write what is pending, with what is remembered of it, in one transaction.

        `partial` is the object that has not come to its end.
        """
        pending, self._pending = self._pending, _Pending()
        with self.work.installation.database.write() as session:
            run = self._locked(session)
            if pending.withdrawn:
                run.withdrawn += self.destination.withdraw(session, pending.withdrawn)
            if pending.batch or pending.rejects:
                run.brought += self.destination.write(
                    session, self.work.id, pending.batch, pending.rejects
                )
            feeds.note_seen(session, run, pending.seen)
            feeds.note_same(session, run, pending.same)
            if self.feed.is_by_reference:
                references.renew(session, self.feed.id, pending.renewed)
                references.note_changed(session, self.feed.id, pending.lost)
            run.seen += len(pending.seen) + len(pending.same)
            run.new += pending.new
            run.changed += pending.changed
            run.same += len(pending.seen) - pending.new - pending.changed + len(pending.same)
            run.rejected += len(pending.rejects)
            self._advance(session, run, partial)

    def _locked(self, session: Session) -> FeedRun:
        """Return the run; whoever deletes its feed waits for what this transaction writes.

        Raises:
            errors.Cancelled: the feed was deleted.
        """
        shared = {"read": True, "key_share": True}
        feed = session.get_one(Feed, self.feed.id, with_for_update=shared)
        if feed.deleted_at is not None:
            raise errors.Cancelled(_("the feed was deleted"))
        return session.get_one(FeedRun, self.run.id)

    def _advance(self, session: Session, run: FeedRun, partial: dict[str, Any] | None) -> None:
        kept = partial if partial is not None else self._partial
        checkpoint = {"number": self._number, "partial": kept}
        self.work.advance(session, run.seen, None, checkpoint)

    def follow(self) -> None:
        """Withdraw what has gone there, or say that so much has gone that somebody must look."""
        with self.work.installation.database.write() as session:
            run = self._locked(session)
            missing, held = feeds.gone(session, run)
            run.held = 0
            if self.feed.is_by_reference:
                references.note_gone(session, run)
            if not self.feed.follows_deletions:
                run.gone = missing
            elif feeds.is_too_much(missing, held) and not run.is_confirmed:
                run.gone = run.held = missing
                return
        while missing and self.feed.follows_deletions:
            with self.work.installation.database.write() as session:
                run = self._locked(session)
                rows = feeds.next_gone(session, run, PAGE)
                run.withdrawn += self.destination.withdraw(session, [row.key for row in rows])
                for row in rows:
                    row.state = ObjectState.WITHDRAWN
                run.gone += len(rows)
                self._advance(session, run, None)
            missing -= len(rows)
            if not rows:
                break


def _until_broken(
    things: Iterable[Any], problems: list[errors.JinbiaoError]
) -> Generator[Any, None, None]:
    """Give what a file holds; where it cannot be read on, note why and end.

    What breaks where the things are written is not of the file, and goes its own way.
    """
    try:
        yield from things
    except errors.Unavailable:
        raise
    except errors.JinbiaoError as problem:
        problems.append(problem)


def _is_same(found: Found, row: FeedObject | None) -> bool:
    """Tell whether the place's list says that an object is as it was.

    One that was refused is looked at again: limits and the library's settings may have changed.
    """
    if row is None or row.state != ObjectState.TAKEN or found.etag is None:
        return False
    return row.etag == found.etag[:200]


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
