"""Look into a library: what there is of each kind, lists with filters, one asset and its like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from .. import errors, permissions
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import Media, Task
from .rows import Asset, AssetState, Library, TaskOrigin

EXCERPT = 280  # characters of a text that lists show
MOST_ALIKE = 50
HELD_BYTES = 4 * 1024**2  # of whole texts that are held in memory together


@dataclass(frozen=True)
class Wanted:
    """Which assets of a library are asked for; None: it does not matter."""

    kind: str | None = None
    state: str | None = None
    feed_id: int | None = None
    # A part of the name.
    name: str = ""
    # Bytes.
    smallest: int | None = None
    largest: int | None = None
    # Only those whose bytes are in the library more than once.
    duplicates: bool = False


@dataclass(frozen=True)
class AssetLine:
    """One asset in a list: of a text only its beginning."""

    id: int
    kind: str
    name: str
    state: str
    size: int
    digest: str
    content_type: str | None
    feed_id: int | None
    facts: dict[str, Any]
    excerpt: str | None
    created_at: dt.datetime


def asset(session: Session, user: User | None, asset_id: int, action: str) -> tuple[Asset, Library]:
    """Return an asset and its library for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    found = session.execute(
        sa.select(Asset, Library)
        .join(Library, Library.id == Asset.library_id)
        .where(Asset.id == asset_id, Library.deleted_at.is_(None))
    ).first()
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no asset %(id)s"), id=asset_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def assets(
    session: Session, library: Library, wanted: Wanted, *, after: int = 0, limit: int = 60
) -> list[AssetLine]:
    """List assets by id, from after `after`; keyset paging."""
    query = (
        sa.select(
            Asset.id,
            Asset.kind,
            Asset.name,
            Asset.state,
            Asset.size,
            Asset.digest,
            Asset.content_type,
            Asset.feed_id,
            Asset.facts,
            sa.func.substr(Asset.text, 1, EXCERPT).label("excerpt"),
            Asset.created_at,
        )
        .where(Asset.library_id == library.id, Asset.id > after, *_conditions(library, wanted))
        .order_by(Asset.id)
        .limit(limit)
    )
    return [
        AssetLine(**{**row._mapping, "facts": msgspec.json.decode(row.facts)})
        for row in session.execute(query)
    ]


def _conditions(library: Library, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for column, value in (
        (Asset.kind, wanted.kind),
        (Asset.state, wanted.state),
        (Asset.feed_id, wanted.feed_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.name:
        found.append(Asset.name.icontains(wanted.name, autoescape=True))
    if wanted.smallest is not None:
        found.append(Asset.size >= wanted.smallest)
    if wanted.largest is not None:
        found.append(Asset.size <= wanted.largest)
    if wanted.duplicates:
        other = aliased(Asset)
        found.append(
            sa.exists().where(
                other.library_id == library.id,
                other.digest == Asset.digest,
                other.id != Asset.id,
            )
        )
    return found


def counts(session: Session, library: Library) -> tuple[dict[str, int], dict[str, int]]:
    """Count a library's assets by kind and by state."""
    found: list[dict[str, int]] = []
    for column in (Asset.kind, Asset.state):
        query = (
            sa.select(column, sa.func.count())
            .where(Asset.library_id == library.id)
            .group_by(column)
        )
        found.append({name: number for name, number in session.execute(query)})
    return found[0], found[1]


def alike(session: Session, one: Asset) -> list[Asset]:
    """List the other assets of the library with the very same bytes, at most 50."""
    query = (
        sa.select(Asset)
        .where(Asset.library_id == one.library_id, Asset.digest == one.digest, Asset.id != one.id)
        .order_by(Asset.id)
        .limit(MOST_ALIKE)
    )
    return list(session.scalars(query))


def tasks_of(session: Session, user: User, one: Asset, limit: int = 50) -> list[tuple[Task, str]]:
    """List the tasks that were made of an asset and that somebody sees, with their project."""
    rows = session.execute(
        sa.select(Task, Project)
        .join(TaskOrigin, TaskOrigin.task_id == Task.id)
        .join(Project, Project.id == Task.project_id)
        .where(TaskOrigin.asset_id == one.id, Project.deleted_at.is_(None))
        .order_by(Task.id)
        .limit(limit)
    )
    return [(task, project.title) for task, project in rows if permissions.sees(user, project)]


def media(session: Session, digests: Iterable[str]) -> dict[str, Media]:
    """Return digest → what is known of those stored bytes, in one query."""
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = session.scalars(sa.select(Media).where(Media.digest.in_(wanted)))
    return {row.digest: row for row in rows}


def fitting(sizes: Iterable[tuple[int, int]], most: int = HELD_BYTES) -> list[int]:
    """Return the first ids of (id, bytes) that fit into memory together; at least one."""
    found: list[int] = []
    total = 0
    for number, size in sizes:
        total += size
        if found and total > most:
            break
        found.append(number)
    return found


def held_bytes() -> sa.ColumnElement[int]:
    """Return the expression of the bytes of an asset's row that `fitting` is asked about."""
    text = sa.case((Asset.text.is_not(None), Asset.size), else_=0)
    return text + sa.func.length(Asset.facts)


def held(library: Library, after: int = 0) -> sa.Select[Asset]:
    """Return the query of a library's held assets by id, from after `after`."""
    return (
        sa.select(Asset)
        .where(Asset.library_id == library.id, Asset.id > after, Asset.state == AssetState.HELD)
        .order_by(Asset.id)
    )
