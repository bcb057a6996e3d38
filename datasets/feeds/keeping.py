"""Add, find, change and delete the feeds of an organisation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, libraries, permissions, projects, seals
from ..db import now
from ..errors import _
from ..libraries import Library
from ..people import User
from ..projects import Project
from ..settings import Settings
from . import options, references
from .rows import Feed, FeedKind, FeedObject, FeedRun, ObjectState

RIGHT = "feed.manage"
MOST_FEEDS = 200  # of one organisation
LONGEST_TITLE = 200  # characters
MOST_HOURS = 24 * 366


def draft(
    settings: Settings,
    actor: User,
    target: Library | Project,
    kind: str,
    values: Mapping[str, Any],
) -> Feed:
    """Return a feed that is not kept yet, to be tried; it fills a library or a project.

    Raises:
        errors.Invalid: a value is not usable.
        errors.NotFound, errors.Forbidden: the target is not this person's to fill.
    """
    permissions.require(actor, RIGHT, _Home(target.organisation_id))
    row = Feed(
        organisation_id=target.organisation_id,
        library_id=target.id if isinstance(target, Library) else None,
        project_id=target.id if isinstance(target, Project) else None,
        kind=kind,
        title="",
        options="{}",
        secrets=None,
        follows_deletions=False,
        every_hours=None,
        next_at=None,
        created_by=actor.id,
    )
    apply(settings, row, values)
    return row


def add(
    session: Session,
    settings: Settings,
    actor: User,
    target: Library | Project,
    kind: str,
    values: Mapping[str, Any],
) -> Feed:
    """Keep a feed; it was tried before, outside the transaction.

    Raises:
        errors.Invalid: a value is not usable, or there are MOST_FEEDS already.
    """
    row = draft(settings, actor, target, kind, values)
    there = sa.select(sa.func.count()).where(
        Feed.organisation_id == row.organisation_id, Feed.deleted_at.is_(None)
    )
    if (session.scalar(there) or 0) >= MOST_FEEDS:
        raise errors.Invalid(_("an organisation has at most %(most)s feeds"), most=MOST_FEEDS)
    session.add(row)
    session.flush()
    _record(session, actor, "feed.create", row)
    return row


def get(session: Session, user: User | None, feed_id: int) -> Feed:
    """Return a feed for somebody who manages those of its organisation.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    row = session.get(Feed, feed_id)
    who = permissions.require(user, RIGHT)
    # One answer for what is not there and for what is others': nobody counts their feeds.
    if row is None or row.deleted_at is not None or not permissions.sees(who, row):
        raise errors.NotFound(_("there is no feed %(id)s"), id=feed_id)
    permissions.require(user, RIGHT, row)
    return row


def lock(session: Session, row: Feed) -> None:
    """Read a feed again, and let nobody else change, run or delete it until the commit.

    Raises:
        errors.NotFound: it was deleted meanwhile.
    """
    session.flush()
    found = session.get(Feed, row.id, with_for_update=True, populate_existing=True)
    if found is None or found.deleted_at is not None:
        raise errors.NotFound(_("there is no feed %(id)s"), id=row.id)


def listing(
    session: Session,
    user: User,
    *,
    library_id: int | None = None,
    project_id: int | None = None,
    after: int = 0,
    limit: int = MOST_FEEDS,
) -> list[Feed]:
    """List the feeds of the person's organisation, or of one library or project, oldest first."""
    permissions.require(user, RIGHT)
    query = sa.select(Feed).where(Feed.deleted_at.is_(None), Feed.id > after)
    if not permissions.is_everywhere(user):
        query = query.where(Feed.organisation_id == user.organisation_id)
    if library_id is not None:
        query = query.where(Feed.library_id == library_id)
    if project_id is not None:
        query = query.where(Feed.project_id == project_id)
    return list(session.scalars(query.order_by(Feed.id).limit(limit)))


def change(
    session: Session, settings: Settings, actor: User, row: Feed, values: Mapping[str, Any]
) -> None:
    """Change what is given of a feed.

    Raises:
        errors.Invalid: a value is not usable, or another host would be sent the old keys, or
            what is referred to would be looked for in another bucket.
    """
    lock(session, row)
    before = row.option_values
    apply(settings, row, values)
    _refuse_moving(session, row, before)
    row.updated_at = now()
    session.flush()
    _record(session, actor, "feed.change", row)


def delete(session: Session, actor: User, row: Feed, *, confirmed: bool = False) -> None:
    """Take a feed away with its keys; what it copied stays.

    What it only refers to cannot be read without its keys: that is withdrawn, which takes a word.

    Raises:
        errors.Refused: bytes are read by way of it, and nobody has confirmed.
    """
    # A run that writes at the moment is waited for; the next that begins to finds it gone.
    lock(session, row)
    found = references.standing(session, [row.id]).get(row.id)
    if found is not None and not confirmed:
        raise errors.Refused(
            _(
                "%(number)s objects are read with the keys of this feed and were never copied;"
                " confirm that they are withdrawn"
            ),
            number=found.held,
        )
    if found is not None:
        _let_go(session, row)
    row.deleted_at, row.secrets, row.next_at, row.every_hours = now(), None, None, None
    session.flush()
    _record(session, actor, "feed.delete", row, withdrawn=found.held if found else 0)


def apply(settings: Settings, row: Feed, values: Mapping[str, Any]) -> None:
    """Put values into a feed that may not be kept yet.

    Raises:
        errors.Invalid: a value is not usable, or another host would be sent the old keys.
    """
    present = row.option_values or None
    found, secrets = options.checked(row.kind, values, present, secrets_of(settings, row))
    row.options = msgspec.json.encode(found, order="sorted").decode()
    row.secrets = seals.seal(settings, msgspec.json.encode(secrets).decode()) if secrets else None
    if values.get("title") is not None:
        row.title = _title(values["title"])
    row.title = row.title or _name_of(row.kind, found)
    if values.get("follows_deletions") is not None:
        row.follows_deletions = bool(values["follows_deletions"])
    if row.follows_deletions and row.project_id is not None:
        raise errors.Invalid(
            _("tasks of a project stay: deletions are followed in libraries only"),
            place="follows_deletions",
        )
    if row.is_by_reference and row.project_id is not None:
        raise errors.Invalid(
            _("tasks of a project need copies: only libraries refer to objects"), place="keeps"
        )
    if "every_hours" in values:
        row.every_hours = _hours(values["every_hours"])
        row.next_at = None if row.every_hours is None else next_run(row.every_hours)


def next_run(hours: int, since: dt.datetime | None = None) -> dt.datetime:
    """Return when the next run is due."""
    return (since or now()) + dt.timedelta(hours=hours)


def secrets_of(settings: Settings, row: Feed) -> dict[str, str]:
    """Return the keys and passwords of a feed; never to be shown or logged."""
    text = seals.unseal(settings, row.secrets or "")
    return dict(msgspec.json.decode(text)) if text else {}


def held_objects(session: Session, feed_ids: list[int]) -> dict[int, int]:
    """Count the objects that each feed holds."""
    query = (
        sa.select(FeedObject.feed_id, sa.func.count())
        .where(FeedObject.feed_id.in_(feed_ids), FeedObject.state == ObjectState.TAKEN)
        .group_by(FeedObject.feed_id)
    )
    return {number: count for number, count in session.execute(query)}


def target_of(session: Session, actor: User, row: Feed) -> Library | Project:
    """Return what a feed fills.

    Raises:
        errors.NotFound: it was deleted.
    """
    if row.project_id is not None:
        return projects.get(session, actor, row.project_id, "task.import")
    library = session.get(Library, row.library_id)
    if library is None or library.deleted_at is not None:
        raise errors.NotFound(_("there is no library %(id)s"), id=row.library_id)
    permissions.require(actor, "library.change", library)
    return library


def _refuse_moving(session: Session, row: Feed, before: Mapping[str, Any]) -> None:
    """Raise errors.Invalid where a feed that has run would refer to objects elsewhere."""
    if row.kind != FeedKind.S3:
        return
    has_run = sa.select(FeedRun.id).where(FeedRun.feed_id == row.id).limit(1)
    given = row.option_values
    fixed = ("keeps", "bucket", "endpoint") if row.is_by_reference else ("keeps",)
    for name in fixed:
        known = options.OPTIONS[row.kind][name]
        if given.get(name, known) != before.get(name, known) and session.scalar(has_run):
            raise errors.Invalid(_("cannot be changed after the first run"), place=name)


def _let_go(session: Session, row: Feed) -> None:
    """Withdraw what a feed only refers to."""
    library = session.get(Library, row.library_id)
    after = 0
    while keys := references.keys_of(session, row.id, after):
        after = max(keys)
        if library is not None and library.deleted_at is None:
            libraries.withdraw(session, library, row.id, keys.values())
        references.withdraw(session, row.id, keys.values())


def _name_of(kind: str, found: Mapping[str, Any]) -> str:
    """Return what a feed is called of which nobody said it."""
    given = {
        FeedKind.S3: "bucket",
        FeedKind.FOLDER: "path",
        FeedKind.DATABASE: "url",
        FeedKind.CKAN: "url",
        FeedKind.DCAT: "url",
    }.get(FeedKind(kind))
    text = str(found[given]) if given else str(found["addresses"][0])
    return text[:LONGEST_TITLE]


def _title(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise errors.Invalid(_("must be a text"), place="title")
    if len(value) > LONGEST_TITLE:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place="title", longest=LONGEST_TITLE
        )
    return value.strip()


def _hours(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_HOURS:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="every_hours",
            lowest=0,
            highest=MOST_HOURS,
        )
    return value or None


def _record(session: Session, actor: User, action: str, row: Feed, **values: Any) -> None:
    audit.record(
        session,
        actor,
        action,
        f"feed/{row.id}",
        project=row.project_id,
        library=row.library_id,
        kind=row.kind,
        **values,
    )


class _Home:
    """An organisation as the owner of what is to be made."""

    vendor_id = None

    def __init__(self, organisation_id: int) -> None:
        self.organisation_id = organisation_id
